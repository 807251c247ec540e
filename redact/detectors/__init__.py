"""Who looks at a picture. A detector is any object with a `detect` method; a user's own too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from redact.types import Box, Detection


class Detector(Protocol):
    """Finds faces, plates or other things to cover in one picture."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]:
        """What is seen in an upright (H, W, 3) uint8 BGR picture.

        Boxes are in the picture's pixels and may reach over its edges.
        """


class PartDetector(Detector, Protocol):
    """A detector that can be told to look at parts of a picture, at the scale it sees all of it."""

    def detect(
        self, image: NDArray[np.uint8], within: Sequence[Box] | None = None
    ) -> Sequence[Detection]:
        """What is seen in these parts of the picture, or in all of it."""
