"""Completes the boxes of partly hidden plates by what was detected shortly before and after.

A long tracklet is worked on in parts, so that time and memory grow linearly with its length.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from redact.tracking.tuning import TUNING

_PART_COUNT = 64


def complete_partial_plates(
    boxes: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Extend boxes that show only the visible part of a plate to the whole of it.

    The whole is what was seen in the same place shortly before or after.

    Args:
        boxes: (N, 4) of one plate.
        times: (N,) seconds, ascending.

    Returns:
        (N, 4) boxes, none smaller than before.

    """
    whole = boxes.copy()
    for part, near in _nearby(times, times, TUNING.plate_window_seconds):
        is_near = np.abs(times[part, None] - times[near]) <= TUNING.plate_window_seconds
        is_part = _are_parts(boxes[part, None], boxes[near]) & is_near
        low = np.where(is_part[..., None], boxes[near, :2], np.inf).min(axis=1)
        high = np.where(is_part[..., None], boxes[near, 2:], -np.inf).max(axis=1)
        whole[part, :2] = np.minimum(boxes[part, :2], low)
        whole[part, 2:] = np.maximum(boxes[part, 2:], high)
    return whole


def _are_parts(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each box of `parts` can be the visible part of the plate in a box of `wholes`.

    parts, wholes: (..., 4) each; their leading dimensions are broadcast together.
    """
    width, height = (parts[..., 2 + axis] - parts[..., axis] for axis in (0, 1))
    whole_width, whole_height = (wholes[..., 2 + axis] - wholes[..., axis] for axis in (0, 1))
    offset = np.abs(wholes[..., 1] + wholes[..., 3] - parts[..., 1] - parts[..., 3]) / 2
    slack = TUNING.plate_max_slack_heights * height
    return np.asarray(
        (width < TUNING.plate_whole_width_heights * height)
        & (whole_width > TUNING.plate_min_growth * width)
        & (whole_width < TUNING.plate_max_width_heights * height)
        & (whole_height < TUNING.plate_max_height_ratio * height)
        & (offset < TUNING.plate_max_offset_heights * height)
        & (wholes[..., 0] < parts[..., 0] + slack)
        & (wholes[..., 2] > parts[..., 2] - slack)
    )


def _nearby(
    times: NDArray[np.float64], others: NDArray[np.float64], seconds: float
) -> Iterator[tuple[slice, slice]]:
    """Slices that together contain all of `times`, each with a slice of the others near it.

    Args:
        times: (N,) seconds, ascending.
        others: (M,) seconds, ascending.
        seconds: the second slice contains all of `others` that are no farther than this from any
            time in the first one, and perhaps some that are.

    """
    for start in range(0, len(times), _PART_COUNT):
        part = times[start : start + _PART_COUNT]
        low = np.searchsorted(others, part[0] - seconds, side="left")
        high = np.searchsorted(others, part[-1] + seconds, side="right")
        yield slice(start, start + len(part)), slice(int(low), int(high))
