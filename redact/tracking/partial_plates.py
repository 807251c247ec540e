"""What hides a plate makes it narrower, or two things: one left and one right of a post."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redact.tracking.windows import nearby
from redact.types import Box

# Halves are about equally high and at one height, shares of their height; what is between them is
# no broader than this many heights, and no plate is broader in all than that many.
_MAX_OFFSET, _MAX_GAP, _MAX_BREADTH, _MAX_SLACK = 0.25, 1.0, 6.0, 0.5
_MAX_HEIGHT_RATIO = 1.5
# A box that is broader than this many heights shows a whole plate; one that is seen broader than
# this much of it within this time was only part of it.
_WHOLE_BREADTH, _MIN_GROWTH, _NEAR_SECONDS = 2.0, 1.3, 1.0


def are_plate_halves(a: Box, b: Box) -> bool:
    """Whether two boxes in one picture can be the ends of one plate."""
    low, high = sorted((a.height, b.height))
    gap = max(a.x0, b.x0) - min(a.x1, b.x1)
    breadth = max(a.x1, b.x1) - min(a.x0, b.x0)
    offset = abs(a.y0 + a.y1 - b.y0 - b.y1) / 2
    return (
        high < _MAX_HEIGHT_RATIO * low
        and offset < _MAX_OFFSET * high
        and -_MAX_OFFSET * high < gap < _MAX_GAP * high
        and breadth < _MAX_BREADTH * high
    )


def is_as_high(box: Box, other: NDArray[np.float64]) -> bool:
    """Whether a box can be of the plate that a (4,) box shows: hidden it is narrower, not lower."""
    height = float(other[3] - other[1])
    return max(box.height, height) < _MAX_HEIGHT_RATIO * min(box.height, height)


def complete_partial_plates(
    boxes: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N, 4) boxes of one plate over time, those of a part of it brought to the whole.

    The whole is what was seen in the same place, at most a second away.
    """
    whole = boxes.copy()
    for part, near in nearby(times, times, _NEAR_SECONDS):
        is_near = np.abs(times[part, None] - times[near]) <= _NEAR_SECONDS
        is_part = _are_parts(boxes[part, None], boxes[near]) & is_near
        low = np.where(is_part[..., None], boxes[near, :2], np.inf).min(axis=1)
        high = np.where(is_part[..., None], boxes[near, 2:], -np.inf).max(axis=1)
        whole[part, :2] = np.minimum(boxes[part, :2], low)
        whole[part, 2:] = np.maximum(boxes[part, 2:], high)
    return whole


def _are_parts(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the first of two boxes can show part of the plate that the other shows more of.

    one, other: (..., 4) each; their leading dimensions are broadcast together.
    """
    width, height = (one[..., 2 + axis] - one[..., axis] for axis in (0, 1))
    broad, high = (other[..., 2 + axis] - other[..., axis] for axis in (0, 1))
    away = np.abs(other[..., 1] + other[..., 3] - one[..., 1] - one[..., 3]) / 2
    slack = _MAX_SLACK * height
    return np.asarray(
        (width < _WHOLE_BREADTH * height)
        & (broad > _MIN_GROWTH * width)
        & (broad < _MAX_BREADTH * height)
        & (high < _MAX_HEIGHT_RATIO * height)
        & (away < _MAX_OFFSET * height)
        & (other[..., 0] < one[..., 0] + slack)
        & (other[..., 2] > one[..., 2] - slack)
    )
