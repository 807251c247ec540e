"""The kernels' loops, for numba to compile: the only module that imports it.

Each kernel is a C function: arrays come as a pointer and their shape, so that its machine code
needs nothing of numba's when it runs. So nothing may be allocated or raised here. What each does
is told in `_kernels.py`, by which all others call them.

A "plane" is (H, W) uint8, or (H, W * C) for C interleaved channels; `stride` is the length of its
rows with their padding.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numba import carray, cfunc, njit, types  # type: ignore[attr-defined]
from numpy.typing import NDArray

# Corners of the box lie on the rounded outline |x/a|^4 + |y/b|^4 = 1 when it is this much larger.
ROUNDED_GROWTH = 2.0**0.25
# More rows than these don't make a mean any better.
_ROWS_FOR_A_MEAN = 64
# Distances are in 16 bits, so that 16 of them fit in a vector: the fade is 0.._FADE of them wide.
_FADE, _FARTHEST, _LANES = 255.0, 32000.0, 16

_OPTIONS: dict[str, Any] = {
    "fastmath": True,
    "boundscheck": False,
    "error_model": "numpy",
}
# Only kernels call the small functions: ways in from Python would take a tenth of all compiling.
_INNER_OPTIONS: dict[str, Any] = {
    **_OPTIONS,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
_F32, _U8, _I16, _U16 = np.float32, np.uint8, np.int16, np.uint16
Plane = NDArray[np.uint8]
Values = NDArray[np.float32]
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _inlined(function: _Function) -> _Function:
    return cast(_Function, njit(**_INNER_OPTIONS)(function))


def compiled(name: str, result: str, arguments: Sequence[str], *, keep: bool = False) -> Any:
    """The kernel of that name as one of numba's C callbacks.

    result, arguments: their types as numba names them, a pointer's with a star behind.
    keep: let numba keep it on disk, wherever that can be written to.
    """
    signature = _type(result)(*map(_type, arguments))
    kernel = globals()[name]
    if keep:
        with contextlib.suppress(RuntimeError):  # numba found no folder for its cache
            return cfunc(signature, cache=True, **_OPTIONS)(kernel)
    return cfunc(signature, **_OPTIONS)(kernel)


def _type(name: str) -> Any:
    pointer: Any = types.CPointer
    plain = getattr(types, name.rstrip("*"))
    return pointer(plain) if name.endswith("*") else plain


# Counters are unsigned throughout: numba's care for negative indices would keep LLVM from
# turning the loops into vector instructions. Slices of rows were tried: ten times slower.
@_inlined
def _row_sum(plane: Plane, y: Any, left: Any, right: Any) -> Any:
    total = np.uint32(0)
    for x in range(left, right):
        total += np.uint32(plane[y, x])
    return total


def reduce(
    plane_at: Any,
    height: int,
    stride: int,
    x0: int,
    y0: int,
    x1: int,
    y1: int,
    cells_at: Any,
    rows: int,
    columns: int,
    channels: int,
) -> None:
    """See `_kernels.reduce`."""
    plane = carray(plane_at, (height, stride))
    cells = carray(cells_at, (rows, columns, channels))
    for row in range(rows):
        top = min(y0 + (y1 - y0) * row // rows, y1 - 1)
        bottom = max(y0 + (y1 - y0) * (row + 1) // rows, top + 1)
        step = max(1, (bottom - top) // _ROWS_FOR_A_MEAN)
        read = (bottom - top + step - 1) // step
        for column in range(columns):
            left = min(x0 + (x1 - x0) * column // columns, x1 - 1)
            right = max(x0 + (x1 - x0) * (column + 1) // columns, left + 1)
            for channel in range(channels):
                total = 0
                for number in range(np.uintp(read)):
                    y = np.uintp(top) + number * np.uintp(step)
                    if channels == 1:
                        total += int(_row_sum(plane, y, np.uintp(left), np.uintp(right)))
                    else:
                        for x in range(left, right):
                            total += int(plane[y, x * channels + channel])
                cells[row, column, channel] = total / (read * (right - left))


@_inlined
def _set(plane: Plane, y: Any, start: Any, row: Plane, from_: int, to: int) -> None:
    """Replace columns from_..to of a row."""
    first = np.uintp(from_)
    whole = _whole(np.uintp(to - from_))
    for i in range(whole):
        plane[y, start + first + i] = row[first + i]
    for i in range(first + whole, np.uintp(to)):
        plane[y, start + i] = row[i]


@_inlined
def _blend(
    plane: Plane,
    y: Any,
    start: Any,
    row: Plane,
    from_: int,
    to: int,
    away: Any,
    room: Any,
    most: Any,
) -> None:
    """Blend columns from_..to of a row, by a smooth step of min(room - away, most), 0.._FADE."""
    first = np.uintp(from_)
    whole = _whole(np.uintp(to - from_))
    for i in range(whole):
        at = start + first + i
        plane[y, at] = _blended(plane[y, at], row[first + i], away[first + i], room, most)
    for i in range(first + whole, np.uintp(to)):
        plane[y, start + i] = _blended(plane[y, start + i], row[i], away[i], room, most)


@_inlined
def _blended(old: Any, new: Any, away: Any, room: Any, most: Any) -> Any:
    t = _U16(min(max(_I16(room - away), _I16(0)), most))
    square = _U16(_U16(_U16(t * t) + _U16(128)) >> _U16(8))
    share = _U16(_U16(square * _U16(_U16(768) - _U16(t + t))) >> _U16(8))
    mixed = _U16(_U16(_U16(old) * _U16(_U16(256) - share)) + _U16(_U16(new) * share))
    return _U8(_U16(_U16(mixed + _U16(128)) >> _U16(8)))


@_inlined
def _mix(row: Plane, length: int, lines: Any, upper: Any, lower: Any, share: Any) -> None:
    """Make a row of two lines; share: the lower one's, 0..32767."""
    for i in range(_whole(np.uintp(length))):
        step = _I16(_I16(lines[lower, i] - lines[upper, i]) * _I16(2))
        part = _I16((np.int32(step) * np.int32(share)) >> np.int32(16))
        row[i] = _U8(_I16(_I16(lines[upper, i] + part) >> _I16(6)))


