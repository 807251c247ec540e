"""A long track is worked on part by part, with the same result as all at once."""

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redact import Settings
from redact.tracking.building import _no_larger_than_sure, finish
from redact.tracking.partial_plates import _are_parts, complete_partial_plates
from redact.tracking.tracklet import Tracklet
from redact.tracking.windows import nearby


def tracklet(times, boxes, scores, kind="face", rate=100):
    return Tracklet(
        kind=kind,
        indices=np.round(np.asarray(times) * rate).astype(int).tolist(),
        times=list(times),
        boxes=list(boxes),
        scores=list(scores),
        velocity=np.zeros(2),
        camera=np.zeros(2),
    )


def some(count, seed=0):
    """Times of so many finds, and their boxes: now the whole of something, now a part."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.4, count))
    low = rng.uniform(100, 110, (count, 2))
    return times, np.concatenate([low, low + rng.uniform(10, 60, (count, 2))], axis=1)


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0, 5))
def test_all_that_is_near_is_told_of_every_part(count, others, seconds):
    times, there = some(count, 1)[0], some(others, 2)[0]
    parts = list(nearby(times, there, seconds))
    assert [i for part, _ in parts for i in range(count)[part]] == list(range(count))
    for part, near in parts:
        is_near = (np.abs(times[part, None] - there[None]) <= seconds).any(axis=0)
        assert set(np.flatnonzero(is_near)) <= set(range(others)[near])


def test_a_long_plate_is_made_whole_as_a_short_one_is():
    times, boxes = some(200)
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


def test_weak_finds_are_no_larger_than_sure_ones_near_them():
    times, boxes = some(200)
    scores = np.where(np.arange(200) % 7 == 0, 0.9, 0.3)
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    for at in np.flatnonzero(scores < 0.5):
        near = (np.abs(times - times[at]) <= 1.0) & (scores > 0.5)
        if near.any():
            half[at] = np.minimum(half[at], 1.3 * half[near].max(axis=0))
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    found = _no_larger_than_sure(tracklet(times, boxes, scores))
    np.testing.assert_allclose(found, np.concatenate([middle - half, middle + half], axis=1))


def test_what_stands_there_for_hours_takes_little_memory():
    count = 20_000
    times = np.arange(count) * 0.4
    boxes = np.tile([[100.0, 100.0, 180.0, 120.0]], (count, 1)) + np.arange(count)[:, None] % 3
    for kind in ("plate", "face"):
        stands = tracklet(times, boxes, np.full(count, 0.9), kind, rate=2.5)
        tracemalloc.start()
        (track,) = finish([stands], times, Settings())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(track.boxes) == count
        assert peak < 40_000_000


def test_what_was_seen_long_before_is_evidence_only():
    """Weak finds that agree make a track, of which only the end is asked for."""
    times, boxes = some(300)
    weak = tracklet(times, boxes + np.arange(300)[:, None] * 2, np.full(300, 0.45))
    seconds = np.arange(0, times[-1], 0.01)
    (whole,) = finish([weak], seconds, Settings())
    (late,) = finish([weak], seconds, Settings(), since=times[-1] - 4.0)
    assert late.stop_index == whole.stop_index
    assert len(late.boxes) < 600 < len(whole.boxes)
    np.testing.assert_array_equal(late.boxes[-200:], whole.boxes[-200:])


def test_a_part_of_a_track_keeps_what_all_of_it_showed():
    times, boxes = some(50)
    scores = np.where(np.arange(50) == 3, 0.9, 0.4)
    scores[-5:] = np.nan
    all_of_it = tracklet(times, boxes, scores)
    late = all_of_it.since(times[-2])
    assert late.times[0] == times[44], "what was found last, not only followed"
    assert (late.best_score, late.detection_count) == (0.9, 45)
    assert all_of_it.since(times[0]) is all_of_it
