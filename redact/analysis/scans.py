"""Scans: a detector, where and how often it looks, and running it on a frame or a part of one."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from redact.analysis.tuning import TUNING
from redact.detectors import Detector, PartDetector
from redact.geometry import Edges, centers_of, clamp_to, scaled
from redact.machine import give_back_memory
from redact.resizing import resized
from redact.types import Box, Detection
from redact.views import Presentation, View
from redact.zones import Zone

ScanArea = Literal["frame", "moving", "track"]
"""What a scan sees: the whole frame; each region in which something moves; or the surroundings of
each track of its kind that no other scan has detected in the frame."""

# A square around a track is enlarged by this factor at most. Chosen by eye.
_MAX_SURROUNDINGS_ENLARGEMENT = 4.0


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ScanSchedule:
    """Where and how often to scan, and at what size; `ScanSpec` adds the detector."""

    where: ScanArea = "frame"
    """What part of the frame is scanned."""
    every_seconds: float = 0.0
    """Time between two scans; 0 scans every frame."""
    camera_moving_seconds: float | None = None
    """Time between two scans while the camera moves. As `every_seconds` when None."""
    crowded_seconds: float | None = None
    """Time between two scans while much moves in front of a camera that stands still. As
    `every_seconds` when None."""
    upright_seconds: float | None = None
    """Time between two scans once detections have shown that the camera hangs upright. As
    `every_seconds` when None."""
    idle_seconds: float | None = None
    """Time between two scans while nothing moves at all. As `every_seconds` when None."""
    track_lost_seconds: float | None = None
    """Time between two "track" scans of a track whose place in the frame is not known. As
    `every_seconds` when None."""
    kind: str = "face"
    """Kind of the tracks whose surroundings a "track" scan sees, or of what votes on the turn."""
    part_side_pixels: int = 0
    """Longer side that "moving" and "track" scans scale their part of the frame to."""
    max_enlargement: float = 2.0
    """Moving regions are enlarged by this factor at most, even if they stay smaller."""
    min_part_side_pixels: int = 0
    """Moving regions whose longer side is shorter are left to other scans."""
    max_frame_side_pixels: float = math.inf
    """Whole frames whose longer side is longer are left to other scans."""
    sufficient_side_pixels: int = 0
    """Longer side of the whole frame from which on more pixels make no difference to the detector,
    so that the frame may be shrunk to it; 0 never shrinks."""
    surroundings_ratio: float = 3.2
    """Side of the square that a "track" scan sees, relative to the track's box's longer side."""
    turn_degrees: int = 0
    """The clockwise turn in which a "frame" scan sees the frame: 0, 90, 180 or 270."""
    votes_on_turn: bool = False
    """Its detections show in which turn people stand upright. In a clip detections in turned frames
    count only where somebody lies down in a frame that stands upright. So that turns can be
    compared, a scan of frames as they are is made whenever one of turned frames is, for each kind.
    """
    only_votes_on_turn: bool = False
    """Each of its detections shows in which turn it stands upright, and counts for nothing else."""
    is_hint: bool = False
    """Its detections count only where there is no confident track, and no detection by another
    scan with at least their score."""
    skips_unchanged: bool = False
    """While the camera stands still, the whole frame is scanned only where it has changed since the
    last scan; elsewhere the last detections still hold. The detector must be a `PartDetector`."""

    def interval_seconds(
        self,
        *,
        camera_moving: bool = False,
        crowded: bool = False,
        upright: bool = False,
        idle: bool = False,
        track_lost: bool = False,
    ) -> float:
        """Time between two scans in that situation; the first one that is true decides."""
        situations = (
            (camera_moving, self.camera_moving_seconds),
            (crowded, self.crowded_seconds),
            (upright, self.upright_seconds),
            (idle, self.idle_seconds),
            (track_lost, self.track_lost_seconds),
        )
        for is_so, seconds in situations:
            if is_so and seconds is not None:
                return seconds
        return self.every_seconds


@dataclasses.dataclass(frozen=True, eq=False)
class ScanSpec(ScanSchedule):
    """A detector with its schedule.

    Raises:
        TypeError: the detector has no method `detect`.

    """

    detector: Detector
    unless_due: ScanSpec | None = dataclasses.field(default=None, kw_only=True)
    """Skipped in frames in which this scan of moving regions is due: it sees all that moves."""

    def __post_init__(self) -> None:
        if not callable(getattr(self.detector, "detect", None)):
            raise TypeError(
                "a detector must be an object with a method detect(image) that returns "
                f"redact.Detection objects, not {self.detector!r}"
            )


def scan_view(
    view: View,
    scans: Iterable[ScanSpec],
    frame_index: int,
    within: Sequence[Box] | None = None,
) -> list[Detection]:
    """Run all scans of the whole frame; the detections get this frame index.

    within: as for `scan_frame`.
    """
    return [
        dataclasses.replace(detection, frame_index=frame_index)
        for scan in scans
        if scan.where == "frame"
        for detection in scan_frame(scan, view, within)
    ]


def scan_frame(scan: ScanSpec, view: View, within: Sequence[Box] | None = None) -> list[Detection]:
    """Run one scan on the whole frame; boxes are in the frame's pixels.

    within: a scan that skips what is unchanged may see these parts of the frame only; None stands
        for all of it.
    """
    if scan.turn_degrees:
        return _scan_turned(scan, view, within)
    image = (
        view.smaller(scan.sufficient_side_pixels) if scan.sufficient_side_pixels else view.whole()
    )
    factors = (view.shape[1] / image.shape[1], view.shape[0] / image.shape[0])
    if scan.skips_unchanged and within is not None:
        within = tuple(scaled(box, (1 / factors[0], 1 / factors[1])) for box in within)
        detections = _detect(scan.detector, image, within)
    else:
        detections = _detect(scan.detector, image)
    size = (view.shape[1], view.shape[0])
    return [
        _completed(dataclasses.replace(detection, box=scaled(detection.box, factors)), size)
        for detection in detections
    ]


def _scan_turned(scan: ScanSpec, view: View, within: Sequence[Box] | None) -> list[Detection]:
    """Run a scan on the turned frame; boxes are in the pixels of the frame as it is."""
    turn, shape = Presentation(turn_degrees=scan.turn_degrees), view.shape
    if within is not None:
        within = [turn.to_seen(part, shape) for part in within]
    upright_scan = dataclasses.replace(scan, turn_degrees=0)
    return [
        dataclasses.replace(
            d,
            box=turn.to_frame(d.box, shape),
            turn_degrees=(scan.turn_degrees + d.turn_degrees) % 360,
        )
        for d in scan_frame(upright_scan, turn.view(view), within)
    ]


def scan_part(
    scan: ScanSpec, view: View, part: Box, max_enlargement: float | None = None
) -> list[Detection]:
    """Run one scan on a part of the frame, scaled to `part_side_pixels`; boxes are in the frame's
    pixels.

    max_enlargement: takes the place of the scan's own.
    """
    height, width = view.shape
    x0, y0, x1, y1 = (round(v) for v in clamp_to(part, Box(0, 0, width, height)))
    if min(x1 - x0, y1 - y0) < TUNING.min_part_side_pixels:
        return []
    crop = view.part((x0, y0, x1, y1))
    limit = scan.max_enlargement if max_enlargement is None else max_enlargement
    scale = min(scan.part_side_pixels / max(x1 - x0, y1 - y0), limit)
    size = max(1, round(scale * (x1 - x0))), max(1, round(scale * (y1 - y0)))
    image = resized(crop, *size)
    factors = ((x1 - x0) / image.shape[1], (y1 - y0) / image.shape[0])
    detections = [_shifted(d, (x0, y0), factors) for d in _detect(scan.detector, image)]
    detections = [_weaker_if_cut(d, (x0, y0, x1, y1), (width, height)) for d in detections]
    return [_completed(d, (width, height)) for d in detections]


def scan_around(
    scan: ScanSpec, view: View, predicted: NDArray[np.float64], margin_ratio: float = 0.0
) -> list[Detection]:
    """Run one scan on a square around a (4,) box, scaled to one size whatever the box's size.

    margin_ratio: the square is larger by so many sizes of the box on each side.
    """
    height, width = view.shape
    sizes = scan.surroundings_ratio + 2 * margin_ratio
    longer_side = float(np.max(predicted[2:] - predicted[:2]))
    side = max(sizes * longer_side, TUNING.min_surroundings_side_pixels)
    center = (predicted[:2] + predicted[2:]) / 2
    part = Box(*(center - side / 2), *(center + side / 2))
    # The square is shifted into the frame where that is possible: detectors expect surroundings.
    dx = max(0.0, -part.x0) - max(0.0, part.x1 - width)
    dy = max(0.0, -part.y0) - max(0.0, part.y1 - height)
    moved = Box(part.x0 + dx, part.y0 + dy, part.x1 + dx, part.y1 + dy)
    return scan_part(scan, view, moved, _MAX_SURROUNDINGS_ENLARGEMENT)


def without_ignored(
    detections: Iterable[Detection],
    zones: Iterable[Zone],
    shape: tuple[int, int],
    seconds: float | None = None,
) -> list[Detection]:
    """The detections without those whose centre lies in a zone to ignore.

    Args:
        detections: in pixels of an upright image.
        zones: of any rule.
        shape: (height, width) of that image.
        seconds: when; None takes zones of all times.

    """
    ignored = [
        zone
        for zone in zones
        if zone.rule == "ignore" and (seconds is None or zone.is_active(seconds))
    ]
    if not ignored:
        return list(detections)
    height, width = shape
    return [
        detection
        for detection, (x, y) in ((d, centers_of(np.asarray(d.box))) for d in detections)
        if not any(zone.contains(x / width, y / height) for zone in ignored)
    ]


def submit_scan(
    pool: ThreadPoolExecutor | None, scan: Callable[..., list[Detection]], *args: Any
) -> Future[list[Detection]]:
    """Run `scan(*args)` in a thread of the pool, or at once in the caller's if there is none."""
    if pool is not None:
        return pool.submit(scan, *args)
    done: Future[list[Detection]] = Future()
    done.set_result(scan(*args))
    return done


