"""Near faces that are out of focus, cut by the picture's edge or half behind somebody.

Shrunk until nothing of the blur is left they look like far faces, but like faces to some looks
and not to others: it is the agreement of several small looks that tells them from leaves and
shirts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.detectors.agreement import agreed_on, each_once
from redact.detectors.centerface import CenterFaceDetector, size_at
from redact.types import Box, Detection

_LOWEST = 0.06


class BlurredFaceDetector:
    """Faces by CenterFace at some small sizes, plain and mirrored, where the looks agree.

    A face must fill some 7 % of the picture's longer side.

    Args:
        long_sides: what the picture's longer side is brought to, in pixels.
        threshold: lowest joint score that is reported, 0..1. Blurred faces reach 0.64 to
            0.73, walls and leaves at most 0.64 and mostly less than 0.5.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    kinds = ("face",)

    def __init__(
        self,
        long_sides: Sequence[int] = (224, 160),
        *,
        threshold: float = 0.62,
        threads: int = 0,
    ) -> None:
        self._long_sides, self._threshold = tuple(long_sides), threshold
        self._centerface = CenterFaceDetector(threshold=_LOWEST, threads=threads)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR picture."""
        sizes = [size_at(image, side / max(image.shape[:2])) for side in self._long_sides]
        ways = (self._centerface.scan, self._centerface.scan_mirrored)
        seen = [each_once(scan(image, size)) for size in sizes for scan in ways]
        return [
            Detection(kind="face", box=Box(*map(float, box)), score=score)
            for box, score in agreed_on(seen, self._threshold)
        ]

    def close(self) -> None:
        """Return the memory that looking has left behind."""
        self._centerface.close()
