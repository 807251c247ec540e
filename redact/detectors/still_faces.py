"""Every face of a single image: many passes, whose scores are combined where they agree.

With no frames before and after, the agreement of passes takes the place of a track's support. A box
that only one pass detects is mostly false; one that several passes detect with low scores is mostly
a face.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from redact.detectors.agreement import agreed_boxes, best_of_each
from redact.detectors.blazeface import BlazeFaceDetector
from redact.detectors.centerface import MIN_FACE_PIXELS, CenterFaceDetector, input_size
from redact.detectors.passes import ScoredBoxes
from redact.geometry import as_array
from redact.types import Box, Detection

# Near faces are detected better at a small scale, far ones at a large one.
_SCALES = (1.0, 0.5, 1 / 3)
# An image whose longer side is shorter, in pixels, also gets a pass at twice its size.
_SMALL_IMAGE_SIDE = 650
# A face that fills a large image is detected at this longer side.
_OVERVIEW_SIDE = 480
# The overview is added if the smallest scale leaves the image more than this many times larger.
_MIN_OVERVIEW_RATIO = 1.3
# Lowest score of a CenterFace pass that takes part in the agreement.
_MIN_CENTERFACE_SCORE = 0.08
# BlazeFace's pass, and its lowest score: below it BlazeFace detects faces in walls and roads.
_BLAZEFACE_SIDE, _MIN_BLAZEFACE_SCORE = 224, 0.85
# Each edge of a face lies outside of this share of the passes' edges, so that a single pass that
# sees a face far too large is outvoted.
_EDGE_QUANTILE = 0.7


class StillFaceDetector:
    """Faces by CenterFace at three or four scales, large ones also mirrored, and by BlazeFace.

    The score is a noisy-OR of the passes' scores, each weighted by one half and normalised to seven
    passes, so that it takes two passes with good scores to reach the threshold. Passes that shrink
    a face to a few pixels do not count as having missed it. On labelled crowds this covers more
    faces of every size than CenterFace alone does at a threshold of 0.2 (`python -m benchmarks
    accuracy --faces`).

    Args:
        threshold: lowest joint score that is reported, 0..1.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: a model's file is missing.

    """

    kinds = ("face",)

    def __init__(
        self,
        *,
        threshold: float = 0.515,
        threads: int = 0,
    ) -> None:
        self._threshold = threshold
        self._centerface = CenterFaceDetector(
            threshold=_MIN_CENTERFACE_SCORE, threads=threads, exact=True
        )
        self._blazeface = BlazeFaceDetector(
            _BLAZEFACE_SIDE, threshold=_MIN_BLAZEFACE_SCORE, threads=threads
        )

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR image, highest score first."""
        scales, passes = zip(*self._passes(image), strict=True)
        agreed = agreed_boxes(passes, self._threshold, scales, edge_quantile=_EDGE_QUANTILE)
        faces = [
            Detection(kind="face", box=Box(*map(float, box)), score=score) for box, score in agreed
        ]
        return sorted(faces, key=lambda face: -face.score)

    def min_face_pixels(self, height: int, width: int) -> float:
        """The lowest face that can be relied on to be detected in an image of that size, pixels."""
        largest = max(_SCALES + _extra_scales(max(height, width)))
        return MIN_FACE_PIXELS / largest

    def close(self) -> None:
        """Return the memory that calls have left behind; the detector can still be used."""
        self._blazeface.close()
        self._centerface.close()

    def _passes(self, image: NDArray[np.uint8]) -> Iterator[tuple[float, ScoredBoxes]]:
        """The scale of each pass, and what it detects."""
        long_side = max(image.shape[:2])
        for scale in (*_SCALES, *_extra_scales(long_side)):
            size = input_size(image, scale)
            yield scale, best_of_each(self._centerface.run_pass(image, size))
            if scale >= 1:
                yield scale, best_of_each(self._centerface.run_mirrored_pass(image, size))
        faces = self._blazeface.detect(image)
        boxes = as_array(face.box for face in faces).astype(np.float32)
        scores = np.asarray([face.score for face in faces], dtype=np.float32)
        yield _BLAZEFACE_SIDE / long_side, (boxes, scores)


def _extra_scales(long_side: int) -> tuple[float, ...]:
    if long_side < _SMALL_IMAGE_SIDE:
        return (2.0,)
    if long_side * _SCALES[-1] > _MIN_OVERVIEW_RATIO * _OVERVIEW_SIDE:
        return (_OVERVIEW_SIDE / long_side,)
    return ()
