"""Single images, for callers that read and write files themselves."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.analysis.scan_presets import build_still_scans
from redact.analysis.scans import ScanSpec, scan_view, without_ignored
from redact.cover.painter import Cover
from redact.cover.regions import region_for, zone_regions
from redact.detectors import Detector
from redact.settings import Settings, as_settings
from redact.tracking.merging import merge_detections
from redact.types import Detection
from redact.views import ArrayView, Presentation

Image = NDArray[np.uint8]

# With no frames before and after, a detection needs this score to count. Measured with
# `benchmarks accuracy`.
_MIN_SCORES = {"face": 0.3, "plate": 0.3}

_per_thread = threading.local()


def redact_image(
    image: Image,
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
) -> Image:
    """A copy of the image with every face and plate covered, and the settings' zones.

    Args:
        image: (H, W, 3) uint8, BGR. It is not changed.
        settings: defaults when None.
        detectors: run these instead of the ones that `settings` names.

    Raises:
        TypeError: the image is not an array, or the settings are not `Settings`.
        ValueError: the array has another shape or dtype.
        WeightsError: a model's file is missing.

    """
    settings = as_settings(settings)
    check_image(image)
    result = np.ascontiguousarray(image).copy()
    scans = scans_for(settings, detectors, build_still_scans)
    found = detect_in_image(result, settings, scans=scans)
    size = (image.shape[1], image.shape[0])
    regions = [region_for(d.box, d.kind, size, settings) for d in found]
    regions += [region for _, region in zone_regions(settings.zones, size)]
    Cover(settings).image(result, [region for region in regions if region is not None])
    return result


def detect_in_image(
    image: Image, settings: Settings, *, scans: Sequence[ScanSpec]
) -> list[Detection]:
    """What `redact_image` covers, before the settings' margins; each face or plate once."""
    seen_as = Presentation.of(settings.pixel_aspect or 1.0, settings.turn_degrees or 0)
    found = [
        dataclasses.replace(d, box=seen_as.to_frame(d.box, image.shape[:2]))
        for d in merge_detections(scan_view(seen_as.view(ArrayView(image)), scans, 0))
    ]
    found = without_ignored(found, settings.zones, image.shape[:2])
    return [d for d in found if d.score >= _MIN_SCORES.get(d.kind, 0.3)]


def scans_for(
    settings: Settings,
    detectors: Sequence[Detector] | None,
    build: Callable[[Settings], list[ScanSpec]],
) -> list[ScanSpec]:
    """The user's detectors, or this thread's own set: loading one takes half a second."""
    if detectors is not None:
        return [ScanSpec(detector) for detector in detectors]
    cache: dict[object, list[ScanSpec]] = _per_thread.__dict__.setdefault("scans", {})
    key = (build, settings.detector, settings.faces, settings.plates, settings.heads)
    if key not in cache:
        cache[key] = build(settings)
    return cache[key]


def check_image(image: object) -> None:
    """Refuse what is not an image as this library takes them.

    Raises:
        TypeError: it is not an array.
        ValueError: the array has another shape or dtype.

    """
    if not isinstance(image, np.ndarray):
        hint = ""
        if image is None:
            hint = "; cv2.imread returns None when it can't read a file"
        elif isinstance(image, (str, bytes)) or hasattr(image, "__fspath__"):
            hint = "; read the file first, for example with cv2.imread"
        elif hasattr(image, "convert"):
            hint = "; turn a PIL image into one by np.asarray(image.convert('RGB'))[:, :, ::-1]"
        raise TypeError(
            f"an image must be an (H, W, 3) uint8 BGR array, not {type(image).__name__}{hint}"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            f"an image must be a non-empty (H, W, 3) uint8 BGR array, not {image.shape} "
            f"{image.dtype}"
        )
