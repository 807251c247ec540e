"""Figures for a report: how many were covered, for how long, and what the owner decided."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from redact.plan import Plan
from redact.plan.decisions import Decision
from redact.types import ClipInfo, Track, format_time

State = Literal["covered", "kept", "dropped", "ignored", "uncovered"]
"""What becomes of a track: it is covered; stays visible because its person agreed; is false; was
detected only in zones to ignore; or was covered by hand and then taken back."""


def states_of(plan: Plan) -> dict[int, State]:
    """What becomes of each track, by its id."""
    covered = {track.id for track in plan.covered_tracks}
    kept, dropped, ignored = plan.kept, plan.dropped, plan.ignored

    def state(number: int) -> State:
        if number in covered:
            return "covered"
        if number in kept:
            return "kept"
        if number in dropped:
            return "dropped"
        return "ignored" if number in ignored else "uncovered"

    return {track.id: state(track.id) for track in plan.tracks}


def last_decision(plan: Plan, track_id: int) -> Decision | None:
    """What the owner said last about what becomes of a track."""
    about = (
        decision
        for decision in reversed(plan.decisions)
        if track_id in decision.tracks and decision.action not in ("join", "split")
    )
    return next(about, None)


def removed_of(plan: Plan) -> tuple[str, ...]:
    """What the source contains besides its pictures, and the result of the plan doesn't."""
    dropped = list(plan.clip.dropped)
    if plan.settings.audio == "keep":
        # Only the first audio stream is kept.
        kept = next((item for item in dropped if item.startswith("audio stream")), None)
        dropped = [item for item in dropped if item != kept]
    return tuple(dropped)


def part_of(plan: Plan) -> tuple[str, str] | None:
    """The times of the source between which a trimmed plan lies; None if it is not trimmed."""
    if plan.clip.part is None:
        return None
    start = plan.settings.start_seconds
    return format_time(start), format_time(start + clip_seconds(plan.clip))


def frame_seconds(clip: ClipInfo) -> NDArray[np.float64]:
    """(N,) how long each frame is shown, in seconds; the last one as long as is usual."""
    if len(clip.pts) < 2:
        return np.full(len(clip.pts), float(1 / clip.frame_rate))
    shown = np.diff(clip.seconds)
    return np.append(shown, np.median(shown))


def clip_seconds(clip: ClipInfo) -> float:
    """How long the clip is, in seconds."""
    return float(frame_seconds(clip).sum())


def seconds_of(clip: ClipInfo, tracks: Iterable[Track]) -> float:
    """For how many seconds at least one of the tracks is there."""
    is_there = np.zeros(len(clip.pts), dtype=bool)
    for track in tracks:
        is_there[track.start_index : track.stop_index] = True
    return float(frame_seconds(clip)[is_there].sum())


def covered_seconds(plan: Plan) -> float:
    """For how many seconds something is covered."""
    return seconds_of(plan.clip, plan.covered_tracks)


def covered_counts(plan: Plan) -> dict[str, int]:
    """How many faces, plates and zones are covered."""
    zones = sum(zone.rule == "cover" for zone in plan.zones)
    return {**counts(plan.covered_tracks), **({"zone": zones} if zones else {})}


def counts(tracks: Iterable[Track]) -> dict[str, int]:
    """How many there are of each kind: persons, or faces where nobody grouped them; then plates.

    One person may count twice: tracks are only joined where there are reasons to.
    """
    count_of = collections.Counter[str]()
    persons: set[int] = set()
    for track in tracks:
        if track.person is None:
            count_of[track.kind] += 1
        elif track.person not in persons:
            persons.add(track.person)
            count_of["person"] += 1
    order = {"person": 0, "face": 1, "plate": 2}
    return {kind: count_of[kind] for kind in sorted(count_of, key=lambda k: (order.get(k, 3), k))}
