"""Straight lines between keys: close to the original, and exact once a path is straight."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_plans import make_track

from redact.plan.key_boxes import between_keys, columns_of, keys_of, straightened


def path(seed, count):
    rng = np.random.default_rng(seed)
    corner = np.cumsum(np.cumsum(rng.normal(0, 0.2, (count, 2)), axis=0), axis=0) + 300
    boxes = np.concatenate([corner, corner + 40 + rng.normal(0, 0.1, (count, 2))], axis=1)
    margins = rng.uniform(3, 3.3, (count, 2)).astype(np.float32)
    return dataclasses.replace(make_track(1, boxes), margins=margins)


@pytest.mark.parametrize("seed", range(4))
def test_no_edge_moves_by_more_than_a_quarter_of_a_pixel(seed):
    track = path(seed, 300)
    straight = straightened(track)
    moved = np.abs(columns_of(straight) - columns_of(track))
    assert moved.max() <= 0.25 + 1e-3
    assert len(keys_of(columns_of(straight))) < 150
    np.testing.assert_array_equal(np.isnan(straight.scores), np.isnan(track.scores))


def test_what_stands_still_or_moves_straight_needs_two_keys():
    at = np.arange(500)[:, None]
    for step in ([0, 0, 0, 0], [1.7, 0.3, 1.7, 0.3]):
        track = straightened(make_track(1, [10, 20, 50, 60] + at * step))
        assert keys_of(track.boxes).tolist() == [0, 499]


def test_a_track_smaller_than_a_step_stays_as_it_is():
    track = make_track(1, [[0.01, 0, 0.02, 9]] * 5)
    assert straightened(track) is track


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-4e3, 4e3, width=32), min_size=2, max_size=2), min_size=1, max_size=30
    )
)
def test_any_path_comes_back_exactly(rows):
    values = np.asarray(rows, np.float32)
    keys = keys_of(values)
    np.testing.assert_array_equal(between_keys(keys, values[keys]), values)


def test_a_long_path_that_hardly_bends_comes_back_exactly():
    at = np.linspace(0, 3, 4000)
    values = (500 + np.stack([np.sin(at), np.cos(at)], axis=1)).astype(np.float32)
    keys = keys_of(values)
    np.testing.assert_array_equal(between_keys(keys, values[keys]), values)
