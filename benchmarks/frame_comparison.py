"""What is left of a thing's detail under a cover, and which frame an output shows.

Detail is what tells one face from another, or one sign from the next: the band of scales from a
pixel to a fraction of the box. It leaks where source and output agree in that band.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import clamp_to, grow
from redact.types import Box

Gray = NDArray[np.uint8]
_ALIKE, _STRENGTH_LEFT = 0.5, 0.5
_VERY_ALIKE = 0.9
# Source detail weaker than this (standard deviation in grey levels) tells nobody from anybody.
FLAT = 2.0
_NO_DETAIL = 1e-3
_SIDE = 64
_FINE_SIGMA = 0.6
# Features wider than about five of these belong to the lighting: a share of the box's height.
_COARSE = {"face": 1 / 8, "plate": 1 / 4}
_MIN_INSIDE = 0.5

SMALL_WIDTH = 160
_WINDOW_SECONDS = 0.4
_PENALTY = 0.1
_CLIP_LEVELS = 24
_MAX_MISPLACED = 0.05
# A frame is misplaced when another one differs by less than half as much, and by a clear step,
# or when all that could be meant differ by this many grey levels on average.
_CLEARLY_LESS, _STEP, _OTHER_CLIP = 0.5, 0.2, 20
# Grey levels of a 5 px mean at half size, and the widest hole in what is changed, in such pixels.
_CHANGED, _CLOSE = 8, 11


class AlignmentError(ValueError):
    """The output's frames are not the source's frames in their order."""


def leaks(source: Gray, output: Gray, box: Box, kind: str) -> bool | None:
    """Whether the detail in the box survives; None where the source shows none there.

    source, output: (H, W) grey pictures of one size. A leak: the band-passed pictures correlate
    above 0.5 and at least half of the strength is left, or above 0.9 at any strength. A face is
    looked at in the ellipse inside its box.
    """
    height, width = source.shape
    inside = clamp_to(box, Box(0, 0, width, height))
    if box.area <= 0 or inside.area < _MIN_INSIDE * box.area:
        return None
    a, b = _band(source, inside, box.height, kind), _band(output, inside, box.height, kind)
    strength_a, strength_b = float(a.std()), float(b.std())
    if strength_a < FLAT:
        return None
    if strength_b < _NO_DETAIL:
        return False
    alike = float(((a - a.mean()) * (b - b.mean())).mean() / (strength_a * strength_b))
    kept = strength_b >= _STRENGTH_LEFT * strength_a
    return (alike > _ALIKE and kept) or alike > _VERY_ALIKE


def _band(picture: Gray, inside: Box, full_height: float, kind: str) -> NDArray[np.float32]:
    """(N,) band-passed values inside the box, at most `_SIDE` rows of them."""
    around = clamp_to(grow(inside, 0.5), Box(0, 0, picture.shape[1], picture.shape[0]))
    x0, y0, x1, y1 = (round(v) for v in around)
    part = picture[y0:y1, x0:x1].astype(np.float32)
    scale = min(1.0, _SIDE / full_height)
    if scale < 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    coarse = max(1.5, full_height * scale * _COARSE[kind])
    band = cv2.GaussianBlur(part, (0, 0), _FINE_SIGMA) - cv2.GaussianBlur(part, (0, 0), coarse)
    left, top, right, bottom = (
        round((v - o) * scale) for v, o in zip(inside, (x0, y0, x0, y0), strict=True)
    )
    cut = band[top : max(bottom, top + 1), left : max(right, left + 1)]
    if kind != "face":
        return cut.ravel()
    rows, columns = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in cut.shape)
    return cut[rows[:, None] ** 2 + columns[None] ** 2 <= 1]


def small(picture: Gray) -> Gray:
    """The picture shrunk to tell frames apart by, at most `SMALL_WIDTH` wide."""
    scale = min(1.0, SMALL_WIDTH / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def align(
    source: NDArray[np.uint8],
    source_seconds: NDArray[np.float64],
    output: NDArray[np.uint8],
    output_seconds: NDArray[np.float64],
    open_to_see: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """(M,) the source's frame that each frame of the output shows, never descending.

    Both streams start at their first frame. The nearest in time is taken unless another one
    within 0.4 seconds looks more alike, so frames that a tool dropped or repeated do no harm. An
    output that plays slower or faster (a tool that took a varying rate for a fixed one) is first
    brought to the source's length.

    Args:
        source: (N, h, w) small pictures, as `small` makes them.
        source_seconds: (N,) their times.
        output: (M, h, w).
        output_seconds: (M,).
        open_to_see: (N, h, w) where a cover is not to be expected.

    Raises:
        AlignmentError: more than one frame in twenty looks far more like a source frame
            elsewhere: frames are in the wrong order, or another clip's.

    """
    source_seconds = source_seconds - source_seconds[0]
    output_seconds = output_seconds - output_seconds[0]
    if abs(output_seconds[-1] - source_seconds[-1]) > _WINDOW_SECONDS:
        output_seconds = output_seconds * (source_seconds[-1] / max(output_seconds[-1], 1e-9))
    interval = float(np.median(np.diff(source_seconds))) if len(source_seconds) > 1 else 1.0
    shown = np.zeros(len(output), dtype=np.int64)
    misplaced = 0
    last = 0
    for k, picture in enumerate(output):
        off = np.abs(source_seconds - output_seconds[k])
        possible = (off <= max(_WINDOW_SECONDS, off.min())) & (np.arange(len(source)) >= last)
        levels = np.minimum(np.abs(source.astype(np.int16) - picture), _CLIP_LEVELS)
        # All are compared by the same pixels: those open in every frame that it could be.
        is_open = open_to_see[possible].all(axis=0)
        differs = (levels * is_open).sum(axis=(1, 2)) / max(1, is_open.sum())
        cost = differs + _PENALTY * off / interval
        if possible.any():
            last = int(np.argmin(np.where(possible, cost, np.inf)))
        shown[k] = last
        better = differs.min() + _STEP < _CLEARLY_LESS * differs[last]
        misplaced += bool(better or differs[last] > _OTHER_CLIP)
    if misplaced > _MAX_MISPLACED * len(output):
        raise AlignmentError(
            f"{misplaced} of {len(output)} frames of the output look like other frames of the "
            "source than those of their time: is it the right clip, its frames in order?"
        )
    return shown


def changed(source: Gray, output: Gray) -> NDArray[np.bool_]:
    """(H/2, W/2) where the output differs by more than encoding again explains."""
    size = (source.shape[1] // 2, source.shape[0] // 2)
    a, b = (
        cv2.blur(cv2.resize(p, size, interpolation=cv2.INTER_AREA).astype(np.float32), (5, 5))
        for p in (source, output)
    )
    differs = (np.abs(a - b) > _CHANGED).astype(np.uint8)
    # Within a cover some pixels have their old value by chance.
    closed = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((_CLOSE, _CLOSE), np.uint8))
    return closed.astype(bool)
