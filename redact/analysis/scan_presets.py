"""Who looks, at what, and how often: the stacks behind `Settings.detector`."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from redact.analysis.scans import STEP_SECONDS, ScanSpec, _close
from redact.detectors import Detector
from redact.settings import Settings
from redact.types import Detection


@dataclasses.dataclass(frozen=True)
class Rescored:
    """A detector of faces or heads whose finds are called faces, their scores brought to one scale.

    On that scale, the one that tracks are made by, 0.5 is a face that needs no support.
    """

    detector: Detector
    weight: float = 1.0
    offset: float = 0.0
    most: float = 1.0
    kind: str = "face"

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """What the detector sees in an upright (H, W, 3) uint8 BGR picture."""
        return [
            dataclasses.replace(detection, kind=self.kind, score=self._rescored(detection.score))
            for detection in self.detector.detect(image)
        ]

    def _rescored(self, score: float) -> float:
        return min(self.weight * score + self.offset, self.most)

    def close(self) -> None:
        """Free what the detector holds, if it holds something."""
        _close(self.detector)


def build_scans(settings: Settings, *, threads: int = 0) -> list[ScanSpec]:
    """The looks that `settings` asks for.

    "fast" runs BlazeFace alone for faces: near ones only. "balanced" adds CenterFace on what
    moves, around lost tracks, and now and then on the whole picture. "thorough" runs everything
    on every picture.

    threads: how many one look uses; 0 takes the machine's cores.

    Raises:
        WeightsError: a model's file is missing.

    """
    scans: list[ScanSpec] = []
    if settings.faces:
        scans += _face_scans(settings.detector, threads)
        scans += _head_scans(settings, threads)
    if settings.plates:
        scans += _plate_scans(settings.detector, threads)
    return scans


def build_still_scans(settings: Settings, *, threads: int = 0) -> list[ScanSpec]:
    """The looks at a single picture, which no track supports.

    All the looks of "balanced" at one picture cost as much as those of "thorough", and find less:
    both are the latter for faces.

    Heads that show no face are looked for when `Settings.heads` asks for all: nothing tells here
    which of them had a face before.

    Raises:
        WeightsError: a model's file is missing.

    """
    if settings.detector == "fast" or not settings.faces:
        return build_scans(settings, threads=threads)
    from redact.detectors.thorough import ThoroughFaceDetector

    scans = [ScanSpec(ThoroughFaceDetector(threads=threads))]
    if settings.heads == "all moving":
        from redact.detectors.heads import HeadDetector

        # Shirts and bags look like heads below this score.
        heads = HeadDetector(threshold=0.8, threads=threads)
        scans.append(ScanSpec(Rescored(heads)))
    return [*scans, *_plate_scans("thorough", threads)] if settings.plates else scans


def build_audit_scans(settings: Settings, *, threads: int = 0) -> list[ScanSpec]:
    """The looks at a finished clip, at other sizes than `build_looks` takes.

    Raises:
        WeightsError: a model's file is missing.

    """
    if settings.detector == "fast":
        return build_scans(settings, threads=threads)
    scans: list[ScanSpec] = []
    if settings.faces:
        from redact.detectors.centerface import CenterFaceDetector

        whole = CenterFaceDetector((1280, 640), threads=threads)
        scans.append(ScanSpec(whole, only_changes=True))
        scans.append(ScanSpec(CenterFaceDetector(threads=threads), where="near", part_side=224))
    if settings.plates:
        from redact.detectors.plates import PlateDetector

        plates = PlateDetector(scales=(0.75, 0.4), threads=threads)
        scans.append(ScanSpec(plates, only_changes=True))
        part = PlateDetector(scales=(1.0,), enlarge_below=0, verifies=False, threads=threads)
        scans.append(ScanSpec(part, where="near", kind="plate", part_side=256, around=3.0))
    return scans


def _face_scans(level: str, threads: int) -> list[ScanSpec]:
    if level == "fast":
        from redact.detectors.blazeface import BlazeFaceDetector

        return [
            ScanSpec(BlazeFaceDetector("full_range_sparse", threshold=0.5), STEP_SECONDS),
            ScanSpec(BlazeFaceDetector("short_range", threshold=0.7), STEP_SECONDS),
        ]
    from redact.detectors.blazeface_onnx import BlazeFaceAnySizeDetector
    from redact.detectors.blurred import BlurredFaceDetector
    from redact.detectors.centerface import CenterFaceDetector

    # BlazeFace sees faces in walls, shirts and roads, in frame after frame, with scores up to
    # 0.7: those only carry on a track.
    blaze = Rescored(BlazeFaceAnySizeDetector(threshold=0.45, threads=threads), offset=-0.25)
    near = CenterFaceDetector(threads=threads)
    around = ScanSpec(near, 0.4, "near", restless_seconds=0.0, part_side=160)
    if level == "thorough":
        every = ScanSpec(CenterFaceDetector((None, 960, 480), threads=threads))
        return [ScanSpec(blaze), around, every]
    # Faces of a small picture are found better enlarged, and others are missed in a mirror.
    far = CenterFaceDetector((1920,), max_enlarged=1.5, mirrored=True, threads=threads)
    enlarged = CenterFaceDetector((1920,), max_enlarged=2.0, threads=threads)
    # What these looks agree on still needs a track's support.
    blurred = Rescored(BlurredFaceDetector(threads=threads), offset=-0.3, most=0.39)
    moving = ScanSpec(near, 2 * STEP_SECONDS, "parts", part_side=320)
    return [
        ScanSpec(
            blaze, STEP_SECONDS, still_seconds=6 * STEP_SECONDS, enough_side=224, unless=moving
        ),
        around,
        moving,
        # Where several people move side by side, or a far one beside a near one.
        ScanSpec(near, 1.44, "parts", part_side=768, min_side=420, max_enlarged=1.0),
        ScanSpec(
            CenterFaceDetector((960, 480), threads=threads),
            2.0,
            restless_seconds=0.32,
            busy_seconds=0.32,
            only_changes=True,
        ),
        ScanSpec(
            blurred, 8.0, restless_seconds=0.24, busy_seconds=0.48, is_hint=True, enough_side=224
        ),
        ScanSpec(far, 8.0, restless_seconds=1.2, busy_seconds=2.4, only_changes=True),
        ScanSpec(
            enlarged,
            8.0,
            restless_seconds=2.4,
            busy_seconds=2.4,
            max_side=1280,
            only_changes=True,
        ),
    ]


def _head_scans(settings: Settings, threads: int) -> list[ScanSpec]:
    if settings.heads == "off" or settings.detector == "fast":
        return []
    from redact.detectors.heads import HeadDetector

    heads = HeadDetector(threads=threads)
    # Beside a track a head only carries on what was seen; the part below shows the shoulders.
    near = ScanSpec(
        Rescored(heads, weight=0.5),
        0.48,
        "near",
        restless_seconds=0.24,
        part_side=224,
        around=6.0,
    )
    if settings.heads == "near tracks":
        return [near]
    moving = Rescored(heads)
    return [near, ScanSpec(moving, 2 * STEP_SECONDS, "parts", part_side=320)]


def _plate_scans(level: str, threads: int) -> list[ScanSpec]:
    from redact.detectors.plates import PlateDetector

    if level == "fast":
        return [ScanSpec(PlateDetector(scales=(0.5,), threads=threads), 0.24)]
    part = PlateDetector(scales=(1.0,), enlarge_below=0, threads=threads)
    # Beside a track one look carries on what was seen, however faint, but is no evidence: of
    # gravel that was once taken for a plate it says so again and again. Below 0.3, which becomes
    # the least score of what is found near a track, it only shows the other half of a plate.
    beside = PlateDetector(
        scales=(1.0,), threshold=0.2, enlarge_below=0, verifies=False, threads=threads
    )
    faint = Rescored(beside, weight=0.1, offset=0.17, kind="plate")
    near = ScanSpec(
        faint, 0.4, "near", restless_seconds=0.16, kind="plate", part_side=320, around=4.0
    )
    if level == "balanced":
        return [
            near,
            ScanSpec(part, 4 * STEP_SECONDS, "parts", part_side=640),
            ScanSpec(
                PlateDetector(threads=threads),
                2.0,
                restless_seconds=0.48,
                busy_seconds=0.48,
                only_changes=True,
            ),
        ]
    return [near, ScanSpec(PlateDetector(threads=threads))]