def min_face_pixels(
    scans: Iterable[ScanSpec],
    size: tuple[int, int],
    seen_as: Presentation,
    max_interval_seconds: float = math.inf,
) -> int:
    """The lowest face that the scans of whole frames look for, in pixels of the frame.

    0 where that is not known, as for detectors of the user's own.

    Args:
        scans: those of turned frames don't count.
        size: (width, height) of the upright frames.
        seen_as: how detectors see the frames.
        max_interval_seconds: scans that come more rarely don't count.

    """
    width, height = seen_as.seen_size(size[::-1])
    smallest = [
        scan.detector.min_face_pixels(height, width)
        for scan in scans
        if scan.where == "frame"
        and not scan.turn_degrees
        and scan.every_seconds <= max_interval_seconds
        and hasattr(scan.detector, "min_face_pixels")
    ]
    return math.ceil(min(smallest, default=0.0) / seen_as.scale[1])


def close_scans(scans: Sequence[ScanSpec]) -> None:
    """Close the detectors that have a method `close`, and give freed memory back."""
    for scan in scans:
        close = getattr(scan.detector, "close", None)
        if close is not None:
            close()
    give_back_memory()


def _detect(
    detector: Detector, image: NDArray[np.uint8], within: Sequence[Box] | None = None
) -> list[Detection]:
    """Run a detector. What it returns is checked here, where all detections come in.

    Raises:
        TypeError: it did not return detections, or one of them has a field of a wrong type.
        ValueError: a box is not finite or is inverted, or a score does not lie in 0..1.

    """
    if within is None:
        returned: object = detector.detect(image)
    else:
        returned = cast("PartDetector", detector).detect(image, within)
    caller = f"{type(detector).__name__}.detect"
    if not isinstance(returned, Iterable):
        raise TypeError(
            f"{caller} returned {returned!r}; expected a sequence of redact.Detection objects, "
            "an empty one if there is nothing to cover"
        )
    detections = list(returned)
    for detection in detections:
        _check_detection(detection, caller)
    return detections


