"""The compiled loops that measure regions of a plane and paint over them.

This is the only module that imports numba, which takes about a second. The two kernels at the ends
of the sections below are compiled while the module is imported, each for one signature, so that no
call waits for a compiler later. Compiling takes a few seconds and happens once: numba keeps the
machine code beside this file or, where that folder is read-only, in the user's cache folder
(`NUMBA_CACHE_DIR` overrides both). Import this module only when something is about to be covered,
and in a thread if there is other work to do meanwhile; see `warm_up`.

A "plane" is (H, W) uint8, or (H, W * C) for C interleaved channels. Its rows may be padded.
Kernels run on one thread, without the interpreter's lock, and check nothing.

Three habits make the loops run at the speed of memory. Counters are unsigned, because numba's
handling of negative indices keeps LLVM from vectorising a loop. Loops index the whole plane,
because slicing a row in the loop made it ten times slower. Pixels are blended in 16 bits, because
16 such values fit in one vector.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Values = NDArray[np.float32]
_Function = TypeVar("_Function", bound=Callable[..., Any])
_F32, _I32, _I16, _U16, _U8 = np.float32, np.int32, np.int16, np.uint16, np.uint8

_OPTIONS: dict[str, Any] = {"fastmath": True, "boundscheck": False, "error_model": "numpy"}
# Only kernels call their parts, so these need no entry points for Python or C. Leaving those out
# saves a tenth of the time it takes to compile.
_PART_OPTIONS: dict[str, Any] = {
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
_compiled_kernels: list[str] = []


def warm_up() -> bool:
    """Return whether the kernels were compiled just now rather than loaded from numba's cache.

    They are ready as soon as this module is imported, so a caller that wants to wait neither for
    numba nor for the compiler imports the module and calls this in a thread, while it decodes.
    """
    return bool(_compiled_kernels)


def _part(function: _Function) -> _Function:
    """Mark a function that is compiled into the kernels that call it."""
    return cast(_Function, njit(**_PART_OPTIONS, **_OPTIONS)(function))


def _kernel(signature: str) -> Callable[[_Function], _Function]:
    """Compile a function for these types, or load what was compiled for them before."""

    def decorator(function: _Function) -> _Function:
        options = {"nogil": True, **_OPTIONS}
        try:
            kernel = njit(signature, cache=True, **options)(function)
        except Exception:
            # No folder can be written to, the disk is full, or a file in the cache is damaged. The
            # kernel is needed all the same; an error in the function itself is raised again here.
            kernel = njit(signature, **options)(function)
        if kernel.stats.cache_misses:
            _compiled_kernels.append(function.__name__)
        return cast(_Function, kernel)

    return decorator


# --- reduce: the mean of each part of a box --------------------------------------------------

# A mean of more rows than these says no more about the brightness of a part.
_MAX_ROWS_READ = 64


@_part
def _bounds(start: int, stop: int, number: int, count: int) -> tuple[int, int]:
    """Return where part `number` of `count` starts and stops; it has at least one pixel."""
    first = min(start + (stop - start) * number // count, stop - 1)
    return first, max(start + (stop - start) * (number + 1) // count, first + 1)


@_part
def _row_sum(plane: Plane, y: Any, left: Any, right: Any) -> Any:
    total = np.uint32(0)
    for x in range(left, right):
        total += np.uint32(plane[y, x])
    return total


@_kernel("void(uint8[:, :], int64, int64, int64, int64, float32[:, :, ::1])")
def reduce(plane: Plane, x0: int, y0: int, x1: int, y1: int, cells: Values) -> None:
    """Write the mean of each part of the box into `cells`.

    The box is divided into as many rows and columns as `cells` has. A part without a pixel of its
    own takes the nearest one. Of a part that is n rows high only every max(1, n // 64)th row is
    read.

    The box is half-open, in pixels of the plane. It has to lie inside the plane, which is not
    checked. `cells` is (rows, columns, C) float32, C-contiguous.
    """
    rows, columns, channels = cells.shape
    for row in range(rows):
        top, bottom = _bounds(y0, y1, row, rows)
        step = max(1, (bottom - top) // _MAX_ROWS_READ)
        rows_read = (bottom - top + step - 1) // step
        for column in range(columns):
            left, right = _bounds(x0, x1, column, columns)
            for channel in range(channels):
                total = 0
                for number in range(np.uintp(rows_read)):
                    y = np.uintp(top) + number * np.uintp(step)
                    if channels == 1:
                        total += int(_row_sum(plane, y, np.uintp(left), np.uintp(right)))
                    else:
                        for x in range(left, right):
                            total += int(plane[y, x * channels + channel])
                cells[row, column, channel] = total / (rows_read * (right - left))


# --- paint: cover a box with cells that are stretched over it --------------------------------
#
# The outline of a cover is |x/a| = 1, |y/b| = 1, or the ellipse (x/a)^2 + (y/b)^2 = 1. How far a
# pixel is from the centre is told in this measure: it is opaque up to 1, and faded out from `limit`
# on.

# Distances are scaled so that the fade is _FADE wide, as int16, so nothing may be farther away
# than _MAX_DISTANCE.
_FADE, _MAX_DISTANCE = 255.0, 32000.0
# Values in one vector. A loop over a multiple of this has no remainder to do one value at a time,
# which would cost more than the rest of a short stretch.
_LANES = 16


@_part
def _padded(length: int) -> int:
    """Return the multiple of _LANES at or above a length."""
    return (length + _LANES - 1) // _LANES * _LANES


@_part
def _columns_within(center: float, half_width: float, count: int) -> tuple[int, int]:
    """Return the first and last + 1 of `count` columns with their middle that near the centre."""
    first = min(max(math.ceil(center - half_width - 0.5), 0), count)
    return first, max(min(math.floor(center + half_width - 0.5) + 1, count), first)


@_part
def _neighbours(at: float, count: int, is_smooth: bool) -> tuple[int, int, float]:
    """Return the two of `count` cells around a position, and the share of the second.

    The position is counted in cells from the edge of the box.
    """
    if not is_smooth:
        cell = min(max(math.floor(at + 1e-9), 0), count - 1)
        return cell, cell, 0.0
    at = min(max(at - 0.5, 0.0), count - 1.0)
    first = min(int(at), count - 1)
    share = at - first
    return first, min(first + 1, count - 1), share * share * (3.0 - 2.0 * share)


@_part
def _steps_between_rows(cells: Values) -> int:
    """Return how many steps lead from one row of cells to the next, each below one grey step."""
    rows, columns, channels = cells.shape
    most = _F32(0.0)
    for row in range(rows - 1):
        for column in range(columns):
            for channel in range(channels):
                most = max(most, abs(cells[row + 1, column, channel] - cells[row, column, channel]))
    return int(most) + 1


@_part
def _stretch(
    lines: Any, cells: Values, count: int, first: float, length: float, is_smooth: bool
) -> None:
    """Stretch each row of cells over `count` columns.

    lines: (rows, >= count * C) int16, is overwritten, in 1/64 grey steps, half a grey step too
        high, so that cutting off the fraction rounds.
    first: how far the middle of the first column is from the left edge of the box, in pixels.
    length: the width of the box.
    """
    rows, columns, channels = cells.shape
    per_pixel = columns / length
    for row in range(rows):
        for i in range(count * channels, lines.shape[1]):
            lines[row, i] = 0
    begin = first * per_pixel - (0.5 if is_smooth else 0.0)
    stop = 0
    for column in range(columns):
        # The pixels between the middles (of blocks: the left edges) of this cell and the next.
        start, stop = stop, min(max(math.ceil((column + 1 - begin) / per_pixel - 1e-9), 0), count)
        if column == columns - 1:
            stop = count
        following = min(column + 1, columns - 1) if is_smooth else column
        slope, offset = _F32(per_pixel), _F32(begin - column)
        for row in range(rows):
            for channel in range(channels):
                here = cells[row, column, channel] * _F32(64.0) + _F32(32.0)
                step = (cells[row, following, channel] - cells[row, column, channel]) * _F32(64.0)
                for i in range(np.uintp(start), np.uintp(stop)):
                    t = min(max(_F32(i) * slope + offset, _F32(0.0)), _F32(1.0))
                    value = here + step * (t * t * (_F32(3.0) - _F32(2.0) * t))
                    lines[row, i * np.uintp(channels) + np.uintp(channel)] = _I16(_I32(value))


@_part
def _mix(row: Plane, lines: Any, upper: Any, lower: Any, share: Any) -> None:
    """Mix two lines into a row of pixels; share: of the lower line, 0..32767."""
    for i in range(np.uintp(len(row)) // np.uintp(_LANES) * np.uintp(_LANES)):
        step = _I16(_I16(lines[lower, i] - lines[upper, i]) * _I16(2))
        part = _I16((_I32(step) * _I32(share)) >> _I32(16))
        row[i] = _U8(_I16(_I16(lines[upper, i] + part) >> _I16(6)))


@_part
def _measure_columns(
    distances: Any,
    count: int,
    channels: int,
    first: float,
    half_width: float,
    scale: float,
    is_ellipse: bool,
) -> None:
    """Write the distance of each column from the centre, times `scale`.

    distances: (>= count * channels,) int16. first: that of the first column, in pixels.
    """
    per_pixel, offset, scale_32 = _F32(1.0 / half_width), _F32(first / half_width), _F32(scale)
    for i in range(np.uintp(count)):
        distance = abs(_F32(i) * per_pixel + offset)
        if is_ellipse:
            distance = distance * distance
        distances[i] = _I16(_I32(min(distance * scale_32 + _F32(0.5), _F32(32767.0))))
    if channels > 1:
        for i in range(count - 1, -1, -1):
            for channel in range(channels):
                distances[i * channels + channel] = distances[i]


@_part
def _stretches_to_blend(
    outer_0: int, inner_0: int, inner_1: int, outer_1: int, length: int
) -> tuple[int, int, int, int]:
    """Return where to blend on the left and on the right: first, last + 1, first, last + 1.

    inner_0, inner_1: the opaque values of a row. outer_0, outer_1: all that are covered.
    length: of the row.

    Both stretches are padded to a multiple of _LANES. They reach into what is opaque, which is
    written afterwards, or outwards, where blending changes nothing. If little lies between them
    they become one.
    """
    if inner_1 - inner_0 >= 2 * _LANES:
        left, right = _padded(inner_0 - outer_0), _padded(outer_1 - inner_1)
        return outer_0, outer_0 + left, outer_1 - right, outer_1
    whole = _padded(outer_1 - outer_0)
    first = max(0, min(outer_0, length - whole))
    return first, min(length, first + whole), 0, 0


@_part
def _blended(old: Any, new: Any, inside: Any, most: Any) -> Any:
    """Blend one pixel; its opacity is a smooth step of min(inside, most), 0.._FADE."""
    t = _U16(min(max(_I16(inside), _I16(0)), most))
    square = _U16(_U16(_U16(t * t) + _U16(128)) >> _U16(8))
    share = _U16(_U16(square * _U16(_U16(768) - _U16(t + t))) >> _U16(8))
    mixed = _U16(_U16(_U16(old) * _U16(_U16(256) - share)) + _U16(_U16(new) * share))
    return _U8(_U16(_U16(mixed + _U16(128)) >> _U16(8)))


@_part
def _blend(
    plane: Plane,
    y: Any,
    left: Any,
    row: Plane,
    first: int,
    stop: int,
    distances: Any,
    room: Any,
    most: Any,
) -> None:
    """Blend values first..stop of a row into the plane; `left` is where the row begins there."""
    begin, whole = np.uintp(first), np.uintp(stop - first) // np.uintp(_LANES) * np.uintp(_LANES)
    for i in range(whole):
        at = left + begin + i
        plane[y, at] = _blended(plane[y, at], row[begin + i], room - distances[begin + i], most)
    for i in range(begin + whole, np.uintp(stop)):
        plane[y, left + i] = _blended(plane[y, left + i], row[i], room - distances[i], most)


@_kernel(
    "void(uint8[:, :], float64, float64, float64, float64, "
    "float32[:, :, ::1], boolean, boolean, float64)"
)
def paint(
    plane: Plane,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    cells: Values,
    is_smooth: bool,
    is_ellipse: bool,
    edge: float,
) -> None:
    """Cover the box with cells that are stretched over it, and fade out around it.

    Every pixel whose centre lies in the box is replaced, or of an ellipse, in the ellipse that the
    box contains.

    A row is computed only where it differs from the one above by a grey step. Otherwise the same
    row is copied, so nearly all of the time goes into writing pixels.

    The box is in pixels of the plane; what lies outside the plane is left out. `cells` is
    (rows, columns, C) float32, 0..255, C-contiguous. With `is_smooth` the cells are joined by
    smooth steps; otherwise they are blocks. The fade is `edge` pixels wide along the shorter axis.
    """
    rows, _, channels = cells.shape
    height, width = plane.shape[0], plane.shape[1] // channels
    center_x, center_y = (x0 + x1) / 2, (y0 + y1) / 2
    # The small addition keeps rounding from uncovering the pixels at the edges of the box.
    half_x, half_y = (x1 - x0) / 2 + 1e-3, (y1 - y0) / 2 + 1e-3
    faded_size = 1.0 + edge / min(half_x, half_y)
    left = max(0, math.floor(center_x - half_x * faded_size))
    right = min(width, math.ceil(center_x + half_x * faded_size))
    top = max(0, math.floor(center_y - half_y * faded_size))
    bottom = min(height, math.ceil(center_y + half_y * faded_size))
    if left >= right or top >= bottom:
        return
    limit = faded_size**2 if is_ellipse else faded_size
    scale = min(_FADE / max(limit - 1.0, 1e-9), _MAX_DISTANCE / limit)

    # From here on columns are counted from `left`.
    count, center_x = right - left, center_x - left
    length = _padded(count * channels)
    lines, row = np.empty((rows, length), np.int16), np.empty(length, np.uint8)
    distances = np.empty(length, np.int16)
    _stretch(lines, cells, count, left + 0.5 - x0, x1 - x0, is_smooth)
    if edge > 0.0:
        _measure_columns(distances, count, channels, 0.5 - center_x, half_x, scale, is_ellipse)
    # A rectangle has the same columns in every row.
    inner_0, inner_1 = _columns_within(center_x, half_x, count)
    outer_0, outer_1 = _columns_within(center_x, half_x * limit, count)

    steps, last_mix = _steps_between_rows(cells), -1
    per_pixel, rows_per_pixel = 1.0 / half_y, rows / (y1 - y0)
    row_start = np.uintp(left * channels)
    for y in range(top, bottom):
        down = abs(y + 0.5 - center_y) * per_pixel
        if is_ellipse:
            down = down * down
        if down >= limit:
            continue
        upper, lower, share = _neighbours((y + 0.5 - y0) * rows_per_pixel, rows, is_smooth)
        step = int(share * steps + 0.5)
        if upper * (steps + 1) + step != last_mix:
            last_mix = upper * (steps + 1) + step
            _mix(row, lines, np.uintp(upper), np.uintp(lower), _I16(step * (32767.0 / steps)))

        is_opaque = down <= 1.0
        room, most = limit * scale, min((limit - down) * scale, _FADE)
        if is_ellipse:
            room, most = (limit - down) * scale, _FADE
            outer_0, outer_1 = _columns_within(center_x, half_x * math.sqrt(limit - down), count)
            if is_opaque:
                inner_0, inner_1 = _columns_within(center_x, half_x * math.sqrt(1.0 - down), count)
        first, stop = (inner_0 * channels, inner_1 * channels) if is_opaque else (0, 0)
        if edge > 0.0:
            a, b, c, d = _stretches_to_blend(
                outer_0 * channels, first, stop, outer_1 * channels, count * channels
            )
            room_16, most_16 = _I16(room + 0.5), _I16(most + 0.5)
            _blend(plane, np.uintp(y), row_start, row, a, b, distances, room_16, most_16)
            _blend(plane, np.uintp(y), row_start, row, c, d, distances, room_16, most_16)
        for i in range(np.uintp(first), np.uintp(stop)):
            plane[np.uintp(y), row_start + i] = row[i]
