"""Licence plates by our own small network; `redact.training` made its weights.

The model card `redact/weights/plates.md` tells what it was trained on and where it fails.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Found, Network, in_parts, joined, scaled_parts
from redact.detectors.plate_verification import steadiness
from redact.geometry import Edges
from redact.imaging import resized
from redact.types import Box, Detection

_STRIDE = 8
_MULTIPLE = 16
_NMS_IOU = 0.4
# What a second look gives less than this it doesn't see.
_FAINTEST = 0.1
# Shrunk below this longer side a picture shows too little to tell a plate by.
_MIN_SIDE = 200
# Plates that are less broad than this in a pass are left to the next finer one, if there is one;
# plates that are broader than this in the next coarser one, and some, to that.
_MIN_BREADTH = 48.0
_OVERLAP = 1.2
# A plate's breadth is its width, or its height as if it were this much wider.
_USUAL_ASPECT = 1.5
# Even a motorcycle's plate, turned half away, is not much higher than wide.
_MIN_ASPECT = 0.7


class PlateDetector:
    """Licence plates, at one or more scales of the picture.

    Args:
        scales: for each pass, what the picture's sides are multiplied by. Plates 24 to 200 px
            wide are found in a pass; a near plate needs a scale below 1.
        threshold: lowest score that is reported, 0..1.
        looks_again: whether each find is looked at alone at several sizes, which lowers its score
            where it doesn't stay a plate there.
        threads: how many each call uses; 0 takes the machine's cores.
        enlarge_below: a picture whose longer side is below this many pixels is looked at at twice
            its size as well, since its plates are small; 0 never does.

    Raises:
        WeightsError: the model's file is missing.

    """

    kinds = ("plate",)

    def __init__(
        self,
        scales: Sequence[float] = (1.0, 0.5),
        *,
        threshold: float = 0.3,
        verifies: bool = True,
        threads: int = 0,
        enlarge_below: int = 1000,
    ) -> None:
        self._scales = tuple(scales)
        self._threshold, self._verifies = threshold, verifies
        self._enlarge_below = enlarge_below
        self._network = Network("plates.onnx", threads=threads)

    def detect(
        self, image: NDArray[np.uint8], within: Sequence[Box] | None = None
    ) -> list[Detection]:
        """Plates in an upright (H, W, 3) uint8 BGR picture.

        within: only what lies in these parts of the picture needs to be found.
        """
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        side = max(image.shape[:2])
        scales = (2.0, *self._scales) if side < self._enlarge_below else self._scales
        scales = tuple(s for s in scales if s >= 1 or s * side >= _MIN_SIDE) or scales[:1]
        passes = []
        for scale in scales:
            boxes, scores = self._pass(grey, scale, within)
            kept = judged_here(boxes, scale, scales)
            passes.append((boxes[kept], scores[kept]))
        found = joined("plate", passes, _NMS_IOU)
        return self._verified(grey, found) if self._verifies else found

    def close(self) -> None:
        """Return the memory that looking has left behind."""
        self._network.close()

    def _pass(self, grey: NDArray[np.uint8], scale: float, within: Sequence[Box] | None) -> Found:
        width, height = (max(1, round(scale * side)) for side in grey.shape[::-1])
        scaled = resized(grey, width, height)
        parts = scaled_parts(within, (scale, scale), (width, height), _MULTIPLE)
        boxes, scores = in_parts(
            parts,
            (width, height),
            lambda part: self._found_in(scaled, part),
        )
        return boxes / np.float32(scale), scores

    def _found_in(self, grey: NDArray[np.uint8], part: Edges) -> Found:
        x0, y0, x1, y1 = part
        padded = cv2.copyMakeBorder(
            grey[y0:y1, x0:x1],
            0,
            (y0 - y1) % _MULTIPLE,
            0,
            (x0 - x1) % _MULTIPLE,
            cv2.BORDER_REPLICATE,
        )
        maps = self._network(padded[None, None].astype(np.float32))[0][0]
        return _decode(maps, self._threshold)

    def _verified(self, grey: NDArray[np.uint8], found: Sequence[Detection]) -> list[Detection]:
        """What still looks like a plate at other sizes; elsewhere its score is lowered."""
        scores = [
            detection.score * steadiness(grey, np.asarray(detection.box), self._judge)
            for detection in found
        ]
        return [
            dataclasses.replace(detection, score=score)
            for detection, score in zip(found, scores, strict=True)
            if score >= self._threshold
        ]

    def _judge(self, view: NDArray[np.float32]) -> Found:
        return _decode(self._network(view[None, None])[0][0], _FAINTEST)


def judged_here(
    boxes: NDArray[np.float32], scale: float, scales: Collection[float]
) -> NDArray[np.bool_]:
    """Which of the (N, 4) boxes a pass keeps: those of a size that no other pass sees better.

    A pass sees more false ones among the smallest and the largest, so each size is left to one
    pass, or to two next to each other where it lies between them.
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    breadth = np.maximum(width, height * _USUAL_ASPECT) * scale
    kept = np.ones(len(boxes), dtype=np.bool_)
    if scale < max(scales):
        kept &= breadth >= _MIN_BREADTH
    coarser = [other for other in scales if other < scale]
    if coarser:
        kept &= breadth <= _MIN_BREADTH * _OVERLAP * scale / max(coarser)
    return np.asarray(kept, dtype=np.bool_)


def _decode(maps: NDArray[np.float32], threshold: float) -> Found:
    """Boxes (N, 4) in input pixels and scores (N,) out of the network's maps (5, h, w)."""
    scores = 1 / (1 + np.exp(-maps[0]))
    rows, columns = np.nonzero(scores >= threshold)
    x, y = (columns + 0.5) * _STRIDE, (rows + 0.5) * _STRIDE
    left, top, right, bottom = np.exp(np.clip(maps[1:, rows, columns], -4, 5)) * _STRIDE
    boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    is_wide = left + right > _MIN_ASPECT * (top + bottom)
    return boxes[is_wide].astype(np.float32), scores[rows, columns][is_wide]
