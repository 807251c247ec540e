"""Licence plates by our own small network, whose weights `redact.training` made.

The model card `redact/weights/plates.md` says what it was trained on and where it fails.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Network
from redact.detectors.passes import ScoredBoxes, detect_in_parts, merged, scaled_parts
from redact.detectors.plate_verification import steadiness
from redact.geometry import Edges
from redact.resizing import resized
from redact.types import Box, Detection

# The network's map has one cell for so many pixels, and its input has whole multiples of these.
_STRIDE, _MULTIPLE = 8, 32
_NMS_IOU = 0.4
# Lowest score that counts when a candidate is verified.
_MIN_VIEW_SCORE = 0.1
# An image that is shrunk below this longer side, in pixels, shows too little to tell a plate by.
_MIN_LONG_SIDE = 200
# Plates narrower than this in a pass, in pixels, are left to the pass at the next larger scale if
# there is one; plates broader than this in the pass at the next smaller scale, times an overlap,
# are left to that one. The overlap keeps plates that two passes measure a little differently.
_MIN_BREADTH, _BREADTH_OVERLAP = 48.0, 1.2
# The breadth of a plate is its width, or its height times this if that is larger.
_MIN_ASPECT_OF_BREADTH = 1.5
# Even a motorcycle's plate, seen from the side, is at least this wide relative to its height.
_MIN_ASPECT = 0.7


class PlateDetector:
    """Licence plates, at one or more scales of the image.

    Args:
        scales: for each pass, what the image's sides are multiplied by. A pass detects plates that
            are 24 to 200 pixels wide in it; a near plate needs a scale below 1.
        threshold: lowest score that is reported, 0..1.
        verifies: whether each detection is looked at again, alone and at several sizes, which
            lowers its score where it doesn't stay a plate.
        threads: how many each call uses; 0 takes the machine's cores.
        enlarge_below: an image whose longer side is below this many pixels also gets a pass at
            twice its size, since its plates are small; 0 never enlarges.

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
        """Plates in an upright (H, W, 3) uint8 BGR image.

        within: nothing needs to be detected outside of these parts of the image; None stands for
            all of it.
        """
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        side = max(image.shape[:2])
        scales = (2.0, *self._scales) if side < self._enlarge_below else self._scales
        scales = tuple(s for s in scales if s >= 1 or s * side >= _MIN_LONG_SIDE) or scales[:1]
        passes = []
        for scale in scales:
            boxes, scores = self._run_pass(grey, scale, within)
            kept = belongs_to_scale(boxes, scale, scales)
            passes.append((boxes[kept], scores[kept]))
        candidates = merged("plate", passes, _NMS_IOU)
        return self._verified(grey, candidates) if self._verifies else candidates

    def close(self) -> None:
        """Return the memory that calls have left behind; the detector can still be used."""
        self._network.close()

    def _run_pass(
        self, grey: NDArray[np.uint8], scale: float, within: Sequence[Box] | None
    ) -> ScoredBoxes:
        width, height = (max(1, round(scale * side)) for side in grey.shape[::-1])
        scaled = resized(grey, width, height)
        parts = scaled_parts(within, (scale, scale), (width, height), _MULTIPLE)
        boxes, scores = detect_in_parts(
            parts, (width, height), lambda part: self._run_on_part(scaled, part)
        )
        return boxes / np.float32(scale), scores

    def _run_on_part(self, grey: NDArray[np.uint8], part: Edges) -> ScoredBoxes:
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
        return decode(maps, self._threshold)

    def _verified(
        self, grey: NDArray[np.uint8], candidates: Sequence[Detection]
    ) -> list[Detection]:
        """The candidates with scores lowered where they don't stay a plate at other sizes."""
        scores = [
            detection.score * steadiness(grey, np.asarray(detection.box), self._run_on_view)
            for detection in candidates
        ]
        return [
            dataclasses.replace(detection, score=score)
            for detection, score in zip(candidates, scores, strict=True)
            if score >= self._threshold
        ]

    def _run_on_view(self, view: NDArray[np.float32]) -> ScoredBoxes:
        return decode(self._network(view[None, None])[0][0], _MIN_VIEW_SCORE)


def belongs_to_scale(
    boxes: NDArray[np.float32], scale: float, scales: Collection[float]
) -> NDArray[np.bool_]:
    """Which of the (N, 4) boxes of a pass have a size that no pass at another scale detects better.

    A pass has more false detections among its smallest and its largest boxes, so each size is left
    to one pass, or to two neighbouring ones where it lies between them.
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    breadth = np.maximum(width, height * _MIN_ASPECT_OF_BREADTH) * scale
    kept = np.ones(len(boxes), dtype=np.bool_)
    if scale < max(scales):
        kept &= breadth >= _MIN_BREADTH
    coarser = [other for other in scales if other < scale]
    if coarser:
        kept &= breadth <= _MIN_BREADTH * _BREADTH_OVERLAP * scale / max(coarser)
    return np.asarray(kept, dtype=np.bool_)


def decode(maps: NDArray[np.float32], threshold: float) -> ScoredBoxes:
    """Boxes in pixels of the input, decoded from the network's maps (5, h, w).

    The first map is the logit of a plate in each cell; the others are the logarithms of how far its
    left, top, right and bottom edges are from the cell's centre, in strides.
    """
    scores = 1 / (1 + np.exp(-maps[0]))
    rows, columns = np.nonzero(scores >= threshold)
    x, y = (columns + 0.5) * _STRIDE, (rows + 0.5) * _STRIDE
    left, top, right, bottom = np.exp(np.clip(maps[1:, rows, columns], -4, 5)) * _STRIDE
    boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    is_wide = left + right > _MIN_ASPECT * (top + bottom)
    return boxes[is_wide].astype(np.float32), scores[rows, columns][is_wide]
