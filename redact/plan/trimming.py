"""Trimming: the plan of a part of a clip, from the plan of the whole."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np

from redact.errors import PlanError, SettingsError
from redact.plan.decisions import Decision
from redact.plan.plan import Plan
from redact.settings import Settings
from redact.types import ClipInfo, Track, format_time
from redact.zones import Zone

CONTEXT_SECONDS = 9.0
"""So long before and after the part that is kept, the clip is analyzed too, so that covers at its
ends are as good as in its middle. The rarest scans, for far faces, come every 8 s. With 4 s, one of
five cuts through the walk of a person was covered from a single frame before it on."""


def is_analyzed(seconds: float, settings: Settings) -> bool:
    """Whether a frame at that time matters for the part of the clip that is kept."""
    stop = math.inf if settings.stop_seconds is None else settings.stop_seconds
    start = settings.start_seconds
    return start - CONTEXT_SECONDS <= seconds < stop + CONTEXT_SECONDS


def frames_analyzed(clip: ClipInfo, settings: Settings) -> tuple[int, int] | None:
    """`ClipInfo.analyzed` of a clip that was read with these settings.

    Raises:
        SettingsError: no frame is kept.

    """
    frames_kept(clip, settings)
    indices = [n for n, s in enumerate(clip.seconds.tolist()) if is_analyzed(s, settings)]
    found = (indices[0], indices[-1] + 1)
    return None if found == (0, len(clip.pts)) else found


def frames_kept(clip: ClipInfo, settings: Settings) -> tuple[int, int]:
    """The index of the first frame that the settings keep, and the one after the last.

    Raises:
        SettingsError: no frame is kept.

    """
    stop = math.inf if settings.stop_seconds is None else settings.stop_seconds
    seconds = clip.seconds
    first, after = np.searchsorted(seconds, [settings.start_seconds, stop]).tolist()
    if first == after:
        until = "" if math.isinf(stop) else f" and before {format_time(stop)}"
        raise SettingsError(
            f"there is no frame from {format_time(settings.start_seconds)} on{until}; the last "
            f"frame of {str(clip.path)!r} is at {format_time(float(seconds[-1]))}"
        )
    return first, after


def trimmed(plan: Plan) -> Plan:
    """The plan of what `Settings.start_seconds` and `stop_seconds` keep; it begins at zero.

    Frames, times, tracks, zones and spans of audio count from the first frame that is kept. A plan
    that keeps everything, or that was trimmed before, stays as it is.

    Raises:
        SettingsError: no frame is kept.
        PlanError: a part is kept that was not analyzed.

    """
    clip, settings = plan.clip, plan.settings
    first, after = (0, len(clip.pts))
    if clip.part is None:
        first, after = frames_kept(clip, settings)
    analyzed = clip.analyzed or (0, len(clip.pts))
    if not analyzed[0] <= first < after <= analyzed[1]:
        here = ", ".join(clip.time_label(index) for index in (analyzed[0], analyzed[1] - 1))
        raise PlanError(
            f"the plan can't be rendered beyond what was analyzed ({here.replace(', ', ' to ')}); "
            "analyze the clip again with these times"
        )
    if (first, after) == (0, len(clip.pts)):
        return plan
    tracks = tuple(cut for track in plan.tracks if (cut := _cut(track, first, after)) is not None)
    start = clip.seconds_at(first)
    known = {track.id for track in tracks}
    return dataclasses.replace(
        plan,
        clip=_part_of(clip, first, after),
        settings=dataclasses.replace(
            settings,
            zones=tuple(_earlier(zone, start) for zone in settings.zones),
            audio_spans=tuple((a - start, b - start) for a, b in settings.audio_spans),
        ),
        tracks=tracks,
        decisions=tuple(
            decision
            for old in plan.decisions
            if (decision := _about(old, known, start)) is not None
        ),
    )


def _part_of(clip: ClipInfo, first: int, after: int) -> ClipInfo:
    """The clip that consists of these frames."""
    earlier = int(clip.pts[first])
    seconds = earlier * clip.time_base
    return dataclasses.replace(
        clip,
        pts=clip.pts[first:after] - earlier,
        part=(first, after),
        analyzed=None,
        # What is added to the times of audio keeps it in sync.
        clock_shifts=tuple(shift - seconds for shift in clip.clock_shifts or (Fraction(0),)),
        damaged_frames=tuple(i - first for i in clip.damaged_frames if first <= i < after),
        jump_indices=tuple(i - first for i in clip.jump_indices if first < i < after),
        frame_count_estimate=after - first,
    )


def _cut(track: Track, first: int, after: int) -> Track | None:
    """The part of a track in these frames; None if there is none."""
    start, stop = max(track.start_index, first), min(track.stop_index, after)
    if start >= stop:
        return None
    rows = slice(start - track.start_index, stop - track.start_index)
    return dataclasses.replace(
        track,
        start_index=start - first,
        boxes=track.boxes[rows],
        scores=track.scores[rows],
        margins=None if track.margins is None else track.margins[rows],
    )


def _earlier(zone: Zone, seconds: float) -> Zone:
    stop = None if zone.stop_seconds is None else zone.stop_seconds - seconds
    return dataclasses.replace(zone, start_seconds=zone.start_seconds - seconds, stop_seconds=stop)


def _about(decision: Decision, known: set[int], seconds: float) -> Decision | None:
    """The decision as far as it is about these tracks or a zone; None if about nothing."""
    if decision.zone is not None:
        return dataclasses.replace(decision, zone=_earlier(decision.zone, seconds))
    ids = tuple(number for number in decision.tracks if number in known)
    return dataclasses.replace(decision, tracks=ids) if ids else None
