"""CenterFace: far and crowded faces, at a price.

Source: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors._networks import Found, Network, joined
from redact.records import Detection

_STRIDE = 4
_MULTIPLE = 32
_NMS_IOU = 0.3


class CenterFaceDetector:
    """Faces by CenterFace, at one or more sizes of the picture.

    Args:
        long_sides: for each pass, the longer side in pixels that the picture is shrunk to; None
            keeps it as it is. A picture is never enlarged. Near faces are found better small,
            far ones large, so two passes find more than one.
        threshold: lowest score that is reported, 0..1.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    kinds = ("face",)

    def __init__(
        self,
        long_sides: Sequence[int | None] = (None,),
        *,
        threshold: float = 0.2,
        threads: int = 0,
    ) -> None:
        self._long_sides = tuple(long_sides)
        self._threshold = threshold
        self._network = Network("centerface_any_size.onnx", threads=threads)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR picture."""
        sizes = {_input_size(image, side) for side in self._long_sides}
        passes = [self._pass(image, size) for size in sorted(sizes)]
        return joined("face", passes, _NMS_IOU)

    def _pass(self, image: NDArray[np.uint8], size: tuple[int, int]) -> Found:
        blob = cv2.dnn.blobFromImage(image, 1.0, size, (0, 0, 0), swapRB=True)
        heat, scale, offset = self._network(np.asarray(blob, dtype=np.float32))[:3]
        boxes, scores = _decode(heat[0, 0], scale[0], offset[0], self._threshold)
        factors = [image.shape[1] / size[0], image.shape[0] / size[1]]
        return boxes * np.asarray(factors * 2, dtype=np.float32), scores


def _input_size(image: NDArray[np.uint8], long_side: int | None) -> tuple[int, int]:
    """(width, height) of the network's input: multiples of 32, shape kept as well as may be."""
    height, width = image.shape[:2]
    shrink = 1.0 if long_side is None else min(1.0, long_side / max(width, height))
    return _round_up(width * shrink), _round_up(height * shrink)


def _round_up(pixels: float) -> int:
    return max(_MULTIPLE, -int(-pixels // _MULTIPLE) * _MULTIPLE)


def _decode(
    heat: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    threshold: float,
) -> Found:
    """Boxes (N, 4) in input pixels and scores (N,) out of the network's maps.

    heat: (h, w); scale, offset: (2, h, w), the row's value first, as the paper defines them.
    """
    rows, columns = np.nonzero(heat > threshold)
    sizes = np.exp(scale[:, rows, columns]) * _STRIDE
    center_y = (rows + offset[0, rows, columns] + 0.5) * _STRIDE
    center_x = (columns + offset[1, rows, columns] + 0.5) * _STRIDE
    half_height, half_width = sizes[0] / 2, sizes[1] / 2
    edges = (
        center_x - half_width,
        center_y - half_height,
        center_x + half_width,
        center_y + half_height,
    )
    return np.stack(edges, axis=1).astype(np.float32), heat[rows, columns]