# A loop over a known multiple of _LANES has no rest to do one by one, which would cost more than
# all else in a short stretch.
@_inlined
def _whole(length: Any) -> Any:
    """The multiple of _LANES at or below an unsigned length."""
    return (length // np.uintp(_LANES)) * np.uintp(_LANES)


@_inlined
def _padded(length: int) -> int:
    """The multiple of _LANES at or above a length."""
    return (length + _LANES - 1) // _LANES * _LANES


@_inlined
def _stretch(number: int, columns: tuple[int, int, int, int], size: int) -> tuple[int, int]:
    """Where to blend on the left (0) and right (1) of what is covered whole: first, last + 1.

    columns: the first to blend, the first and last + 1 covered whole, the last + 1 to blend.
    Each stretch is made longer to a multiple of _LANES: into what is set afterwards, or outwards,
    where the blend leaves all as it is. Little between the two is taken in one.
    """
    from_, inner, outer, to = columns
    if outer - inner >= 2 * _LANES:
        if number == 0:
            return from_, from_ + _padded(inner - from_)
        return to - _padded(to - outer), to
    if number == 1:
        return 0, 0
    from_ = max(0, min(from_, size - _padded(to - from_)))
    return from_, min(size, from_ + _padded(to - from_))


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
def _steps_between(cells: Values) -> int:
    """How many steps from a cell to the one below leave no jump above a grey step."""
    rows, columns, channels = cells.shape
    most = _F32(0.0)
    for row in range(rows - 1):
        for column in range(columns):
            for channel in range(channels):
                most = max(most, abs(cells[row + 1, column, channel] - cells[row, column, channel]))
    return int(most) + 1


@_inlined
def _distances(
    away: Any,
    count: int,
    channels: int,
    first: float,
    half: float,
    scale: float,
    is_rounded: bool,
) -> None:
    """Write the distance of each column from the centre, in the outline's own measure.

    away: (at least count * channels,) int16.
    first: of the first column from the centre, in pixels; scale: of the outline, 1 in the measure.
    """
    per_pixel, offset, scale_32 = _F32(1.0 / half), _F32(first / half), _F32(scale)
    for i in range(np.uintp(count)):
        distance = abs(_F32(i) * per_pixel + offset)
        if is_rounded:
            distance = distance * distance * distance * distance
        away[i] = _I16(np.int32(min(distance * scale_32 + _F32(0.5), _F32(32767.0))))
    if channels > 1:
        for i in range(count - 1, -1, -1):
            for channel in range(channels):
                away[i * channels + channel] = away[i]


@_inlined
def _between(here: Any, step: Any, share: Any) -> Any:
    t = min(max(share, _F32(0.0)), _F32(1.0))
    return _I16(np.int32(here + step * (t * t * (_F32(3.0) - _F32(2.0) * t))))


@_inlined
def _stretched(
    lines: Any, cells: Values, count: int, first: float, length: float, is_smooth: bool
) -> None:
    """Write cells stretched over columns, in 1/64 grey steps, half a step too high.

    lines: (rows, at least count * C) int16.
    first: of the first column from the box's left edge, in pixels; length: the box's width.
    """
    rows, columns, channels = cells.shape
    per_pixel = columns / length
    for row in range(rows):
        for i in range(count * channels, _padded(count * channels)):
            lines[row, i] = 0
    begin = first * per_pixel - (0.5 if is_smooth else 0.0)
    to = 0
    for column in range(columns):
        # The pixels between the middles (with blocks: the left edges) of this cell and the next.
        from_, to = to, min(max(math.ceil((column + 1 - begin) / per_pixel - 1e-9), 0), count)
        if column == columns - 1:
            to = count
        following = min(column + 1, columns - 1) if is_smooth else column
        slope, offset = _F32(per_pixel), _F32(begin - column)
        for row in range(rows):
            for channel in range(channels):
                here = cells[row, column, channel] * _F32(64.0) + _F32(32.0)
                step = (cells[row, following, channel] - cells[row, column, channel]) * _F32(64.0)
                if channels == 1:
                    for i in range(np.uintp(from_), np.uintp(to)):
                        lines[row, i] = _between(here, step, _F32(i) * slope + offset)
                else:
                    for i in range(from_, to):
                        value = _between(here, step, _F32(i) * slope + offset)
                        lines[row, i * channels + channel] = value


@_inlined
def _half_width(half: float, limit: float, down: float, is_rounded: bool) -> float:
    """How far from the centre the outline of that size reaches, `down` from the middle row."""
    return half * (math.sqrt(math.sqrt(limit - down)) if is_rounded else limit)


@_inlined
def _columns(center: float, half: float, count: int) -> tuple[int, int]:
    """The columns, of `count`, whose middle is at most `half` from the centre: first, last + 1."""
    first = min(max(math.ceil(center - half - 0.5), 0), count)
    return first, max(min(math.floor(center + half - 0.5) + 1, count), first)


def paint(
    plane_at: Any,
    height: int,
    stride: int,
    width: int,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    cells_at: Any,
    rows: int,
    columns: int,
    channels: int,
    is_smooth: bool,
    is_rounded: bool,
    edge: float,
    lines_at: Any,
    room: int,
) -> None:
    """See `_kernels.paint`.

    lines_at: room for (rows + 2, room) int16; room is a multiple of _LANES and at least as long as
    a row of the plane.
    """
    plane = carray(plane_at, (height, stride))
    cells = carray(cells_at, (rows, columns, channels))
    all_lines = carray(lines_at, (rows + 2, room))
    lines, away, row = all_lines[:rows], all_lines[rows], all_lines[rows + 1].view(np.uint8)
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
    scale = min(_FADE / max(limit - 1.0, 1e-9), _FARTHEST / limit)

    count, center_x = right - left, center_x - left
    _distances(away, count, channels, 0.5 - center_x, half_x, scale, is_rounded)
    _stretched(lines, cells, count, left + 0.5 - x0, x1 - x0, is_smooth)
    length = _padded(count * channels)
    steps, last = _steps_between(cells), -1
    down_per_pixel, rows_per_pixel = 1.0 / half_y, rows / (y1 - y0)
    start = np.uintp(left * channels)
    for y in range(top, bottom):
        down = abs(y + 0.5 - center_y) * down_per_pixel
        if is_rounded:
            down = down * down * down * down
        if down >= limit:
            continue
        first, second, share = _between_cells((y + 0.5 - y0) * rows_per_pixel, rows, is_smooth)
        step = int(share * steps + 0.5)
        if first * (steps + 1) + step != last:
            last = first * (steps + 1) + step
            down_share = _I16(step * (32767.0 / steps))
            _mix(row, length, lines, np.uintp(first), np.uintp(second), down_share)
        inner, outer = 0, 0
        if down <= 1.0:
            inner, outer = _columns(center_x, _half_width(half_x, 1.0, down, is_rounded), count)
        if edge > 0.0:
            from_, to = _columns(center_x, _half_width(half_x, limit, down, is_rounded), count)
            fade_room, most = (limit - down if is_rounded else limit) * scale, _FADE
            if not is_rounded:
                most = min((limit - down) * scale, most)
            reached = (from_ * channels, inner * channels, outer * channels, to * channels)
            for number in range(2):
                begin, stop = _stretch(number, reached, count * channels)
                _blend(
                    plane,
                    np.uintp(y),
                    start,
                    row,
                    begin,
                    stop,
                    away,
                    _I16(fade_room + 0.5),
                    _I16(most + 0.5),
                )
        _set(plane, np.uintp(y), start, row, inner * channels, outer * channels)


def shrink(
    image_at: Any,
    height: int,
    stride: int,
    small_at: Any,
    small_height: int,
    small_width: int,
    channels: int,
    tops_at: Any,
    row_shares_at: Any,
    row_taps: int,
    lefts_at: Any,
    column_shares_at: Any,
    column_taps: int,
    line_at: Any,
    width: int,
) -> None:
    """See `_kernels.shrink`.

    tops_at, row_shares_at: for each row of the small picture, the first of the `row_taps` rows that
    it holds, and their shares of it; lefts_at, column_shares_at: the same for columns.
    line_at: room for (width * channels,) float32. channels: 1 or 3.
    """
    image = carray(image_at, (height, stride))
    small = carray(small_at, (small_height, small_width * channels))
    tops, lefts = carray(tops_at, (small_height,)), carray(lefts_at, (small_width,))
    row_shares = carray(row_shares_at, (small_height, row_taps))
    column_shares = carray(column_shares_at, (small_width, column_taps))
    length = np.uintp(width * channels)
    line = carray(line_at, (width * channels,))
    for y in range(np.uintp(small_height)):
        _mean_of_rows(line, length, image, np.uintp(tops[y]), row_shares[y])
        if channels == 1:
            _means_of_columns(small[y], line, lefts, column_shares, np.uintp(1))
        else:
            _means_of_columns(small[y], line, lefts, column_shares, np.uintp(3))


@_inlined
def _mean_of_rows(line: Values, length: Any, image: Plane, top: Any, shares: Values) -> None:
    """Write the sum of rows from `top` on, each times its share."""
    one = np.uintp(1)
    first, second = shares[0], shares[min(1, len(shares) - 1)]
    if len(shares) == 2:
        for i in range(length):
            line[i] = first * _F32(image[top, i]) + second * _F32(image[top + one, i])
        return
    if len(shares) == 1:
        for i in range(length):
            line[i] = first * _F32(image[top, i])
        return
    third = shares[2]
    for i in range(length):
        line[i] = (
            first * _F32(image[top, i])
            + second * _F32(image[top + one, i])
            + third * _F32(image[top + one + one, i])
        )
    for tap in range(np.uintp(3), np.uintp(len(shares))):
        share = shares[tap]
        for i in range(length):
            line[i] += share * _F32(image[top + tap, i])


@_inlined
def _means_of_columns(
    small: Plane, line: Values, lefts: Any, shares: Values, channels: Any
) -> None:
    """Write a row of the small picture: sums of a line's pixels, each times its share."""
    taps = np.uintp(shares.shape[1])
    if taps == np.uintp(3):
        for x in range(np.uintp(len(lefts))):
            at, to = np.uintp(lefts[x]) * channels, x * channels
            first, second, third = shares[x, 0], shares[x, 1], shares[x, 2]
            for channel in range(channels):
                here = at + channel
                small[to + channel] = _rounded(
                    first * line[here]
                    + second * line[here + channels]
                    + third * line[here + channels + channels]
                )
        return
    for x in range(np.uintp(len(lefts))):
        at, to = np.uintp(lefts[x]) * channels, x * channels
        for channel in range(channels):
            total = _F32(0.0)
            for tap in range(taps):
                total += shares[x, tap] * line[at + tap * channels + channel]
            small[to + channel] = _rounded(total)


@_inlined
def _rounded(value: Any) -> Any:
    return _U8(np.int32(value + _F32(0.5)))


def bgr(
    y_at: Any,
    y_stride: int,
    u_at: Any,
    u_stride: int,
    v_at: Any,
    v_stride: int,
    x0: int,
    y0: int,
    x1: int,
    y1: int,
    image_at: Any,
    black: int,
    luma_share: int,
    red_of_v: float,
    green_of_u: float,
    green_of_v: float,
    blue_of_u: float,
    lines_at: Any,
    room: int,
) -> None:
    """See `_kernels.bgr`.

    black: the brightness that is 0; luma_share: 2 ** 14 where one step of it is one of BGR.
    lines_at: room for (9, room) int16; room is at least x1 - x0 + 3.
    """
    luma = carray(y_at, (y1, y_stride))
    u, v = carray(u_at, ((y1 + 1) // 2, u_stride)), carray(v_at, ((y1 + 1) // 2, v_stride))
    image = carray(image_at, (y1 - y0, 3 * (x1 - x0)))
    lines = carray(lines_at, (9, room))
    blue, green, red = lines[6].view(_U8), lines[7].view(_U8), lines[8].view(_U8)
    width = np.uintp(x1 - x0)
    first, odd = np.uintp(x0 // 2), np.uintp(x0 % 2)
    count = np.uintp((x1 + 1) // 2) - first
    last = -1
    for row in range(y1 - y0):
        line = (y0 + row) // 2
        if line != last:
            last = line
            _colour_steps(lines[3], u[line], first, count, blue_of_u)
            _colour_steps(lines[4], u[line], first, count, green_of_u)
            _colour_steps(lines[5], v[line], first, count, green_of_v)
            for i in range(count):
                lines[4, i] = _I16(lines[4, i] + lines[5, i])
            _colour_steps(lines[5], v[line], first, count, red_of_v)
            for channel in range(3):
                _doubled(lines[channel], lines[3 + channel], count)
        for channel, colour in enumerate((blue, green, red)):
            _coloured(
                colour,
                width,
                luma[y0 + row],
                np.uintp(x0),
                lines[channel],
                odd,
                _I16(black * 128),
                np.int32(_I16(luma_share)),
            )
        _interleave(image[row], blue, green, red, width)


# Colour and brightness are taken as 16 bit shares of 65536, which vectors multiply fastest: in
# 1/32 grey steps they fit.
@_inlined
def _colour_steps(steps: Any, plane: Plane, first: Any, count: Any, share: float) -> None:
    """Write share times colour, from -128 to 127."""
    factor = np.int32(_I16(math.floor(share * 8192.0 + 0.5)))
    for i in range(count):
        colour = _I16(_I16(_I16(plane[first + i]) - _I16(128)) * _I16(256))
        steps[i] = _I16((np.int32(colour) * factor) >> np.int32(16))


@_inlined
def _doubled(line: Any, half: Any, count: Any) -> None:
    """Write each value twice."""
    for i in range(count):
        line[i + i] = half[i]
        line[i + i + np.uintp(1)] = half[i]


@_inlined
def _coloured(
    line: Plane,
    width: Any,
    luma: Plane,
    left: Any,
    steps: Any,
    odd: Any,
    black: Any,
    share: Any,
) -> None:
    """Write a line of blue, green or red: brightness and what colour adds to it."""
    for x in range(width):
        bright = _I16(_I16(_I16(luma[left + x]) * _I16(128)) - black)
        bright = _I16((np.int32(bright) * share) >> np.int32(16))
        value = _I16(_I16(_I16(bright + steps[x + odd]) + _I16(16)) >> _I16(5))
        line[x] = _U8(min(max(value, _I16(0)), _I16(255)))


@_inlined
def _interleave(image: Plane, blue: Plane, green: Plane, red: Plane, width: Any) -> None:
    for x in range(width):
        at = x * np.uintp(3)
        image[at] = blue[x]
        image[at + np.uintp(1)] = green[x]
        image[at + np.uintp(2)] = red[x]


def gain(
    picture_at: Any,
    other_at: Any,
    height: int,
    width: int,
    every: int,
    least: float,
    lowest: float,
    highest: float,
    counts_at: Any,
    steps: int,
) -> float:
    """See `_kernels.gain`; counts_at: room for (steps,) int32."""
    picture, other = carray(picture_at, (height, width)), carray(other_at, (height, width))
    counts = carray(counts_at, (steps,))
    for step in range(np.uintp(steps)):
        counts[step] = 0
    per_step = _F32(steps / (highest - lowest))
    low, most, floor = _F32(lowest), _F32(steps - 1), _F32(least)
    total = 0
    step_over = np.uintp(every)
    for row in range(np.uintp((height + every - 1) // every)):
        y = row * step_over
        for column in range(np.uintp((width + every - 1) // every)):
            x = column * step_over
            ratio = picture[y, x] / max(other[y, x], floor)
            step = min(max((ratio - low) * per_step, _F32(0.0)), most)
            counts[np.uintp(np.int32(step))] += 1
            total += 1
    seen = 0
    for step in range(np.uintp(steps)):
        seen += counts[step]
        if 2 * seen >= total:
            return lowest + (float(step) + 0.5) * (highest - lowest) / steps
    return highest


def differing(
    picture_at: Any,
    other_at: Any,
    limit_at: Any,
    stride: int,
    height: int,
    width: int,
    gain: float,
    mask_at: Any,
) -> None:
    """See `_kernels.differing`; stride: the length of rows of all three pictures."""
    picture, other = carray(picture_at, (height, stride)), carray(other_at, (height, stride))
    limit, mask = carray(limit_at, (height, stride)), carray(mask_at, (height, width))
    factor = _F32(gain)
    for y in range(np.uintp(height)):
        for x in range(np.uintp(width)):
            mask[y, x] = _U8(abs(picture[y, x] - other[y, x] * factor) > limit[y, x])


def learn(
    mean_at: Any,
    deviation_at: Any,
    limit_at: Any,
    picture_at: Any,
    moving_at: Any,
    count: int,
    rate: float,
    moving_rate: float,
    max_step: float,
    min_limit: float,
    deviations: float,
) -> None:
    """See `_kernels.learn`."""
    mean, deviation = carray(mean_at, (count,)), carray(deviation_at, (count,))
    limit, picture = carray(limit_at, (count,)), carray(picture_at, (count,))
    moving = carray(moving_at, (count,))
    fast, slow, most = _F32(rate), _F32(moving_rate), _F32(max_step)
    least, times = _F32(min_limit), _F32(deviations)
    for i in range(np.uintp(count)):
        step = picture[i] - mean[i]
        is_moving = moving[i] != 0
        mean[i] += (slow if is_moving else fast) * step
        change = fast * (min(abs(step), most) - deviation[i])
        deviation[i] += _F32(0.0) if is_moving else change
        limit[i] = max(least, deviation[i] * times)
