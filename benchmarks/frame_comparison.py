"""Compare frames of an output with frames of its source: remaining detail, alignment, changes.

Detail is what distinguishes one face from another, or one character from the next: the spatial
frequencies between a pixel and a fraction of the box. It leaks where source and output agree in
that band.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import clamp_to, grow
from redact.types import Box

Gray = NDArray[np.uint8]
_MIN_CORRELATION, _MIN_STRENGTH_RATIO = 0.5, 0.5
_CERTAIN_CORRELATION = 0.9
# Detail with a lower standard deviation than this, in grey levels, identifies nobody.
MIN_DETAIL = 2.0
_NO_DETAIL = 1e-3
_BAND_ROWS = 64
_FINE_SIGMA_PIXELS = 0.6
# The band's upper scale as a share of the box's height; coarser features belong to the lighting.
_COARSE_SIGMA_RATIO = {"face": 1 / 8, "plate": 1 / 4}
_MIN_INSIDE_SHARE = 0.5

THUMBNAIL_WIDTH = 160
_WINDOW_SECONDS = 0.4
_COST_PER_FRAME = 0.1
_MAX_LEVELS = 24
_MAX_MISPLACED_SHARE = 0.05
# A frame is misplaced if another source frame differs by less than half as much and by at least
# this many grey levels less, or if every possible frame differs by more than the last of these
# values.
_CLEARLY_LESS_RATIO, _MIN_STEP_LEVELS, _OTHER_CLIP_LEVELS = 0.5, 0.2, 20
# Grey levels of a 5 px mean at half size; and the width of holes that are closed, in such pixels.
_CHANGED_LEVELS, _CLOSING_PIXELS = 8, 11


class AlignmentError(ValueError):
    """The frames of the output are not those of the source in the same order."""


def leaks(source: Gray, output: Gray, box: Box, kind: str) -> bool | None:
    """Whether the detail in the box is left in the output; None if the source has none there.

    It is a leak if the band-passed images correlate above 0.5 and at least half of the standard
    deviation is left, or if they correlate above 0.9. Of a face's box only the inscribed ellipse
    counts.

    source, output: (H, W) uint8 luma of equal size.
    """
    height, width = source.shape
    inside = clamp_to(box, Box(0, 0, width, height))
    if box.area <= 0 or inside.area < _MIN_INSIDE_SHARE * box.area:
        return None
    a, b = _band(source, inside, box.height, kind), _band(output, inside, box.height, kind)
    strength_a, strength_b = float(a.std()), float(b.std())
    if strength_a < MIN_DETAIL:
        return None
    if strength_b < _NO_DETAIL:
        return False
    correlation = float(((a - a.mean()) * (b - b.mean())).mean() / (strength_a * strength_b))
    is_strong = strength_b >= _MIN_STRENGTH_RATIO * strength_a
    return (correlation > _MIN_CORRELATION and is_strong) or correlation > _CERTAIN_CORRELATION


def _band(image: Gray, inside: Box, full_height: float, kind: str) -> NDArray[np.float32]:
    """(N,) band-passed grey levels inside the box, which is scaled to at most `_BAND_ROWS` rows."""
    around = clamp_to(grow(inside, 0.5), Box(0, 0, image.shape[1], image.shape[0]))
    x0, y0, x1, y1 = (round(v) for v in around)
    part = image[y0:y1, x0:x1].astype(np.float32)
    scale = min(1.0, _BAND_ROWS / full_height)
    if scale < 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    coarse = max(1.5, full_height * scale * _COARSE_SIGMA_RATIO[kind])
    band = cv2.GaussianBlur(part, (0, 0), _FINE_SIGMA_PIXELS) - cv2.GaussianBlur(
        part, (0, 0), coarse
    )
    left, top, right, bottom = (
        round((v - o) * scale) for v, o in zip(inside, (x0, y0, x0, y0), strict=True)
    )
    cut = band[top : max(bottom, top + 1), left : max(right, left + 1)]
    if kind != "face":
        return cut.ravel()
    rows, columns = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in cut.shape)
    return cut[rows[:, None] ** 2 + columns[None] ** 2 <= 1]


def thumbnail(image: Gray) -> Gray:
    """The image scaled to at most `THUMBNAIL_WIDTH`, for `align`."""
    scale = min(1.0, THUMBNAIL_WIDTH / image.shape[1])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def align(
    source: NDArray[np.uint8],
    source_seconds: NDArray[np.float64],
    output: NDArray[np.uint8],
    output_seconds: NDArray[np.float64],
    uncovered: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Index of the source frame that each frame of the output shows, (M,), never descending.

    The nearest frame in time is taken unless another one within 0.4 seconds is more similar, so it
    does not matter if a tool dropped or repeated frames. An output that plays slower or faster
    (from a tool that wrote a variable frame rate as a constant one) is first scaled to the source's
    length.

    Args:
        source: (N, h, w) thumbnails, as `thumbnail` makes them.
        source_seconds: (N,) their times.
        output: (M, h, w) thumbnails.
        output_seconds: (M,) their times.
        uncovered: (N, h, w) True where no cover is expected.

    Raises:
        AlignmentError: more than one frame in twenty is far more similar to another source frame:
            the frames are in the wrong order or from another clip.

    """
    source_seconds = source_seconds - source_seconds[0]
    output_seconds = output_seconds - output_seconds[0]
    if abs(output_seconds[-1] - source_seconds[-1]) > _WINDOW_SECONDS:
        output_seconds = output_seconds * (source_seconds[-1] / max(output_seconds[-1], 1e-9))
    interval = float(np.median(np.diff(source_seconds))) if len(source_seconds) > 1 else 1.0
    shown = np.zeros(len(output), dtype=np.int64)
    misplaced = 0
    last = 0
    for k, image in enumerate(output):
        off = np.abs(source_seconds - output_seconds[k])
        possible = (off <= max(_WINDOW_SECONDS, off.min())) & (np.arange(len(source)) >= last)
        levels = np.minimum(np.abs(source.astype(np.int16) - image), _MAX_LEVELS)
        # Candidates are compared by the same pixels: those uncovered in all of them.
        compared = uncovered[possible].all(axis=0)
        difference = (levels * compared).sum(axis=(1, 2)) / max(1, compared.sum())
        cost = difference + _COST_PER_FRAME * off / interval
        if possible.any():
            last = int(np.argmin(np.where(possible, cost, np.inf)))
        shown[k] = last
        better = difference.min() + _MIN_STEP_LEVELS < _CLEARLY_LESS_RATIO * difference[last]
        misplaced += bool(better or difference[last] > _OTHER_CLIP_LEVELS)
    if misplaced > _MAX_MISPLACED_SHARE * len(output):
        raise AlignmentError(
            f"{misplaced} of {len(output)} frames of the output do not show the source's frame at "
            "their time: is it the output of this clip, with its frames in order?"
        )
    return shown


def changed(source: Gray, output: Gray) -> NDArray[np.bool_]:
    """(H/2, W/2) True where the output differs by more than re-encoding explains."""
    size = (source.shape[1] // 2, source.shape[0] // 2)
    a, b = (
        cv2.blur(cv2.resize(p, size, interpolation=cv2.INTER_AREA).astype(np.float32), (5, 5))
        for p in (source, output)
    )
    differs = (np.abs(a - b) > _CHANGED_LEVELS).astype(np.uint8)
    # Within a cover some pixels have the source's value by chance: close these holes.
    closed = cv2.morphologyEx(
        differs, cv2.MORPH_CLOSE, np.ones((_CLOSING_PIXELS, _CLOSING_PIXELS), np.uint8)
    )
    return closed.astype(bool)
