"""Who looks, at what, and how often: the stacks behind `Settings.detector`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from redact.detectors import Detector, PartDetector
from redact.geometry import Edges, clamp_to
from redact.imaging import resized
from redact.memory import give_back_memory
from redact.types import Box, Detection
from redact.views import View

# Pictures are looked at about this often, in seconds; tracks bridge what lies between.
STEP_SECONDS = 0.08
# A frame's time may be a hair early of its share of a second.
EARLY = 2e-3
# A find of which less than this share lies within the part looked at is cut by the part's edge, and
# counts no more than this: a slice of a large face looks like a smaller one.
_MIN_WITHIN, _MAX_CUT = 0.95, 0.39


@dataclasses.dataclass(frozen=True, eq=False)
class ScanSpec:
    """A detector, where it looks and how often.

    where: "whole" for the whole picture; "parts" for what moves in it, brought to `part_side`
    pixels; "near" for the surroundings of a track of that `kind` that was not seen otherwise.
    """

    detector: Detector
    every_seconds: float = 0.0
    """0 looks at every picture."""
    where: str = "whole"
    restless_seconds: float | None = None
    """How often while all of the picture moves; for a "near" look, while its track is lost and not
    even followed. As `every_seconds` when None."""
    busy_seconds: float | None = None
    """How often while much moves under a camera that stands still. As `every_seconds` when None."""
    still_seconds: float | None = None
    """How often while nothing moves at all. As `every_seconds` when None."""
    unless: ScanSpec | None = None
    """Left out of pictures in which this look at parts comes and sees all that moves."""
    kind: str = "face"
    """Of which tracks a "near" look looks around."""
    part_side: int = 0
    """Longer side in pixels that a part is brought to."""
    min_side: int = 0
    """A part whose longer side is shorter is left to other looks."""
    max_side: float = math.inf
    """A whole picture whose longer side is longer is left to other looks."""
    enough_side: int = 0
    """The whole picture may be shrunk until its longer side has so many pixels: the detector makes
    use of no more. 0 shows it the picture as it is."""
    max_enlarged: float = 2.0
    is_hint: bool = False
    """What it finds counts only where no other look and no sure track knows of somebody."""
    only_changes: bool = False
    """While the camera stands still, a whole picture is looked at only where it changed since this
    look came last; elsewhere it shows what it showed. The detector's `detect` takes `within`."""
    around: float = 3.2
    """Side of the square that a "near" look sees, in sizes of the track's box."""

    def interval(self, *, restless: bool, busy: bool = False, still: bool = False) -> float:
        """Seconds between two looks; restless, busy and still: as their fields tell."""
        if restless and self.restless_seconds is not None:
            return self.restless_seconds
        if busy and self.busy_seconds is not None:
            return self.busy_seconds
        if still and self.still_seconds is not None:
            return self.still_seconds
        return self.every_seconds


def scan_view(
    view: View,
    scans: Iterable[ScanSpec],
    frame_index: int,
    within: Sequence[Box] | None = None,
) -> list[Detection]:
    """What the looks at the whole of a picture see, marked with its frame index.

    within: see `look_at_whole`.
    """
    return [
        dataclasses.replace(detection, frame_index=frame_index)
        for scan in scans
        if scan.where == "whole"
        for detection in scan_frame(scan, view, within)
    ]


def scan_frame(scan: ScanSpec, view: View, within: Sequence[Box] | None = None) -> list[Detection]:
    """What a look sees in the picture.

    within: these parts are enough for a look at changes only; None for all of the picture.
    """
    image = view.smaller(scan.enough_side) if scan.enough_side else view.whole()
    factors = (view.shape[1] / image.shape[1], view.shape[0] / image.shape[0])
    if scan.only_changes and within is not None:
        shown = tuple(_scaled(box, (1 / factors[0], 1 / factors[1])) for box in within)
        detections = cast("PartDetector", scan.detector).detect(image, shown)
    else:
        detections = scan.detector.detect(image)
    if factors == (1.0, 1.0):
        return list(detections)
    return [
        dataclasses.replace(detection, box=_scaled(detection.box, factors))
        for detection in detections
    ]


