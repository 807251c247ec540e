"""Merges the detections of one object in one frame, and tells whether boxes can show one object."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import as_array, centers_of, iou_matrix, sizes_of
from redact.tracking.tuning import TUNING, kind_tuning
from redact.types import Box, Detection


def merge_detections(detections: Sequence[Detection]) -> list[Detection]:
    """One detection for each object in a frame, the highest score first.

    Detections of one kind that overlap become the mean of their boxes, weighted by score, since
    each detector cuts a face differently. A low-confidence detection of about the same size inside
    or around a high-confidence one is a duplicate of it with a worse box and is dropped. The two
    visible halves of a plate behind a post become the box around both.
    """
    merged: list[Detection] = []
    weights: list[float] = []
    for detection in sorted(detections, key=lambda d: -d.score):
        same_kind = [i for i, other in enumerate(merged) if other.kind == detection.kind]
        others = [merged[i] for i in same_kind]
        if any(_is_worse_duplicate(detection, other) for other in others):
            continue
        duplicate = _duplicate_among(others, detection)
        if duplicate is None:
            merged.append(detection)
            weights.append(detection.score)
            continue
        at = same_kind[duplicate]
        best = merged[at]
        if detection.kind == "plate" and are_plate_halves(detection.box, best.box):
            box = _union(best.box, detection.box)
        else:
            box = _mean(best.box, weights[at], detection.box, detection.score)
            weights[at] += detection.score
        merged[at] = dataclasses.replace(best, box=box)
    return merged


def is_same_place(box: Box, predicted: NDArray[np.float64], gate: float | None = None) -> bool:
    """Whether a box can show the object predicted at a (4,) box: nearby, and of about its size.

    gate: how far apart the centres may lie, in sizes of the larger box; None for the smallest gate.
    """
    gate = TUNING.min_gate_sizes if gate is None else gate
    other = np.asarray(box, dtype=np.float64)
    size, other_size = float(sizes_of(predicted)), float(sizes_of(other))
    offset = float(np.linalg.norm(centers_of(other) - centers_of(predicted)))
    is_alike = max(size, other_size) < TUNING.max_size_ratio * min(size, other_size)
    return is_alike and offset < gate * max(size, other_size)


def has_plate_height(box: Box, plate: NDArray[np.float64]) -> bool:
    """Whether a box is about as high as a (4,) plate: partly hidden, a plate is only narrower."""
    height = float(plate[3] - plate[1])
    return max(box.height, height) < TUNING.plate_max_height_ratio * min(box.height, height)


def are_plate_halves(a: Box, b: Box) -> bool:
    """Whether two boxes in one frame can be the visible ends of one plate.

    They are about equally high, at the same height in the frame, and the gap between them is no
    wider than a post.
    """
    low, high = sorted((a.height, b.height))
    gap = max(a.x0, b.x0) - min(a.x1, b.x1)
    width = max(a.x1, b.x1) - min(a.x0, b.x0)
    offset = abs(a.y0 + a.y1 - b.y0 - b.y1) / 2
    max_offset = TUNING.plate_max_offset_heights * high
    return (
        high < TUNING.plate_max_height_ratio * low
        and offset < max_offset
        and -max_offset < gap < TUNING.plate_max_gap_heights * high
        and width < TUNING.plate_max_width_heights * high
    )


def _duplicate_among(others: Sequence[Detection], detection: Detection) -> int | None:
    """The index of the detection of the same kind that shows the same object; None if none does."""
    if not others:
        return None
    overlap = iou_matrix(as_array([detection.box]), as_array([o.box for o in others]))[0]
    best = int(np.argmax(overlap))
    if overlap[best] > TUNING.duplicate_detection_iou:
        return best
    if detection.kind != "plate":
        return None
    halves = (i for i, other in enumerate(others) if are_plate_halves(detection.box, other.box))
    return next(halves, None)


def _is_worse_duplicate(detection: Detection, better: Detection) -> bool:
    """Whether a low-confidence detection only repeats a high-confidence one of the same kind."""
    high_score = kind_tuning(detection.kind).high_score
    if detection.score >= high_score or better.score < high_score:
        return False
    a, b = detection.box, better.box
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    smaller, larger = sorted((max(a.area, 1.0), max(b.area, 1.0)))
    shared = max(width, 0.0) * max(height, 0.0)
    is_alike = larger < TUNING.max_size_ratio**2 * smaller
    return is_alike and shared > TUNING.nested_share * smaller


def _mean(a: Box, a_weight: float, b: Box, b_weight: float) -> Box:
    share = b_weight / (a_weight + b_weight) if b_weight else 0.0
    return Box(*(one + share * (other - one) for one, other in zip(a, b, strict=True)))


def _union(a: Box, b: Box) -> Box:
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))
