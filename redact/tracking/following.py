"""Following something that no detector knows, from a box in one frame, by its looks alone.

The template is that of one frame, not always of the last one: taken anew in every frame, it would
creep off an object that moves by less than a pixel each time. It is taken anew only when the object
begins to look different, and then its size is measured, too.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of
from redact.resizing import resized
from redact.tracking.template import Template
from redact.tracking.tracklet import Tracklet
from redact.views import View

# Below this correlation with its template an object begins to look different. By eye.
_SAME_LOOKS = 0.95
# How far from the predicted place it is searched for, in its sizes. By eye.
_MAX_SEARCH_SIZES = 1.0
# By how much the size may change when the template is taken anew. By eye.
_SCALES = (1.0, 0.97, 1.03, 0.94, 1.06, 0.9, 1.1, 0.85, 1.15)
# The correlation doesn't see that something is much brighter, which makes hair look like a floor
# with as many stripes. By so many grey levels a thing may change; by eye.
_MAX_BRIGHTNESS_CHANGE = 40.0
# Another size has to look so much more alike to be believed.
_MIN_SCALE_GAIN = 0.003


@dataclasses.dataclass(frozen=True, eq=False)
class _Look:
    """What the object looked like in one view."""

    template: Template
    half: NDArray[np.float64]
    """(2,) half the width and height of its box there."""

    @classmethod
    def of(cls, view: View, box: NDArray[np.float64]) -> _Look | None:
        template = Template.of(view, box)
        return None if template is None else cls(template, (box[2:] - box[:2]) / 2)

    def around(self, center: NDArray[np.float64]) -> NDArray[np.float64]:
        """(4,) the box around a (2,) centre."""
        return np.concatenate([center - self.half, center + self.half])


class Follower:
    """Follows one object through successive views, forward or backward in time.

    Args:
        view: in which the object is.
        box: (4,) around it, in pixels of the view.

    Raises:
        ValueError: the box is too small, or has too little contrast to be followed.

    """

    def __init__(self, view: View, box: NDArray[np.float64]) -> None:
        look = _Look.of(view, box)
        if look is None:
            raise ValueError("it is too small or too plain to be followed by its looks")
        self._first = self._latest = look
        self._path = Tracklet(
            kind="followed",
            indices=[0],
            times=[0.0],
            boxes=[box],
            scores=[1.0],
            velocity=np.zeros(2),
            camera_offset=np.zeros(2),
        )

    def step(self, view: View, elapsed: float) -> NDArray[np.float64] | None:
        """The (4,) box of the object in the next view, or None where it isn't found.

        elapsed: seconds between the first view and this one; more in each call.
        """
        path = self._path
        center = centers_of(path.predict(elapsed))
        gate = min(path.gate(elapsed - path.times[-1]), _MAX_SEARCH_SIZES)
        for look in dict.fromkeys((self._latest, self._first)):
            place = look.template.follow(look.around(center), view, gate)
            if place is not None:
                break
        else:
            return None
        box, likeness = place
        now = Template.of(view, box)
        if now is None or not self._is_as_bright(now):
            return None
        if likeness < _SAME_LOOKS:
            box = _with_best_size(look.template, box, view)
            look = _Look.of(view, box) or look
        self._latest = look
        path.append(len(path.boxes), elapsed, box, math.nan)
        return box

    def _is_as_bright(self, template: Template) -> bool:
        first = self._first.template.image
        return abs(float(template.image.mean()) - float(first.mean())) <= _MAX_BRIGHTNESS_CHANGE


def _with_best_size(
    template: Template, box: NDArray[np.float64], view: View
) -> NDArray[np.float64]:
    """The (4,) box, a little larger or smaller where that looks more like the template."""
    height, width = view.shape
    center, half = centers_of(box), (box[2:] - box[:2]) / 2
    best, best_likeness = box, -math.inf
    for scale in _SCALES:
        near = np.concatenate([center - scale * half, center + scale * half])
        x0, y0, x1, y1 = (round(v) for v in near.tolist())
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            return box
        part = view.luma((x1 - x0, y1 - y0), (x0, y0, x1, y1))
        rows, columns = template.image.shape
        image = resized(part, columns, rows)
        likeness = float(cv2.matchTemplate(image, template.image, cv2.TM_CCOEFF_NORMED)[0, 0])
        if likeness > best_likeness + (_MIN_SCALE_GAIN if best_likeness > -math.inf else 0):
            best, best_likeness = near, likeness
    return best
