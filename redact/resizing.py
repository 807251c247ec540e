"""Shrinking images without aliasing, enlarging, turning and mirroring them, and fast."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_ROTATE_CODES = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def size_within(shape: Sequence[int], long_side: int) -> tuple[int, int]:
    """(width, height) of a (H, W, ...) image shrunk until its longer side is at most that long."""
    height, width = shape[:2]
    scale = max(1.0, max(height, width) / long_side)
    return max(1, round(width / scale)), max(1, round(height / scale))


def shrunk(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A (H, W) or (H, W, 3) uint8 image at a smaller size, each pixel the mean of its area.

    The image is first halved while its sides are even, because OpenCV does this several times as
    fast as it averages over areas of other sizes. Interpolating would be faster still, but lets
    details through that alias: in benchmarks leaks, 24 face-frames leaked instead of 2.
    """
    while image.shape[1] >= 2 * width and image.shape[0] >= 2 * height:
        if image.shape[0] % 2 or image.shape[1] % 2:
            break
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if image.shape[:2] == (height, width):
        return image
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A (H, W) or (H, W, C) uint8 image at another size: means of areas, or interpolated."""
    if width <= image.shape[1] and height <= image.shape[0]:
        return shrunk(image, width, height)
    return np.asarray(cv2.resize(image, (width, height)), dtype=np.uint8)


def turned(image: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
    """A (H, W) or (H, W, C) uint8 image turned clockwise by 0, 90, 180 or 270 degrees; contiguous.

    OpenCV takes a tenth of the time that numpy takes to copy a turned view.
    """
    code = _ROTATE_CODES.get(degrees % 360)
    return np.ascontiguousarray(image if code is None else cv2.rotate(image, code))


def mirrored(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of a (H, W) or (H, W, C) uint8 image with left and right exchanged.

    OpenCV takes a tenth of the time that numpy takes to copy a reversed view.
    """
    return np.asarray(cv2.flip(image, 1), dtype=np.uint8)
