"""The scans of each level: the tables behind `Settings.detector`.

A preset is data: which detectors run, with which options, on what and how often. Nothing heavy is
imported, and no weights are read, before a preset is built.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from redact.analysis.scans import ScanSchedule, ScanSpec
from redact.analysis.tuning import TUNING
from redact.detectors import Detector
from redact.detectors.rescored import RescoredDetector, Rescoring
from redact.settings import Settings


@dataclasses.dataclass(frozen=True, eq=False)
class DetectorSpec:
    """A detector that has yet to be constructed."""

    name: str
    """Module in `redact.detectors` and class, separated by a colon."""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Arguments of the class, apart from the number of threads."""
    rescoring: Rescoring | None = None
    takes_threads: bool = True
    """Whether the class can be told the number of its threads."""

    def build(self, threads: int) -> Detector:
        """Construct the detector.

        threads: how many it uses for one image; 0 takes the machine's cores.

        Raises:
            WeightsError: a model's file is missing.

        """
        module, _, name = self.name.partition(":")
        detector_class = getattr(importlib.import_module(f"redact.detectors.{module}"), name)
        options = {**self.options, "threads": threads} if self.takes_threads else self.options
        detector: Detector = detector_class(**options)
        return detector if self.rescoring is None else RescoredDetector(detector, self.rescoring)


@dataclasses.dataclass(frozen=True, eq=False)
class PresetScan(ScanSchedule):
    """One row of a preset: a detector and its schedule."""

    detector: DetectorSpec
    unless_due: PresetScan | None = dataclasses.field(default=None, kw_only=True)
    """Another row of the same preset; see `ScanSpec.unless_due`."""


def _centerface(*long_sides: int | None, **options: Any) -> DetectorSpec:
    return DetectorSpec("centerface:CenterFaceDetector", {"long_sides": long_sides, **options})


def _plates(*scales: float, rescoring: Rescoring | None = None, **options: Any) -> DetectorSpec:
    return DetectorSpec("plates:PlateDetector", {"scales": scales, **options}, rescoring)


def _mediapipe_blazeface(model: str, threshold: float) -> DetectorSpec:
    options = {"model": model, "threshold": threshold}
    return DetectorSpec(
        "blazeface_mediapipe:MediaPipeBlazeFaceDetector", options, takes_threads=False
    )


_FACES_AS_THEY_ARE = _centerface(None)

# BlazeFace detects faces in walls, shirts and roads, in frame after frame, with scores up to 0.7:
# such a score must only continue a track.
_NEAR_FACES = DetectorSpec(
    "blazeface:BlazeFaceDetector", {"threshold": 0.45}, Rescoring(offset=-0.25)
)

_AROUND_FACE_TRACKS = PresetScan(
    _FACES_AS_THEY_ARE,
    where="track",
    every_seconds=0.4,
    track_lost_seconds=0.0,
    part_side_pixels=160,
)
_MOVING_FACES = PresetScan(
    _FACES_AS_THEY_ARE, where="moving", every_seconds=0.16, part_side_pixels=320
)

# Detections in turned frames are taken only where they are sure: there are three more ways to be
# wrong.
_SURE = TUNING.turn_min_score


def _in_turns(detector: DetectorSpec, *turns: int, **schedule: Any) -> tuple[PresetScan, ...]:
    return tuple(
        PresetScan(
            detector, turn_degrees=turn, votes_on_turn=True, skips_unchanged=True, **schedule
        )
        for turn in turns
    )


_SURE_FACES = _centerface(640, threshold=_SURE)
_SURE_PLATES = _plates(1.0, enlarge_below=0, threshold=_SURE)

_FACE_SCANS: dict[str, tuple[PresetScan, ...]] = {
    "fast": (
        PresetScan(_mediapipe_blazeface("full_range_sparse", 0.5), every_seconds=0.08),
        PresetScan(_mediapipe_blazeface("short_range", 0.7), every_seconds=0.08),
    ),
    "balanced": (
        PresetScan(
            _NEAR_FACES,
            every_seconds=0.08,
            idle_seconds=0.48,
            sufficient_side_pixels=224,
            unless_due=_MOVING_FACES,
        ),
        _AROUND_FACE_TRACKS,
        _MOVING_FACES,
        # Several people who move side by side, or a far one beside a near one.
        PresetScan(
            _FACES_AS_THEY_ARE,
            where="moving",
            every_seconds=1.44,
            part_side_pixels=768,
            min_part_side_pixels=420,
            max_enlargement=1.0,
        ),
        # What else is known of a moving camera's view rests on this scan, so it stays exact.
        PresetScan(
            _centerface(960, 480, exact=True),
            every_seconds=2.0,
            camera_moving_seconds=0.32,
            crowded_seconds=0.32,
            skips_unchanged=True,
            votes_on_turn=True,
        ),
        # Faces out of focus. Small scans that agree on one still need a track's support: a face
        # counts by itself from a score of 0.5 on.
        PresetScan(
            DetectorSpec(
                "blurred_faces:BlurredFaceDetector",
                rescoring=Rescoring(offset=-0.3, max_score=0.39),
            ),
            every_seconds=8.0,
            camera_moving_seconds=0.24,
            crowded_seconds=0.48,
            is_hint=True,
            sufficient_side_pixels=224,
        ),
        # Far faces. Those of small frames are detected better when enlarged, and in the mirrored
        # frame other faces are missed than in the plain one.
        PresetScan(
            _centerface(1920, max_enlargement=1.5, mirrored=True),
            every_seconds=8.0,
            camera_moving_seconds=1.2,
            crowded_seconds=2.4,
            skips_unchanged=True,
        ),
        PresetScan(
            _centerface(1920, max_enlargement=2.0),
            every_seconds=8.0,
            camera_moving_seconds=2.4,
            crowded_seconds=2.4,
            max_frame_side_pixels=1280,
            skips_unchanged=True,
        ),
        *_in_turns(_SURE_FACES, 90, 180, 270, every_seconds=2.0, upright_seconds=8.0),
    ),
    "thorough": (
        PresetScan(_NEAR_FACES),
        _AROUND_FACE_TRACKS,
        PresetScan(_centerface(None, 960, 480), votes_on_turn=True),
        *_in_turns(_SURE_FACES, 90, 180, 270, every_seconds=0.5),
    ),
}

