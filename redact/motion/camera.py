"""What moves in front of a camera: where to look, never what to cover.

A doorbell camera stands still, so what differs from the learned background is where somebody is.
When the camera moves, when the light jumps or the scene is cut, everything counts as moving: the
model may only save looking, and when it is in doubt it saves nothing.
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

_MIN_SHIFT = 0.4
_MIN_RESPONSE = 0.08
# A pixel is for or against a shift when that changes its difference by more grey steps than this.
_VOTE_STEPS = 4.0


def similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation of two pictures, -1..1; 1 when both are flat."""
    a, b = a - a.mean(), b - b.mean()
    strength = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return 1.0 if strength < 1e-3 * a.size else float((a * b).sum()) / strength


def estimate_shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[float, float]:
    """How far the picture as a whole moved, small pixels; (0, 0) when that isn't clear.

    Phase correlation (Kuglin and Hines, 1975) of the gradients, under a Hanning window. It may show
    how somebody moved who takes much of the picture: most pixels must be better explained by it
    than by a camera that stood still.
    """
    if min(before.shape) < 2:
        return 0.0, 0.0
    (dx, dy), response = cv2.phaseCorrelate(_edges(before), _edges(after), _window(before.shape))
    if response < _MIN_RESPONSE or math.hypot(dx, dy) < _MIN_SHIFT:
        return 0.0, 0.0
    return (float(dx), float(dy)) if _explains_max(before, after, dx, dy) else (0.0, 0.0)


@functools.lru_cache(maxsize=4)
def _window(shape: tuple[int, ...]) -> NDArray[np.float32]:
    window = cv2.createHanningWindow((shape[1], shape[0]), cv2.CV_32F)
    return np.asarray(window, dtype=np.float32)


def _explains_max(
    before: NDArray[np.float32], after: NDArray[np.float32], dx: float, dy: float
) -> bool:
    """Whether a shift brings more pixels of one picture closer to the other than it takes away."""
    height, width = before.shape
    moved = cv2.warpAffine(before, np.array([[1, 0, dx], [0, 1, dy]]), (width, height))
    x, y = math.ceil(abs(dx)) + 1, math.ceil(abs(dy)) + 1
    inner = slice(y, height - y), slice(x, width - x)
    gained = np.abs(after - before)[inner] - np.abs(after - moved)[inner]
    return int((gained > _VOTE_STEPS).sum()) > int((gained < -_VOTE_STEPS).sum())


def _edges(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.Laplacian(picture, cv2.CV_32F, ksize=3), dtype=np.float32)
