"""BlazeFace on pictures of any shape and size, by the runtime that the other networks use.

The weights are those of MediaPipe's sparse full-range model, converted when the package is built.
MediaPipe itself squeezes every picture into a square of 192 px, of which a wide picture leaves
almost half empty, and loads for most of a second; here neither is needed, and threads can share
the detector.

Source: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Found, Network
from redact.geometry import groups_of_same
from redact.imaging import shrunk
from redact.types import Box, Detection

_STRIDE = 4
_MULTIPLE = 32
_SAME_IOU = 0.3


class BlazeFaceAnySizeDetector:
    """Near faces, in a few milliseconds a picture.

    A face must fill some 5 to 10 % of the picture's longer side.

    Args:
        long_side: what the picture's longer side is shrunk to, in pixels. The network was made
            for 192; some more costs little where the picture is wide.
        threshold: lowest score that is reported, 0..1.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    kinds = ("face",)

    def __init__(self, long_side: int = 224, *, threshold: float = 0.35, threads: int = 0) -> None:
        self._long_side, self._threshold = long_side, threshold
        self._network = Network("blazeface_any_size.onnx", threads=threads)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR picture."""
        scale = min(1.0, self._long_side / max(image.shape[:2]))
        height, width = (max(1, round(scale * side)) for side in image.shape[:2])
        small = shrunk(image, width, height)
        padded = cv2.copyMakeBorder(
            small, 0, -height % _MULTIPLE, 0, -width % _MULTIPLE, cv2.BORDER_CONSTANT
        )
        blob = cv2.dnn.blobFromImage(padded, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True)
        values, logits = self._network(np.asarray(blob, dtype=np.float32))
        found = _decode(values[0], logits[0, :, 0], padded.shape[1], self._threshold)
        boxes, scores = _blended(*found)
        boxes *= [image.shape[1] / width, image.shape[0] / height] * 2
        return [
            Detection(kind="face", box=Box(*map(float, box)), score=float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]

    def close(self) -> None:
        """Return the memory that looking has left behind."""
        self._network.close()


def _decode(
    values: NDArray[np.float32], logits: NDArray[np.float32], width: int, threshold: float
) -> Found:
    """Boxes (N, 4) in input pixels and scores (N,) out of the network's lists of cells.

    values: (cells, 16): the box's centre from the cell's, its width and height, all in pixels,
    and six points; logits: (cells,). Cells go along the rows of an input of that width.
    """
    scores = (1 / (1 + np.exp(-np.clip(logits, -80, 80)))).astype(np.float32)
    chosen = np.flatnonzero(scores >= threshold)
    rows, columns = np.divmod(chosen, width // _STRIDE)
    cells = np.stack([columns + 0.5, rows + 0.5], axis=1) * _STRIDE
    center, half = values[chosen, :2] + cells, values[chosen, 2:4] / 2
    return np.hstack([center - half, center + half]).astype(np.float32), scores[chosen]


def _blended(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Found:
    """One box for each face: the mean of those that overlap the best one, by their scores.

    Steadier from picture to picture than the best box alone (the paper's section 4.2).
    """
    groups = list(groups_of_same(boxes, scores, _SAME_IOU))
    faces = [np.average(boxes[same], axis=0, weights=scores[same]) for same in groups]
    best = [scores[same[0]] for same in groups]
    return np.asarray(faces, dtype=np.float32).reshape(-1, 4), np.asarray(best, dtype=np.float32)
