"""A detector whose scores are brought to the scale that tracks are made by."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from redact.detectors import Detector
from redact.types import Detection


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rescoring:
    """A linear change of scores, with a limit: `min(weight * score + offset, max_score)`."""

    weight: float = 1.0
    offset: float = 0.0
    max_score: float = 1.0
    kind: str = "face"
    """What the detections are called afterwards: a head counts as a face."""

    def apply(self, detection: Detection) -> Detection:
        """The detection with its new kind and score."""
        score = min(self.weight * detection.score + self.offset, self.max_score)
        return dataclasses.replace(detection, kind=self.kind, score=score)


@dataclasses.dataclass(frozen=True)
class RescoredDetector:
    """Another detector's detections with other scores.

    Detectors mean different things by the same number. On the scale that tracks are made by, a
    detection with a score of 0.5 is a track on its own.
    """

    detector: Detector
    rescoring: Rescoring

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Rescored detections in an upright (H, W, 3) uint8 BGR image."""
        return [self.rescoring.apply(detection) for detection in self.detector.detect(image)]

    def close(self) -> None:
        """Close the detector if it can be closed."""
        close = getattr(self.detector, "close", None)
        if close is not None:
            close()
