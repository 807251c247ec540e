"""A parked plate is constant: what stood in the same place before and after was there between."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from redact.boxes import iou_matrix
from redact.tracking import PARKED_SECONDS, Tracklet

_SAME_IOU = 0.5


def joined_where_parked(tracklets: Iterable[Tracklet]) -> list[Tracklet]:
    """The tracklets, those joined to one that show a plate in one place of one scene."""
    joined: list[Tracklet] = []
    for tracklet in sorted(tracklets, key=lambda t: t.indices[0]):
        earlier = next((t for t in joined if _stays(t, tracklet)), None)
        if earlier is None:
            joined.append(tracklet)
        else:
            joined[joined.index(earlier)] = _one_of(earlier, tracklet)
    return joined


def _stays(earlier: Tracklet, later: Tracklet) -> bool:
    gap = later.times[0] - earlier.times[-1]
    if earlier.kind != "plate" or later.kind != "plate" or not 0 < gap <= PARKED_SECONDS:
        return False
    if earlier.scene != later.scene:
        return False
    return bool(iou_matrix(_best_box(earlier), _best_box(later))[0, 0] > _SAME_IOU)


def _best_box(tracklet: Tracklet) -> NDArray[np.float64]:
    """(4,) where it was seen best: at its ends it may have been followed astray."""
    return tracklet.boxes[int(np.nanargmax(tracklet.scores))]


def _one_of(earlier: Tracklet, later: Tracklet) -> Tracklet:
    whole = dataclasses.replace(
        later,
        indices=earlier.indices + later.indices,
        times=earlier.times + later.times,
        boxes=earlier.boxes + later.boxes,
        scores=earlier.scores + later.scores,
    )
    whole.best_score = max(earlier.best_score, later.best_score)
    return whole
