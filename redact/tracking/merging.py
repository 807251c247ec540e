"""Detections of single frames, joined to what they are of, frame after frame.

The two scores are those of ByteTrack (Zhang et al., 2022): sure detections start and continue
tracks, weak ones only continue them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import as_array, centers_of, iou_matrix, sizes_of
from redact.tracking.confirmation import evidence_for
from redact.tracking.partial_plates import are_plate_halves
from redact.tracking.tracklet import MIN_REACH
from redact.types import Box, Detection

# Boxes of one frame that overlap more are the same thing, seen by several detectors.
_SAME_IOU = 0.4
_NESTED_SHARE = 0.75
_MAX_SIZE_RATIO, _MAX_WEAK_RATIO = 2.2, 1.6


def merge_same(detections: Sequence[Detection]) -> list[Detection]:
    """One detection for each thing in a frame: the union of boxes that several looks found.

    The union, not the best box, since each detector cuts a face differently and none of what
    one of them saw may stay uncovered. A weak look at something of like size that a sure one
    lies in, or lies around, is a second, worse look at it and adds nothing. The halves of a plate
    that something stands before are one thing, too.
    """
    merged: list[Detection] = []
    for detection in sorted(detections, key=lambda d: -d.score):
        if any(_is_worse_look(detection, better) for better in merged):
            continue
        same = _same_among(merged, detection)
        if same is None:
            merged.append(detection)
        else:
            whole = _union(merged[same].box, detection.box)
            merged[same] = dataclasses.replace(merged[same], box=whole)
    return merged


def _same_among(merged: Sequence[Detection], detection: Detection) -> int | None:
    """Which of the merged detections shows the same thing; None where none does."""
    overlap = iou_matrix(as_array([detection.box]), as_array([m.box for m in merged]))[0]
    best = int(np.argmax(overlap)) if len(merged) else None
    if best is not None and overlap[best] > _SAME_IOU:
        return best
    halves = (i for i, other in enumerate(merged) if are_plate_halves(detection.box, other.box))
    return next(halves, None) if detection.kind == "plate" else None


def _is_worse_look(detection: Detection, better: Detection) -> bool:
    sure = evidence_for(detection.kind).sure
    if detection.kind != better.kind or detection.score >= sure or better.score < sure:
        return False
    a, b = detection.box, better.box
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    smaller, larger = sorted((max(a.area, 1.0), max(b.area, 1.0)))
    shared = max(width, 0.0) * max(height, 0.0)
    alike = larger < _MAX_SIZE_RATIO**2 * smaller
    return alike and shared > _NESTED_SHARE * smaller


def is_same_place(box: Box, predicted: NDArray[np.float64], reach: float = MIN_REACH) -> bool:
    """Whether a box can be of the thing that was predicted here: near it, and of like size.

    reach: the farthest that its centre may be away, in sizes of the larger box.
    """
    other = np.asarray(box, dtype=np.float64)
    size, sizes = float(sizes_of(predicted)), float(sizes_of(other))
    offset = float(np.linalg.norm(centers_of(other) - centers_of(predicted)))
    alike = max(size, sizes) < _MAX_SIZE_RATIO * min(size, sizes)
    return alike and offset < reach * max(size, sizes)


def _union(a: Box, b: Box) -> Box:
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))
