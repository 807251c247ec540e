"""Loops on arrays as machine code: the one way to it. numba is loaded only to compile it.

A "plane" is (H, W) uint8, or (H, W * C) for C interleaved channels; its rows may be padded, but
the bytes of a row lie side by side. Boxes are given in pixels of the plane; nothing makes sure that
they lie where a kernel expects them but its callers. All run without the interpreter's lock.

The machine code is made when this module is imported first, and kept on disk: see
`_machine_code.py`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from redact.cover._machine_code import loaded

Plane = NDArray[np.uint8]
Values = NDArray[np.float32]


class Pinned(NamedTuple):
    """An array and where it lies, which takes longer to find out than a small region to cover."""

    at: int
    shape: tuple[int, ...]
    stride: int
    """Bytes between the beginnings of two rows."""
    array: NDArray[Any]


def lies_in_rows(array: NDArray[Any]) -> bool:
    """Whether each row's numbers lie side by side, and the first row comes first."""
    is_in_rows = array.strides[-1] == array.itemsize and array.strides[0] >= 0
    return bool(is_in_rows or array.flags.c_contiguous)


def pinned(array: NDArray[Any]) -> Pinned:
    """Find out where an array lies, once for many calls.

    Raises:
        ValueError: its rows' numbers don't lie side by side, from the first row on.

    """
    if not lies_in_rows(array):
        raise ValueError(f"rows must lie side by side, these have strides {array.strides}")
    return Pinned(array.ctypes.data, array.shape, array.strides[0], array)


# What each gives back and takes, as numba names types; a star behind those of what a pointer
# points to.
_PROTOTYPES = {
    "reduce": "void uint8* int64 int64 int64 int64 int64 int64 float32* int64 int64 int64",
    "paint": (
        "void uint8* int64 int64 int64 float64 float64 float64 float64 float32* int64 int64 int64 "
        "int64 int64 float64 int16* int64"
    ),
    "shrink": (
        "void uint8* int64 int64 uint8* int64 int64 int64 int32* float32* int64 int32* float32* "
        "int64 float32* int64"
    ),
    "bgr": (
        "void uint8* int64 uint8* int64 uint8* int64 int64 int64 int64 int64 uint8* int64 int64 "
        "float64 float64 float64 float64 int16* int64"
    ),
    "gain": ("float64 float32* float32* int64 int64 int64 float64 float64 float64 int32* int64"),
    "differing": "void float32* float32* float32* int64 int64 int64 float64 uint8*",
    "learn": (
        "void float32* float32* float32* float32* uint8* int64 float64 float64 float64 float64 "
        "float64"
    ),
}
_CODE = loaded(_PROTOTYPES)

# Rows of a line are taken in vectors of so many numbers: `_loops._LANES`, which needs numba.
_LANES = 16
# A gain is told to one part in so many of the range that it may lie in.
_GAIN_STEPS = 4096


class _Scratch(threading.local):
    """Room for what a thread's calls leave behind."""

    def __init__(self) -> None:
        self._pinned = pinned(np.empty(1, np.int16))

    def at(self, size: int) -> int:
        """Where there is room for so many int16."""
        if size > self._pinned.shape[0]:
            self._pinned = pinned(np.empty(size, np.int16))
        return self._pinned.at


_scratch = _Scratch()


def reduce(
    plane: Plane | Pinned, x0: int, y0: int, x1: int, y1: int, cells: Values | Pinned
) -> None:
    """Write into cells (rows, columns, C) the mean of each part of the box.

    The box lies inside the plane. A cell that holds no pixel takes that of the nearest one. Of a
    cell n rows high only every max(1, n // 64)th is read: a mean says no more about a face for
    being taken from fewer pixels.
    """
    plane, cells = _pinned(plane), _pinned(cells)
    _CODE["reduce"](plane.at, plane.shape[0], plane.stride, x0, y0, x1, y1, cells.at, *cells.shape)


