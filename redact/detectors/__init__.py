"""Detectors: an image in, detections out.

A detector is any object with a method `detect`, so that users can pass their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from redact.types import Box, Detection


class Detector(Protocol):
    """Detects faces, plates or other things to cover in one image."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]:
        """Detections in an upright (H, W, 3) uint8 BGR image, which must not be changed.

        Boxes are in the image's pixels and may extend over its edges. Scores lie in 0..1.
        """


class PartDetector(Detector, Protocol):
    """A detector that can be told to look at parts of an image, at the scale of the whole."""

    def detect(
        self, image: NDArray[np.uint8], within: Sequence[Box] | None = None
    ) -> Sequence[Detection]:
        """Detections in an upright (H, W, 3) uint8 BGR image.

        within: nothing needs to be detected outside of these parts of the image; None stands for
            all of it.
        """
