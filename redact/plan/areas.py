"""Areas of a clip as its owner names them: boxes in pixels or polygons, in seconds or frames."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.errors import PlanError, SettingsError
from redact.geometry import centers_of, clamp_to
from redact.types import Box, ClipInfo, Track
from redact.zones import Point, Zone

Area = Zone | Box | Sequence[float] | Sequence[Point] | NDArray[np.floating]
"""A zone; x0 y0 x1 y1 in pixels of the upright picture; or three and more points in 0..1 of it."""


def zone_of(
    area: Area,
    clip: ClipInfo,
    *,
    start: float | None = None,
    stop: float | None = None,
    frames: range | None = None,
) -> Zone:
    """The zone of an area during some time, without a name unless it has one.

    Args:
        area: see `Area`.
        clip: with the times of its frames.
        start: from when on, in seconds; None is the start of the clip.
        stop: until just before when, in seconds; None is the end of the clip.
        frames: the frames, instead of seconds.

    Raises:
        PlanError: the area is not in the picture or crosses itself, or the time is not in the clip.

    """
    try:
        zone = area if isinstance(area, Zone) else Zone(polygon=_polygon_of(area, clip))
        if frames is not None:
            if start is not None or stop is not None:
                raise PlanError("give the time in seconds or in frames, not in both")
            start, stop = _span_of(frames, clip)
        zone = dataclasses.replace(
            zone,
            start_seconds=zone.start_seconds if start is None else start,
            stop_seconds=zone.stop_seconds if stop is None else stop,
        )
    except SettingsError as err:
        raise PlanError(str(err)) from err
    end = clip.seconds_at(-1)
    if zone.start_seconds > end or (zone.stop_seconds or math.inf) <= 0:
        raise PlanError(
            f"the time from {zone.start_seconds:g} s on is not in the clip, whose last frame is at "
            f"{end:g} s"
        )
    return zone


def checked_box(box: Iterable[float], clip: ClipInfo) -> Box:
    """A box, x0 y0 x1 y1, of which at least a part lies in the picture.

    Raises:
        PlanError: it is something else.

    """
    try:
        x0, y0, x1, y1 = map(float, box)
    except (TypeError, ValueError):
        raise PlanError(f"a box must be four numbers, x0 y0 x1 y1, not {box!r}") from None
    width, height = clip.upright_size
    if not (x0 < x1 and y0 < y1 and x0 < width and y0 < height and x1 > 0 and y1 > 0):
        raise PlanError(
            f"a box must have x0 < x1 and y0 < y1 and lie in the picture of {width}x{height} "
            f"pixels, not {x0:g}, {y0:g}, {x1:g}, {y1:g}"
        )
    return Box(x0, y0, x1, y1)


def is_detected_in(zones: Iterable[Zone], track: Track, clip: ClipInfo) -> bool:
    """Whether every detection of a track has its centre in one of the zones, while it exists."""
    zones = list(zones)
    detected = np.flatnonzero(np.isfinite(track.scores))
    seconds = clip.seconds[track.start_index + detected]
    centers = centers_of(track.boxes[detected].astype(np.float64)) / clip.upright_size
    return len(detected) > 0 and all(
        any(zone.is_active(time) and zone.contains(x, y) for zone in zones)
        for time, (x, y) in zip(seconds.tolist(), centers.tolist(), strict=True)
    )


def _polygon_of(
    area: Box | Sequence[float] | Sequence[Point] | NDArray[np.floating], clip: ClipInfo
) -> tuple[Point, ...]:
    """The points in 0..1 of a box in pixels, or of a polygon."""
    items = list(area) if isinstance(area, Iterable) else [area]
    # Points are pairs, and the edges of a box are numbers.
    if len(items) != 4 or any(isinstance(item, Iterable) for item in items):
        return tuple(items)
    width, height = clip.upright_size
    x0, y0, x1, y1 = clamp_to(checked_box(items, clip), Box(0, 0, width, height))
    left, top, right, bottom = x0 / width, y0 / height, x1 / width, y1 / height
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _span_of(frames: range, clip: ClipInfo) -> tuple[float, float | None]:
    """The seconds at which some frames begin and end; None at the end of the clip."""
    count = len(clip.pts)
    is_span = isinstance(frames, range) and frames.step == 1
    if not is_span or not 0 <= frames.start < min(frames.stop, count):
        raise PlanError(
            f"frames must be a range in range(0, {count}) that is not empty, not {frames!r}"
        )
    stop = clip.seconds_at(frames.stop) if frames.stop < count else None
    return clip.seconds_at(frames.start), stop
