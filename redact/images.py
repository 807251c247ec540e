"""Single pictures and streams of arrays, for callers that read and write frames themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.analysis.scan_presets import build_still_scans
from redact.analysis.scans import ScanSpec, scan_view
from redact.cover.painter import Cover
from redact.cover.regions import region_for
from redact.detectors import Detector
from redact.settings import Settings
from redact.tracking.merging import merge_same
from redact.types import Box, Detection, Region
from redact.views import ArrayView

Image = NDArray[np.uint8]

# With no frames before and after, a find needs this score to count.
_LONE_SCORES = {"face": 0.3, "plate": 0.3}

_per_thread = threading.local()


def redact_image(
    image: Image,
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
) -> Image:
    """A copy of the picture with every face and plate covered.

    Args:
        image: (H, W, 3) uint8, BGR. It is not changed.
        settings: defaults when None.
        detectors: look with these instead of with the ones in `settings`.

    Raises:
        ValueError: the array has another shape or dtype.
        WeightsError: a model's file is missing.

    """
    settings = settings or Settings()
    _check_image(image)
    result = np.ascontiguousarray(image).copy()
    found = detect_in_image(result, settings, detectors=detectors)
    Cover(settings).image(result, _regions([(d.box, d.kind, None) for d in found], image, settings))
    return result


def detect_in_image(
    image: Image, settings: Settings, *, detectors: Sequence[Detector] | None = None
) -> list[Detection]:
    """What `redact_image` covers, before the settings' margins: each thing once."""
    scans = _scans(settings, detectors, build_still_scans)
    found = merge_same(scan_view(ArrayView(image), scans, 0))
    return [d for d in found if d.score >= _LONE_SCORES.get(d.kind, 0.3)]


def _regions(
    detections: Iterable[tuple[Box, str, int | None]], image: Image, settings: Settings
) -> list[Region]:
    size = (image.shape[1], image.shape[0])
    made = [
        region_for(box, kind, size, settings, track_id=number) for box, kind, number in detections
    ]
    return [region for region in made if region is not None]


def _scans(
    settings: Settings,
    detectors: Sequence[Detector] | None,
    build: Callable[[Settings], list[ScanSpec]],
) -> list[ScanSpec]:
    """The user's detectors, or this thread's own set: loading one takes half a second."""
    if detectors is not None:
        return [ScanSpec(detector) for detector in detectors]
    cache: dict[object, list[ScanSpec]] = _per_thread.__dict__.setdefault("looks", {})
    key = (build, settings.detector, settings.faces, settings.plates, settings.heads)
    if key not in cache:
        cache[key] = build(settings)
    return cache[key]


def _check_image(image: Image) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            f"need a non-empty (H, W, 3) uint8 BGR array, got {image.shape} {image.dtype}"
        )
