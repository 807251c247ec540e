"""Verifying a plate: looking at a candidate again, alone, at other sizes and mirrored.

A network that takes gravel or a brick for a plate does so at one size, while a plate stays a plate
when it is shrunk, enlarged or mirrored. Averaging over changed views of the input is the plain form
of test-time augmentation (Krizhevsky et al., "ImageNet Classification with Deep Convolutional
Neural Networks", 2012).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors.passes import ScoredBoxes
from redact.geometry import iou_matrix, mirrored_boxes

PlateNetwork = Callable[[NDArray[np.float32]], ScoredBoxes]
"""Detects plates in a (H, W) float32 grey view, sides multiples of 32."""

# For each view: the breadth of the candidate in pixels, the view's side relative to that breadth,
# and whether it is mirrored. Of all sets of four out of ten views these separated 174 labelled
# plates from 430 false detections best: at the score at which no plate is lost, 5 % of the false
# ones are left; by the first detection's own score 98 % are.
_VIEWS = ((56, 3.6, True), (80, 3.0, False), (40, 3.0, False), (80, 3.6, True))
# A plate reaches at least this mean score: from here on its first score stands.
_STEADY_SCORE = 0.6
# If the mean of the views so far is lower than this, the remaining views are skipped.
_HOPELESS_SCORE = 0.25
# A detection in a view is the candidate if the two overlap by more than this.
_SAME_IOU = 0.25
_MAX_ENLARGEMENT = 2.5
_MULTIPLE = 32


def steadiness(grey: NDArray[np.uint8], box: NDArray[np.float64], network: PlateNetwork) -> float:
    """How well a (4,) box stays a plate in other views of it: 0 not at all, 1 as plates do.

    grey: (H, W) brightness of the image that the box is in.
    """
    scores: list[float] = []
    for breadth, around, is_mirrored in _VIEWS:
        side = round(breadth * around / _MULTIPLE) * _MULTIPLE
        view, place = _view(grey, box, side, around)
        if is_mirrored:
            view, place = view[:, ::-1], mirrored_boxes(place, side)
        boxes, values = network(np.ascontiguousarray(view, dtype=np.float32))
        is_same = iou_matrix(place, boxes)[0] > _SAME_IOU
        scores.append(float(values[is_same].max(initial=0.0)))
        if np.mean(scores) < _HOPELESS_SCORE:
            break
    return min(1.0, float(np.mean(scores)) / _STEADY_SCORE)


def _view(
    grey: NDArray[np.uint8], box: NDArray[np.float64], side: int, around: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A (side, side) view of the box's surroundings, and the (4,) box in it."""
    height, width = grey.shape
    wanted = max(around * float(max(box[2:] - box[:2])), side / _MAX_ENLARGEMENT)
    corners = []
    for low, high, limit in ((box[0], box[2], width), (box[1], box[3], height)):
        # Shifted into the image where that is possible: a network expects surroundings.
        first = max(0.0, min((low + high - wanted) / 2, limit - wanted))
        corners.append((round(first), round(min(first + wanted, limit))))
    (x0, x1), (y0, y1) = corners
    size = [max(1, min(side, round(span * side / wanted))) for span in (x1 - x0, y1 - y0)]
    interpolation = cv2.INTER_AREA if wanted > side else cv2.INTER_LINEAR
    view = cv2.resize(grey[y0:y1, x0:x1], size, interpolation=interpolation)
    view = cv2.copyMakeBorder(view, 0, side - size[1], 0, side - size[0], cv2.BORDER_REPLICATE)
    scale = np.tile([size[0] / (x1 - x0), size[1] / (y1 - y0)], 2)
    return np.asarray(view, dtype=np.uint8), (box - np.array([x0, y0, x0, y0])) * scale
