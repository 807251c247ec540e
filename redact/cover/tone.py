"""Tones: means of parts of a picture, and the tone that its surroundings give a covered region.

"Planes" are (y, u, v), each (H, W) uint8 with u and v of half the size, or one (H, W, 3) uint8 BGR
picture. Edges are a box's x0 y0 x1 y1 in whole luma pixels, inside the picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.cover import _kernels
from redact.geometry import Edges, align_even, meet
from redact.types import Box

Planes = Sequence[NDArray[np.uint8]]

# Covers are no darker and no brighter. Those of faces have this much of U and V at middle
# brightness, and all of that where the surroundings are this far from grey.
_LUMA_RANGE, _WARM, _COLOURFUL = (32.0, 200.0), (-6.0, 5.0), 6.0
# The ring around a box from which its tone is taken: eight cells at the border of a 5 x 5 grid,
# this many times as wide and high as the box.
_RING = 2.4
_RING_PATCHES = [(i, j) for i in (0, 2, 4) for j in (0, 2, 4) if (i, j) != (2, 2)]


def surroundings(
    box: Edges, covered: Sequence[Edges], planes: Planes
) -> NDArray[np.float32] | None:
    """(3,) Y, U, V around the box, of nothing but what stays visible; None if all is hidden.

    The median of the means of eight patches in a ring past the cover's own edge, so that a lamp
    doesn't count; patches that meet a covered box are left out.
    """
    height, width = planes[0].shape[:2]
    x0, y0, x1, y1 = box
    step_x, step_y = _RING * (x1 - x0) / 5, _RING * (y1 - y0) / 5
    found = []
    for column, row in _RING_PATCHES:
        left = (x0 + x1) / 2 + (column - 2.5) * step_x
        top = (y0 + y1) / 2 + (row - 2.5) * step_y
        patch = align_even(Box(left + 2, top + 2, left + step_x, top + step_y), width, height)
        if patch and not any(meet(patch, other) for other in covered):
            found.append(means(patch, planes, 1)[:, 0, 0])
    return np.median(found, axis=0).astype(np.float32) if found else None


def toned_down(around: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """(3,) a cover's Y, U, V: as bright as the surroundings, and not too dark or bright.

    A face's cover is a little warm, like skin, and grey where all is grey: one in the green of a
    hedge would look strange. Others take the colour around, as a plate's is that of the car.
    """
    luma = float(np.clip(around[0], *_LUMA_RANGE))
    chroma = around[1:] - 128
    if kind == "face":
        colourful = min(1.0, float(np.hypot(*chroma)) / _COLOURFUL)
        chroma = np.array(_WARM, dtype=np.float32) * np.float32(colourful * luma / 128)
    return np.array([luma, *(128 + chroma)], dtype=np.float32)


def means(box: Edges, planes: Planes, count: int) -> NDArray[np.float32]:
    """(3, count, count) mean Y, U, V; planes: (y, u, v), or one (H, W, 3) BGR picture."""
    if len(planes) == 1:
        cells = np.empty((count, count, 3), dtype=np.float32)
        _kernels.reduce(planes[0].reshape(planes[0].shape[0], -1), *box, cells)
        return _bgr_to_yuv(cells)
    halved = half(box)
    result = np.empty((3, count, count, 1), dtype=np.float32)
    for channel, (plane, edges) in enumerate(zip(planes, (box, halved, halved), strict=True)):
        _kernels.reduce(plane, *edges, result[channel])
    return result[..., 0]


def half(box: Edges) -> Edges:
    """The same box in a 4:2:0 chroma plane, whose last pixel may stand for an odd edge."""
    x0, y0, x1, y1 = box
    return x0 // 2, y0 // 2, -(-x1 // 2), -(-y1 // 2)


# ITU-R BT.601, full range: only a grey axis and two colour axes are needed here.
_TO_YUV = np.array(
    [[0.114, 0.587, 0.299], [0.5, -0.331264, -0.168736], [-0.081312, -0.418688, 0.5]],
    dtype=np.float32,
)


def _bgr_to_yuv(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, columns, 3) BGR as (3, rows, columns) YUV."""
    offset = np.array([0, 128, 128], dtype=np.float32)[:, None, None]
    return np.asarray(np.einsum("cb,ijb->cij", _TO_YUV, cells) + offset, dtype=np.float32)


def yuv_to_bgr(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, rows, columns) YUV as (rows, columns, 3) BGR."""
    y, u, v = cells[0], cells[1] - 128, cells[2] - 128
    return np.stack([y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v], axis=2)
