"""What changed in a picture since it was last looked at, under a camera that stands still.

What looks the same shows the same: only the rest needs to be looked at again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.boxes import as_array, clamp_to, joined_boxes
from redact.records import Box, Detection
from redact.scaling import size_within
from redact.views import View

# Pictures are held against each other at this longer side, in blocks of so many pixels: of a full
# HD picture a block is 16 pixels, as large as the smallest faces that are found.
_LONG_SIDE, _BLOCK = 480, 4
# A block has changed when it is, on average, so many grey steps off, and this many times as far as
# the median block, which shows the noise. Where even that is far off, the light has changed.
_LEAST_STEPS, _TIMES_NOISE, _MOST_STEPS = 2.0, 2.0, 6.0
# So many blocks around what has changed are looked at as well: detectors expect surroundings.
_MARGIN = 6
# Parts that fill more of the picture than this are no saving.
_MOST_AREA = 0.7


class Changes:
    """Remembers how each part of the picture looked when it was last looked at, and what it showed.

    Call `parts` when a picture is to be looked at, and `all_seen` when that is done, in order of
    pictures each; looks may be under way meanwhile.
    """

    def __init__(self) -> None:
        self._known: NDArray[np.uint8] | None = None
        self._shown: list[Detection] = []

    def forget(self) -> None:
        """Everything counts as changed in the next picture."""
        self._known = None

    def parts(self, view: View) -> tuple[Box, ...] | None:
        """What to look at in the next picture: boxes in its pixels, or None for all of it.

        They take in all that changed since it was last part of what this told, and a margin.
        """
        height, width = view.shape
        size = size_within(view.shape, _LONG_SIDE)
        small = view.luma(size)
        known, self._known = self._known, small
        if known is None or known.shape != small.shape:
            return None
        parts = _changed_parts(known, small)
        if sum(part.area for part in parts) > _MOST_AREA * small.size:
            return None
        # Only what is looked at now is known to look like this: slow changes add up.
        self._known = known
        for part in parts:
            x0, y0, x1, y1 = (round(v) for v in part)
            known[y0:y1, x0:x1] = small[y0:y1, x0:x1]
        fx, fy = width / size[0], height / size[1]
        return tuple(Box(x0 * fx, y0 * fy, x1 * fx, y1 * fy) for x0, y0, x1, y1 in parts)

    def all_seen(
        self,
        finds: Sequence[Detection],
        parts: Collection[Box] | None,
        view: View,
    ) -> list[Detection]:
        """What was found in these parts of a picture, and before that elsewhere in it.

        parts, view: as `parts` told and was given.
        """
        self._shown = [*finds, *still_there(self._shown, parts, view.shape)]
        return self._shown


def still_there(
    finds: Sequence[Detection], parts: Collection[Box] | None, shape: tuple[int, int]
) -> list[Detection]:
    """Those of the last look's finds that don't lie within one of the parts looked at since.

    What of them lies beyond the edges of the picture makes no difference.

    Args:
        finds: in pixels of the picture.
        parts: as `Changes.parts` told them.
        shape: the picture's height and width, pixels.

    """
    if parts is None:
        return []
    edges = as_array(parts)
    picture = Box(0.0, 0.0, float(shape[1]), float(shape[0]))
    return [find for find in finds if not _is_within(clamp_to(find.box, picture), edges)]


def _is_within(box: Box, parts: NDArray[np.float64]) -> bool:
    edges = np.asarray(box)
    is_within = (edges[:2] >= parts[:, :2]).all(axis=1) & (edges[2:] <= parts[:, 2:]).all(axis=1)
    return bool(is_within.any())


def _changed_parts(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> list[Box]:
    """Boxes around what changed, margin included, that don't overlap; small pixels."""
    height, width = after.shape
    blocks = -(-width // _BLOCK), -(-height // _BLOCK)
    away = cv2.absdiff(before, after).astype(np.float32)
    means = np.asarray(cv2.resize(away, blocks, interpolation=cv2.INTER_AREA))
    limit = max(_LEAST_STEPS, _TIMES_NOISE * float(np.median(means)))
    if limit > _MOST_STEPS:
        return [Box(0.0, 0.0, float(width), float(height))]
    near = cv2.dilate((means > limit).astype(np.uint8), np.ones((2 * _MARGIN + 1,) * 2, np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    fx, fy = width / blocks[0], height / blocks[1]
    found = [
        Box(x * fx, y * fy, (x + w) * fx, (y + h) * fy) for x, y, w, h, _ in stats[1:count].tolist()
    ]
    return joined_boxes(found)
