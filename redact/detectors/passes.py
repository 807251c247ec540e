"""Passes of a network over an image: over parts of it, and several of them merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import Edges, suppress
from redact.types import Box, Detection

ScoredBoxes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""What one pass detects: boxes (N, 4) in pixels and scores (N,) in 0..1."""


def mediapipe_input(image: NDArray[np.uint8], multiple: int) -> NDArray[np.float32]:
    """A (H, W, 3) uint8 BGR image as MediaPipe's networks take it.

    The result is (1, 3, H', W') float32 RGB in -1..1, padded with black on the right and below to
    multiples of so many pixels.
    """
    height, width = image.shape[:2]
    padded = cv2.copyMakeBorder(
        image, 0, -height % multiple, 0, -width % multiple, cv2.BORDER_CONSTANT
    )
    blob = cv2.dnn.blobFromImage(padded, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True)
    return np.asarray(blob, dtype=np.float32)


def mediapipe_scores(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) scores in 0..1 of (N,) logits, limited as MediaPipe limits them."""
    return (1 / (1 + np.exp(-np.clip(logits, -80, 80)))).astype(np.float32)


def scaled_parts(
    within: Sequence[Box] | None, factor: tuple[float, float], size: tuple[int, int], multiple: int
) -> list[Edges]:
    """Parts of an image as edges in the image scaled to `size`.

    Args:
        within: the parts, in pixels of the image; None stands for all of it.
        factor: what x and y are multiplied by.
        size: (width, height) of the scaled image.
        multiple: the edges are moved outward to multiples of so many pixels.

    """
    if within is None:
        return [(0, 0, *size)]
    parts = []
    for box in within:
        low = [int(v * f // multiple) * multiple for v, f in zip(box[:2], factor, strict=True)]
        high = [-int(-v * f // multiple) * multiple for v, f in zip(box[2:], factor, strict=True)]
        x1, y1 = (min(v, limit) for v, limit in zip(high, size, strict=True))
        parts.append((max(0, low[0]), max(0, low[1]), x1, y1))
    return parts


def detect_in_parts(
    parts: Iterable[Edges], size: tuple[int, int], detect: Callable[[Edges], ScoredBoxes]
) -> ScoredBoxes:
    """One pass over each part of a (width, height) image; boxes are in pixels of the image.

    Boxes that touch an inner edge of their part are left out, since the edge cuts them. The edges
    of the image itself cut nothing.

    detect: makes the pass over one part; its boxes are in pixels of the part.
    """
    nothing = np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.float32)
    passes: list[ScoredBoxes] = [nothing]
    for part in parts:
        boxes, scores = detect(part)
        x0, y0, x1, y1 = part
        boxes = boxes + np.asarray([x0, y0] * 2, dtype=np.float32)
        is_whole = (boxes[:, 0] > x0) | (x0 == 0)
        is_whole &= (boxes[:, 1] > y0) | (y0 == 0)
        is_whole &= (boxes[:, 2] < x1) | (x1 == size[0])
        is_whole &= (boxes[:, 3] < y1) | (y1 == size[1])
        passes.append((boxes[is_whole], scores[is_whole]))
    return concatenated(passes)


def concatenated(passes: Sequence[ScoredBoxes]) -> ScoredBoxes:
    """The boxes and scores of all passes, one after the other."""
    boxes = np.concatenate([boxes for boxes, _ in passes])
    return boxes, np.concatenate([scores for _, scores in passes])


def merged(kind: str, passes: Sequence[ScoredBoxes], iou: float) -> list[Detection]:
    """Detections of all passes, without those that overlap a better one by more than `iou`."""
    boxes, scores = concatenated(passes)
    return [
        Detection(kind=kind, box=Box(*map(float, boxes[i])), score=float(scores[i]))
        for i in suppress(boxes, scores, iou)
    ]
