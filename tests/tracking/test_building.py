"""Building tracks: no gaps, covers that hold what was seen, steady ids."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_detections import EXACT, RATE, SECONDS, make_tracklet, walk

from redact import Box, Detection, Settings
from redact.geometry import covered_share
from redact.tracking.building import build_tracks, track_detections
from redact.tracking.tuning import TUNING


def cover(track, index):
    """The box around a track's cover in a frame."""
    (x, y), box = track.margins_at(index), track.box_at(index)
    return Box(box.x0 - x, box.y0 - y, box.x1 + x, box.y1 + y)


def test_a_gap_is_filled_where_the_face_was():
    detections = walk([*range(10), *range(16, 25)])
    (track,) = track_detections(detections, SECONDS, EXACT)
    assert (track.start_index, track.stop_index) == (0, 25)
    assert np.isnan(track.scores[10:16]).all() and not np.isnan(track.scores[:10]).any()
    for index in range(25):
        np.testing.assert_allclose(track.box_at(index), walk([index])[0].box, atol=2)
    assert track.margins[12, 0] > track.margins[5, 0]


def test_a_track_has_margins_in_every_frame():
    (track,) = track_detections(walk([20]), SECONDS, Settings())
    assert track.margins.shape == (len(track.boxes), 2)
    assert track.margins.dtype == np.float32
    assert np.isfinite(track.margins).all() and (track.margins > 0).all()


def test_a_gap_that_is_too_long_ends_the_track():
    tracks = track_detections(walk([*range(5), *range(30, 35)], step=(0, 0)), SECONDS, EXACT)
    assert [(t.id, t.start_index, t.stop_index) for t in tracks] == [(1, 0, 5), (2, 30, 35)]