# A head near a face's track only continues the track. The part of the frame is large, because the
# detector recognises heads by the shoulders below them.
_AROUND_HEADS = PresetScan(
    DetectorSpec("heads:HeadDetector", rescoring=Rescoring(weight=0.5)),
    where="track",
    every_seconds=0.48,
    track_lost_seconds=0.24,
    part_side_pixels=224,
    surroundings_ratio=6.0,
)
_MOVING_HEADS = PresetScan(
    DetectorSpec("heads:HeadDetector", rescoring=Rescoring()),
    where="moving",
    every_seconds=0.16,
    part_side_pixels=320,
)

# By `Settings.heads`, at all levels but "fast".
_HEAD_SCANS: dict[str, tuple[PresetScan, ...]] = {
    "off": (),
    "near-tracks": (_AROUND_HEADS,),
    "all-moving": (_AROUND_HEADS, _MOVING_HEADS),
}

# A detection near a plate's track continues the track at any score, but is no evidence for it: the
# network keeps detecting the same gravel that it once took for a plate. A raw score below 0.3
# becomes one below the lowest that is added to a track (0.2): it only shows the other half of a
# plate that another detection has cut. Such halves may score as low as 0.12.
_AROUND_PLATE_TRACKS = PresetScan(
    _plates(
        1.0,
        threshold=0.12,
        enlarge_below=0,
        verifies=False,
        rescoring=Rescoring(weight=0.1, offset=0.17, kind="plate"),
    ),
    where="track",
    kind="plate",
    every_seconds=0.4,
    track_lost_seconds=0.16,
    part_side_pixels=320,
    surroundings_ratio=4.0,
)

_PLATE_SCANS: dict[str, tuple[PresetScan, ...]] = {
    "fast": (PresetScan(_plates(0.5), every_seconds=0.24),),
    "balanced": (
        _AROUND_PLATE_TRACKS,
        PresetScan(
            _plates(1.0, enlarge_below=0),
            where="moving",
            every_seconds=0.32,
            part_side_pixels=640,
        ),
        PresetScan(
            _plates(1.0, 0.5),
            every_seconds=2.0,
            camera_moving_seconds=0.48,
            crowded_seconds=0.48,
            skips_unchanged=True,
            votes_on_turn=True,
            kind="plate",
        ),
    ),
    "thorough": (
        _AROUND_PLATE_TRACKS,
        PresetScan(_plates(1.0, 0.5), votes_on_turn=True, kind="plate"),
    ),
}


# Which way up people are, told by their bodies in one pass over frames as they are. At 480 and 640
# pixels fewer vote.
def _body_votes(**schedule: Any) -> PresetScan:
    detector = DetectorSpec("heads:HeadDetector", {"long_sides": (320,), "threshold": 0.8})
    return PresetScan(
        detector, only_votes_on_turn=True, sufficient_side_pixels=320, kind="head", **schedule
    )


_BODY_VOTES: dict[str, tuple[PresetScan, ...]] = {
    "fast": (),
    "balanced": (_body_votes(every_seconds=1.0, upright_seconds=8.0),),
    "thorough": (_body_votes(every_seconds=0.5),),
}

# Cars don't lie down: a plate in a turned frame tells how the camera hangs, and nothing else.
# Upside down it tells nothing, since it is detected almost as well.
_PLATE_VOTES: dict[str, tuple[PresetScan, ...]] = {
    "fast": (),
    "balanced": _in_turns(
        _SURE_PLATES, 90, 270, kind="plate", every_seconds=1.0, upright_seconds=8.0
    ),
    "thorough": _in_turns(_SURE_PLATES, 90, 270, kind="plate", every_seconds=0.5),
}

