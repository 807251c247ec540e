"""Near faces that are out of focus, cut by the frame's edge, or half hidden by somebody.

Shrunk until no blur is left, such faces look like far faces, but only to some passes. The agreement
of several small passes tells them from leaves and shirts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.detectors.agreement import agreed_boxes, best_of_each
from redact.detectors.centerface import CenterFaceDetector, input_size
from redact.types import Box, Detection

# Lowest score of a single pass that takes part in the agreement.
_MIN_PASS_SCORE = 0.06


class BlurredFaceDetector:
    """Faces by CenterFace at some small sizes, plain and mirrored, where the passes agree.

    A face must fill some 7 % of the image's longer side.

    Args:
        long_sides: what the image's longer side is scaled to, in pixels, for each pair of passes.
        threshold: lowest joint score that is reported, 0..1. Blurred faces reach 0.64 to 0.73,
            walls and leaves at most 0.64 and mostly less than 0.5.
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
        # What passes agree on are scores so low that rounding would change them.
        self._centerface = CenterFaceDetector(
            threshold=_MIN_PASS_SCORE, threads=threads, exact=True
        )

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR image."""
        sizes = [input_size(image, side / max(image.shape[:2])) for side in self._long_sides]
        ways = (self._centerface.run_pass, self._centerface.run_mirrored_pass)
        passes = [best_of_each(run_pass(image, size)) for size in sizes for run_pass in ways]
        return [
            Detection(kind="face", box=Box(*map(float, box)), score=score)
            for box, score in agreed_boxes(passes, self._threshold)
        ]

    def close(self) -> None:
        """Return the memory that calls have left behind; the detector can still be used."""
        self._centerface.close()
