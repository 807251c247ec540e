"""What is covered in a frame: tracks become grown, aligned areas of the stored picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from redact.geometry import align_even, grow, upright_to_stored
from redact.plan import Plan
from redact.settings import Settings
from redact.types import Box, ClipInfo, Region, Track

# Width of a face by its height, hair at the temples included.
_MIN_FACE_ASPECT = 0.9
# Detectors cut masks and chins short: tight labels of masked faces reach below the box by 10 % of
# its height in the middle and by 23 % in one case of ten, while its top has 16 % to spare.
_CHIN = 0.1
_SHAPES = {"face": "ellipse", "plate": "rectangle"}


class RegionMaker:
    """Regions of one frame after the other, looking only at the tracks alive there."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._waiting = sorted(plan.covered_tracks, key=lambda track: -track.start_index)
        self._alive: list[Track] = []
        self._next_index = 0

    def at(self, frame_index: int) -> list[Region]:
        """Regions of a frame; frames must be asked for in ascending order.

        Raises:
            ValueError: an earlier frame than the last one is asked for.

        """
        if frame_index < self._next_index:
            raise ValueError(f"frame {frame_index} after frame {self._next_index}: ask in order")
        self._next_index = frame_index
        while self._waiting and self._waiting[-1].start_index <= frame_index:
            self._alive.append(self._waiting.pop())
        self._alive = [track for track in self._alive if track.stop_index > frame_index]
        return list(_regions(self._alive, frame_index, self._plan.clip, self._plan.settings))


def region_for(
    box: Box,
    kind: str,
    size: tuple[int, int],
    settings: Settings,
    *,
    rotation_degrees: int = 0,
    is_mirrored: bool = False,
    track_id: int | None = None,
) -> Region | None:
    """The region that covers `box`, or None where the box lies outside the picture.

    size: (width, height) of the *stored* picture; box: in the upright picture.
    """
    width, height = size
    grown = grow(_whole(box, kind), settings.margin_ratio, settings.min_region_pixels)
    stored = upright_to_stored(grown, width, height, rotation_degrees, is_mirrored)
    edges = align_even(stored, width, height)
    if edges is None:
        return None
    x0, y0, x1, y1 = edges
    shape = _SHAPES.get(kind, "rectangle")
    return Region(x0=x0, y0=y0, x1=x1, y1=y1, kind=kind, shape=shape, track_id=track_id)


def _whole(box: Box, kind: str) -> Box:
    """A face's box down to the chin, and widened where it is narrow.

    Detectors cut a profile off before the ear.
    """
    if kind != "face":
        return box
    lacking = max(0.0, _MIN_FACE_ASPECT * box.height - box.width)
    chin = box.y1 + _CHIN * box.height
    return Box(box.x0 - lacking / 2, box.y0, box.x1 + lacking / 2, chin)


def _regions(
    tracks: Iterable[Track], frame_index: int, clip: ClipInfo, settings: Settings
) -> Iterator[Region]:
    for track in tracks:
        box = track.box_at(frame_index)
        region = box and region_for(
            box,
            track.kind,
            (clip.width, clip.height),
            settings,
            rotation_degrees=clip.rotation_degrees,
            is_mirrored=clip.is_mirrored,
            track_id=track.id,
        )
        if region:
            yield region