def _check_detection(detection: object, caller: str) -> None:
    if not isinstance(detection, Detection):
        raise TypeError(
            f"{caller} returned a sequence with {detection!r} in it; "
            "expected redact.Detection objects only"
        )
    kind, box, score = detection.kind, detection.box, detection.score
    if not isinstance(kind, str):
        raise TypeError(f"{caller} returned the kind {kind!r}; expected a string")
    if not isinstance(box, Box) or not all(isinstance(edge, numbers.Real) for edge in box):
        raise TypeError(f"{caller} returned the box {box!r}; expected a redact.Box of numbers")
    if not all(map(math.isfinite, box)):
        raise ValueError(f"{caller} returned {box!r}; expected finite edges in pixels")
    if box.x1 < box.x0 or box.y1 < box.y0:
        raise ValueError(
            f"{caller} returned {box!r}; expected x0 <= x1 and y0 <= y1: the edges of a box, not "
            "its place and its size"
        )
    if not isinstance(score, numbers.Real):
        raise TypeError(f"{caller} returned the score {score!r}; expected a number")
    if not 0 <= score <= 1:
        raise ValueError(f"{caller} returned the score {score!r}; expected a number in 0..1")


def _weaker_if_cut(detection: Detection, part: Edges, size: tuple[int, int]) -> Detection:
    """Lower the score of a detection that the edge of the scanned part cuts.

    It shows that something is there, but not where it ends.

    size: (width, height) of the frame. Nothing lies beyond its own edges, so they cut nothing.
    """
    low = (float(v) if v > 0 else -math.inf for v in part[:2])
    high = (float(v) if v < limit else math.inf for v, limit in zip(part[2:], size, strict=True))
    within = clamp_to(detection.box, Box(*low, *high))
    if within.area >= TUNING.min_uncut_share * detection.box.area:
        return detection
    return dataclasses.replace(detection, score=min(detection.score, TUNING.max_cut_score))


