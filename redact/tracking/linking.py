"""A parked plate is constant: what stood in the same place before and after was there between."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from redact.geometry import iou_matrix
from redact.tracking.tracklet import PARKED_SECONDS, Tracklet
from redact.types import Track

_SAME_IOU = 0.5


def join_parked(tracklets: Iterable[Tracklet]) -> list[Tracklet]:
    """The tracklets, those joined to one that show a plate in one place of one scene."""
    joined: list[Tracklet] = []
    for tracklet in sorted(tracklets, key=lambda t: t.indices[0]):
        earlier = next((t for t in joined if _stays(t, tracklet)), None)
        if earlier is None:
            joined.append(tracklet)
        else:
            joined[joined.index(earlier)] = _one_of(earlier, tracklet)
    return joined


def _stays(earlier: Tracklet, later: Tracklet) -> bool:
    gap = later.times[0] - earlier.times[-1]
    if earlier.kind != "plate" or later.kind != "plate" or not 0 < gap <= PARKED_SECONDS:
        return False
    if earlier.scene != later.scene:
        return False
    return bool(iou_matrix(_best_box(earlier), _best_box(later))[0, 0] > _SAME_IOU)


def _best_box(tracklet: Tracklet) -> NDArray[np.float64]:
    """(4,) where it was seen best: at its ends it may have been followed astray."""
    return tracklet.boxes[int(np.nanargmax(tracklet.scores))]


def _one_of(earlier: Tracklet, later: Tracklet) -> Tracklet:
    whole = dataclasses.replace(
        later,
        indices=earlier.indices + later.indices,
        times=earlier.times + later.times,
        boxes=earlier.boxes + later.boxes,
        scores=earlier.scores + later.scores,
    )
    whole.best_score = max(earlier.best_score, later.best_score)
    return whole


# Tracks that share this much of the shorter one's time, and of their place, are of one thing,
# unless they are apart for more than a small share of that time.
_DUPLICATE_TIME_SHARE, _DUPLICATE_IOU, _DUPLICATE_APART_SHARE = 0.6, 0.33, 0.1


def merge_duplicates(tracks: list[Track]) -> list[Track]:
    """Tracks that lay on the same thing while both lasted become one, the union of both.

    Each is held against the longest of its group, not against the group's union, which would grow
    until it holds whoever passes by.
    """
    groups: list[list[Track]] = []
    for track in sorted(tracks, key=lambda t: (-len(t.boxes), t.start_index)):
        group = next((g for g in groups if _are_duplicates(track, g[0])), None)
        if group is None:
            groups.append([track])
        else:
            group.append(track)
    return [functools.reduce(_union_of, group) for group in groups]


def _are_duplicates(a: Track, b: Track) -> bool:
    start, stop = max(a.start_index, b.start_index), min(a.stop_index, b.stop_index)
    shorter = min(len(a.boxes), len(b.boxes))
    if a.kind != b.kind or stop - start < max(1, _DUPLICATE_TIME_SHARE * shorter):
        return False
    one, other = (t.boxes[start - t.start_index : stop - t.start_index] for t in (a, b))
    both = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.prod(np.clip(both, 0, None), axis=1)
    sizes = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    iou = shared / np.maximum(sizes[0] + sizes[1] - shared, 1e-6)
    is_apart = float((shared <= 0).mean()) > _DUPLICATE_APART_SHARE
    return bool(np.median(iou) > _DUPLICATE_IOU) and not is_apart


def _union_of(a: Track, b: Track) -> Track:
    """A track that takes in both; where only one was found before and after, its box alone."""
    start, stop = min(a.start_index, b.start_index), max(a.stop_index, b.stop_index)
    boxes = np.full((stop - start, 4), np.nan, dtype=np.float32)
    scores = np.full(stop - start, np.nan, dtype=np.float32)
    span_a, span_b = _found_span(a), _found_span(b)
    for track, own_span, other_span in ((a, span_a, span_b), (b, span_b, span_a)):
        kept = [
            index
            for index in range(track.start_index, track.stop_index)
            if index in own_span or index not in other_span
        ]
        numbers = np.asarray(kept, dtype=np.intp)
        at, own = numbers - start, numbers - track.start_index
        boxes[at, :2] = np.fmin(boxes[at, :2], track.boxes[own, :2])
        boxes[at, 2:] = np.fmax(boxes[at, 2:], track.boxes[own, 2:])
        scores[at] = np.fmax(scores[at], track.scores[own])
    return dataclasses.replace(a, start_index=start, boxes=boxes, scores=scores)


def _found_span(track: Track) -> range:
    """From the frame of its first find to that of its last."""
    found = np.flatnonzero(np.isfinite(track.scores))
    if len(found) == 0:
        return range(0)
    return range(track.start_index + int(found[0]), track.start_index + int(found[-1]) + 1)
