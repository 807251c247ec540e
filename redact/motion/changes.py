"""What changed in a picture since it was last looked at, under a camera that stands still.

What looks the same shows the same: only the rest needs to be looked at again. The same holds for
what looks as it did before somebody passed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import clamp_to, joined_boxes
from redact.imaging import size_within
from redact.types import Box, Detection
from redact.views import View

# Pictures are held against each other at this longer side, in blocks of so many pixels: of a full
# HD picture a block is 16 pixels, as large as the smallest faces that are found.
_LONG_SIDE, _BLOCK = 480, 4
# A block has changed when it is, on average, so many grey steps off, and this many times as far as
# the median block, which shows the noise. Where even that is far off, the light has changed.
_MIN_STEPS, _TIMES_NOISE, _MAX_STEPS = 2.0, 2.0, 6.0
# So many blocks around what has changed are looked at as well: detectors expect surroundings.
_MARGIN = 6
# So near to what has changed, what looks as it did before is no longer as in the last look. Farther
# away it may be, and what was found there holds on.
_TOUCHED = 2
# Parts that fill more of the picture than this are no saving.
_MAX_AREA = 0.7

_Blocks = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class ChangedParts:
    """Where to look in a picture, and what is known of the rest of it."""

    number: int
    """Of this look."""
    parts: tuple[Box, ...] | None
    """What to look at, in pixels of the picture; None for all of it."""
    sources: NDArray[np.int32]
    """(rows, columns) the number of the look that tells what each block shows."""
    earlier: NDArray[np.int32]
    """(rows, columns) the same of what each block showed before that."""


@dataclasses.dataclass
class _Known:
    """What the blocks of a picture look like, and in which look that was seen."""

    picture: NDArray[np.uint8]
    sources: NDArray[np.int32]

    @classmethod
    def of(cls, picture: NDArray[np.uint8], number: int) -> _Known:
        """All of it was seen in that look."""
        rows, columns = (side // _BLOCK for side in picture.shape)
        return cls(picture, np.full((rows, columns), number, dtype=np.int32))

    def take(self, blocks: _Blocks, other: _Known) -> None:
        """These blocks are from now on as in the other one."""
        np.copyto(self.sources, other.sources, where=blocks)
        pixels = blocks.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)
        np.copyto(self.picture, other.picture, where=pixels)


class ChangeMap:
    """Remembers how each part of the picture looked when it was last looked at, and what it showed.

    Of each block two pictures are known: the last, and the one that last stayed the same from one
    look to the next, which is what lies behind those who pass.

    Call `outlook` when a picture is to be looked at, and `all_seen` when that is done, in order of
    pictures each; looks may be under way meanwhile.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: _Known | None = None
        self._lasting: _Known | None = None
        self._detections: list[tuple[int, Detection]] = []

    def forget(self) -> None:
        """Everything counts as changed in the next picture."""
        self._last = self._lasting = None

    def changed_parts(self, view: View) -> ChangedParts:
        """What to look at in the next picture: all that doesn't look as when it was looked at."""
        size = _in_blocks(size_within(view.shape, _LONG_SIDE))
        small = view.luma(size)
        self._count += 1
        parts = self._changed(small)
        last, lasting = self._last, self._lasting
        now = _Known.of(small, self._count)
        if parts is None or last is None or lasting is None:
            last = self._last = now
            lasting = self._lasting = lasting or _Known.of(small.copy(), self._count)
        else:
            # Only what is looked at now is known to look like this: slow changes add up.
            last.take(_covered_by(parts, last.sources.shape), now)
            fx, fy = view.shape[1] / size[0], view.shape[0] / size[1]
            parts = tuple(Box(x0 * fx, y0 * fy, x1 * fx, y1 * fy) for x0, y0, x1, y1 in parts)
        return ChangedParts(self._count, parts, last.sources.copy(), lasting.sources.copy())

    def _changed(self, small: NDArray[np.uint8]) -> tuple[Box, ...] | None:
        """Boxes, in small pixels, around what looks as in no look before; None for everything.

        What looks as before the last look is known from then again, and what looks as in the last
        look is known to last.
        """
        last, lasting = self._last, self._lasting
        if last is None or lasting is None or last.picture.shape != small.shape:
            self._lasting = None
            return None
        differs = _different(last.picture, small)
        if differs.all():
            self._lasting = None
            return None
        near = _widened(differs, _MARGIN)
        news = near & _different(lasting.picture, small)
        parts = _boxes_around(_widened(news, _MARGIN))
        if sum(part.area for part in parts) > _MAX_AREA * small.size:
            return None
        last.take(_widened(differs, _TOUCHED), lasting)
        lasting.take(~near, last)
        return tuple(parts)

    def all_seen(
        self, detections: Sequence[Detection], changed_parts: ChangedParts, view: View
    ) -> list[Detection]:
        """What was found in the parts of a picture, and in earlier looks elsewhere in it.

        outlook, view: as `outlook` told and was given.
        """
        known = self._detections + [(changed_parts.number, detection) for detection in detections]
        self._detections = [
            (number, detection)
            for number, detection in known
            if _shows(detection.box, number, changed_parts.sources, view.shape)
            or _shows(detection.box, number, changed_parts.earlier, view.shape)
        ]
        return [
            detection
            for number, detection in self._detections
            if _shows(detection.box, number, changed_parts.sources, view.shape)
        ]


