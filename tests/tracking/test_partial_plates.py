"""Partly hidden plates are completed by what was seen shortly before and after."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from make_detections import random_boxes

from redact.tracking.partial_plates import _are_parts, _nearby, complete_partial_plates


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0, 5))
def test_slices_contain_everything_nearby(count, others, seconds):
    times, there = random_boxes(count, 1)[0], random_boxes(others, 2)[0]
    slices = list(_nearby(times, there, seconds))
    assert [i for part, _ in slices for i in range(count)[part]] == list(range(count))
    for part, near in slices:
        is_near = (np.abs(times[part, None] - there[None]) <= seconds).any(axis=0)
        assert set(np.flatnonzero(is_near)) <= set(range(others)[near])


def test_a_long_plate_track_is_completed_as_a_short_one_is():
    times, boxes = random_boxes(200)
    boxes[:, 3] = boxes[:, 1] + 20
    is_part = _are_parts(boxes[:, None], boxes[None])
    is_part &= np.abs(times[:, None] - times[None]) <= 1.0
    assert is_part.any(axis=1).mean() > 0.1
    expected = [
        np.concatenate([others[:, :2].min(axis=0), others[:, 2:].max(axis=0)])
        for others in (
            boxes[parts | own] for parts, own in zip(is_part, np.eye(200) > 0, strict=True)
        )
    ]
    np.testing.assert_array_equal(complete_partial_plates(boxes, times), expected)


def test_a_plate_seen_in_part_is_as_wide_as_it_was_a_moment_before():
    """One half is detected again and again, now and then both; at other heights neither is."""
    half, whole = [100, 100, 130, 120], [98, 101, 180, 121]
    seen = np.array([half, whole, half, half], dtype=float)
    boxes = complete_partial_plates(seen, np.array([0.0, 0.5, 1.0, 2.0]))
    np.testing.assert_array_equal(boxes[[0, 2]], [[98, 100, 180, 121]] * 2)
    np.testing.assert_array_equal(boxes[[1, 3]], seen[[1, 3]], "not for longer than a second")
    for other in ([98, 130, 180, 150], [140, 100, 220, 120], [40, 100, 240, 120]):
        pair = np.array([half, other], dtype=float)
        np.testing.assert_array_equal(complete_partial_plates(pair, np.zeros(2)), pair)
