"""What hides a plate makes it narrower, or two things: one left and one right of a post."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redact.records import Box

# Halves are about equally high and at one height, shares of their height; what is between them is
# no broader than this many heights, and no plate is broader in all than that many.
_MOST_OFFSET, _MOST_GAP, _MOST_BREADTH, _MOST_SLACK = 0.25, 1.0, 6.0, 0.5
_MOST_HEIGHT_RATIO = 1.5
# A box that is broader than this many heights shows a whole plate; one that is seen broader than
# this much of it within this time was only part of it.
_WHOLE_BREADTH, _LEAST_GROWTH, _NEAR_SECONDS = 2.0, 1.3, 1.0


def are_halves(a: Box, b: Box) -> bool:
    """Whether two boxes in one picture can be the ends of one plate."""
    low, high = sorted((a.height, b.height))
    gap = max(a.x0, b.x0) - min(a.x1, b.x1)
    breadth = max(a.x1, b.x1) - min(a.x0, b.x0)
    offset = abs(a.y0 + a.y1 - b.y0 - b.y1) / 2
    return (
        high < _MOST_HEIGHT_RATIO * low
        and offset < _MOST_OFFSET * high
        and -_MOST_OFFSET * high < gap < _MOST_GAP * high
        and breadth < _MOST_BREADTH * high
    )


def is_as_high(box: Box, other: NDArray[np.float64]) -> bool:
    """Whether a box can be of the plate that a (4,) box shows: hidden it is narrower, not lower."""
    height = float(other[3] - other[1])
    return max(box.height, height) < _MOST_HEIGHT_RATIO * min(box.height, height)


def whole_plates(boxes: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4) boxes of one plate over time, those of a part of it brought to the whole.

    The whole is what was seen in the same place, at most a second away.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    slack = _MOST_OFFSET * size[:, 1], _MOST_SLACK * size[:, 1]
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    is_part = (size[:, 0] < _WHOLE_BREADTH * size[:, 1])[:, None] & (
        (size[:, 0][None] > _LEAST_GROWTH * size[:, 0][:, None])
        & (size[:, 0][None] < _MOST_BREADTH * size[:, 1][:, None])
        & (size[:, 1][None] < _MOST_HEIGHT_RATIO * size[:, 1][:, None])
        & (np.abs(times[None] - times[:, None]) <= _NEAR_SECONDS)
        & (np.abs(middle[None] - middle[:, None]) < slack[0][:, None])
        & (boxes[:, 0][None] < boxes[:, 0][:, None] + slack[1][:, None])
        & (boxes[:, 2][None] > boxes[:, 2][:, None] - slack[1][:, None])
    )
    low = np.where(is_part[..., None], boxes[None, :, :2], np.inf).min(axis=1)
    high = np.where(is_part[..., None], boxes[None, :, 2:], -np.inf).max(axis=1)
    return np.concatenate([np.minimum(boxes[:, :2], low), np.maximum(boxes[:, 2:], high)], axis=1)
