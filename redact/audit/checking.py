"""The end of a job: written, looked at again, and mended until nothing shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact import audit, video
from redact.analysis.scan_presets import build_audit_scans
from redact.errors import LeakError
from redact.job import Job
from redact.output import staged
from redact.plan import Plan
from redact.report import Report
from redact.types import Detection

if TYPE_CHECKING:
    from redact.rendering.renderer import Rendering

_MAX_RENDERS = 5


def checked(job: Job, plan: Plan, rendering: Rendering, target: Path) -> Report:
    """Write what was rendered, look at it again, and mend it until nothing shows.

    Args:
        job: its settings are those of the plan.
        plan: what has to be covered; its clip lies where it says.
        rendering: all frames of the clip; what was covered otherwise is rendered again.
        target: where the result goes; it appears there only once it is whole and checked.

    Raises:
        TargetError: the result can't be written.
        LeakError: the result still shows a face or plate; nothing is written.

    """
    audited: frozenset[int] | None = None
    leaks: list[Detection] = []
    with staged(target) as unfinished:
        for render_number in range(1, _MAX_RENDERS + 1):
            changed = rendering.mend(plan, lambda done, total: job.tell("render", done, total))
            rendering.write(unfinished, plan.clip)
            job.spent("render")
            again = None if audited is None else audited & changed
            looked_at, found = _audit(job, plan, unfinished, again)
            audited = looked_at if audited is None else audited
            # What the plan covers by now is covered, even where that had been encoded before.
            left = [leak for leak in leaks if leak.frame_index not in changed]
            leaks = [leak for leak in left if audit.is_leak(leak, plan)] + found
            job.spent("audit")
            if not leaks or render_number == _MAX_RENDERS:
                break
            plan = audit.cover_leaks(plan, leaks)
        # What turns up only now lies where two looks saw nothing: covers can look like plates.
        # It is told in the report, unless it is too certain for that.
        if certain := [leak for leak in leaks if leak.score >= audit.CERTAIN_SCORE]:
            raise LeakError(_leak_message(plan.clip.path, certain))
        sha256 = video.file_sha256(unfinished)
    return Report(
        plan=plan,
        output=target,
        output_sha256=sha256,
        frame_count=len(rendering),
        covered_ratio=rendering.covered_ratio(plan.clip),
        leaks=tuple(leaks),
        audited_frames=len(audited or ()),
        stage_seconds=job.seconds,
    )


def _audit(
    job: Job, plan: Plan, output: Path, frames: frozenset[int] | None
) -> tuple[frozenset[int], list[Detection]]:
    if not job.settings.audit:
        return frozenset(), []
    with job.scans(build_audit_scans) as scans:
        return audit.find_leaks(
            output,
            plan,
            scans,
            lambda done, total: job.tell("audit", done, total),
            frames=frames,
            workers=job.workers,
        )


def _leak_message(source: Path, leaks: Sequence[Detection]) -> str:
    first = leaks[0]
    return (
        f"{len(leaks)} finds stay uncovered in {str(source)!r} after {_MAX_RENDERS} renders, the "
        f"first a {first.kind} in frame {first.frame_index}; nothing was written"
    )
