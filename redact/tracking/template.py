"""Follow a thing by what it looked like, from one picture to the next."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import clamp_to
from redact.types import Box
from redact.views import View

Image = NDArray[np.uint8]

# Correlation from which on it is the same thing.
_FOLLOW_LIKENESS = 0.7
# What fits about as well elsewhere, as a post or a wall does, can't be followed.
_MIN_LEAD = 0.05
_TEMPLATE_SIDE, _MIN_TEMPLATE_SIDE = 24, 6
_MIN_DETAIL = 3.0


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """What a thing looked like: grey, every `step` pixels, of what lay in the picture.

    offset: (2,) from the box's top left corner to where the picture of it starts: not 0 where the
    box reaches over the edge.
    """

    picture: Image
    step: int
    offset: NDArray[np.float64]

    @classmethod
    def of(cls, view: View, box: NDArray[np.float64]) -> Template | None:
        """The box's template, its longer side some 24 px; None where nothing stands out."""
        height, width = view.shape
        inside = clamp_to(Box(*box), Box(0, 0, width, height))
        x0, y0, x1, y1 = (round(v) for v in inside)
        step = max(1, max(x1 - x0, y1 - y0) // _TEMPLATE_SIDE)
        if min(x1 - x0, y1 - y0) < max(_MIN_TEMPLATE_SIDE, step):
            return None
        small = _every(view, x0, y0, (x1 - x0) // step, (y1 - y0) // step, step)
        if float(small.std()) < _MIN_DETAIL:
            return None
        return cls(small, step, np.asarray(inside[:2]) - box[:2])

    def follow(
        self, predicted: NDArray[np.float64], view: View, reach: float = 0.8
    ) -> tuple[NDArray[np.float64], float] | None:
        """The box of what looks most like it around a predicted box, and how like, -1..1.

        Normalised cross-correlation. None where nothing is like it.

        reach: how far to look, in sizes of the box.
        """
        height, width = view.shape
        step, (rows, columns) = self.step, self.picture.shape
        left, top = (round(v) for v in (predicted[:2] + self.offset).tolist())
        reach_x, reach_y = (math.ceil(reach * size) for size in (columns, rows))
        # On the template's own lattice, or what stands still would seem to change.
        x0 = left - step * min(reach_x, left // step)
        y0 = top - step * min(reach_y, top // step)
        count_x = min((left - x0) // step + columns + reach_x, (width - x0) // step)
        count_y = min((top - y0) // step + rows + reach_y, (height - y0) // step)
        if count_x < columns or count_y < rows:
            return None
        field = _every(view, x0, y0, count_x, count_y, step)
        likenesses = cv2.matchTemplate(field, self.picture, cv2.TM_CCOEFF_NORMED)
        _, likeness, _, (x, y) = cv2.minMaxLoc(likenesses)
        if not likeness >= _FOLLOW_LIKENESS:
            return None
        likenesses[
            max(0, y - rows // 2) : y + rows // 2 + 1,
            max(0, x - columns // 2) : x + columns // 2 + 1,
        ] = -1
        if float(likenesses.max()) > likeness - _MIN_LEAD:
            return None
        shift = np.array([x0 + x * step - left, y0 + y * step - top], dtype=np.float64)
        return predicted + np.tile(shift, 2), float(likeness)


def _every(view: View, x0: int, y0: int, columns: int, rows: int, step: int) -> Image:
    """(rows, columns) means of step by step pixels of the brightness, from (x0, y0) on."""
    return view.luma((columns, rows), (x0, y0, x0 + columns * step, y0 + rows * step))
