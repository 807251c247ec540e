"""Joins tracklets of one parked object, and merges tracks that turn out to be duplicates."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable

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


def merge_duplicate_tracks(tracks: list[Track]) -> list[Track]:
    """The tracks, with those merged that covered the same object while both lasted.

    Each is compared with the longest track of its group and not with the group's union, which would
    grow until it contains everybody who passes by.
    """
    groups: list[list[Track]] = []
    for track in sorted(tracks, key=lambda t: (-len(t.boxes), t.start_index)):
        group = next((g for g in groups if _are_duplicates(track, g[0])), None)
        if group is None:
            groups.append([track])
        else:
            group.append(track)
    return [functools.reduce(_merge, group) for group in groups]


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


def _merge(a: Track, b: Track) -> Track:
    """A track that covers both, frame by frame.

    Where only one of them is between its first and last detection, its box is taken alone: the
    other one's is a guess.
    """
    start, stop = min(a.start_index, b.start_index), max(a.stop_index, b.stop_index)
    boxes = np.full((stop - start, 4), np.nan, dtype=np.float32)
    scores = np.full(stop - start, np.nan, dtype=np.float32)
    span_a, span_b = _detected_span(a), _detected_span(b)
    for track, own_span, other_span in ((a, span_a, span_b), (b, span_b, span_a)):
        kept = [
            index
            for index in range(track.start_index, track.stop_index)
            if index in own_span or index not in other_span
        ]
        indices = np.asarray(kept, dtype=np.intp)
        at, own = indices - start, indices - track.start_index
        boxes[at, :2] = np.fmin(boxes[at, :2], track.boxes[own, :2])
        boxes[at, 2:] = np.fmax(boxes[at, 2:], track.boxes[own, 2:])
        scores[at] = np.fmax(scores[at], track.scores[own])
    return dataclasses.replace(a, start_index=start, boxes=boxes, scores=scores)


def _detected_span(track: Track) -> range:
    """The frames from a track's first detection to its last; empty without detections."""
    detected = np.flatnonzero(np.isfinite(track.scores))
    if len(detected) == 0:
        return range(0)
    return range(track.start_index + int(detected[0]), track.start_index + int(detected[-1]) + 1)
