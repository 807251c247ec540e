"""Who looks, at what, and how often: the stacks behind `Settings.detector`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from redact.boxes import Edges, clamp_to
from redact.detectors import Detector, PartDetector
from redact.memory import give_back_memory
from redact.records import Box, Detection
from redact.scaling import resized
from redact.settings import Settings
from redact.views import View

# Pictures are looked at about this often, in seconds; tracks bridge what lies between.
STEP_SECONDS = 0.08
# A frame's time may be a hair early of its share of a second.
EARLY = 2e-3
# A find of which less than this share lies within the part looked at is cut by the part's edge, and
# counts no more than this: a slice of a large face looks like a smaller one.
_LEAST_WITHIN, _MOST_CUT = 0.95, 0.39


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
    """How often while all of the picture moves; for a "near" look, while its track is lost and not
    even followed. As `every_seconds` when None."""
    busy_seconds: float | None = None
    """How often while much moves under a camera that stands still. As `every_seconds` when None."""
    still_seconds: float | None = None
    """How often while nothing moves at all. As `every_seconds` when None."""
    unless: Look | None = None
    """Left out of pictures in which this look at parts comes and sees all that moves."""
    kind: str = "face"
    """Of which tracks a "near" look looks around."""
    part_side: int = 0
    """Longer side in pixels that a part is brought to."""
    least_side: int = 0
    """A part whose longer side is shorter is left to other looks."""
    most_side: float = math.inf
    """A whole picture whose longer side is longer is left to other looks."""
    enough_side: int = 0
    """The whole picture may be shrunk until its longer side has so many pixels: the detector makes
    use of no more. 0 shows it the picture as it is."""
    most_enlarged: float = 2.0
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
            dataclasses.replace(find, kind=self.kind, score=self._rescored(find.score))
            for find in self.detector.detect(image)
        ]

    def _rescored(self, score: float) -> float:
        return min(self.weight * score + self.offset, self.most)

    def close(self) -> None:
        """Free what the detector holds, if it holds something."""
        _close(self.detector)


def build_looks(settings: Settings, *, threads: int = 0) -> list[Look]:
    """The looks that `settings` asks for.

    "fast" runs BlazeFace alone for faces: near ones only. "balanced" adds CenterFace on what
    moves, around lost tracks, and now and then on the whole picture. "thorough" runs everything
    on every picture.

    threads: how many one look uses; 0 takes the machine's cores.

    Raises:
        WeightsError: a model's file is missing.

    """
    looks: list[Look] = []
    if settings.faces:
        looks += _face_looks(settings.detector, threads)
        looks += _head_looks(settings, threads)
    if settings.plates:
        looks += _plate_looks(settings.detector, threads)
    return looks


def build_still_looks(settings: Settings, *, threads: int = 0) -> list[Look]:
    """The looks at a single picture, which no track supports.

    All the looks of "balanced" at one picture cost as much as those of "thorough", and find less:
    both are the latter for faces.

    Heads that show no face are looked for when `Settings.heads` asks for all: nothing tells here
    which of them had a face before.

    Raises:
        WeightsError: a model's file is missing.

    """
    if settings.detector == "fast" or not settings.faces:
        return build_looks(settings, threads=threads)
    from redact.detectors.thorough import ThoroughFaceDetector

    looks = [Look(ThoroughFaceDetector(threads=threads))]
    if settings.heads == "all moving":
        from redact.detectors.heads import HeadDetector

        # Shirts and bags look like heads below this score.
        heads = HeadDetector(threshold=0.8, threads=threads)
        looks.append(Look(Rescored(heads)))
    return [*looks, *_plate_looks("thorough", threads)] if settings.plates else looks


def build_audit_looks(settings: Settings, *, threads: int = 0) -> list[Look]:
    """The looks at a finished clip, at other sizes than `build_looks` takes.

    Raises:
        WeightsError: a model's file is missing.

    """
    if settings.detector == "fast":
        return build_looks(settings, threads=threads)
    looks: list[Look] = []
    if settings.faces:
        from redact.detectors.centerface import CenterFaceDetector

        whole = CenterFaceDetector((1280, 640), threads=threads)
        looks.append(Look(whole, only_changes=True))
        looks.append(Look(CenterFaceDetector(threads=threads), where="near", part_side=224))
    if settings.plates:
        from redact.detectors.plates import PlateDetector

        plates = PlateDetector(scales=(0.75, 0.4), threads=threads)
        looks.append(Look(plates, only_changes=True))
        part = PlateDetector(scales=(1.0,), enlarge_below=0, looks_again=False, threads=threads)
        looks.append(Look(part, where="near", kind="plate", part_side=256, around=3.0))
    return looks


def look_at(
    view: View,
    looks: Iterable[Look],
    frame_index: int,
    within: Sequence[Box] | None = None,
) -> list[Detection]:
    """What the looks at the whole of a picture see, marked with its frame index.

    within: see `look_at_whole`.
    """
    return [
        dataclasses.replace(detection, frame_index=frame_index)
        for look in looks
        if look.where == "whole"
        for detection in look_at_whole(look, view, within)
    ]


def look_at_whole(look: Look, view: View, within: Sequence[Box] | None = None) -> list[Detection]:
    """What a look sees in the picture.

    within: these parts are enough for a look at changes only; None for all of the picture.
    """
    image = view.smaller(look.enough_side) if look.enough_side else view.whole()
    factors = (view.shape[1] / image.shape[1], view.shape[0] / image.shape[0])
    if look.only_changes and within is not None:
        shown = tuple(_scaled(box, (1 / factors[0], 1 / factors[1])) for box in within)
        finds = cast("PartDetector", look.detector).detect(image, shown)
    else:
        finds = look.detector.detect(image)
    if factors == (1.0, 1.0):
        return list(finds)
    return [dataclasses.replace(find, box=_scaled(find.box, factors)) for find in finds]


def look_at_part(look: Look, view: View, part: Box) -> list[Detection]:
    """What a look sees in a part of the picture, brought to the size that suits it."""
    height, width = view.shape
    x0, y0, x1, y1 = (round(v) for v in clamp_to(part, Box(0, 0, width, height)))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return []
    crop = view.part((x0, y0, x1, y1))
    scale = min(look.part_side / max(x1 - x0, y1 - y0), look.most_enlarged)
    size = max(1, round(scale * (x1 - x0))), max(1, round(scale * (y1 - y0)))
    scaled = resized(crop, *size)
    factors = ((x1 - x0) / scaled.shape[1], (y1 - y0) / scaled.shape[0])
    finds = [_shifted(d, (x0, y0), factors) for d in look.detector.detect(scaled)]
    return [_weaker_if_cut(d, (x0, y0, x1, y1), (width, height)) for d in finds]


def _weaker_if_cut(detection: Detection, part: Edges, size: tuple[int, int]) -> Detection:
    """A detection in a part of a (width, height) picture; a weak one where the part's edge cuts it.

    It shows that something is there, not where it ends.
    """
    # Nothing lies beyond the edges of the picture.
    low = (float(v) if v > 0 else -math.inf for v in part[:2])
    high = (float(v) if v < most else math.inf for v, most in zip(part[2:], size, strict=True))
    within = clamp_to(detection.box, Box(*low, *high))
    if within.area >= _LEAST_WITHIN * detection.box.area:
        return detection
    return dataclasses.replace(detection, score=min(detection.score, _MOST_CUT))


def _shifted(
    detection: Detection, origin: tuple[int, int], factors: tuple[float, float]
) -> Detection:
    """A detection in a scaled part of a picture as one in the picture."""
    (x, y), box = origin, _scaled(detection.box, factors)
    return dataclasses.replace(detection, box=Box(x + box.x0, y + box.y0, x + box.x1, y + box.y1))


def _scaled(box: Box, factors: tuple[float, float]) -> Box:
    fx, fy = factors
    return Box(box.x0 * fx, box.y0 * fy, box.x1 * fx, box.y1 * fy)


def look_around(
    look: Look, view: View, predicted: NDArray[np.float64], farther: float = 0.0
) -> list[Detection]:
    """What a look sees in a square around a box, brought to one size whatever the box's.

    farther: so many sizes of the box more to each side.
    """
    height, width = view.shape
    sizes = look.around + 2 * farther
    side = max(sizes * float(np.max(predicted[2:] - predicted[:2])), 48.0)
    center = (predicted[:2] + predicted[2:]) / 2
    part = Box(*(center - side / 2), *(center + side / 2))
    # Shifted into the picture where that is possible: detectors expect surroundings.
    dx = max(0.0, -part.x0) - max(0.0, part.x1 - width)
    dy = max(0.0, -part.y0) - max(0.0, part.y1 - height)
    moved = Box(part.x0 + dx, part.y0 + dy, part.x1 + dx, part.y1 + dy)
    return look_at_part(dataclasses.replace(look, most_enlarged=4.0), view, moved)


def begun(
    pool: ThreadPoolExecutor | None, what: Callable[..., list[Detection]], *args: Any
) -> Future[list[Detection]]:
    """Run it in a thread of the pool, or at once where there is none."""
    if pool is not None:
        return pool.submit(what, *args)
    done: Future[list[Detection]] = Future()
    done.set_result(what(*args))
    return done


def close_looks(looks: Sequence[Look]) -> None:
    """Free what the detectors hold, for those that hold something."""
    for look in looks:
        _close(look.detector)
    give_back_memory()


def _close(detector: Detector) -> None:
    close = getattr(detector, "close", None)
    if close is not None:
        close()


def _face_looks(level: str, threads: int) -> list[Look]:
    if level == "fast":
        from redact.detectors.blazeface import BlazeFaceDetector

        return [
            Look(BlazeFaceDetector("full_range_sparse", threshold=0.5), STEP_SECONDS),
            Look(BlazeFaceDetector("short_range", threshold=0.7), STEP_SECONDS),
        ]
    from redact.detectors.blazeface_any_size import BlazeFaceAnySizeDetector
    from redact.detectors.blurred import BlurredFaceDetector
    from redact.detectors.centerface import CenterFaceDetector

    # BlazeFace sees faces in walls, shirts and roads, in frame after frame, with scores up to
    # 0.7: those only carry on a track.
    blaze = Rescored(BlazeFaceAnySizeDetector(threshold=0.45, threads=threads), offset=-0.25)
    near = CenterFaceDetector(threads=threads)
    around = Look(near, 0.4, "near", restless_seconds=0.0, part_side=160)
    if level == "thorough":
        every = Look(CenterFaceDetector((None, 960, 480), threads=threads))
        return [Look(blaze), around, every]
    # Faces of a small picture are found better enlarged, and others are missed in a mirror.
    far = CenterFaceDetector((1920,), most_enlarged=1.5, mirrored=True, threads=threads)
    enlarged = CenterFaceDetector((1920,), most_enlarged=2.0, threads=threads)
    # What these looks agree on still needs a track's support.
    blurred = Rescored(BlurredFaceDetector(threads=threads), offset=-0.3, most=0.39)
    moving = Look(near, 2 * STEP_SECONDS, "parts", part_side=320)
    return [
        Look(blaze, STEP_SECONDS, still_seconds=6 * STEP_SECONDS, enough_side=224, unless=moving),
        around,
        moving,
        # Where several people move side by side, or a far one beside a near one.
        Look(near, 1.44, "parts", part_side=768, least_side=420, most_enlarged=1.0),
        Look(
            CenterFaceDetector((960, 480), threads=threads),
            2.0,
            restless_seconds=0.32,
            busy_seconds=0.32,
            only_changes=True,
        ),
        Look(blurred, 8.0, restless_seconds=0.24, busy_seconds=0.48, is_hint=True, enough_side=224),
        Look(far, 8.0, restless_seconds=1.2, busy_seconds=2.4, only_changes=True),
        Look(
            enlarged,
            8.0,
            restless_seconds=2.4,
            busy_seconds=2.4,
            most_side=1280,
            only_changes=True,
        ),
    ]


def _head_looks(settings: Settings, threads: int) -> list[Look]:
    if settings.heads == "off" or settings.detector == "fast":
        return []
    from redact.detectors.heads import HeadDetector

    heads = HeadDetector(threads=threads)
    # Beside a track a head only carries on what was seen; the part below shows the shoulders.
    near = Look(
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
    return [near, Look(moving, 2 * STEP_SECONDS, "parts", part_side=320)]


def _plate_looks(level: str, threads: int) -> list[Look]:
    from redact.detectors.plates import PlateDetector

    if level == "fast":
        return [Look(PlateDetector(scales=(0.5,), threads=threads), 0.24)]
    part = PlateDetector(scales=(1.0,), enlarge_below=0, threads=threads)
    # Beside a track one look carries on what was seen, however faint, but is no evidence: of
    # gravel that was once taken for a plate it says so again and again. Below 0.3, which becomes
    # the least score of what is found near a track, it only shows the other half of a plate.
    beside = PlateDetector(
        scales=(1.0,), threshold=0.2, enlarge_below=0, looks_again=False, threads=threads
    )
    faint = Rescored(beside, weight=0.1, offset=0.17, kind="plate")
    near = Look(faint, 0.4, "near", restless_seconds=0.16, kind="plate", part_side=320, around=4.0)
    if level == "balanced":
        return [
            near,
            Look(part, 4 * STEP_SECONDS, "parts", part_side=640),
            Look(
                PlateDetector(threads=threads),
                2.0,
                restless_seconds=0.48,
                busy_seconds=0.48,
                only_changes=True,
            ),
        ]
    return [near, Look(PlateDetector(threads=threads))]
