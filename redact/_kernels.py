"""Loops on 2-D uint8, compiled by numba. No checks: `blur.py` makes sure of what comes in.

A "plane" is (H, W) uint8, or (H, W * C) for C interleaved channels; its rows may be padded, but
the bytes of a row lie side by side. Boxes are given in pixels of the plane.

Each kernel has one signature, is compiled when this module is imported first, and is kept on
disk: beside this file or, where that can't be written to, in the user's cache folder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Corners of the box lie on the rounded outline |x/a|^4 + |y/b|^4 = 1 when it is this much larger.
ROUNDED_GROWTH = 2.0**0.25


def _kernel(signature: str) -> Callable[..., Any]:
    compiler: Callable[..., Any] = njit(
        signature, nogil=True, cache=True, fastmath=True, boundscheck=False, error_model="numpy"
    )
    return compiler


@_kernel("void(uint8[:, :], int64, int64, int64, int64, float32[:, :, ::1])")
def reduce(
    plane: NDArray[np.uint8], x0: int, y0: int, x1: int, y1: int, cells: NDArray[np.float32]
) -> None:
    """Write into cells (rows, columns, C) the mean of each part of the box.

    The box lies inside the plane. A cell that holds no pixel takes that of the nearest one.
    """
    rows, columns, channels = cells.shape
    for row in range(rows):
        top = y0 + (y1 - y0) * row // rows
        bottom = max(y0 + (y1 - y0) * (row + 1) // rows, top + 1)
        top, bottom = min(top, y1 - 1), min(bottom, y1)
        for column in range(columns):
            left = x0 + (x1 - x0) * column // columns
            right = max(x0 + (x1 - x0) * (column + 1) // columns, left + 1)
            left, right = min(left, x1 - 1), min(right, x1)
            count = (bottom - top) * (right - left)
            if channels == 1:
                total = 0
                for y in range(top, bottom):
                    part = np.uint32(0)
                    # Unsigned, or numba's care for negative indices keeps LLVM from vectorising.
                    for x in range(np.uintp(left), np.uintp(right)):
                        part += np.uint32(plane[y, x])
                    total += int(part)
                cells[row, column, 0] = total / count
            else:
                for channel in range(channels):
                    total = 0
                    for y in range(top, bottom):
                        for x in range(left, right):
                            total += int(plane[y, x * channels + channel])
                    cells[row, column, channel] = total / count


_inlined = njit(nogil=True, fastmath=True, inline="always")
_F32 = np.float32
Line = NDArray[np.uint8]
Values = NDArray[np.float32]


# Unsigned counters, here and above: numba's care for negative indices would keep LLVM from
# turning the loops into vector instructions.
@njit(nogil=True, fastmath=True)
def _fill(
    line: Line, start: Any, from_: int, to: int, upper: Values, lower: Values, share: Any
) -> None:
    """Replace columns from_..to of a row."""
    for i in range(np.uintp(from_), np.uintp(to)):
        line[start + i] = np.uint8(np.int32(upper[i] + (lower[i] - upper[i]) * share))


@_inlined
def _blended(old: Any, new: Any, alpha: Any) -> Any:
    """`old` where alpha is 0 or less, `new` (half a grey step up) where it is 1 or more."""
    alpha = min(max(alpha, _F32(0.0)), _F32(1.0))
    alpha = alpha * alpha * (_F32(3.0) - _F32(2.0) * alpha)
    before = _F32(old) + _F32(0.5)
    return np.uint8(np.int32(before + (new - before) * alpha))


@_inlined
def _fade_sum(
    line: Line,
    start: Any,
    from_: int,
    to: int,
    upper: Values,
    lower: Values,
    share: Any,
    away: Values,
    room: Any,
    slope: Any,
) -> None:
    """Blend columns from_..to of a row, the less the larger `away`: nothing from `room` on."""
    for i in range(np.uintp(from_), np.uintp(to)):
        alpha = (room - away[i]) * slope
        new = upper[i] + (lower[i] - upper[i]) * share
        line[start + i] = _blended(line[start + i], new, alpha)


@_inlined
def _fade_max(
    line: Line,
    start: Any,
    from_: int,
    to: int,
    upper: Values,
    lower: Values,
    share: Any,
    away: Values,
    down: Any,
    limit: Any,
    slope: Any,
) -> None:
    """The same for a straight outline: the larger of `away` and `down` decides."""
    for i in range(np.uintp(from_), np.uintp(to)):
        alpha = (limit - max(away[i], down)) * slope
        new = upper[i] + (lower[i] - upper[i]) * share
        line[start + i] = _blended(line[start + i], new, alpha)


@_inlined
def _between_cells(at: float, count: int, is_smooth: bool) -> tuple[int, int, float]:
    """The two cells around position `at` (in cells from the box's edge), and the second's share."""
    if not is_smooth:
        cell = min(max(math.floor(at + 1e-9), 0), count - 1)
        return cell, cell, 0.0
    at = min(max(at - 0.5, 0.0), count - 1.0)
    first = min(int(at), count - 1)
    second = min(first + 1, count - 1)
    share = at - first
    return first, second, share * share * (3.0 - 2.0 * share)


@_inlined
def _distances(
    count: int, channels: int, first: float, half: float, is_rounded: bool
) -> NDArray[np.float32]:
    """(count * channels,) distance of each column from the centre, in the outline's own measure.

    first: of the first column from the centre, in pixels.
    """
    away = np.empty(count * channels, dtype=np.float32)
    scale, offset = _F32(1.0 / half), _F32(first / half)
    for i in range(np.uintp(count)):
        distance = abs(_F32(i) * scale + offset)
        away[i] = distance * distance * distance * distance if is_rounded else distance
    if channels > 1:
        for i in range(count - 1, -1, -1):
            for channel in range(channels):
                away[i * channels + channel] = away[i]
    return away


@_inlined
def _stretched(
    cells: NDArray[np.float32], count: int, first: float, length: float, is_smooth: bool
) -> NDArray[np.float32]:
    """(rows, count * C) cells stretched over columns, half a grey step up so that cutting rounds.

    first: of the first column from the box's left edge, in pixels; length: the box's width.
    """
    rows, columns, channels = cells.shape
    lines = np.empty((rows, count * channels), dtype=np.float32)
    scale = columns / length
    origin = first * scale - (0.5 if is_smooth else 0.0)
    scale_32 = _F32(scale)
    for cell in range(columns):
        # The columns between this cell and the next one.
        from_ = 0 if cell == 0 else min(max(math.ceil((cell - origin) / scale - 1e-9), 0), count)
        to = min(max(math.ceil((cell + 1 - origin) / scale - 1e-9), 0), count)
        if cell == columns - 1:
            to = count
        following = min(cell + 1, columns - 1) if is_smooth else cell
        offset = _F32(origin - cell)
        for row in range(rows):
            for channel in range(channels):
                here = cells[row, cell, channel] + _F32(0.5)
                step = cells[row, following, channel] - cells[row, cell, channel]
                if channels == 1:
                    for i in range(np.uintp(from_), np.uintp(to)):
                        t = min(max(_F32(i) * scale_32 + offset, _F32(0.0)), _F32(1.0))
                        lines[row, i] = here + step * (t * t * (_F32(3.0) - _F32(2.0) * t))
                else:
                    for i in range(from_, to):
                        t = min(max(_F32(i) * scale_32 + offset, _F32(0.0)), _F32(1.0))
                        share = t * t * (_F32(3.0) - _F32(2.0) * t)
                        lines[row, i * channels + channel] = here + step * share
    return lines


@_kernel(
    "void(uint8[:, :], float64, float64, float64, float64, "
    "float32[:, :, ::1], boolean, boolean, float64)"
)
def paint(
    plane: NDArray[np.uint8],
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    cells: NDArray[np.float32],
    is_smooth: bool,
    is_rounded: bool,
    edge: float,
) -> None:
    """Cover the box with cells (rows, columns, C), 0..255, stretched over it; fade out around it.

    Every pixel whose centre lies in the box is replaced. With `is_rounded` so is the smallest
    outline |x/a|^4 + |y/b|^4 = 1 around the box. From there the cover fades to nothing over
    `edge` pixels along the shorter axis. Cells are joined by smooth steps with `is_smooth`,
    else they are blocks. Parts outside the plane are left out.
    """
    rows, _, channels = cells.shape
    height, width = plane.shape[0], plane.shape[1] // channels
    center_x, center_y = (x0 + x1) / 2, (y0 + y1) / 2
    growth = ROUNDED_GROWTH if is_rounded else 1.0
    # A hair more, so that rounding never uncovers the box's own corner pixels.
    half_x, half_y = (x1 - x0) / 2 * growth + 1e-3, (y1 - y0) / 2 * growth + 1e-3
    reach = 1.0 + edge / min(half_x, half_y)
    left = max(0, math.floor(center_x - half_x * reach))
    right = min(width, math.ceil(center_x + half_x * reach))
    top = max(0, math.floor(center_y - half_y * reach))
    bottom = min(height, math.ceil(center_y + half_y * reach))
    if left >= right or top >= bottom:
        return
    limit = reach**4 if is_rounded else reach
    slope = np.float32(1.0 / (limit - 1.0)) if limit > 1.0 else np.float32(1e9)
    limit_32 = np.float32(limit)

    count = right - left
    away = _distances(count, channels, left + 0.5 - center_x, half_x, is_rounded)
    lines = _stretched(cells, count, left + 0.5 - x0, x1 - x0, is_smooth)
    down_scale = rows / (y1 - y0)
    start = np.uintp(left * channels)
    for y in range(top, bottom):
        down = abs(y + 0.5 - center_y) / half_y
        if is_rounded:
            down = down * down * down * down
        if down >= limit:
            continue
        first, second, share = _between_cells((y + 0.5 - y0) * down_scale, rows, is_smooth)
        upper, lower, line = lines[first], lines[second], plane[y]
        share_32, down_32 = np.float32(share), np.float32(down)
        # Columns that are covered whole: inner..outer; touched at all: from_..to.
        inner, outer = 0, 0
        if down <= 1.0:
            half = half_x * math.sqrt(math.sqrt(1.0 - down)) if is_rounded else half_x
            inner = max(0, math.ceil(center_x - half - 0.5) - left) * channels
            outer = min(count, math.floor(center_x + half - 0.5) + 1 - left) * channels
            outer = max(outer, inner)
            _fill(line, start, inner, outer, upper, lower, share_32)
        if edge == 0.0:
            continue
        fade = half_x * (math.sqrt(math.sqrt(limit - down)) if is_rounded else reach)
        from_ = max(0, math.floor(center_x - fade) - left) * channels
        to = min(count, math.ceil(center_x + fade) - left) * channels
        if inner == outer:
            inner, outer = to, to
        if is_rounded:
            _fade_sum(
                line, start, from_, inner, upper, lower, share_32, away, limit_32 - down_32, slope
            )
            _fade_sum(
                line, start, outer, to, upper, lower, share_32, away, limit_32 - down_32, slope
            )
        else:
            _fade_max(
                line, start, from_, inner, upper, lower, share_32, away, down_32, limit_32, slope
            )
            _fade_max(
                line, start, outer, to, upper, lower, share_32, away, down_32, limit_32, slope
            )
