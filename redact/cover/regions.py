"""Regions: what is covered in a frame. Boxes of tracks are enlarged, rotated and aligned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from redact.cover.tuning import KINDS, OTHER_KIND
from redact.geometry import align_even, grow, upright_to_stored
from redact.plan import Plan
from redact.settings import Settings
from redact.types import Box, ClipInfo, Region, Track


class RegionMaker:
    """Makes the regions of one frame after another, so that only the tracks alive are looked at."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._waiting = sorted(plan.covered_tracks, key=lambda track: -track.start_index)
        self._alive: list[Track] = []
        self._next_index = 0

    def at(self, frame_index: int) -> list[Region]:
        """Return the regions of a frame.

        Raises:
            ValueError: the frame comes before one that was already asked for.

        """
        if frame_index < self._next_index:
            raise ValueError(
                f"frame {frame_index} comes before frame {self._next_index}, which was already "
                "asked for; ask for frames in ascending order"
            )
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
    """Return the region that covers a box, or None where the box lies outside the frame.

    Args:
        box: in luma pixels of the upright frame.
        kind: of what is in the box, such as "face".
        size: (width, height) of the *stored* frame.
        settings: `margin_ratio` and `min_region_pixels` are used.
        rotation_degrees: the clockwise rotation that makes the stored frame upright.
        is_mirrored: whether left and right have to be swapped after that.
        track_id: of the track that the box belongs to.

    """
    width, height = size
    grown = grow(_whole_object(box, kind), settings.margin_ratio, settings.min_region_pixels)
    stored = upright_to_stored(grown, width, height, rotation_degrees, is_mirrored)
    edges = align_even(stored, width, height)
    if edges is None:
        return None
    x0, y0, x1, y1 = edges
    shape = KINDS.get(kind, OTHER_KIND).shape
    return Region(x0=x0, y0=y0, x1=x1, y1=y1, kind=kind, shape=shape, track_id=track_id)


def _whole_object(box: Box, kind: str) -> Box:
    """Extend a box to the parts that detectors cut off: of a face, the chin and the ear."""
    tuning = KINDS.get(kind, OTHER_KIND)
    lacking = max(0.0, tuning.min_aspect_ratio * box.height - box.width)
    bottom = box.y1 + tuning.chin_ratio * box.height
    return Box(box.x0 - lacking / 2, box.y0, box.x1 + lacking / 2, bottom)


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
