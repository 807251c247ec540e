"""Sizes of boxes are corrected by what was seen shortly before and after, however long a track."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from make_detections import EXACT, SECONDS, make_tracklet, random_boxes, walk

from redact import Settings
from redact.tracking.building import track_detections
from redact.tracking.sizing import (
    _are_parts,
    _nearby,
    complete_partial_plates,
    limit_low_score_sizes,
)


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


def test_low_confidence_boxes_are_hardly_larger_than_high_confidence_ones_nearby():
    times, boxes = random_boxes(200)
    scores = np.where(np.arange(200) % 7 == 0, 0.9, 0.3)
    half_sizes = (boxes[:, 2:] - boxes[:, :2]) / 2
    for at in np.flatnonzero(scores < 0.5):
        near = (np.abs(times - times[at]) <= 1.0) & (scores > 0.5)
        if near.any():
            half_sizes[at] = np.minimum(half_sizes[at], 1.3 * half_sizes[near].max(axis=0))
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    expected = np.concatenate([centers - half_sizes, centers + half_sizes], axis=1)
    limited = limit_low_score_sizes(make_tracklet(times, boxes, scores))
    np.testing.assert_allclose(limited, expected)


def test_low_confidence_detections_do_not_widen_what_a_high_confidence_one_shows():
    """A detection of the head with its surroundings tells that it is there, not how large it is."""
    detections = walk([*range(10), *range(12, 20)], step=(0, 0))
    detections += walk([10, 11], start=(86, 86), step=(0, 0), size=68, score=0.4)
    (track,) = track_detections(detections, SECONDS, EXACT)
    assert (track.boxes[:, 2] - track.boxes[:, 0]).max() <= 1.3 * 40 + 0.01
    detections = walk(range(10), step=(0, 0))
    detections += walk([30, 32], start=(86, 86), step=(0, 0), size=60)
    settings = Settings(extend_seconds=0.0, max_gap_seconds=3.0)
    (track,) = track_detections(detections, SECONDS, settings)
    assert track.boxes[-1, 2] - track.boxes[-1, 0] >= 60, "high-confidence ones do"
