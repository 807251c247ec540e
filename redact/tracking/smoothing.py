"""Smooths the boxes of a track over time without making any of them smaller."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redact.tracking.tuning import TUNING


def smooth_boxes(boxes: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steadier boxes, each of which contains the box it replaces.

    Centres are averaged over a short window, so that steady motion stays what it is. Half sizes are
    replaced by their upper envelope, and so is what still sticks out of the box around the averaged
    centre.

    Args:
        boxes: (T, 4) one for each frame.
        times: (T,) seconds, ascending.

    """
    if len(boxes) < 3:
        return boxes
    step = float(np.median(np.diff(times)))
    if step <= 0:
        return boxes
    radius = min(
        TUNING.max_smoothing_frames, len(boxes) - 1, round(TUNING.smoothing_seconds / step)
    )
    if radius == 0:
        return boxes
    low, high = boxes[:, :2], boxes[:, 2:]
    center = _mean_centers((low + high) / 2, radius)
    half_size = np.tile(_upper_envelope((high - low) / 2, radius), 2)
    outward = np.array([-1.0, -1.0, 1.0, 1.0])
    smooth = np.tile(center, 2) + outward * half_size
    missing = _upper_envelope(np.maximum(outward * (boxes - smooth), 0.0), radius)
    return smooth + outward * missing


def _mean_centers(centers: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """(T, 2) the running mean of (T, 2) centres, each with `radius` frames before and after.

    Beyond the ends the path is mirrored through its end point, so that motion goes on as it was.
    """
    before = 2 * centers[0] - centers[radius:0:-1]
    after = 2 * centers[-1] - centers[-2 : -radius - 2 : -1]
    extended = np.concatenate([before, centers, after])
    inside = slice(radius, radius + len(centers))
    return np.asarray(_windows(extended, radius)[:, inside].mean(axis=0))


def _upper_envelope(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """A smooth curve that never lies below (T, K) values.

    It is a running maximum, then a running mean of the same width: each mean is over maxima whose
    windows contain the frame in the middle.
    """
    highest = _windows(values, radius).max(axis=0)
    return np.asarray(_windows(highest, radius).mean(axis=0))


def _windows(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """(2 * radius + 1, T, K) the neighbours of each of (T, K) values; the ends are repeated."""
    steps = np.arange(-radius, radius + 1)[:, None] + np.arange(len(values))
    return np.take(values, steps, axis=0, mode="clip")
