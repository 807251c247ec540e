"""How sure detectors must be: which finds make a track, by kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of, sizes_of
from redact.tracking.tracklet import Tracklet


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Which finds make a track that is covered. All but `count` are scores, 0..1."""

    sure: float
    """From this score on a find is matched first, and its track is followed and looked for."""
    alone: float
    """One find with this score is enough."""
    agreeing: float
    count: int
    """So many finds in one track with the score `agreeing` are enough too."""
    still: float
    """What never moved needs a find with this score, however often it was seen."""
    along: int | None = None
    """What went along by several sizes and was found in so many frames, however faintly, needs a
    find with the score `still`, too; None: that is no evidence."""


# Measured on scenes and clips with known boxes: faces that never reached `alone` with fewer
# agreeing finds were false, since lone weak looks repeat on the same leaves and bricks. Plates'
# scores are those after a second look, which leaves 0.5 to a sixth of the false finds that had it,
# and to one in ten plates less; far, dark or half hidden ones are seen again and again.
_EVIDENCE = {
    "face": Evidence(sure=0.5, alone=0.5, agreeing=0.3, count=5, still=0.4),
    "plate": Evidence(sure=0.3, alone=0.5, agreeing=0.3, count=3, still=0.35, along=6),
}
_OTHER_EVIDENCE = Evidence(sure=0.5, alone=0.5, agreeing=0.3, count=3, still=0.3)


def evidence_for(kind: str) -> Evidence:
    """What a thing of this kind needs to be covered."""
    return _EVIDENCE.get(kind, _OTHER_EVIDENCE)


# What moves by less than this share of its size stands still; by more than so many, it passes by.
_STILL_SHARE, _FAR_SIZES = 0.25, 3.0


def is_confirmed(tracklet: Tracklet) -> bool:
    """One find that is good enough alone, or weaker ones that agree."""
    needed = evidence_for(tracklet.kind)
    if tracklet.best_score >= needed.alone:
        return True
    if needed.along is not None and tracklet.best_score >= needed.still:
        detections = [
            b for b, s in zip(tracklet.boxes, tracklet.scores, strict=True) if np.isfinite(s)
        ]
        if len(detections) >= needed.along and _moved(detections) > _FAR_SIZES:
            return True
    agreeing = [
        box
        for box, score in zip(tracklet.boxes, tracklet.scores, strict=True)
        if score >= needed.agreeing
    ]
    if len(agreeing) < needed.count:
        return False
    # A detector says of the same pixels what it said before: that is no agreement.
    return _moved(agreeing) > _STILL_SHARE or tracklet.best_score >= needed.still


def _moved(boxes: Sequence[NDArray[np.float64]]) -> float:
    """How far (4,) boxes of one thing lie apart at most, in sizes of it."""
    centers, sizes = centers_of(np.stack(boxes)), sizes_of(np.stack(boxes))
    return float(np.ptp(centers, axis=0).max() / np.median(sizes))