def _completed(detection: Detection, size: tuple[int, int]) -> Detection:
    """A face that the frame's edge cuts, with the part beyond the edge that a face has.

    Detectors box what they see of it. Without the rest, its cover would be centred on that.

    size: (width, height) of the frame.
    """
    if detection.kind != "face":
        return detection
    x0, y0, x1, y1 = detection.box
    width, height = x1 - x0, y1 - y0
    whole_width, whole_height = height * TUNING.face_aspect_ratio, width / TUNING.face_aspect_ratio
    near_x, near_y = TUNING.touching_ratio * width, TUNING.touching_ratio * height
    box = Box(
        min(x0, x1 - whole_width) if x0 < near_x else x0,
        min(y0, y1 - whole_height) if y0 < near_y else y0,
        max(x1, x0 + whole_width) if x1 > size[0] - near_x else x1,
        max(y1, y0 + whole_height) if y1 > size[1] - near_y else y1,
    )
    return dataclasses.replace(detection, box=box)


def _shifted(
    detection: Detection, origin: tuple[int, int], factors: tuple[float, float]
) -> Detection:
    """A detection in a scaled part of the frame, in the frame's pixels."""
    (x, y), box = origin, scaled(detection.box, factors)
    return dataclasses.replace(detection, box=Box(x + box.x0, y + box.y0, x + box.x1, y + box.y1))
