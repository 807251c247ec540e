"""Follows an object from frame to frame by its looks, with normalised cross-correlation."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import clamp_to
from redact.tracking.tuning import TUNING
from redact.types import Box
from redact.views import View

# Smaller boxes have no template. Chosen by eye.
_MIN_TEMPLATE_SIDE_PIXELS = 6
# A template whose grey levels deviate by less can't be told from a plain wall. By eye.
_MIN_TEMPLATE_DEVIATION = 3.0

GrayImage = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """What an object looked like in one frame."""

    image: GrayImage
    """(rows, columns) grey, downscaled by `step`, of the part of the box inside the frame."""
    step: int
    """Each pixel of the image is the mean of this many by this many pixels of the frame."""
    offset: NDArray[np.float64]
    """(2,) from the box's top left corner to the image's, pixels; not 0 where the box reaches over
    the left or upper edge of the frame."""

    @classmethod
    def of(cls, view: View, box: NDArray[np.float64]) -> Template | None:
        """The template of a (4,) box; None if it is too small or has too little contrast."""
        height, width = view.shape
        inside = clamp_to(Box(*box), Box(0, 0, width, height))
        x0, y0, x1, y1 = (round(v) for v in inside)
        step = max(1, max(x1 - x0, y1 - y0) // TUNING.template_side_pixels)
        if min(x1 - x0, y1 - y0) < max(_MIN_TEMPLATE_SIDE_PIXELS, step):
            return None
        image = _downscaled(view, x0, y0, (x1 - x0) // step, (y1 - y0) // step, step)
        if float(image.std()) < _MIN_TEMPLATE_DEVIATION:
            return None
        return cls(image, step, np.asarray(inside[:2]) - box[:2])

    def follow(
        self, predicted: NDArray[np.float64], view: View, search_sizes: float
    ) -> tuple[NDArray[np.float64], float] | None:
        """Find the object in another frame.

        Args:
            predicted: (4,) the box where it should be.
            view: the frame.
            search_sizes: how far from the predicted box to search, in sizes of the template.

        Returns:
            The (4,) box where the frame looks most like the template, and the correlation there,
            up to 1. None if nothing looks like it, or if another place looks like it as well.

        """
        height, width = view.shape
        step, (rows, columns) = self.step, self.image.shape
        left, top = (round(v) for v in (predicted[:2] + self.offset).tolist())
        margin_x, margin_y = (math.ceil(search_sizes * size) for size in (columns, rows))
        # The search area starts a multiple of `step` from the predicted place. On another grid the
        # means would differ, and what stands still would seem to change.
        x0 = left - step * min(margin_x, left // step)
        y0 = top - step * min(margin_y, top // step)
        count_x = min((left - x0) // step + columns + margin_x, (width - x0) // step)
        count_y = min((top - y0) // step + rows + margin_y, (height - y0) // step)
        if count_x < columns or count_y < rows:
            return None
        area = _downscaled(view, x0, y0, count_x, count_y, step)
        place = self._unique_match(area)
        if place is None:
            return None
        (x, y), correlation = place
        shift = np.array([x0 + x * step - left, y0 + y * step - top], dtype=np.float64)
        return predicted + np.tile(shift, 2), correlation

    def _unique_match(self, area: GrayImage) -> tuple[tuple[int, int], float] | None:
        """Where the template fits best in an area of the same scale, and the correlation there.

        None if it fits badly, or almost as well elsewhere.
        """
        rows, columns = self.image.shape
        correlations = cv2.matchTemplate(area, self.image, cv2.TM_CCOEFF_NORMED)
        _, best, _, (x, y) = cv2.minMaxLoc(correlations)
        if not best >= TUNING.min_correlation:
            return None
        # The second best place must lie farther than half a template away.
        correlations[
            max(0, y - rows // 2) : y + rows // 2 + 1,
            max(0, x - columns // 2) : x + columns // 2 + 1,
        ] = -1
        if float(correlations.max()) > best - TUNING.min_correlation_lead:
            return None
        return (x, y), float(best)


def _downscaled(view: View, x0: int, y0: int, columns: int, rows: int, step: int) -> GrayImage:
    """(rows, columns) mean brightness of squares of `step` pixels, from (x0, y0) on."""
    return view.luma((columns, rows), (x0, y0, x0 + columns * step, y0 + rows * step))
