"""The tone of a cover, taken from what stays visible around it.

"Planes" are (y, u, v), each (H, W) uint8 with u and v of half the size, or one (H, W, 3) uint8 BGR
image. "Edges" are x0 y0 x1 y1 of a box in whole luma pixels, inside the frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.cover.tuning import KINDS, OTHER_KIND, TUNING
from redact.geometry import Edges, align_even, overlaps
from redact.types import Box

Planes = Sequence[NDArray[np.uint8]]

# The ring around a box: eight cells at the border of a 5 x 5 grid with the box in the middle.
_RING_PATCHES = [(i, j) for i in (0, 2, 4) for j in (0, 2, 4) if (i, j) != (2, 2)]


def surrounding_tone(
    box: Edges, covered: Sequence[Edges], planes: Planes
) -> NDArray[np.float32] | None:
    """Return (3,) Y, U, V of what stays visible around a box, or None if nothing does.

    It is the median of the means of eight patches in a ring around the cover, so that a lamp in one
    of them doesn't matter. Patches that overlap a covered box are left out.
    """
    height, width = planes[0].shape[:2]
    x0, y0, x1, y1 = box
    step_x, step_y = TUNING.ring_ratio * (x1 - x0) / 5, TUNING.ring_ratio * (y1 - y0) / 5
    inset = TUNING.patch_inset_pixels
    found = []
    for column, row in _RING_PATCHES:
        left = (x0 + x1) / 2 + (column - 2.5) * step_x
        top = (y0 + y1) / 2 + (row - 2.5) * step_y
        patch = align_even(
            Box(left + inset, top + inset, left + step_x, top + step_y), width, height
        )
        if patch and not any(overlaps(patch, other) for other in covered):
            found.append(mean_tones(patch, planes, 1)[:, 0, 0])
    return np.median(found, axis=0).astype(np.float32) if found else None


def cover_tone(around: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Return (3,) Y, U, V of a cover, given those of its surroundings.

    It is as bright as the surroundings, within limits. The cover of a face is slightly warm, like
    skin, and grey in grey surroundings: with the colour of a hedge behind it, it would look
    strange. The cover of a plate takes the colour around it, which is that of the car.
    """
    luma = float(np.clip(around[0], TUNING.min_luma, TUNING.max_luma))
    chroma = around[1:] - 128
    warm = KINDS.get(kind, OTHER_KIND).warm_chroma
    if warm is not None:
        share = min(1.0, float(np.hypot(*chroma)) / TUNING.full_chroma_distance)
        chroma = np.array(warm, dtype=np.float32) * np.float32(share * luma / 128)
    return np.array([luma, *(128 + chroma)], dtype=np.float32)


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
