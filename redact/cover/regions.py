"""Regions: what is covered in a frame. Boxes of tracks are enlarged, rotated and aligned.

How far they are enlarged is part of a track, see `tracking/cover_margins.py`; for single detections
it is in `tuning.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from redact.cover.tuning import KINDS, OTHER_KIND, TUNING
from redact.geometry import Edges, align_even, grow, scaled, upright_to_stored
from redact.plan import Plan
from redact.settings import Settings
from redact.types import Box, Region, Track
from redact.zones import Zone


class RegionMaker:
    """Makes the regions of one frame after another, so that only the tracks alive are looked at."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        clip = plan.clip
        self._seconds = clip.seconds
        self._zones = zone_regions(
            plan.zones,
            (clip.width, clip.height),
            rotation_degrees=clip.rotation_degrees,
            is_mirrored=clip.is_mirrored,
        )
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
        clip = self._plan.clip
        regions = regions_of(
            self._alive,
            frame_index,
            (clip.width, clip.height),
            self._plan.settings,
            rotation_degrees=clip.rotation_degrees,
            is_mirrored=clip.is_mirrored,
        )
        if self._zones:
            seconds = float(self._seconds[frame_index])
            regions += [region for zone, region in self._zones if zone.is_active(seconds)]
        return regions


def zone_regions(
    zones: Iterable[Zone],
    size: tuple[int, int],
    *,
    rotation_degrees: int = 0,
    is_mirrored: bool = False,
) -> list[tuple[Zone, Region]]:
    """Return the zones to cover, each with its region; the other arguments as in `region_for`."""
    width, height = size
    upright = (height, width) if rotation_degrees % 180 else (width, height)
    result = []
    for number, zone in enumerate(zones):
        if zone.rule != "cover":
            continue
        corners = (scaled((x, y, x, y), upright) for x, y in zone.polygon)
        points = [
            upright_to_stored(corner, width, height, rotation_degrees, is_mirrored)[:2]
            for corner in corners
        ]
        xs, ys = zip(*points, strict=True)
        reach = TUNING.zone_reach_pixels
        edges = align_even(
            Box(min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach), width, height
        )
        assert edges is not None  # a zone lies in the picture
        region = Region(
            x0=edges[0],
            y0=edges[1],
            x1=edges[2],
            y1=edges[3],
            kind="zone",
            shape="polygon",
            zone_number=number,
            polygon=tuple(points),
        )
        result.append((zone, region))
    return result


def regions_of(
    tracks: Iterable[Track],
    frame_index: int,
    size: tuple[int, int],
    settings: Settings,
    *,
    rotation_degrees: int = 0,
    is_mirrored: bool = False,
) -> list[Region]:
    """Return the regions that cover the tracks in a frame; see `region_for`."""
    regions = (
        region_for(
            box,
            track.kind,
            size,
            settings,
            margins=track.margins_at(frame_index),
            rotation_degrees=rotation_degrees,
            is_mirrored=is_mirrored,
            track_id=track.id,
        )
        for track in tracks
        if (box := track.box_at(frame_index)) is not None
    )
    return [region for region in regions if region is not None]


def region_for(
    box: Box,
    kind: str,
    size: tuple[int, int],
    settings: Settings,
    *,
    margins: tuple[float, float] | None = None,
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
        margins: how far the cover reaches beyond the box on each side, in x and y; None takes what
            an unsmoothed detection needs.
        rotation_degrees: the clockwise rotation that makes the stored frame upright.
        is_mirrored: whether left and right have to be swapped after that.
        track_id: of the track that the box belongs to.

    """
    width, height = size
    cover = cover_box(box, kind, settings, margins)
    stored = upright_to_stored(cover, width, height, rotation_degrees, is_mirrored)
    edges = align_even(stored, width, height)
    if edges is None:
        return None
    shape = KINDS.get(kind, OTHER_KIND).shape
    # The frame's edge cuts an ellipse off, it doesn't make it narrower.
    x0, y0, x1, y1 = _even_edges(stored) if shape == "ellipse" else edges
    return Region(x0=x0, y0=y0, x1=x1, y1=y1, kind=kind, shape=shape, track_id=track_id)


def _even_edges(box: Box) -> Edges:
    """Return the even edges around a box, which may lie beyond the frame."""
    low = (math.floor(edge / 2) * 2 for edge in box[:2])
    high = (math.ceil(edge / 2) * 2 for edge in box[2:])
    return (*low, *high)  # type: ignore[return-value]


def cover_box(
    box: Box, kind: str, settings: Settings, margins: tuple[float, float] | None = None
) -> Box:
    """Return the box around the cover of a box, in the upright frame; see `region_for`."""
    if margins is None:
        ratio = KINDS.get(kind, OTHER_KIND).detection_margin_ratio
        margins = ratio * box.width, ratio * box.height
    x, y = margins
    reached = Box(box.x0 - x, box.y0 - y, box.x1 + x, box.y1 + y)
    return grow(reached, settings.margin_ratio, settings.min_region_pixels)