_STILL_FACES = PresetScan(DetectorSpec("still_faces:StillFaceDetector"))
# In a single image a plate counts from a score of 0.3 on, which makes no track.
_STILL_PLATES = PresetScan(_plates(1.0, 0.5, rescoring=Rescoring(offset=0.2, kind="plate")))
_STILL_TURNED_FACES = _in_turns(_SURE_FACES, 90, 180, 270)
# Below this score shirts and bags are taken for heads.
_STILL_HEADS = PresetScan(DetectorSpec("heads:HeadDetector", {"threshold": 0.8}, Rescoring()))

_AUDIT_FACE_SCANS = (
    PresetScan(_centerface(1280, 640), skips_unchanged=True),
    # Far faces, as often as the analysis scans for them.
    PresetScan(_centerface(1920, max_enlargement=1.5), every_seconds=8.0, skips_unchanged=True),
    PresetScan(_FACES_AS_THEY_ARE, where="track", part_side_pixels=224),
    *_in_turns(_SURE_FACES, 90, 180, 270, every_seconds=8.0),
)
_AUDIT_PLATE_SCANS = (
    PresetScan(_plates(0.75, 0.4), skips_unchanged=True),
    PresetScan(
        _plates(1.0, enlarge_below=0, verifies=False),
        where="track",
        kind="plate",
        part_side_pixels=256,
        surroundings_ratio=3.0,
    ),
)


def build_scans(settings: Settings, *, threads: int = 0) -> list[ScanSpec]:
    """The scans of a clip that `settings` asks for.

    "fast" runs BlazeFace alone for faces, which detects near ones only. "balanced" adds CenterFace
    in moving regions, around lost tracks, and now and then on the whole frame. "thorough" runs
    everything on every frame.

    threads: how many one scan uses; 0 takes the machine's cores.

    Raises:
        WeightsError: a model's file is missing.

    """
    rows: list[PresetScan] = []
    if settings.faces:
        rows += _FACE_SCANS[settings.detector]
        rows += _HEAD_SCANS["off" if settings.detector == "fast" else settings.heads]
        if settings.turn_degrees is None:
            rows += _BODY_VOTES[settings.detector]
    if settings.plates:
        rows += _PLATE_SCANS[settings.detector]
        if settings.turn_degrees is None:
            rows += _PLATE_VOTES[settings.detector]
    return _build(rows, threads)


def build_snapshot_scans(settings: Settings, *, threads: int = 0) -> list[ScanSpec]:
    """The scans of a clip of a few frames, which may have nothing in common.

    They are those of a clip and those of a single image. What the latter detect is a track.

    threads: as for `build_scans`.

    Raises:
        WeightsError: a model's file is missing.

    """
    scans = build_scans(settings, threads=threads)
    if settings.detector == "fast":
        return scans
    rows = ([_STILL_FACES] if settings.faces else []) + ([_STILL_PLATES] if settings.plates else [])
    return scans + _build(rows, threads)


def build_still_scans(settings: Settings, *, threads: int = 0) -> list[ScanSpec]:
    """The scans of a single image, in which no track supports a detection.

    For faces "balanced" is the same as "thorough": run on one image, all its scans cost as much
    and detect less. Heads without a face are covered only if `Settings.heads` asks for all of
    them, since nothing tells which of them showed a face before.

    threads: as for `build_scans`.

    Raises:
        WeightsError: a model's file is missing.

    """
    if settings.detector == "fast" or not settings.faces:
        # Nobody looks for the turn of a single image.
        settings = dataclasses.replace(settings, turn_degrees=settings.turn_degrees or 0)
        return build_scans(settings, threads=threads)
    rows = [_STILL_FACES, *_STILL_TURNED_FACES]
    if settings.heads == "all-moving":
        rows.append(_STILL_HEADS)
    if settings.plates:
        rows += _PLATE_SCANS["thorough"]
    return _build(rows, threads)


def build_audit_scans(settings: Settings, *, threads: int = 0) -> list[ScanSpec]:
    """The scans of a finished clip, at other sizes than those of `build_scans`.

    threads: as for `build_scans`.

    Raises:
        WeightsError: a model's file is missing.

    """
    if settings.detector == "fast":
        return build_scans(settings, threads=threads)
    rows: list[PresetScan] = []
    if settings.faces:
        rows += _AUDIT_FACE_SCANS
    if settings.plates:
        rows += _AUDIT_PLATE_SCANS
    return _build(rows, threads)


def _build(rows: Sequence[PresetScan], threads: int) -> list[ScanSpec]:
    """Construct the rows' detectors, in order."""
    built: dict[PresetScan, ScanSpec] = {}
    for row in rows:
        built[row] = _scan_of(row, row.detector.build(threads))
    return [
        scan
        if row.unless_due is None
        else dataclasses.replace(scan, unless_due=built[row.unless_due])
        for row, scan in built.items()
    ]


def _scan_of(row: PresetScan, detector: Detector) -> ScanSpec:
    schedule = {field.name: getattr(row, field.name) for field in dataclasses.fields(ScanSchedule)}
    return ScanSpec(detector, **schedule)
