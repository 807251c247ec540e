"""The tones of a cover, carried in from what stays visible around it.

"Planes" are (y, u, v), each (H, W) uint8 with u and v of half the size, or one (H, W, 3) uint8 BGR
image. "Edges" are x0 y0 x1 y1 of a box in whole luma pixels, inside the frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.cover.tuning import TUNING
from redact.geometry import Edges, align_even, overlaps
from redact.types import Box

Planes = Sequence[NDArray[np.uint8]]

# The ring around a box: eight cells at the border of a 5 x 5 grid with the box in the middle, in
# their order around it. Each is (column, row); half of that is its place in a 3 x 3 grid.
_RING = [(0, 0), (2, 0), (4, 0), (4, 2), (4, 4), (2, 4), (0, 4), (0, 2)]


def surrounding_tones(
    box: Edges, covered: Sequence[Edges], planes: Planes
) -> NDArray[np.float32] | None:
    """Return (3, 3, 3) Y, U, V over a box, carried in from what stays visible around it.

    Each cell at the border has the mean of a patch in a ring around the cover, and the middle one
    that of all of them: nothing in the box takes part. Patches that overlap a covered box, or lie
    outside the frame, take the tones of their neighbours in the ring.

    Returns None if nothing around the box stays visible.
    """
    height, width = planes[0].shape[:2]
    x0, y0, x1, y1 = box
    step_x, step_y = TUNING.ring_ratio * (x1 - x0) / 5, TUNING.ring_ratio * (y1 - y0) / 5
    inset = TUNING.patch_inset_pixels
    numbers, found = [], []
    for number, (column, row) in enumerate(_RING):
        left = (x0 + x1) / 2 + (column - 2.5) * step_x
        top = (y0 + y1) / 2 + (row - 2.5) * step_y
        patch = align_even(
            Box(left + inset, top + inset, left + step_x, top + step_y), width, height
        )
        if patch and not any(overlaps(patch, other) for other in covered):
            numbers.append(number)
            found.append(mean_tones(patch, planes, 1)[:, 0, 0])
    if not found:
        return None
    known = _limited(np.stack(found, axis=1))
    cells = np.empty((3, 3, 3), dtype=np.float32)
    for channel in range(3):
        ring = np.interp(range(len(_RING)), numbers, known[channel], period=len(_RING))
        for (column, row), value in zip(_RING, ring, strict=True):
            cells[channel, row // 2, column // 2] = value
        cells[channel, 1, 1] = ring.mean()
    return cells


def _limited(tones: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, N) tones without extremes: a lamp beside a face doesn't shine into its cover."""
    middle = np.median(tones, axis=1, keepdims=True)
    limit = np.array([TUNING.max_luma_spread, *[TUNING.max_chroma_spread] * 2])[:, None]
    tones = np.clip(tones, middle - limit, middle + limit)
    tones[0] = np.clip(tones[0], TUNING.min_luma, TUNING.max_luma)
    return tones.astype(np.float32)


def resampled(cells: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return (C, rows, columns) of (C, M, N) cells, interpolated between their middles."""
    for axis, count in ((1, rows), (2, columns)):
        size = cells.shape[axis]
        at = (np.arange(count) + 0.5) * size / count - 0.5
        first = np.clip(np.floor(at).astype(int), 0, size - 1)
        second = np.minimum(first + 1, size - 1)
        share = np.clip(at - first, 0, 1).astype(np.float32)
        share = share.reshape((-1, 1) if axis == 1 else (1, -1))
        cells = cells.take(first, axis) * (1 - share) + cells.take(second, axis) * share
    return cells


def mean_tones(box: Edges, planes: Planes, count: int) -> NDArray[np.float32]:
    """Return the mean Y, U, V of each of count x count parts of a box: (3, count, count)."""
    from redact.cover import kernels

    if len(planes) == 1:
        cells = np.empty((count, count, 3), dtype=np.float32)
        kernels.reduce(planes[0].reshape(planes[0].shape[0], -1), *box, cells)
        return _bgr_to_yuv(cells)
    halved = chroma_edges(box)
    result = np.empty((3, count, count, 1), dtype=np.float32)
    for channel, (plane, edges) in enumerate(zip(planes, (box, halved, halved), strict=True)):
        kernels.reduce(plane, *edges, result[channel])
    return result[..., 0]


def chroma_edges(box: Edges) -> Edges:
    """Return the same box in a 4:2:0 chroma plane, whose last pixel may stand for an odd edge."""
    x0, y0, x1, y1 = box
    return x0 // 2, y0 // 2, -(-x1 // 2), -(-y1 // 2)


# ITU-R BT.601, full range. Any matrix would do, since only one grey axis and two colour axes are
# needed here.
_TO_YUV = np.array(
    [[0.114, 0.587, 0.299], [0.5, -0.331264, -0.168736], [-0.081312, -0.418688, 0.5]],
    dtype=np.float32,
)


def _bgr_to_yuv(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert (rows, columns, 3) BGR to (3, rows, columns) YUV."""
    offset = np.array([0, 128, 128], dtype=np.float32)[:, None, None]
    return np.asarray(np.einsum("cb,ijb->cij", _TO_YUV, cells) + offset, dtype=np.float32)


def yuv_to_bgr(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert (3, rows, columns) YUV to (rows, columns, 3) BGR."""
    y, u, v = cells[0], cells[1] - 128, cells[2] - 128
    return np.stack([y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v], axis=2)
