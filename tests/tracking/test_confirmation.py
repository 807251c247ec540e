"""Confirmation: which detections are enough for a track to be covered."""

import pytest
from make_detections import EXACT, SECONDS, walk

from redact.tracking.building import track_detections


def test_low_confidence_detections_continue_a_track_but_one_alone_is_no_track():
    detections = walk(range(5)) + walk(range(5, 12), score=0.3)
    detections += walk([40], start=(400, 300), score=0.3)
    (track,) = track_detections(detections, SECONDS, EXACT)
    assert track.stop_index == 12


def test_low_confidence_detections_that_agree_are_a_track():
    assert track_detections(walk(range(5), score=0.35), SECONDS, EXACT)
    assert track_detections(walk(range(3), score=0.36, kind="plate"), SECONDS, EXACT)
    assert not track_detections(walk(range(2), score=0.49, kind="plate"), SECONDS, EXACT)
    assert not track_detections(walk(range(20), score=0.2), SECONDS, EXACT)


def test_the_same_detection_of_the_same_pixels_is_no_agreement():
    stationary = walk(range(12), step=(0, 0), score=0.35)
    moving = walk(range(12), score=0.35)
    assert not track_detections(stationary, SECONDS, EXACT)
    assert track_detections(moving, SECONDS, EXACT)
    assert not track_detections(walk(range(12), step=(0, 0), score=0.43), SECONDS, EXACT)
    assert track_detections(walk(range(12), step=(0, 0), score=0.45), SECONDS, EXACT)


@pytest.mark.parametrize(("low_count", "track_count"), [(6, 1), (20, 0)])
def test_what_is_mostly_too_faint_for_a_plate_is_none_however_long_it_lasts(low_count, track_count):
    fainter = walk(range(low_count), score=0.22, kind="plate")
    clearer = walk(range(low_count, low_count + 3), score=0.36, kind="plate")
    assert len(track_detections(fainter + clearer, SECONDS, EXACT)) == track_count


def test_a_plate_that_passes_by_needs_one_clearer_detection_among_low_ones():
    """Something stationary is detected with low scores again and again, plate or not."""
    low = {"size": 20, "score": 0.22, "kind": "plate"}

    def detections(step):
        clearer = walk([3], step=step, size=20, score=0.4, kind="plate")
        return clearer + walk([0, 1, 2, 4, 5, 6], step=step, **low)

    assert len(track_detections(detections((12, 0)), SECONDS, EXACT)) == 1
    assert track_detections(detections((0, 0)), SECONDS, EXACT) == ()
    assert track_detections(walk(range(7), step=(12, 0), **low), SECONDS, EXACT) == ()
