"""What detectors that run an ONNX network through OpenCV share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact import _weights
from redact.boxes import suppress
from redact.records import Box, Detection

Found = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Boxes (N, 4) and scores (N,) of one pass."""


class SizedNetworks:
    """One copy of a network for each size of its input.

    OpenCV plans a network anew whenever the input's size changes.

    Raises:
        WeightsError: the model's file is missing.

    """

    def __init__(self, name: str) -> None:
        self._path = str(_weights.find(name))
        self._by_size: dict[Hashable, Any] = {}

    def of(self, size: Hashable) -> Any:
        """The `cv2.dnn.Net` for inputs of that size."""
        if size not in self._by_size:
            self._by_size[size] = cv2.dnn.readNetFromONNX(self._path)
        return self._by_size[size]


def joined(kind: str, passes: Sequence[Found], iou: float) -> list[Detection]:
    """What all passes found, each thing once: the best of boxes that overlap more than `iou`."""
    boxes = np.concatenate([boxes for boxes, _ in passes])
    scores = np.concatenate([scores for _, scores in passes])
    return [
        Detection(kind=kind, box=Box(*map(float, boxes[i])), score=float(scores[i]))
        for i in suppress(boxes, scores, iou)
    ]
