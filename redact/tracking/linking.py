"""Joins tracklets of one parked object, finds duplicates, and plates that somebody wears."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of, iou_matrix, sizes_of
from redact.tracking.tracklet import Tracklet
from redact.tracking.tuning import TUNING, kind_tuning
from redact.types import Detection, Track

# Tracklets of a parked object overlap by more than this. Chosen by eye.
_PARKED_IOU = 0.5
# What is taken for a plate but worn by somebody, in sizes of the face. Chosen by eye, on a person
# in uniform and on all scenes and clips: no plate is less covered by it.
# The face is there for at least this share of the plate's time.
_WORN_MIN_TIME_SHARE = 0.8
# What was detected with this score is a plate wherever it is. Of 39 tracks of plates in 25 scenes
# and clips, 32 have it, and of 15 false ones one.
_WORN_MAX_SCORE = 0.75
# It is no farther from the middle of the face: down to the chest, up to a cap.
_WORN_MAX_ACROSS_SIZES = 1.5
_WORN_MAX_DOWN_SIZES = 2.75
# The face moved by at least this: in front of somebody who stands still, a parked car's plate
# would look worn, too.
_WORN_MIN_MOVED_SIZES = 1.0
# The place of the plate beside the face changed by less than this share of that.
_WORN_MAX_DRIFT_SHARE = 0.4


def join_parked(tracklets: Iterable[Tracklet]) -> list[Tracklet]:
    """The tracklets, with those joined that show a parked object before and after a gap.

    A parked plate doesn't move: if it is detected in one place before and after, it was there in
    between.
    """
    joined: list[Tracklet] = []
    for tracklet in sorted(tracklets, key=lambda t: t.indices[0]):
        for number, earlier in enumerate(joined):
            if _is_same_parked(earlier, tracklet):
                joined[number] = _join(earlier, tracklet)
                break
        else:
            joined.append(tracklet)
    return joined


def _is_same_parked(earlier: Tracklet, later: Tracklet) -> bool:
    gap_seconds = later.times[0] - earlier.times[-1]
    if earlier.kind != later.kind or not kind_tuning(later.kind).can_park:
        return False
    if earlier.scene != later.scene or not 0 < gap_seconds <= TUNING.parked_seconds:
        return False
    return bool(iou_matrix(_best_box(earlier), _best_box(later))[0, 0] > _PARKED_IOU)


def _best_box(tracklet: Tracklet) -> NDArray[np.float64]:
    """(4,) the box with the highest score, since a tracklet may have gone astray at its ends."""
    return tracklet.boxes[int(np.nanargmax(tracklet.scores))]


def _join(earlier: Tracklet, later: Tracklet) -> Tracklet:
    """One tracklet with the boxes and the evidence of both."""
    return dataclasses.replace(
        later,
        indices=earlier.indices + later.indices,
        times=earlier.times + later.times,
        boxes=earlier.boxes + later.boxes,
        scores=earlier.scores + later.scores,
        forgotten=earlier.forgotten.followed_by(later.forgotten),
    )


def group_duplicates(built: Sequence[tuple[Tracklet, Track]]) -> list[list[tuple[Tracklet, Track]]]:
    """Groups of tracklets that show the same object, each with the track that was built of it.

    Each track is compared with the longest one of its group and not with all of the group, which
    would grow until it contains everybody who passes by. Detections have to agree with all of the
    group: a box around two faces is no reason to take them for one.
    """
    groups: list[list[tuple[Tracklet, Track]]] = []
    for one in sorted(built, key=lambda pair: (-len(pair[1].boxes), pair[1].start_index)):
        group = next(
            (
                g
                for g in groups
                if _are_duplicates(one, g[0])
                and all(_detections_agree(one[0], other) for other, _ in g)
            ),
            None,
        )
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups


def _seen_together(a: Tracklet, b: Tracklet) -> tuple[int, int]:
    """In how many frames both tracklets were detected, and in how many of those they overlap."""
    in_both = sorted(set(a.indices) & set(b.indices))
    pairs = ((a.detected_box_at(index), b.detected_box_at(index)) for index in in_both)
    overlapping = [
        float(iou_matrix(one, other)[0, 0]) > TUNING.duplicate_min_detected_iou
        for one, other in pairs
        if one is not None and other is not None
    ]
    return len(overlapping), sum(overlapping)


def _detections_agree(a: Tracklet, b: Tracklet) -> bool:
    """Whether two tracklets overlap in most of the frames in which both were detected.

    A detector tells two faces apart even where one is in front of the other. In a single frame it
    may be wrong.
    """
    count, overlapping = _seen_together(a, b)
    return overlapping >= TUNING.duplicate_min_agreeing_share * count


def _are_duplicates(a: tuple[Tracklet, Track], b: tuple[Tracklet, Track]) -> bool:
    """Whether two tracks overlap for most of the shorter one's time and are hardly ever apart.

    Where the tracks were often detected in the same frame, their detections tell whether they are
    one, so that they may lie farther from each other where one of them was filled in.
    """
    (tracklet, track), (other_tracklet, other_track) = a, b
    start = max(track.start_index, other_track.start_index)
    stop = min(track.stop_index, other_track.stop_index)
    shorter = min(len(track.boxes), len(other_track.boxes))
    min_count = max(1, TUNING.duplicate_track_time_share * shorter)
    if track.kind != other_track.kind or stop - start < min_count:
        return False
    one, other = (
        t.boxes[start - t.start_index : stop - t.start_index] for t in (track, other_track)
    )
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=1)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    # Of the smaller one: a scan that sees the hair too gives a box around that of the face.
    share = float(np.median(shared / np.maximum(np.minimum(*areas), 1e-6)))
    apart_share = float((shared <= 0).mean())
    if (
        share > TUNING.duplicate_track_share
        and apart_share <= TUNING.duplicate_track_max_apart_share
    ):
        return True
    return (
        share > TUNING.duplicate_seen_share
        and apart_share <= TUNING.duplicate_seen_max_apart_share
        and _seen_together(tracklet, other_tracklet)[0] >= TUNING.duplicate_min_seen_count
    )


def without_worn(tracks: Sequence[tuple[Track, float]]) -> list[Track]:
    """The tracks, without plates that move along with a face: name tags, emblems and ribbons.

    A plate that was detected with a high score stays in any case, and so does one that is farther
    below the face: a motorcycle's plate moves along with its rider.

    Args:
        tracks: each with the best score of its detections, which may lie before its first frame.

    """
    faces = [track for track, _ in tracks if track.kind == "face"]
    return [
        track
        for track, best_score in tracks
        if track.kind != "plate"
        or best_score >= _WORN_MAX_SCORE
        or not any(_is_worn(track, face) for face in faces)
    ]


def may_be_worn(detection: Detection, tracks: Iterable[Track]) -> bool:
    """Whether a single detection of a plate lies where somebody who moves wears name tags."""
    if detection.kind != "plate" or detection.score >= _WORN_MAX_SCORE:
        return False
    index, box = detection.frame_index, np.asarray([detection.box])
    for face in tracks:
        face_box = face.box_at(index) if face.kind == "face" else None
        if face_box is not None:
            offsets = _offsets_in_sizes(box, np.asarray([face_box]))
            if _is_in_reach(offsets) and _moved_sizes(face.boxes) >= _WORN_MIN_MOVED_SIZES:
                return True
    return False


def _is_worn(plate: Track, face: Track) -> bool:
    start = max(plate.start_index, face.start_index)
    stop = min(plate.stop_index, face.stop_index)
    if stop - start < _WORN_MIN_TIME_SHARE * len(plate.boxes):
        return False
    plates, faces = (
        track.boxes[start - track.start_index : stop - track.start_index] for track in (plate, face)
    )
    offsets, moved_sizes = _offsets_in_sizes(plates, faces), _moved_sizes(faces)
    drifted_sizes = float(np.ptp(offsets, axis=0).max())
    return (
        _is_in_reach(offsets)
        and moved_sizes >= _WORN_MIN_MOVED_SIZES
        and drifted_sizes <= _WORN_MAX_DRIFT_SHARE * moved_sizes
    )


def _offsets_in_sizes(
    boxes: NDArray[np.floating], faces: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(T, 2) how far boxes lie from faces, in sizes of the faces; both are (T, 4)."""
    wide, wide_faces = np.asarray(boxes, dtype=np.float64), np.asarray(faces, dtype=np.float64)
    return (centers_of(wide) - centers_of(wide_faces)) / sizes_of(wide_faces)[:, None]


def _moved_sizes(faces: NDArray[np.floating]) -> float:
    """How far a face moved in all, in its own sizes."""
    wide = np.asarray(faces, dtype=np.float64)
    return float(np.ptp(centers_of(wide) / sizes_of(wide)[:, None], axis=0).max())


def _is_in_reach(offsets: NDArray[np.float64]) -> bool:
    across, down = np.abs(np.median(offsets, axis=0)).tolist()
    return bool(across <= _WORN_MAX_ACROSS_SIZES and down <= _WORN_MAX_DOWN_SIZES)
