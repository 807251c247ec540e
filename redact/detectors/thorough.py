"""Every face of a single picture: many looks, whose scores add up where they agree.

With no pictures before and after, agreement stands in for a track's support. What a look found
that no other sees is mostly false; what several looks see faintly is mostly a face.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from redact.detectors.agreement import agreed_on, each_once
from redact.detectors.blazeface_onnx import BlazeFaceAnySizeDetector
from redact.detectors.centerface import CenterFaceDetector, size_at
from redact.detectors.onnx import Found
from redact.types import Box, Detection

# Near faces are found better small, far ones large.
_SCALES = (1.0, 0.5, 1 / 3)
# A picture whose longer side is shorter is looked at at twice its size too.
_SMALL_PICTURE = 650
# A face that fills a large picture is found at this longer side.
_OVERVIEW_SIDE = 480
_LOWEST = 0.08
# BlazeFace shrinks the picture to this side, and sees faces in walls and roads below this score.
_BLAZEFACE_SIDE, _LOWEST_BLAZEFACE = 224, 0.85
# Each edge of a face lies outside of this share of the looks' edges: one look that sees a face far
# too large is passed over.
_OUTWARD = 0.7
# CenterFace's boxes cut foreheads, cheeks and masks short, by more than covers make up for.
_MARGINS = (0.17, 0.1, 0.17, 0.12)


class ThoroughFaceDetector:
    """Faces by CenterFace at three or four sizes, large ones also mirrored, and by BlazeFace.

    Each look that sees a face with score s lets the doubt shrink by the factor 1 - s / 2; the
    reported score is what then lacks to full doubt, told as if there had been seven looks, so
    that it takes two good looks or more to come above the threshold. Looks that shrink a face to
    a few pixels have no say in it. On labelled crowds it covers more than CenterFace alone does at
    0.2, at every size (`python -m benchmarks accuracy --faces`).

    Args:
        threshold: lowest joint score that is reported, 0..1.
        margins: shares of the box by which it is pushed out on the left, top, right and bottom.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: a model's file is missing.

    """

    kinds = ("face",)

    def __init__(
        self,
        *,
        threshold: float = 0.515,
        margins: tuple[float, float, float, float] = _MARGINS,
        threads: int = 0,
    ) -> None:
        self._threshold, self._margins = threshold, margins
        self._centerface = CenterFaceDetector(threshold=_LOWEST, threads=threads)
        self._blazeface = BlazeFaceAnySizeDetector(
            _BLAZEFACE_SIDE, threshold=_LOWEST_BLAZEFACE, threads=threads
        )

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR picture."""
        scales, passes = zip(*self._scans(image), strict=True)
        faces = [
            Detection(kind="face", box=_with_margins(box, self._margins), score=score)
            for box, score in agreed_on(passes, self._threshold, scales, outward=_OUTWARD)
        ]
        return sorted(faces, key=lambda face: -face.score)

    def close(self) -> None:
        """Return the memory that looking has left behind."""
        self._blazeface.close()
        self._centerface.close()

    def _scans(self, image: NDArray[np.uint8]) -> Iterator[tuple[float, Found]]:
        """The size at which each look sees the picture, and what it finds."""
        long_side = max(image.shape[:2])
        for scale in (*_SCALES, *_extra_scales(long_side)):
            yield scale, each_once(self._centerface.scan(image, size_at(image, scale)))
            if scale >= 1:
                found = self._centerface.scan_mirrored(image, size_at(image, scale))
                yield scale, each_once(found)
        faces = self._blazeface.detect(image)
        boxes = np.asarray([face.box for face in faces], dtype=np.float32).reshape(-1, 4)
        scores = np.asarray([face.score for face in faces], dtype=np.float32)
        yield _BLAZEFACE_SIDE / long_side, (boxes, scores)


def _extra_scales(long_side: int) -> tuple[float, ...]:
    if long_side < _SMALL_PICTURE:
        return (2.0,)
    if long_side * _SCALES[-1] > 1.3 * _OVERVIEW_SIDE:
        return (_OVERVIEW_SIDE / long_side,)
    return ()


def _with_margins(box: NDArray[np.float32], margins: tuple[float, float, float, float]) -> Box:
    x0, y0, x1, y1 = map(float, box)
    left, top, right, bottom = margins
    width, height = x1 - x0, y1 - y0
    return Box(x0 - left * width, y0 - top * height, x1 + right * width, y1 + bottom * height)
