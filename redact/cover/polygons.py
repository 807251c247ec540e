"""Polygons as masks: which pixels of a plane a zone covers.

A pixel that the polygon touches at all is covered opaquely, since a part of what lies under the
polygon shows in it. Around those the cover fades out within a pixel or two, so that slanted edges
look straight.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import Edges

# A pixel's corner is so far from its centre.
_HALF_DIAGONAL = math.sqrt(0.5)
# A pixel beside an edge that only their rounding lets overlap is not touched.
_ROUNDING_PIXELS = 1e-4
# Rows at a time, so that a slanted edge needs the distances of few pixels beside it.
_STRIP_ROWS = 32


def opacity(
    polygon: Sequence[tuple[float, float]], box: Edges, fade_pixels: float
) -> NDArray[np.uint8]:
    """How much of each pixel of a box a polygon covers, as (y1 - y0, x1 - x0) uint8, 0..255.

    Every pixel that the polygon touches has 255; around them the opacity falls to 0.

    Args:
        polygon: (x, y) points in pixels of the plane.
        box: in pixels of the plane.
        fade_pixels: how far beyond the polygon a pixel begins that is not covered at all.

    """
    x0, y0, x1, y1 = box
    points = [(x - x0, y - y0) for x, y in polygon]
    edges = list(itertools.pairwise([*points, points[0]]))
    distances = np.full((y1 - y0, x1 - x0), fade_pixels, dtype=np.float32)
    for edge in edges:
        _measure(distances, edge, fade_pixels)
    # Half a pixel beyond the edge is the middle of the first pixel that it doesn't touch.
    shares = np.clip((fade_pixels - distances) / (fade_pixels + 0.5), 0, 1)
    result: NDArray[np.uint8] = np.round(255 * shares).astype(np.uint8)
    result[_inside(edges, result.shape) | (distances < -_ROUNDING_PIXELS)] = 255
    return result


def _inside(
    edges: Sequence[tuple[tuple[float, float], tuple[float, float]]], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which pixels of an image of this shape have their centre in the polygon."""
    result = np.zeros(shape, dtype=np.bool_)
    columns = np.arange(shape[1]) + 0.5
    for (ax, ay), (bx, by) in edges:
        first, stop = (
            min(max(math.ceil(y - 0.5), 0), shape[0]) for y in (min(ay, by), max(ay, by))
        )
        if first < stop:
            rows = np.arange(first, stop) + 0.5
            crossings = ax + (rows - ay) / (by - ay) * (bx - ax)
            result[first:stop] ^= columns < crossings[:, None]
    return result


def _measure(
    distances: NDArray[np.float32],
    edge: tuple[tuple[float, float], tuple[float, float]],
    fade_pixels: float,
) -> None:
    """Lower distances, in place, to how far the pixels begin from an edge, where that is nearer.

    It is below 0 for the pixels that the edge touches.
    """
    (ax, ay), (bx, by) = edge
    height, width = distances.shape
    length = math.hypot(bx - ax, by - ay)
    if length < _ROUNDING_PIXELS:
        return  # The edges beside it cover its pixel.
    dx, dy = (bx - ax) / length, (by - ay) / length
    # So far a pixel reaches from its middle towards the edge.
    half_pixel = (abs(dx) + abs(dy)) / 2
    reach = 2 * _HALF_DIAGONAL + fade_pixels
    first = max(0, math.floor(min(ay, by) - reach))
    stop = min(height, math.ceil(max(ay, by) + reach))
    for top in range(first, stop, _STRIP_ROWS):
        bottom = min(stop, top + _STRIP_ROWS)
        # The part of the edge that is near these rows.
        ends = [_share(y, ay, by) for y in (top - reach, bottom + reach)] if ay != by else [0, 1]
        xs = [ax + share * (bx - ax) for share in ends]
        left, right = max(0, math.floor(min(xs) - reach)), min(width, math.ceil(max(xs) + reach))
        if left >= right:
            continue
        x = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - ax)
        y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - ay)
        # The edge goes on a little at its ends: the pixel of a corner may lie beside both edges.
        along = np.clip(x * dx + y * dy, -_HALF_DIAGONAL, length + _HALF_DIAGONAL)
        part = distances[top:bottom, left:right]
        np.minimum(part, np.hypot(x - along * dx, y - along * dy) - half_pixel, out=part)


def _share(y: float, ay: float, by: float) -> float:
    """How far along an edge, 0..1, it comes nearest to a row."""
    return min(max((y - ay) / (by - ay), 0.0), 1.0)
