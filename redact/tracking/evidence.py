"""What a set of detections of one object says about it, in a summary of constant size."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of, sizes_of
from redact.tracking.tuning import kind_tuning


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Spread:
    """How many boxes there are, how far apart they lie, and how large they are."""

    count: int = 0
    min_center: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.full(2, np.inf))
    """(2,) the smallest x and the smallest y of their centres; infinity if there are none."""
    max_center: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.full(2, -np.inf))
    """(2,) the largest x and the largest y of their centres; -infinity if there are none."""
    size: float = math.nan
    """The median size of the latest of them, pixels; NaN if there are none."""

    @classmethod
    def of(cls, boxes: Sequence[NDArray[np.float64]]) -> Spread:
        """The spread of (4,) boxes."""
        if not boxes:
            return cls()
        stacked = np.stack(boxes)
        centers = centers_of(stacked)
        return cls(
            count=len(boxes),
            min_center=centers.min(axis=0),
            max_center=centers.max(axis=0),
            size=float(np.median(sizes_of(stacked))),
        )

    @property
    def movement_sizes(self) -> float:
        """The largest distance along one axis between two of the centres, in sizes of the boxes."""
        return float((self.max_center - self.min_center).max() / self.size)

    def followed_by(self, later: Spread) -> Spread:
        """The spread of these boxes and of later ones of the same object."""
        return Spread(
            count=self.count + later.count,
            min_center=np.minimum(self.min_center, later.min_center),
            max_center=np.maximum(self.max_center, later.max_center),
            size=later.size if later.count else self.size,
        )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What the detections of one object say for its being real; boxes that were followed don't."""

    best_score: float = -math.inf
    """The highest score; -infinity if there are no detections."""
    detected: Spread = dataclasses.field(default_factory=Spread)
    """Of all detections."""
    agreeing: Spread = dataclasses.field(default_factory=Spread)
    """Of those with at least the agreeing score of their kind."""

    @classmethod
    def of(
        cls, kind: str, boxes: Sequence[NDArray[np.float64]], scores: Sequence[float]
    ) -> Evidence:
        """The evidence of (4,) boxes of one kind with their scores, NaN where only followed."""
        min_score = kind_tuning(kind).agreeing_score
        pairs = list(zip(boxes, scores, strict=True))
        return cls(
            best_score=max((score for score in scores if not math.isnan(score)), default=-math.inf),
            detected=Spread.of([box for box, score in pairs if not math.isnan(score)]),
            agreeing=Spread.of([box for box, score in pairs if score >= min_score]),
        )

    def followed_by(self, later: Evidence) -> Evidence:
        """The evidence of these detections and of later ones of the same object."""
        return Evidence(
            best_score=max(self.best_score, later.best_score),
            detected=self.detected.followed_by(later.detected),
            agreeing=self.agreeing.followed_by(later.agreeing),
        )
