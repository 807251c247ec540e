"""Association: each detection continues the tracklet it belongs to, and memory stays bounded."""

import numpy as np
from make_detections import EXACT, SECONDS, plate, walk

from redact import Settings
from redact.tracking.association import _HISTORY_SECONDS, Associator
from redact.tracking.building import build_tracks, track_detections
from redact.tracking.tracklet import _MIN_DROPPED_COUNT


def test_two_people_who_cross_stay_two_tracks():
    detections = walk(range(40), start=(0, 100), step=(8, 0))
    detections += walk(range(40), start=(320, 108), step=(-8, 0))
    tracks = track_detections(detections, SECONDS, EXACT)
    for index in range(40):
        boxes = [t.box_at(index) for t in tracks if t.box_at(index)]
        for truth in (d.box for d in detections if d.frame_index == index):
            assert any(b.x0 <= truth.x0 + 1 and b.x1 >= truth.x1 - 1 for b in boxes)


def test_people_who_stand_close_to_each_other_stay_two_tracks():
    detections = walk(range(30), start=(100, 100), step=(0, 0))
    detections += walk(range(30), start=(130, 100), step=(0, 0))
    assert len(track_detections(detections, SECONDS, EXACT)) == 2


def test_kinds_are_never_mixed():
    detections = walk(range(10)) + walk(range(10), kind="plate")
    tracks = track_detections(detections, SECONDS, EXACT)
    assert sorted(t.kind for t in tracks) == ["face", "plate"]


def test_a_low_confidence_detection_of_another_size_does_not_continue_a_track():
    detections = walk(range(10), step=(0, 0))
    detections += walk([10], start=(80, 80), step=(0, 0), size=80, score=0.4)
    (track,) = track_detections(detections, SECONDS, EXACT)
    assert track.stop_index == 10


def test_somebody_who_passes_in_front_does_not_take_over_a_track():
    """A person's place is known; somebody else appears beside them and walks over that place."""
    associator = Associator(max_gap_seconds=1.0)
    (standing,) = walk([0], step=(0, 0))
    associator.step(0, 0.0, [standing])
    (tracklet,) = associator.live
    place = np.asarray(standing.box)
    passing = walk([1], start=(125, 100), step=(0, 0))
    assert associator.step(1, 0.1, passing, {tracklet: place}) == [tracklet]
    assert len(associator.live) == 2


def test_a_plate_moves_by_many_times_its_size_between_two_scans_but_evenly():
    fast = walk([0, 5, 10], step=(20, 0), size=15, score=0.4, kind="plate")
    assert len(track_detections(fast, SECONDS, EXACT)) == 1
    uneven = walk([0, 5], step=(20, 0), size=15, score=0.4, kind="plate")
    uneven += walk([10], start=(100, 220), step=(0, 0), size=15, score=0.4, kind="plate")
    assert track_detections(uneven, SECONDS, EXACT) == ()


def test_camera_movement_does_not_change_what_a_tracklet_knows():
    """The camera's offset is handed out as an array, which must not be edited in place later."""
    associator = Associator(max_gap_seconds=1.0)
    associator.move_camera((2.0, 1.0))
    associator.step(0, 0.0, walk([0]))
    (tracklet,) = associator.live
    before, own_before = associator.camera_offset, tracklet.camera_offset
    associator.move_camera((5.0, 0.0))
    np.testing.assert_array_equal(before, [2, 1])
    np.testing.assert_array_equal(own_before, [2, 1])
    np.testing.assert_array_equal(associator.camera_offset, [7, 1])
    np.testing.assert_array_equal(
        tracklet.predict(0.0, associator.camera_offset), [105, 100, 145, 140]
    )


def parked(index, seed=0):
    """A parked plate: its box differs by a pixel from scan to scan."""
    rng = np.random.default_rng((seed, index))
    x, y = rng.integers(0, 2, 2).tolist()
    score = 0.9 if index == 3 else 0.4
    return plate(100 + x, 180 + x, y0=100 + y, y1=120 + y, score=score, index=index)


def test_a_parked_plate_takes_bounded_memory_in_a_live_stream():
    """A stream forgets what lies before its current frame; the recent track stays the same."""
    rate, settings = 12.5, Settings(extend_seconds=0.5)
    forgetful, remembering = Associator(1.0), Associator(1.0)
    longest = 0
    for index in range(4000):
        for associator in (forgetful, remembering):
            associator.step(index, index / rate, [parked(index)])
        forgetful.forget(index / rate - 0.5)
        longest = max(longest, *(len(t.boxes) for t in forgetful.tracklets))
    (tracklet,), (whole,) = forgetful.tracklets, remembering.tracklets
    assert len(whole.boxes) == 4000
    assert longest < rate * (_HISTORY_SECONDS + 1) + 2 * _MIN_DROPPED_COUNT
    assert len(tracklet.indices) == len(tracklet.times) == len(tracklet.boxes)
    assert tracklet.detection_count == whole.detection_count == 4000
    assert tracklet.best_score == whole.best_score == 0.9
    np.testing.assert_array_equal(tracklet.stationary_box, whole.stationary_box)
    np.testing.assert_array_equal(tracklet.velocity, whole.velocity)
    first_index = 4000 - 25
    seconds = np.arange(first_index, 4010) / rate
    (recent,), (expected,) = (
        build_tracks(a.tracklets, seconds, settings, first_index=first_index)
        for a in (forgetful, remembering)
    )
    assert recent.start_index == expected.start_index == first_index
    np.testing.assert_array_equal(recent.boxes, expected.boxes)
    np.testing.assert_array_equal(recent.scores, expected.scores)


def test_what_confirmed_a_track_counts_after_it_was_forgotten():
    """A plate was seen to pass with a clearer detection long ago; then it stands, faintly."""
    rate = 10.0
    associator = Associator(max_gap_seconds=1.0)
    for index in range(2000):
        x = 8 * min(index, 60)
        score = 0.4 if index == 10 else 0.2
        associator.step(index, index / rate, [plate(x, x + 60, score=score, index=index)])
        associator.forget(index / rate)
    seconds = np.arange(1990, 2000) / rate
    (tracklet,) = associator.tracklets
    assert min(tracklet.boxes, key=lambda box: box[0])[0] == 480, "the way there is forgotten"
    (track,) = build_tracks([tracklet], seconds, EXACT, first_index=1990)
    assert len(track.boxes) == 10


def test_ended_tracklets_are_forgotten():
    associator = Associator(max_gap_seconds=1.0)
    associator.step(0, 0.0, walk([0]))
    associator.step(100, 10.0, walk([0], start=(500, 500)))
    assert len(associator.tracklets) == 2
    associator.forget(5.0)
    (left,) = associator.tracklets
    assert left.indices == [100]
