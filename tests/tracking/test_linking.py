"""Linking: parked plates are joined over gaps, and duplicate tracks are merged."""

import numpy as np
import pytest
from make_detections import EXACT, SECONDS, make_tracklet, walk
from make_plans import make_track

from redact.tracking.building import track_detections
from redact.tracking.linking import join_parked, merge_duplicate_tracks


def test_a_parked_plate_is_there_while_it_is_not_detected():
    parked = {"step": (0, 0), "kind": "plate"}
    detections = walk(range(5), **parked) + walk(range(30, 35), **parked)
    (track,) = track_detections(detections, SECONDS, EXACT)
    assert (track.start_index, track.stop_index) == (0, 35)
    elsewhere = walk(range(5), **parked) + walk(range(30, 35), start=(300, 100), **parked)
    assert len(track_detections(elsewhere, SECONDS, EXACT)) == 2


def test_a_joined_tracklet_has_the_evidence_of_both():
    box = np.array([100.0, 100, 180, 120])
    earlier = make_tracklet(np.arange(400) / 10, [box] * 400, [0.9] + [0.4] * 399, kind="plate")
    earlier.forget(35.0)
    later = make_tracklet(42 + np.arange(5) / 10, [box] * 5, [0.6] * 5, kind="plate")
    (joined,) = join_parked([later, earlier])
    assert joined.best_score == 0.9
    assert joined.detection_count == 405
    assert joined.evidence.detected.count == 405


def test_tracks_of_detections_that_never_overlap_enough_are_one():
    """Two detectors cut a face so differently that their detections don't merge in a frame."""
    detections = walk(range(20), size=40) + walk(range(20), start=(88, 88), size=64, score=0.6)
    assert len(track_detections(detections, SECONDS, EXACT)) == 1


@pytest.mark.parametrize(("astray_count", "track_count"), [(0, 1), (14, 2)])
def test_a_track_that_was_elsewhere_for_a_while_is_no_duplicate(astray_count, track_count):
    """One union of both would cover all that lies between two people."""
    there, elsewhere = (100, 100, 140, 140), (400, 100, 440, 140)
    one = make_track(1, [there] * 40)
    other = make_track(2, [elsewhere] * astray_count + [there] * (40 - astray_count))
    tracks = merge_duplicate_tracks([one, other])
    assert len(tracks) == track_count
    assert max(np.ptp(track.boxes[0, [0, 2]]) for track in tracks) == 40


def test_of_duplicates_the_guess_of_one_gives_way_to_what_was_seen_in_the_other():
    """One was first detected late: before that, it is stretched out to where it came from."""
    seen = make_track(1, [(100, 100, 140, 140)] * 40)
    boxes = [(100, 100, 300, 140)] * 10 + [(100, 100, 144, 140)] * 30
    late = make_track(2, boxes)
    late.scores[:10] = np.nan
    late.scores[10] = 0.9
    (track,) = merge_duplicate_tracks([seen, late])
    assert len(track.boxes) == 40 and np.isfinite(track.boxes).all()
    assert (track.boxes[:10, 2] == 140).all() and (track.boxes[10:, 2] == 144).all()
    # Where neither was detected, both guesses stay.
    seen.scores[0] = np.nan
    seen.scores[5] = 0.9
    (track,) = merge_duplicate_tracks([seen, late])
    assert (track.boxes[:5, 2] == 300).all() and (track.boxes[5:10, 2] == 140).all()
