"""Linking: parked plates are joined over gaps, and tracklets of one face are found."""

import numpy as np
import pytest
from make_detections import EXACT, RATE, SECONDS, make_tracklet, walk
from make_plans import make_track

from redact.tracking.building import track_detections
from redact.tracking.linking import group_duplicates, join_parked


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


def seen(number, boxes, *, scores=0.9, frames=None, kind="face"):
    """A tracklet of these boxes, in successive frames or in these, and the track built of it."""
    frames = np.arange(len(boxes)) if frames is None else np.asarray(frames)
    scores = np.broadcast_to(np.asarray(scores, dtype=float), len(boxes))
    boxes = [np.asarray(box, dtype=float) for box in boxes]
    tracklet = make_tracklet(frames / RATE, boxes, scores, rate=RATE, kind=kind)
    return tracklet, make_track(number, boxes, kind=kind, start=int(frames[0]))


def ids_of(groups):
    return sorted(sorted(track.id for _, track in group) for group in groups)


def test_detections_that_never_overlap_enough_make_one_track():
    """Two detectors cut a face so differently that their detections don't merge in a frame."""
    detections = walk(range(20), size=40) + walk(range(20), start=(88, 88), size=64, score=0.6)
    (track,) = track_detections(detections, SECONDS, EXACT)
    np.testing.assert_array_equal(track.scores, np.float32(0.9))
    widths = track.boxes[:, 2] - track.boxes[:, 0]
    assert (widths > 39).all() and (widths < 64).all(), "it is no union of both"


THERE = (100, 100, 140, 140)


@pytest.mark.parametrize(("astray_count", "group_count"), [(0, 1), (14, 2)])
def test_a_track_that_was_elsewhere_for_a_while_is_no_duplicate(astray_count, group_count):
    """One estimate of both would lie between two people."""
    elsewhere = (400, 100, 440, 140)
    one = seen(1, [THERE] * 40)
    boxes = [elsewhere] * astray_count + [THERE] * (40 - astray_count)
    # Followed: two detections far apart in one frame would already tell the two apart.
    other = seen(2, boxes, scores=[0.9] + [np.nan] * 39 if not astray_count else [np.nan] * 40)
    assert len(group_duplicates([one, other])) == group_count


def test_two_faces_of_which_one_is_in_front_of_the_other_stay_two():
    """Where both are detected they are apart; later the one behind is only followed."""
    behind = [(100, 100, 140, 140)] * 40
    in_front = [(138 - min(i, 30), 104, 178 - min(i, 30), 144) for i in range(40)]
    scores = [0.9] * 3 + [np.nan] * 37
    groups = group_duplicates([seen(1, behind, scores=scores), seen(2, in_front)])
    assert ids_of(groups) == [[1], [2]]
    without_a_frame_in_common = seen(2, in_front[3:], frames=range(3, 40))
    groups = group_duplicates([seen(1, behind, scores=scores), without_a_frame_in_common])
    assert ids_of(groups) == [[1, 2]]


@pytest.mark.parametrize(("seen_together", "group_count"), [(2, 2), (12, 1)])
def test_tracks_often_seen_together_are_duplicates_even_where_one_of_them_is_off(
    seen_together, group_count
):
    """A box of face and hair, and one of the face: with 0.45 of the face in both all the time."""
    hair, face = (60, 60, 118, 140), THERE
    scores = [0.9] * seen_together + [np.nan] * (40 - seen_together)
    one, other = seen(1, [hair] * 40), seen(2, [face] * 40, scores=scores)
    assert len(group_duplicates([one, other])) == group_count


@pytest.mark.parametrize(("false_count", "group_count"), [(1, 1), (4, 2)])
def test_one_false_box_does_not_keep_two_covers_on_a_head(false_count, group_count):
    boxes = [(200, 100, 240, 140)] * false_count + [THERE] * (60 - false_count)
    scores = [0.9] * 6 + [np.nan] * 54
    groups = group_duplicates([seen(1, [THERE] * 60), seen(2, boxes, scores=scores)])
    assert len(groups) == group_count


def test_a_box_around_two_faces_does_not_make_one_of_them():
    around = seen(1, [(100, 100, 190, 180)] * 40, scores=0.4)
    left = seen(2, [(100, 100, 145, 175)] * 38)
    right = seen(3, [(145, 100, 190, 175)] * 36)
    assert ids_of(group_duplicates([around, left, right])) == [[1, 2], [3]]
    assert ids_of(group_duplicates([right, left, around])) == [[1, 2], [3]]


def test_things_of_two_kinds_are_no_duplicates():
    groups = group_duplicates([seen(1, [THERE] * 20), seen(2, [THERE] * 20, kind="plate")])
    assert ids_of(groups) == [[1], [2]]


def test_tracks_that_hardly_overlap_in_time_are_no_duplicates():
    groups = group_duplicates([seen(1, [THERE] * 20), seen(2, [THERE] * 20, frames=range(15, 35))])
    assert ids_of(groups) == [[1], [2]]


def test_everybody_who_passes_by_is_not_one_group():
    """Each overlaps the next one, but not the longest track, with which all are compared."""
    queue = [(100 + 15 * n, 100, 140 + 15 * n, 140) for n in range(5)]
    # No two of them are detected in the same frame, which would tell them apart.
    built = [
        seen(n, [box] * (40 - n), scores=np.where(np.arange(40 - n) % 5 == n, 0.9, np.nan))
        for n, box in enumerate(queue)
    ]
    assert ids_of(group_duplicates(built)) == [[0, 1], [2, 3], [4]]
