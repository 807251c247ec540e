"""Heads seen from any side, by the person detector of MediaPipe's BlazePose.

The network detects people by the upper body, so it sees heads from behind, with hoods and caps, and
bent down, where face detectors see nothing. It also tells which way up they are: of 149 people
that it detected at 320 pixels with scores of 0.8 and more, in clips in three turns, 137 were as it
said, and the others were a woman who bends down to a dog, or the dog. It fails in crowds, and where
nothing but a head is in the image.

Source: Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Network
from redact.detectors.passes import mediapipe_input, mediapipe_scores
from redact.geometry import suppress
from redact.types import Box, Detection

_MULTIPLE = 32
# (stride, anchors in each cell) of the network's maps, in the order of its outputs.
_LAYERS = ((8, 2), (16, 2), (32, 6))
# Which of the network's points lie between the shoulders, and on the circle around the upper body.
_SHOULDERS, _CIRCLE = 2, 3
# The head, relative to the line from the shoulders to the circle: where its centre lies, and half
# its height and width. Measured against CenterFace on people who face the camera, a face's centre
# lies at 0.20 / 0.30 / 0.36 of the line (5th, 50th and 95th percentile), and a face is
# 0.25 / 0.33 / 0.44 high and 0.16 / 0.26 / 0.35 wide. Hair is added to that.
_CENTER, _HALF_HEIGHT, _HALF_WIDTH = 0.33, 0.25, 0.2
_NMS_IOU = 0.3

_People = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]
"""The heads' boxes (N, 4) in pixels, scores (N,) in 0..1, and (N,) clockwise turns after which the
people stand upright, in degrees."""


class HeadDetector:
    """Heads with their hair, of people whose shoulders are in the image.

    Args:
        long_sides: for each pass, what the image's longer side is scaled to, in pixels. The network
            was trained at 224 with people who fill the image's height. People who are farther away
            need a larger pass, or a part of the image.
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
        """Heads in a (H, W, 3) uint8 BGR image, and in which turn their people stand upright."""
        passes = [self._run_pass(image, side) for side in self._long_sides]
        boxes, scores, turns = (np.concatenate(values) for values in zip(*passes, strict=True))
        return [
            Detection(
                kind="head",
                box=Box(*map(float, boxes[i])),
                score=float(scores[i]),
                turn_degrees=int(turns[i]),
            )
            for i in suppress(boxes, scores, _NMS_IOU)
        ]

    def close(self) -> None:
        """Return the memory that calls have left behind; the detector can still be used."""
        self._network.close()

    def _run_pass(self, image: NDArray[np.uint8], long_side: int) -> _People:
        scale = long_side / max(image.shape[:2])
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation)
        blob = mediapipe_input(np.asarray(scaled, dtype=np.uint8), _MULTIPLE)
        values, logits = self._network(blob)
        boxes, scores, turns = _decode(values[0], logits[0, :, 0], blob.shape[2:], self._threshold)
        factors = [image.shape[1] / scaled.shape[1], image.shape[0] / scaled.shape[0]]
        return boxes * np.asarray(factors * 2, dtype=np.float32), scores, turns


def _decode(
    values: NDArray[np.float32],
    logits: NDArray[np.float32],
    size: tuple[int, ...],
    threshold: float,
) -> _People:
    """People, with boxes in pixels of the input, decoded from the network's lists of anchors.

    values: (A, 12), a box and four points x, y, all in pixels relative to the anchor. logits: (A,).
    size: (height, width) of the input.
    """
    scores = mediapipe_scores(logits)
    chosen = np.flatnonzero(scores >= threshold)
    points = values[chosen, 4:].reshape(-1, 4, 2) + _anchors(size)[chosen, None]
    shoulders = points[:, _SHOULDERS]
    upward = points[:, _CIRCLE] - shoulders
    length = np.linalg.norm(upward, axis=1, keepdims=True)
    direction = upward / np.maximum(length, 1e-6)
    center = shoulders + _CENTER * upward
    # The extent of an ellipse that leans as the person does.
    along, across = np.square(_HALF_HEIGHT * direction), np.square(_HALF_WIDTH * direction[:, ::-1])
    half = length * np.sqrt(along + across)
    boxes = np.hstack([center - half, center + half]).astype(np.float32)
    return boxes, scores[chosen], _turns(direction)


def _turns(direction: NDArray[np.float32]) -> NDArray[np.intp]:
    """(N,) the clockwise turns, of four, after which (N, 2) x, y directions come nearest to up."""
    lean_degrees = np.degrees(np.arctan2(direction[:, 0], -direction[:, 1]))
    return np.asarray(-np.round(lean_degrees / 90).astype(np.intp) * 90 % 360)


def _anchors(size: tuple[int, ...]) -> NDArray[np.float32]:
    """(A, 2) centres x, y of all anchors for an input of (height, width)."""
    layers = []
    for stride, count in _LAYERS:
        rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
        centers = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * stride
        layers.append(np.repeat(centers, count, axis=0))
    return np.concatenate(layers).astype(np.float32)
