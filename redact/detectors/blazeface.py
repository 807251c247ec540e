"""BlazeFace on images of any shape and size, by onnxruntime, which runs the other networks too.

The weights are those of MediaPipe's sparse full-range model, converted when the package is built.
MediaPipe itself squeezes every image into a square of 192 pixels, of which a wide image leaves
almost half empty, and takes most of a second to load. Neither is needed here, and threads can share
the detector.

Source: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Network
from redact.detectors.passes import ScoredBoxes, mediapipe_input, mediapipe_scores
from redact.geometry import overlap_groups
from redact.resizing import shrunk
from redact.types import Box, Detection

# The network has one cell for so many pixels, and its input has whole multiples of these.
_STRIDE, _MULTIPLE = 4, 32
_SAME_IOU = 0.3
MIN_FACE_RATIO = 0.1
"""A face of this share of the image's longer side is detected; of smaller ones, more and more are
missed."""


class BlazeFaceDetector:
    """Near faces, in a few milliseconds an image.

    A face must fill some 5 to 10 % of the image's longer side.

    Args:
        long_side: what the image's longer side is shrunk to, in pixels. The network was trained at
            192; somewhat more costs little for wide images.
        threshold: lowest score that is reported, 0..1.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    kinds = ("face",)

    def __init__(self, long_side: int = 224, *, threshold: float = 0.35, threads: int = 0) -> None:
        self._long_side, self._threshold = long_side, threshold
        self._network = Network("blazeface_any_size.onnx", threads=threads)

    def min_face_pixels(self, height: int, width: int) -> float:
        """The lowest face that can be relied on to be detected in an image of that size, pixels."""
        return MIN_FACE_RATIO * max(height, width)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR image."""
        scale = min(1.0, self._long_side / max(image.shape[:2]))
        height, width = (max(1, round(scale * side)) for side in image.shape[:2])
        blob = mediapipe_input(shrunk(image, width, height), _MULTIPLE)
        values, logits = self._network(blob)
        found = _decode(values[0], logits[0, :, 0], blob.shape[3], self._threshold)
        boxes, scores = _blended(*found)
        boxes *= [image.shape[1] / width, image.shape[0] / height] * 2
        return [
            Detection(kind="face", box=Box(*map(float, box)), score=float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]

    def close(self) -> None:
        """Return the memory that calls have left behind; the detector can still be used."""
        self._network.close()


def _decode(
    values: NDArray[np.float32], logits: NDArray[np.float32], width: int, threshold: float
) -> ScoredBoxes:
    """Boxes in pixels of the input, decoded from the network's lists of cells.

    values: (cells, 16), the box's centre relative to the cell's, its width and height, and six
        points, all in pixels. logits: (cells,). Cells go along the rows of an input of that width.
    """
    scores = mediapipe_scores(logits)
    chosen = np.flatnonzero(scores >= threshold)
    rows, columns = np.divmod(chosen, width // _STRIDE)
    cells = np.stack([columns + 0.5, rows + 0.5], axis=1) * _STRIDE
    center, half = values[chosen, :2] + cells, values[chosen, 2:4] / 2
    return np.hstack([center - half, center + half]).astype(np.float32), scores[chosen]


def _blended(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> ScoredBoxes:
    """One box for each face: the mean of the boxes that overlap the best one, weighted by score.

    It is steadier from frame to frame than the best box alone (section 4.2 of the paper).
    """
    groups = list(overlap_groups(boxes, scores, _SAME_IOU))
    faces = [np.average(boxes[same], axis=0, weights=scores[same]) for same in groups]
    best = [scores[same[0]] for same in groups]
    return np.asarray(faces, dtype=np.float32).reshape(-1, 4), np.asarray(best, dtype=np.float32)