def _in_blocks(size: tuple[int, int]) -> tuple[int, int]:
    """The nearest width and height of whole blocks."""
    width, height = (max(1, round(side / _BLOCK)) * _BLOCK for side in size)
    return width, height


def _different(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> _Blocks:
    """(rows, columns) which blocks changed; all of them where the light did."""
    away = cv2.absdiff(before, after).astype(np.float32)
    blocks = before.shape[1] // _BLOCK, before.shape[0] // _BLOCK
    means = np.asarray(cv2.resize(away, blocks, interpolation=cv2.INTER_AREA))
    limit = max(_MIN_STEPS, _TIMES_NOISE * float(np.median(means)))
    return np.ones_like(means, dtype=np.bool_) if limit > _MAX_STEPS else means > limit


def _widened(blocks: _Blocks, by: int) -> _Blocks:
    """With so many blocks around them."""
    kernel = np.ones((2 * by + 1,) * 2, dtype=np.uint8)
    return np.asarray(cv2.dilate(blocks.astype(np.uint8), kernel)).astype(np.bool_)


def _boxes_around(blocks: _Blocks) -> list[Box]:
    """Boxes that take in all of these blocks and don't overlap; small pixels."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(blocks.astype(np.uint8), connectivity=8)
    return joined_boxes(
        [
            Box(*(float(_BLOCK * v) for v in (x, y, x + w, y + h)))
            for x, y, w, h, _ in stats[1:count].tolist()
        ]
    )


def _covered_by(parts: Iterable[Box], shape: tuple[int, ...]) -> _Blocks:
    """The blocks, (rows, columns), in boxes of whole blocks; small pixels."""
    blocks = np.zeros(shape, dtype=np.bool_)
    for part in parts:
        x0, y0, x1, y1 = (round(v) // _BLOCK for v in part)
        blocks[y0:y1, x0:x1] = True
    return blocks


def _shows(box: Box, number: int, sources: NDArray[np.int32], shape: tuple[int, int]) -> bool:
    """Whether some of what lies in a box still looks as in the look of that number.

    What of it lies beyond the edges of the picture makes no difference.

    sources: (rows, columns) by which look each block of the picture is known.
    shape: the picture's height and width, pixels, in which the box is told.
    """
    height, width = shape
    x0, y0, x1, y1 = clamp_to(box, Box(0.0, 0.0, float(width), float(height)))
    fx, fy = sources.shape[1] / width, sources.shape[0] / height
    rows = slice(math.floor(y0 * fy), max(math.ceil(y1 * fy), math.floor(y0 * fy) + 1))
    columns = slice(math.floor(x0 * fx), max(math.ceil(x1 * fx), math.floor(x0 * fx) + 1))
    return bool((sources[rows, columns] == number).any())
