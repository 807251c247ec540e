"""Heads, seen from any side, by the person detector of MediaPipe's BlazePose.

It finds a person by the upper body, so backs, hoods, caps and bent heads count as well, where
face detectors see nothing. It fails in crowds and where only a head is in the picture.

Source: Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Found, Network, joined
from redact.types import Detection

_MULTIPLE = 32
# (stride, anchors in each cell) of the network's maps, in the order of its outputs.
_LAYERS = ((8, 2), (16, 2), (32, 6))
_SHOULDERS, _REACH = 2, 3
# The head on the line from between the shoulders to the end of the upper body's circle, in
# shares of that line. Measured against CenterFace on people who face the camera: a face's centre
# lies at 0.20 / 0.30 / 0.36 (5th, 50th, 95th percentile), it is 0.25 / 0.33 / 0.44 high and
# 0.16 / 0.26 / 0.35 wide. Hair comes on top.
_CENTER, _HALF_HEIGHT, _HALF_WIDTH = 0.33, 0.25, 0.2
_NMS_IOU = 0.3


class HeadDetector:
    """Heads with hair, of people whose shoulders are in the picture.

    Args:
        long_sides: for each pass, what the picture's longer side is scaled to, in pixels. The
            network was made for 224: a person who fills the picture's height. Farther people
            need a larger pass, or a part of the picture.
        threshold: lowest score that is reported, 0..1.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    kinds = ("head",)

    def __init__(
        self, long_sides: Sequence[int] = (224,), *, threshold: float = 0.5, threads: int = 0
    ) -> None:
        self._long_sides = tuple(long_sides)
        self._threshold = threshold
        self._network = Network("pose_any_size.onnx", threads=threads)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Heads in an upright (H, W, 3) uint8 BGR picture."""
        return joined("head", [self._pass(image, side) for side in self._long_sides], _NMS_IOU)

    def close(self) -> None:
        """Return the memory that looking has left behind."""
        self._network.close()

    def _pass(self, image: NDArray[np.uint8], long_side: int) -> Found:
        scale = long_side / max(image.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)
        height, width = small.shape[:2]
        padded = cv2.copyMakeBorder(
            small, 0, -height % _MULTIPLE, 0, -width % _MULTIPLE, cv2.BORDER_CONSTANT
        )
        blob = cv2.dnn.blobFromImage(padded, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True)
        values, logits = self._network(np.asarray(blob, dtype=np.float32))
        boxes, scores = _decode(values[0], logits[0, :, 0], padded.shape[:2], self._threshold)
        factors = [image.shape[1] / width, image.shape[0] / height]
        return boxes * np.asarray(factors * 2, dtype=np.float32), scores


def _decode(
    values: NDArray[np.float32],
    logits: NDArray[np.float32],
    size: tuple[int, ...],
    threshold: float,
) -> Found:
    """Boxes (N, 4) in input pixels and scores (N,) out of the network's lists of anchors.

    values: (A, 12), a box and four points (x, y) in pixels from the anchor; logits: (A,).
    """
    scores = (1 / (1 + np.exp(-np.clip(logits, -80, 80)))).astype(np.float32)
    chosen = np.flatnonzero(scores >= threshold)
    points = values[chosen, 4:].reshape(-1, 4, 2) + _anchors(size)[chosen, None]
    shoulders = points[:, _SHOULDERS]
    upward = points[:, _REACH] - shoulders
    reach = np.linalg.norm(upward, axis=1, keepdims=True)
    direction = upward / np.maximum(reach, 1e-6)
    center = shoulders + _CENTER * upward
    # The extent of an ellipse that leans as the person does.
    long, short = np.square(_HALF_HEIGHT * direction), np.square(_HALF_WIDTH * direction[:, ::-1])
    half = reach * np.sqrt(long + short)
    return np.hstack([center - half, center + half]).astype(np.float32), scores[chosen]


def _anchors(size: tuple[int, ...]) -> NDArray[np.float32]:
    """(A, 2) centres x, y of all anchors for an input of (height, width)."""
    layers = []
    for stride, count in _LAYERS:
        rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
        centers = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * stride
        layers.append(np.repeat(centers, count, axis=0))
    return np.concatenate(layers).astype(np.float32)
