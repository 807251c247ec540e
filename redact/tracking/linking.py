"""Joins tracklets of one parked object, and finds tracklets that are duplicates."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import iou_matrix
from redact.tracking.tracklet import Tracklet
from redact.tracking.tuning import TUNING, kind_tuning
from redact.types import Track


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
    return bool(iou_matrix(_best_box(earlier), _best_box(later))[0, 0] > TUNING.parked_iou)


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
                if _are_duplicates(one[1], g[0][1])
                and all(_detections_agree(one[0], other) for other, _ in g)
            ),
            None,
        )
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups


def _detections_agree(a: Tracklet, b: Tracklet) -> bool:
    """Whether the boxes of two tracklets overlap in every frame in which both were detected.

    A detector tells two faces apart even where one is in front of the other.
    """
    in_both = sorted(set(a.indices) & set(b.indices))
    pairs = ((a.detected_box_at(index), b.detected_box_at(index)) for index in in_both)
    return all(
        float(iou_matrix(one, other)[0, 0]) > TUNING.duplicate_min_detected_iou
        for one, other in pairs
        if one is not None and other is not None
    )


def _are_duplicates(a: Track, b: Track) -> bool:
    """Whether two tracks overlap for most of the shorter one's time and are hardly ever apart."""
    start, stop = max(a.start_index, b.start_index), min(a.stop_index, b.stop_index)
    shorter = min(len(a.boxes), len(b.boxes))
    min_count = max(1, TUNING.duplicate_track_time_share * shorter)
    if a.kind != b.kind or stop - start < min_count:
        return False
    one, other = (t.boxes[start - t.start_index : stop - t.start_index] for t in (a, b))
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=1)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    iou = shared / np.maximum(areas[0] + areas[1] - shared, 1e-6)
    apart_share = float((shared <= 0).mean())
    return (
        bool(np.median(iou) > TUNING.duplicate_track_iou)
        and apart_share <= TUNING.duplicate_track_max_apart_share
    )
