"""Who looks, at what, and how often: the stacks behind `Settings.detector`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.detectors import Detector
from redact.records import Detection
from redact.settings import Settings

# Pictures are looked at about this often, in seconds; tracks bridge what lies between.
STEP_SECONDS = 0.08


@dataclasses.dataclass(frozen=True, eq=False)
class Look:
    """A detector, where it looks and how often.

    where: "whole" for the whole picture; "parts" for what moves in it, brought to `part_side`
    pixels; "near" for the surroundings of a track of that `kind` that was not seen otherwise.
    """

    detector: Detector
    every_seconds: float = 0.0
    """0 looks at every picture."""
    where: str = "whole"
    restless_seconds: float | None = None
    """How often while all of the picture moves; as `every_seconds` when None."""
    kind: str = "face"
    """Of which tracks a "near" look looks around."""
    part_side: int = 0
    """Longer side in pixels that a part is brought to."""
    most_enlarged: float = 2.0
    around: float = 3.2
    """Side of the square that a "near" look sees, in sizes of the track's box."""


def build_looks(settings: Settings) -> list[Look]:
    """The looks that `settings` asks for.

    "fast" runs BlazeFace alone for faces: near ones only. "balanced" adds CenterFace on what
    moves, around lost tracks, and now and then on the whole picture. "thorough" runs everything
    on every picture.

    Raises:
        WeightsError: a model's file is missing.

    """
    looks: list[Look] = []
    if settings.faces:
        looks += _face_looks(settings.detector)
    if settings.plates:
        looks += _plate_looks(settings.detector)
    return looks


def look_at(image: NDArray[np.uint8], looks: Iterable[Look], frame_index: int) -> list[Detection]:
    """What the looks at the whole of an upright BGR picture see, marked with its frame index."""
    return [
        dataclasses.replace(detection, frame_index=frame_index)
        for look in looks
        if look.where == "whole"
        for detection in look.detector.detect(image)
    ]


def close_looks(looks: Sequence[Look]) -> None:
    """Free what the detectors hold, for those that hold something."""
    for look in looks:
        close = getattr(look.detector, "close", None)
        if close is not None:
            close()


def _face_looks(level: str) -> list[Look]:
    from redact.detectors.blazeface import BlazeFaceDetector

    # Below these scores both see faces as large as the picture in walls, shirts and roads, in
    # frame after frame, so that agreeing with themselves proves nothing.
    every = 0.0 if level == "thorough" else STEP_SECONDS
    looks = [
        Look(BlazeFaceDetector("full_range_sparse", threshold=0.5), every),
        Look(BlazeFaceDetector("short_range", threshold=0.7), every),
    ]
    if level == "fast":
        return looks
    from redact.detectors.centerface import CenterFaceDetector

    near = CenterFaceDetector()
    looks.append(Look(near, where="near", part_side=160))
    if level == "thorough":
        return [*looks, Look(CenterFaceDetector((None, 960, 480)))]
    return [
        *looks,
        Look(near, 2 * STEP_SECONDS, "parts", part_side=320),
        Look(CenterFaceDetector((960, 480)), 1.0, restless_seconds=0.24),
        Look(CenterFaceDetector((1920,)), 3.0, restless_seconds=0.8),
    ]


def _plate_looks(level: str) -> list[Look]:
    from redact.detectors.plates import PlateDetector

    if level == "fast":
        return [Look(PlateDetector(scales=(0.5,)), 0.24)]
    part = PlateDetector(scales=(1.0,))
    near = Look(part, where="near", kind="plate", part_side=320, around=3.0)
    if level == "balanced":
        return [
            near,
            Look(part, 3 * STEP_SECONDS, "parts", part_side=640),
            Look(PlateDetector(), 1.0, restless_seconds=0.4),
        ]
    return [near, Look(PlateDetector())]
