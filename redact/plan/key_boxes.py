"""Paths as key values with straight lines between them, as plans store them.

What moves smoothly needs few of them. The values between keys are computed by one formula with one
rounding, so that a plan that was saved and loaded is the same to the last bit.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from redact.types import Track

Values = NDArray[np.float32]

# Keys of straightened paths are tenths of pixels, and what lies between them differs by at most so
# many pixels, or by that share of the object's size.
_STEPS_PER_PIXEL, _TOLERANCE_PIXELS, _TOLERANCE_RATIO = 10, 0.25, 0.005
_SCORE_DECIMALS = 2
# Rounding to float32 bends a straight line by less than this, relative to its values.
_BEND = 4 * float(np.finfo(np.float32).eps)


def straightened(track: Track) -> Track:
    """The track with its boxes and margins on straight lines between few key frames.

    No edge moves by more than a quarter of a pixel, or half a percent of the object's size.
    """
    values = columns_of(track)
    sizes = np.sqrt(np.prod(track.boxes[:, 2:] - track.boxes[:, :2], axis=1))
    tolerance = max(_TOLERANCE_PIXELS, _TOLERANCE_RATIO * float(np.median(sizes)))
    # In double precision, so that each is the float32 that is nearest to so few digits.
    rounded = (np.round(values.astype(np.float64) * _STEPS_PER_PIXEL) / _STEPS_PER_PIXEL).astype(
        np.float32
    )
    keys = [0]
    while keys[-1] < len(values) - 1:
        keys.append(_reach(values, rounded, keys[-1], tolerance))
    straight = between_keys(np.asarray(keys), rounded[keys])
    boxes = straight[:, :4]
    if not (boxes[:, 2:] > boxes[:, :2]).all():
        return track  # It is smaller than the steps.
    scores = np.round(track.scores, _SCORE_DECIMALS)
    margins = None if track.margins is None else straight[:, 4:]
    return dataclasses.replace(track, boxes=boxes, margins=margins, scores=scores)


def columns_of(track: Track) -> Values:
    """(T, 4) boxes of a track, or (T, 6) with its margins where they are known."""
    if track.margins is None:
        return track.boxes
    return np.concatenate([track.boxes, track.margins], axis=1)


def keys_of(values: Values) -> NDArray[np.intp]:
    """The indices of rows from which `between_keys` gives exactly these (T, C) values."""
    last = len(values) - 1
    limit = _BEND * max(1.0, float(np.abs(values).max()))
    wide = values.astype(np.float64)
    bends = np.abs(np.diff(wide, n=2, axis=0)).max(axis=1) > limit if last > 1 else np.zeros(0)
    corners = np.append(np.flatnonzero(bends) + 1, last)
    keys = [0]
    while keys[-1] < last:
        start = keys[-1]
        end = int(corners[np.searchsorted(corners, start, side="right")])
        # A path that was not straightened may bend by less than can be told from rounding.
        while not _is_straight(values, start, end):
            end = (start + end) // 2
        keys.append(end)
    return np.asarray(keys)


def between_keys(indices: NDArray[np.intp], values: Values) -> Values:
    """(T, C) values of all rows from the first key to the last one.

    Args:
        indices: (K,) ascending from 0, the rows of the keys.
        values: (K, C) there.

    """
    rows = np.arange(indices[-1] + 1)
    after = np.searchsorted(indices, rows, side="left")
    before = np.maximum(after - 1, 0)
    length = np.maximum(indices[after] - indices[before], 1)
    share = ((rows - indices[before]) / length)[:, None]
    wide = values.astype(np.float64)
    mixed = wide[before] + (wide[after] - wide[before]) * share
    # A key itself is exact, whatever the formula gives there.
    mixed[indices] = wide
    return np.asarray(mixed, dtype=np.float32)


def _is_straight(values: Values, start: int, end: int) -> bool:
    ends = np.asarray([0, end - start])
    line = between_keys(ends, values[[start, end]])
    return bool(np.array_equal(line, values[start : end + 1]))


def _reach(values: Values, rounded: Values, start: int, tolerance: float) -> int:
    """The farthest row, more or less, to which a straight line from `start` stays close."""
    last = len(values) - 1
    reached, step = start + 1, 1
    while step:
        end = min(reached + step, last)
        if end > reached and _is_close(values, rounded, start, end, tolerance):
            reached, step = end, 2 * step
        else:
            step //= 2
    return reached


def _is_close(values: Values, rounded: Values, start: int, end: int, tolerance: float) -> bool:
    line = between_keys(np.asarray([0, end - start]), rounded[[start, end]])
    return bool(np.abs(line - values[start : end + 1]).max() <= tolerance)