@pytest.mark.parametrize(("step", "score"), [(0, 0.9), (6, 0.9), (20, 0.9), (6, 0.39), (20, 0.39)])
def test_a_track_is_extended_to_where_it_came_from_and_to_where_it_goes(step, score):
    """Beyond its ends it may have stopped or moved on; its cover holds both places."""
    (track,) = track_detections(
        walk(range(20, 30), step=(step, 0), score=score), SECONDS, Settings(extend_seconds=0.5)
    )
    assert (track.start_index, track.stop_index) == (15, 35)
    for index in range(15, 35):
        held = cover(track, index)
        for at in (index, min(max(index, 20), 29)):
            truth = walk([at], step=(step, 0))[0].box
            assert held.x0 <= truth.x0 and held.x1 >= truth.x1
            assert held.y0 <= truth.y0 and held.y1 >= truth.y1
        assert held.width < 40 + 40 + abs(step) * max(0, 20 - index, index - 29) + 20


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
def test_high_confidence_detections_are_covered(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rate = data.draw(st.sampled_from([1, 5, 30, 240]))
    seconds = np.cumsum(rng.uniform(0.5, 1.5, 40)) / rate
    detections = []
    for index in range(40):
        for person in range(3):
            if rng.random() < 0.6:
                x, y = 200 * person + rng.normal(0, 2), 50 + index + rng.normal(0, 2)
                width, height = 34 * np.exp(rng.normal(0, 0.1, 2))
                box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                detections.append(Detection(kind="face", box=box, score=0.9, frame_index=index))
    tracks = track_detections(detections, seconds, Settings())
    for d in detections:
        covers = [cover(t, d.frame_index) for t in tracks if t.box_at(d.frame_index)]
        assert max(covered_share(d.box, [held]) for held in covers) > 0.9


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


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_built_from_any_frame_on_a_track_is_the_same_there(data):
    """A live stream asks for the frames it holds, while all detections are still known."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    times = np.arange(300) / RATE
    is_seen = rng.random(300) < data.draw(st.sampled_from([0.3, 1.0]))
    is_seen[[0, -1]] = True
    low = 100 + np.cumsum(rng.normal(0, 2, (300, 2)), axis=0)
    sides = 40 * np.exp(rng.normal(0, 0.1, (300, 2)))
    boxes = np.concatenate([low, low + sides], axis=1)
    scores = np.where(rng.random(300) < 0.2, np.nan, rng.uniform(0.3, 0.9, 300))
    scores[[0, -1]] = 0.9
    kind = data.draw(st.sampled_from(["face", "plate"]))
    tracklet = make_tracklet(times[is_seen], boxes[is_seen], scores[is_seen], kind=kind, rate=RATE)
    (whole,) = build_tracks([tracklet], times, Settings())
    first = data.draw(st.integers(1, 299))
    (late,) = build_tracks([tracklet], times[first:], Settings(), first_index=first)
    assert (late.start_index, late.stop_index) == (first, whole.stop_index)
    np.testing.assert_array_equal(late.scores, whole.scores[first:])
    np.testing.assert_allclose(late.boxes, whole.boxes[first:], atol=0.5)
    np.testing.assert_allclose(late.margins, whole.margins[first:], rtol=0.05, atol=0.5)


def test_a_track_seen_in_every_frame_is_the_same_to_the_bit_from_any_frame_on():
    times = np.arange(300) / RATE
    boxes = np.array([100.0, 100.0, 140.0, 140.0]) + np.arange(300)[:, None] * 2
    low_scores = make_tracklet(times, boxes, np.full(300, 0.45), rate=RATE)
    (whole,) = build_tracks([low_scores], times, Settings())
    (late,) = build_tracks([low_scores], times[200:], Settings(), first_index=200)
    assert (late.start_index, late.stop_index) == (200, whole.stop_index)
    np.testing.assert_array_equal(late.boxes, whole.boxes[200:])
    np.testing.assert_array_equal(late.margins, whole.margins[200:])


def test_duplicates_are_measurements_of_one_object():
    """A track that began late is no guess where the other one was detected."""
    one = make_tracklet(
        SECONDS[:30], [np.array([100.0, 100, 140, 140])] * 30, [0.9] * 30, rate=RATE
    )
    boxes = [np.array([104.0, 102, 144, 142])] * 20
    other = make_tracklet(SECONDS[8:28], boxes, [0.6] * 20, rate=RATE)
    (track,) = build_tracks([one, other], SECONDS, EXACT)
    assert (track.start_index, track.stop_index) == (0, 30)
    np.testing.assert_array_equal(track.scores, np.float32(0.9))
    np.testing.assert_allclose(track.boxes[10:26], [[102, 101, 142, 141]] * 16, atol=0.7)
    np.testing.assert_allclose(track.boxes[:5], [[100, 100, 140, 140]] * 5, atol=0.7)
    (swapped,) = build_tracks([other, one], SECONDS, EXACT)
    np.testing.assert_array_equal(swapped.boxes, track.boxes)


def test_where_a_duplicate_was_detected_what_another_was_followed_to_does_not_count():
    place = np.array([100.0, 100, 140, 140])
    one = make_tracklet(SECONDS[:30], [place] * 30, [0.9] * 30, rate=RATE)
    astray = [place + min(i, 15) for i in range(28)]
    other = make_tracklet(SECONDS[:28], astray, [0.9] + [np.nan] * 27, rate=RATE)
    (alone,) = build_tracks([one], SECONDS, EXACT)
    (track,) = build_tracks([one, other], SECONDS, EXACT)
    np.testing.assert_allclose(track.boxes, alone.boxes, atol=0.1)


def test_a_track_is_not_longer_believed_where_nothing_is_detected_than_it_was_detected():
    """A template keeps matching a wall that was once taken for a face."""
    place = np.array([100.0, 100, 140, 140])
    stop = {}
    for count in (2, 20):
        scores = [0.9] * count + [np.nan] * 400
        times = np.arange(len(scores)) / RATE
        tracklet = make_tracklet(times, [place] * len(scores), scores, rate=RATE)
        (track,) = build_tracks([tracklet], times, EXACT)
        stop[count] = track.stop_index - count
    limit = TUNING.unseen_seconds_per_detection * RATE
    assert stop[2] == pytest.approx(2 * limit, abs=1)
    assert stop[20] == pytest.approx(min(20 * limit, 400), abs=1)


def with_plate(scores, *, down=60, step=6, plate_step=None):
    """Tracklets of a face that moves and of a plate so far below its middle."""
    at = np.arange(len(scores))[:, None] * [1, 0, 1, 0]
    plate_step = step if plate_step is None else plate_step
    times = np.arange(len(scores)) / RATE
    face = np.array([100.0, 100, 140, 140]) + step * at
    plate = np.array([100.0, 114 + down, 140, 126 + down]) + plate_step * at
    return times, [
        make_tracklet(times, face, [0.9] * len(scores), rate=RATE),
        make_tracklet(times, plate, scores, kind="plate", rate=RATE),
    ]


LOW = [0.6] * 60


@pytest.mark.parametrize(
    ("changes", "is_covered"),
    [
        ({}, False),
        ({"scores": [0.6] * 59 + [0.8]}, True),
        ({"down": 200}, True),
        ({"step": 0}, True),
        ({"plate_step": 0}, True),
    ],
    ids=["worn", "seen clearly", "far below", "nobody moves", "stays behind"],
)
def test_a_plate_that_moves_along_with_a_face_is_a_name_tag_unless_seen_clearly(
    changes, is_covered
):
    times, tracklets = with_plate(**{"scores": LOW, **changes})
    kinds = sorted(track.kind for track in build_tracks(tracklets, times, EXACT))
    assert kinds == ["face", "plate"][: 1 + is_covered]


def test_a_plate_seen_clearly_before_the_first_frame_asked_for_stays():
    """In a live stream that detection lies in frames that were given out long ago."""
    times, tracklets = with_plate([0.9] * 5 + [0.6] * 55)
    for first in (0, 5, 30, 59):
        tracks = build_tracks(tracklets, times[first:], EXACT, first_index=first)
        assert sorted(track.kind for track in tracks) == ["face", "plate"]


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
