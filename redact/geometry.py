"""Pure geometry on boxes.

A box is x0 y0 x1 y1 in pixels, half-open, with the origin at the top left. Arrays of boxes have
these four numbers in their last axis.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from redact.types import Box

_Float = TypeVar("_Float", bound=np.floating)

Edges = tuple[int, int, int, int]
"""A box with integer edges: x0 y0 x1 y1."""


def iou_matrix(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, M) intersection over union of (N, 4) and (M, 4) boxes; 0 where either is empty."""
    a = np.asarray(a, dtype=np.float64).reshape(-1, 4)
    b = np.asarray(b, dtype=np.float64).reshape(-1, 4)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(x[:, 2:] - x[:, :2], 0, None), axis=1) for x in (a, b)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    share = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return np.asarray(share, dtype=np.float64)


def covered_share(box: Box, covers: Sequence[Box]) -> float:
    """The share of `box` that lies inside the union of `covers`, 0..1; 1 for an empty box.

    Sweeps over the vertical strips between neighbouring x edges and adds up, in each, the union of
    the y spans of the covers that cross it.
    """
    if box.area <= 0:
        return 1.0
    clipped = [clamp_to(cover, box) for cover in covers]
    clipped = [cover for cover in clipped if cover.area > 0]
    xs = sorted({edge for cover in clipped for edge in (cover.x0, cover.x1)})
    total = 0.0
    for left, right in itertools.pairwise(xs):
        spans = sorted((c.y0, c.y1) for c in clipped if c.x0 <= left and c.x1 >= right)
        covered_to = -math.inf
        for y0, y1 in spans:
            total += (right - left) * max(0.0, y1 - max(y0, covered_to))
            covered_to = max(covered_to, y1)
    return total / box.area


def share_of_smaller(a: Box, b: Box) -> float:
    """The share of the smaller box that lies in the other one, 0..1."""
    small, large = sorted((a, b), key=lambda box: box.area)
    return covered_share(small, [large])


def clamp_to(box: Box, limits: Box) -> Box:
    """The part of `box` inside `limits`, with zero area if the two don't overlap."""
    x0 = min(max(box.x0, limits.x0), limits.x1)
    y0 = min(max(box.y0, limits.y0), limits.y1)
    return Box(x0, y0, max(x0, min(box.x1, limits.x1)), max(y0, min(box.y1, limits.y1)))


def grow(box: Box, ratio: float, min_pixels: float = 0.0) -> Box:
    """`box` enlarged around its centre.

    Args:
        box: the box to enlarge.
        ratio: how far each edge moves outward, relative to the box's size along that axis.
        min_pixels: the width and height of the result are at least this.

    """
    width = max(box.width * (1 + 2 * ratio), min_pixels)
    height = max(box.height * (1 + 2 * ratio), min_pixels)
    cx, cy = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return Box(cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)


def scaled(box: tuple[float, float, float, float], factors: tuple[float, float]) -> Box:
    """The box in an image whose width and height are multiplied by these factors."""
    (x0, y0, x1, y1), (fx, fy) = box, factors
    return Box(x0 * fx, y0 * fy, x1 * fx, y1 * fy)


def align_even(box: Box, width: int, height: int) -> Edges | None:
    """The smallest even-aligned box around `box` inside a frame of (width, height) pixels.

    Edges are even so that whole 4:2:0 chroma samples are covered; only the frame's own right and
    bottom edges may be odd. None if the box lies outside the frame.
    """
    x0 = max(0, math.floor(box.x0 / 2) * 2)
    y0 = max(0, math.floor(box.y0 / 2) * 2)
    x1 = min(width, math.ceil(box.x1 / 2) * 2)
    y1 = min(height, math.ceil(box.y1 / 2) * 2)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def upright_to_stored(
    box: Box, width: int, height: int, rotation_degrees: int, is_mirrored: bool = False
) -> Box:
    """A box of the upright frame, converted to pixels of the stored frame.

    Args:
        box: in pixels of the upright frame.
        width: of the stored frame, pixels.
        height: of the stored frame, pixels.
        rotation_degrees: the clockwise rotation that makes the stored frame upright.
        is_mirrored: whether left and right are swapped after that rotation.

    Raises:
        ValueError: the rotation is not a multiple of 90 degrees.

    """
    if is_mirrored:
        upright_width = height if rotation_degrees % 180 else width
        box = Box(upright_width - box.x1, box.y0, upright_width - box.x0, box.y1)
    match rotation_degrees % 360:
        case 0:
            return box
        case 90:
            return Box(box.y0, height - box.x1, box.y1, height - box.x0)
        case 180:
            return Box(width - box.x1, height - box.y1, width - box.x0, height - box.y0)
        case 270:
            return Box(width - box.y1, box.x0, width - box.y0, box.x1)
        case other:
            raise ValueError(f"rotation must be a multiple of 90 degrees, not {other}")


def stored_to_upright(box: Box, width: int, height: int, rotation_degrees: int) -> Box:
    """The reverse of `upright_to_stored`, with the same arguments; `box` is in the stored frame."""
    size = (height, width) if rotation_degrees % 180 else (width, height)
    return upright_to_stored(box, *size, -rotation_degrees)


def overlap_groups(
    boxes: NDArray[np.floating], scores: NDArray[np.floating], iou: float
) -> Iterator[NDArray[np.intp]]:
    """Group boxes that overlap a better one, as greedy non-maximum suppression does.

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou: boxes join a group if their intersection over union with its best box exceeds this.

    Yields:
        (n,) indices of one group, its best box first; the group with the best box comes first.

    """
    boxes = np.asarray(boxes)
    remaining = np.argsort(-np.asarray(scores), kind="stable")
    while remaining.size:
        overlap = iou_matrix(boxes[remaining[0]], boxes[remaining])[0]
        overlap[0] = math.inf
        yield remaining[overlap > iou]
        remaining = remaining[overlap <= iou]


def suppress(boxes: NDArray[np.floating], scores: NDArray[np.floating], iou: float) -> list[int]:
    """Indices of the (N, 4) boxes kept by greedy non-maximum suppression, highest score first."""
    return [int(group[0]) for group in overlap_groups(boxes, scores, iou)]


def join_overlapping(boxes: Sequence[Box]) -> list[Box]:
    """Replace boxes that overlap by one box around both, until no two overlap."""
    result: list[Box] = []
    for box in boxes:
        while (other := next((o for o in result if overlaps(box, o)), None)) is not None:
            result.remove(other)
            low, high = map(min, box[:2], other[:2]), map(max, box[2:], other[2:])
            box = Box(*low, *high)
        result.append(box)
    return result


def overlaps(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    """Whether two boxes, x0 y0 x1 y1, share some area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def as_array(boxes: Iterable[Box | NDArray[np.float64]]) -> NDArray[np.float64]:
    """(N, 4) float64 array of the boxes; (0, 4) if there are none."""
    return np.asarray(list(boxes), dtype=np.float64).reshape(-1, 4)


def centers_of(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) centres, x and y, of (..., 4) boxes."""
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2)


def sizes_of(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...) sizes of (..., 4) boxes: the square root of the area, with no side taken as below 1."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 1.0)
    return np.asarray(np.sqrt(sides.prod(axis=-1)))


def mirrored_boxes(boxes: NDArray[_Float], width: float) -> NDArray[_Float]:
    """(..., 4) boxes in the mirror image of an image of that width."""
    x0, y0, x1, y1 = np.moveaxis(boxes, -1, 0)
    return np.stack([width - x1, y0, width - x0, y1], axis=-1)
