"""Which points lie in a polygon, written once more, for tests."""

import numpy as np


def is_in(points, x, y):
    """Whether points of two arrays lie in a polygon, by the crossing rule."""
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        if ay != by:
            with np.errstate(over="ignore", invalid="ignore"):
                crossing = ax + (y - ay) / (by - ay) * (bx - ax)
            inside ^= ((ay > y) != (by > y)) & (x < crossing)
    return inside