def scan_part(scan: ScanSpec, view: View, part: Box) -> list[Detection]:
    """What a look sees in a part of the picture, brought to the size that suits it."""
    height, width = view.shape
    x0, y0, x1, y1 = (round(v) for v in clamp_to(part, Box(0, 0, width, height)))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return []
    crop = view.part((x0, y0, x1, y1))
    scale = min(scan.part_side / max(x1 - x0, y1 - y0), scan.max_enlarged)
    size = max(1, round(scale * (x1 - x0))), max(1, round(scale * (y1 - y0)))
    scaled = resized(crop, *size)
    factors = ((x1 - x0) / scaled.shape[1], (y1 - y0) / scaled.shape[0])
    detections = [_shifted(d, (x0, y0), factors) for d in scan.detector.detect(scaled)]
    return [_weaker_if_cut(d, (x0, y0, x1, y1), (width, height)) for d in detections]


def _weaker_if_cut(detection: Detection, part: Edges, size: tuple[int, int]) -> Detection:
    """A detection in a part of a (width, height) picture; a weak one where the part's edge cuts it.

    It shows that something is there, not where it ends.
    """
    # Nothing lies beyond the edges of the picture.
    low = (float(v) if v > 0 else -math.inf for v in part[:2])
    high = (float(v) if v < most else math.inf for v, most in zip(part[2:], size, strict=True))
    within = clamp_to(detection.box, Box(*low, *high))
    if within.area >= _MIN_WITHIN * detection.box.area:
        return detection
    return dataclasses.replace(detection, score=min(detection.score, _MAX_CUT))


def _shifted(
    detection: Detection, origin: tuple[int, int], factors: tuple[float, float]
) -> Detection:
    """A detection in a scaled part of a picture as one in the picture."""
    (x, y), box = origin, _scaled(detection.box, factors)
    return dataclasses.replace(detection, box=Box(x + box.x0, y + box.y0, x + box.x1, y + box.y1))


def _scaled(box: Box, factors: tuple[float, float]) -> Box:
    fx, fy = factors
    return Box(box.x0 * fx, box.y0 * fy, box.x1 * fx, box.y1 * fy)


def scan_around(
    scan: ScanSpec, view: View, predicted: NDArray[np.float64], farther: float = 0.0
) -> list[Detection]:
    """What a look sees in a square around a box, brought to one size whatever the box's.

    farther: so many sizes of the box more to each side.
    """
    height, width = view.shape
    sizes = scan.around + 2 * farther
    side = max(sizes * float(np.max(predicted[2:] - predicted[:2])), 48.0)
    center = (predicted[:2] + predicted[2:]) / 2
    part = Box(*(center - side / 2), *(center + side / 2))
    # Shifted into the picture where that is possible: detectors expect surroundings.
    dx = max(0.0, -part.x0) - max(0.0, part.x1 - width)
    dy = max(0.0, -part.y0) - max(0.0, part.y1 - height)
    moved = Box(part.x0 + dx, part.y0 + dy, part.x1 + dx, part.y1 + dy)
    return scan_part(dataclasses.replace(scan, max_enlarged=4.0), view, moved)


def begun(
    pool: ThreadPoolExecutor | None, what: Callable[..., list[Detection]], *args: Any
) -> Future[list[Detection]]:
    """Run it in a thread of the pool, or at once where there is none."""
    if pool is not None:
        return pool.submit(what, *args)
    done: Future[list[Detection]] = Future()
    done.set_result(what(*args))
    return done


def close_scans(scans: Sequence[ScanSpec]) -> None:
    """Free what the detectors hold, for those that hold something."""
    for scan in scans:
        _close(scan.detector)
    give_back_memory()


def _close(detector: Detector) -> None:
    close = getattr(detector, "close", None)
    if close is not None:
        close()
