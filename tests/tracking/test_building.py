"""Building tracks: no gaps, never smaller than what was seen, steady ids."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_detections import EXACT, RATE, SECONDS, make_tracklet, walk

from redact import Box, Detection, Settings
from redact.tracking.building import build_tracks, track_detections


def test_a_gap_is_filled_where_the_face_was():
    detections = walk([*range(10), *range(16, 25)])
    (track,) = track_detections(detections, SECONDS, EXACT)
    assert (track.start_index, track.stop_index) == (0, 25)
    assert np.isnan(track.scores[10:16]).all() and not np.isnan(track.scores[:10]).any()
    truth = walk([12])[0].box
    box = track.box_at(12)
    assert box.x0 <= truth.x0 and box.x1 >= truth.x1
    assert box.width < 2 * truth.width


def test_a_gap_that_is_too_long_ends_the_track():
    tracks = track_detections(walk([*range(5), *range(30, 35)], step=(0, 0)), SECONDS, EXACT)
    assert [(t.id, t.start_index, t.stop_index) for t in tracks] == [(1, 0, 5), (2, 30, 35)]


def test_a_track_is_extended_in_both_directions():
    settings_ = Settings(extend_seconds=0.5)
    (track,) = track_detections(walk(range(20, 30), step=(6, 0)), SECONDS, settings_)
    assert (track.start_index, track.stop_index) == (15, 35)
    for index in (15, 34):
        truth = walk([index], step=(6, 0))[0].box
        box = track.box_at(index)
        assert box.x0 <= truth.x0 + 1 and box.x1 >= truth.x1 - 1


def test_a_low_confidence_track_is_extended_but_stretches_no_farther_back_than_its_size():
    detections = walk(range(20, 28), step=(20, 0), score=0.39)
    (track,) = track_detections(detections, SECONDS, Settings(extend_seconds=0.5))
    assert track.stop_index == 33
    last, truth = track.box_at(32), walk([32], step=(20, 0))[0].box
    assert last.x0 <= truth.x0 and last.x1 >= truth.x1
    assert last.width < 3 * truth.width


def test_ids_do_not_depend_on_the_order_of_the_detections():
    detections = walk(range(10)) + walk(range(3, 20), start=(300, 10))
    detections += walk(range(8), start=(500, 300))
    first = track_detections(detections, SECONDS, EXACT)
    second = track_detections(detections[::-1], SECONDS, EXACT)
    assert [t.id for t in first] == [1, 2, 3]
    for a, b in zip(first, second, strict=True):
        assert a.start_index == b.start_index
        np.testing.assert_array_equal(a.boxes, b.boxes)


def test_no_detections_give_no_tracks():
    assert track_detections([], SECONDS, Settings()) == ()
    assert track_detections([], np.zeros(0), Settings()) == ()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_track_is_never_smaller_than_a_high_confidence_detection(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rate = data.draw(st.sampled_from([1, 5, 30, 240]))
    seconds = np.cumsum(rng.uniform(0.5, 1.5, 40)) / rate
    detections = []
    for index in range(40):
        for person in range(3):
            if rng.random() < 0.6:
                x, y = 200 * person + rng.normal(0, 4), 50 + index + rng.normal(0, 4)
                size = rng.uniform(25, 45)
                box = Box(x, y, x + size, y + size)
                detections.append(Detection(kind="face", box=box, score=0.9, frame_index=index))
    tracks = track_detections(detections, seconds, Settings())
    for d in detections:
        boxes = [box for t in tracks if (box := t.box_at(d.frame_index))]
        assert any(
            b.x0 <= d.box.x0 + 0.01
            and b.y0 <= d.box.y0 + 0.01
            and b.x1 >= d.box.x1 - 0.01
            and b.y1 >= d.box.y1 - 0.01
            for b in boxes
        )


def test_repeated_time_stamps_do_no_harm():
    seconds = np.repeat(np.arange(30), 2) / RATE
    assert len(track_detections(walk(range(10)), seconds, Settings())) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_a_clip_of_very_few_frames_works(count):
    (track,) = track_detections(walk(range(count)), SECONDS[:count], Settings())
    assert (track.start_index, track.stop_index) == (0, count)


def test_an_isolated_low_score_detection_at_an_end_is_dropped_as_false():
    settings_ = Settings(extend_seconds=0.0, max_gap_seconds=2.0)
    (track,) = track_detections(walk([*range(20, 30), 40], score=0.9), SECONDS, settings_)
    assert track.stop_index == 41
    isolated = walk([5, 40], score=0.25)
    (track,) = track_detections(walk(range(20, 30)) + isolated, SECONDS, settings_)
    assert (track.start_index, track.stop_index) == (20, 30)
    fading = walk(range(20, 30)) + walk(range(30, 34), score=0.25)
    (track,) = track_detections(fading, SECONDS, settings_)
    assert track.stop_index == 34, "the score of somebody who turns away falls"


def test_somebody_who_stood_there_before_still_does_after_somebody_passed():
    stood = walk(range(20), step=(0, 0))
    stood += walk([28, 30], start=(105, 98), step=(0, 0), score=0.25)
    (track,) = track_detections(stood, SECONDS, EXACT)
    assert track.stop_index == 31


def test_a_track_that_began_long_ago_is_built_from_the_first_frame_asked_for():
    times = np.arange(300) / RATE
    boxes = np.array([100.0, 100.0, 140.0, 140.0]) + np.arange(300)[:, None] * 2
    low_scores = make_tracklet(times, boxes, np.full(300, 0.45), rate=RATE)
    (whole,) = build_tracks([low_scores], times, Settings())
    (late,) = build_tracks([low_scores], times[200:], Settings(), first_index=200)
    assert (late.start_index, late.stop_index) == (200, whole.stop_index)
    np.testing.assert_array_equal(late.boxes[10:], whole.boxes[210:])


def test_a_track_that_ended_before_the_first_frame_asked_for_is_still_extended():
    """In a live stream a face stays covered after its last detection, as in a clip."""
    (track,) = build_tracks(
        [make_tracklet(SECONDS[:10], [np.array([10.0, 10, 50, 50])] * 10, [0.9] * 10, rate=RATE)],
        SECONDS[12:],
        Settings(extend_seconds=0.5),
        first_index=12,
    )
    assert (track.start_index, track.stop_index) == (12, 15)
    assert np.isnan(track.scores).all()


def test_a_track_of_which_nothing_is_left_is_dropped():
    """Its only detection after the first frame asked for is isolated, low, and dropped as false."""
    times = [*SECONDS[:10], SECONDS[25]]
    boxes = [np.array([10.0 + 9 * i, 10, 50 + 9 * i, 50]) for i in range(10)]
    boxes.append(np.array([160.0, 10, 200, 50]))
    tracklet = make_tracklet(times, boxes, [0.9] * 10 + [0.2], rate=RATE)
    assert build_tracks([tracklet], SECONDS[20:], EXACT, first_index=20) == ()


def test_an_object_that_stands_in_view_for_hours_takes_little_memory():
    count = 20_000
    times = np.arange(count) * 0.4
    boxes = np.tile([[100.0, 100.0, 180.0, 120.0]], (count, 1)) + np.arange(count)[:, None] % 3
    for kind in ("plate", "face"):
        stands = make_tracklet(times, boxes, np.full(count, 0.9), kind=kind, rate=2.5)
        tracemalloc.start()
        (track,) = build_tracks([stands], times, Settings())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(track.boxes) == count
        assert peak < 40_000_000