def paint(
    plane: Plane | Pinned,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    cells: Values | Pinned,
    is_smooth: bool,
    is_rounded: bool,
    edge: float,
) -> None:
    """Cover the box with cells (rows, columns, C), 0..255, stretched over it; fade out around it.

    Every pixel whose centre lies in the box is replaced. With `is_rounded` so is the smallest
    outline |x/a|^4 + |y/b|^4 = 1 around the box. From there the cover fades to nothing over
    `edge` pixels along the shorter axis. Cells are joined by smooth steps with `is_smooth`,
    else they are blocks. Parts outside the plane are left out.

    A row is made anew only where it differs from the one above by a grey step: else it is the
    copy of one that lies in the cache, so most of the cost is that of writing.
    """
    plane, cells = _pinned(plane), _pinned(cells)
    rows, columns, channels = cells.shape
    height, length = plane.shape
    room = -(-length // _LANES) * _LANES
    _CODE["paint"](
        plane.at,
        height,
        plane.stride,
        length // channels,
        x0,
        y0,
        x1,
        y1,
        cells.at,
        rows,
        columns,
        channels,
        is_smooth,
        is_rounded,
        edge,
        _scratch.at((rows + 2) * room),
        room,
    )


def shrink(image: Plane, width: int, height: int, channels: int = 1) -> Plane:
    """The (H, W * C) picture, C 1 or 3, at a smaller size: (height, width * C), C-contiguous.

    Each pixel is the mean of what it holds of the larger picture's, by area.
    """
    large, wide = pinned(image), image.shape[1] // channels
    tops, row_shares = _held(image.shape[0], height)
    # Of three columns sums are made at a third of the time that a loop over them takes.
    lefts, column_shares = _held(wide, width, min_taps=3)
    small = np.empty((height, width * channels), np.uint8)
    line = np.empty(image.shape[1], np.float32)
    _CODE["shrink"](
        large.at,
        large.shape[0],
        large.stride,
        _all(small),
        height,
        width,
        channels,
        _all(tops),
        _all(row_shares),
        row_shares.shape[1],
        _all(lefts),
        _all(column_shares),
        column_shares.shape[1],
        _all(line),
        wide,
    )
    return small


def bgr(
    planes: Sequence[Plane],
    part: tuple[int, int, int, int],
    *,
    is_full_range: bool,
    red_share: float,
    blue_share: float,
) -> Plane:
    """A part of Y, U and V planes, 4:2:0, in colour: (y1 - y0, x1 - x0, 3) uint8 BGR.

    Each pixel of colour stands for two by two of brightness.

    red_share, blue_share: what red and blue have of brightness, as the clip's matrix tells:
        0.2126 and 0.0722 for BT.709.
    """
    x0, y0, x1, y1 = part
    image = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
    room = x1 - x0 + 3
    # ITU-T H.273, equations 38 to 60: steps of BGR for one of brightness and of colour.
    luma, chroma = (1.0, 1.0) if is_full_range else (255 / 219, 255 / 224)
    of_v, of_u = 2 * (1 - red_share) * chroma, 2 * (1 - blue_share) * chroma
    green_share = 1 - red_share - blue_share
    places = [number for p in map(pinned, planes) for number in (p.at, p.stride)]
    _CODE["bgr"](
        *places,
        *part,
        _all(image),
        0 if is_full_range else 16,
        round(luma * 2**14),
        of_v,
        -of_u * blue_share / green_share,
        -of_v * red_share / green_share,
        of_u,
        _scratch.at(9 * room),
        room,
    )
    return image


def gain(
    picture: Values, other: Values, *, every: int, least: float, lowest: float, highest: float
) -> float:
    """The median of how many times as bright a picture is as another, within lowest..highest.

    picture, other: (H, W), C-contiguous; of both only every so many pixels, each way, are compared,
    and what is darker than `least` in the other counts as being so bright.
    """
    counts = np.empty(_GAIN_STEPS, np.int32)
    shape = picture.shape
    ratio = _CODE["gain"](
        _all(picture),
        _all(other),
        *shape,
        every,
        least,
        lowest,
        highest,
        _all(counts),
        _GAIN_STEPS,
    )
    return float(ratio)


def differing(picture: Values, other: Values, limit: Values, gain: float) -> NDArray[np.uint8]:
    """(H, W), 1 where the pictures differ by more than the limit once the other is brightened.

    picture, other, limit: (H, W) parts of C-contiguous arrays of one shape.
    """
    height, width = picture.shape
    mask = np.empty((height, width), np.uint8)
    strides = {a.strides for a in (picture, other, limit)}
    if len(strides) > 1 or {other.shape, limit.shape} != {picture.shape}:
        raise ValueError(f"pictures of one layout are needed, not with strides {strides}")
    places = (pinned(a).at for a in (picture, other, limit))
    stride = picture.strides[0] // picture.itemsize
    _CODE["differing"](*places, stride, height, width, gain, _all(mask))
    return mask


def learn(
    mean: Values,
    deviation: Values,
    limit: Values,
    picture: Values,
    moving: NDArray[np.bool_],
    *,
    rate: float,
    moving_rate: float,
    max_step: float,
    min_limit: float,
    deviations: float,
) -> None:
    """Move mean and deviation towards a picture, in place; all are (H, W), C-contiguous.

    rate, moving_rate: the share that is taken over where nothing moves, and where something does;
    there the deviation stays. most_step: no difference counts as more. limit becomes so many
    deviations, and at least `least_limit`.
    """
    arrays = [_all(a) for a in (mean, deviation, limit, picture, moving.view(np.uint8))]
    rates = (rate, moving_rate, max_step, min_limit, deviations)
    _CODE["learn"](*arrays, mean.size, *rates)


@functools.lru_cache(maxsize=256)
def _held(size: int, small_size: int, min_taps: int = 1) -> tuple[NDArray[np.int32], Values]:
    """Which pixels each pixel of a smaller line holds: the first, and the share of each in it.

    Returns: (small_size,) and (small_size, taps); all have as many, some with a share of 0.
    """
    scale = size / small_size
    begin = np.arange(small_size) * scale
    end = begin + scale
    # A hair more or less is rounding.
    first = np.floor(begin + 1e-6).astype(np.int64)
    last = np.minimum(np.ceil(end - 1e-6).astype(np.int64), size)
    taps = min(max(int((last - first).max()), min_taps), size)
    first = np.minimum(first, size - taps)
    at = first[:, None] + np.arange(taps)
    shares = np.minimum(at + 1, end[:, None]) - np.maximum(at, begin[:, None])
    return first.astype(np.int32), (shares.clip(0) / scale).astype(np.float32)


def _pinned(array: NDArray[Any] | Pinned) -> Pinned:
    return array if isinstance(array, Pinned) else pinned(array)


def _all(array: NDArray[Any]) -> int:
    """Where an array begins that has no gaps."""
    if not array.flags.c_contiguous:
        raise ValueError(f"an array without gaps is needed, this has strides {array.strides}")
    return array.ctypes.data
