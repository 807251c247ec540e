"""Who looks at a picture: the `Detector` protocol and the stacks behind `Settings.detector`.

A detector is any object with a `detect` method, so a user's own joins by being in the list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from redact.records import Detection
from redact.settings import Settings


class Detector(Protocol):
    """Finds faces, plates or other things to cover in one picture."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]:
        """What is seen in an upright (H, W, 3) uint8 BGR picture.

        Boxes are in the picture's pixels and may reach over its edges.
        """


@dataclasses.dataclass(frozen=True)
class Look:
    """A detector and how often it looks: at every frame when `every_seconds` is 0."""

    detector: Detector
    every_seconds: float = 0.0


def build_looks(settings: Settings) -> list[Look]:
    """The detectors that `settings` asks for, each with its schedule.

    "fast" runs BlazeFace alone, on every frame: near faces only. "balanced" adds CenterFace on a
    shrunk picture ten times a second and on the whole picture twice a second. "thorough" runs
    everything on every frame.

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
    """What all looks see in one upright BGR picture, marked with its frame index."""
    return [
        dataclasses.replace(detection, frame_index=frame_index)
        for look in looks
        for detection in look.detector.detect(image)
    ]


def close_looks(looks: Iterable[Look]) -> None:
    """Free what the detectors hold, for those that hold something."""
    for look in looks:
        close = getattr(look.detector, "close", None)
        if close is not None:
            close()


def _face_looks(level: str) -> list[Look]:
    from redact.detectors.blazeface import BlazeFaceDetector

    # Below these scores both see faces as large as the picture in walls, shirts and roads, in
    # frame after frame, so that agreeing with themselves proves nothing.
    looks = [
        Look(BlazeFaceDetector("full_range_sparse", threshold=0.5)),
        Look(BlazeFaceDetector("short_range", threshold=0.7)),
    ]
    if level == "fast":
        return looks
    from redact.detectors.centerface import CenterFaceDetector

    if level == "balanced":
        looks.append(Look(CenterFaceDetector((960, 480)), every_seconds=0.1))
        looks.append(Look(CenterFaceDetector((1920,)), every_seconds=0.5))
    else:
        looks.append(Look(CenterFaceDetector((None, 960, 480))))
    return looks


def _plate_looks(level: str) -> list[Look]:
    from redact.detectors.plates import PlateDetector

    if level == "fast":
        return [Look(PlateDetector(scales=(0.5,)), every_seconds=0.2)]
    if level == "balanced":
        return [Look(PlateDetector(), every_seconds=0.2)]
    return [Look(PlateDetector())]
