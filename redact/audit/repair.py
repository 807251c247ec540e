"""What follows from leaks: another round with tracks over them, or no result at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from redact.audit.tuning import TUNING
from redact.errors import LeakError
from redact.plan import Plan
from redact.tracking.building import track_detections
from redact.tracking.tuning import kind_tuning
from redact.types import ClipInfo, Detection


def cover_leaks(plan: Plan, leaks: Sequence[Detection]) -> Plan:
    """The plan with tracks added over the leaks; the ids of its own tracks stay.

    Whole frames are audited only now and then, so the new tracks reach farther beyond their ends
    and bridge longer gaps than the settings ask for.
    """
    settings = plan.settings
    generous = dataclasses.replace(
        settings,
        extend_seconds=max(settings.extend_seconds, TUNING.around_seconds),
        max_gap_seconds=max(settings.max_gap_seconds, TUNING.every_seconds),
    )
    # Two scans agreed on each leak: none needs further confirmation.
    confirmed = [
        dataclasses.replace(leak, score=max(leak.score, kind_tuning(leak.kind).confirming_score))
        for leak in leaks
    ]
    added = track_detections(confirmed, plan.clip.seconds, generous)
    last_id = max((track.id for track in plan.tracks), default=0)
    numbered = [dataclasses.replace(track, id=last_id + track.id) for track in added]
    return dataclasses.replace(plan, tracks=plan.tracks + tuple(numbered))


def refuse_certain_leaks(clip: ClipInfo, leaks: Sequence[Detection]) -> None:
    """Let no result be given out that certainly leaks after the last round.

    Raises:
        LeakError: a leak has a high score.

    """
    if certain := [leak for leak in leaks if leak.score >= TUNING.certain_score]:
        first = certain[0]
        when = "" if clip.is_still else f" at {clip.time_label(first.frame_index)}"
        raise LeakError(
            f"{len(certain)} detections stay uncovered in {str(clip.path)!r} after "
            f"{TUNING.max_rounds} rounds, the first a {first.kind}{when}; nothing was written"
        )
