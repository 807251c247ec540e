"""The whole way of a clip: analyze (look, track), render (cover, encode), check.

`redact_clip` renders behind the looks, so that the clip is decoded once; what later looks show to
be wrong is rendered again. `analyze` and `render` do one after the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact import audit, video
from redact.analysis.analyzer import Analyzer
from redact.analysis.scan_presets import build_audit_scans
from redact.audit.checking import checked
from redact.cover.regions import RegionMaker
from redact.detectors import Detector
from redact.errors import PlanError
from redact.job import Job, Progress
from redact.output import check_target, default_target
from redact.plan import Plan
from redact.rendering.trailing import TrailingRenderer
from redact.report import Report
from redact.settings import Settings
from redact.types import ClipInfo, Detection, Frame
from redact.views import FrameView

if TYPE_CHECKING:
    from redact.rendering.renderer import Rendering

_VERIFY_SECONDS = 0.5


def redact_clip(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Cover every face and plate of a clip and write the result.

    Args:
        source: a video file. It is never changed.
        target: where the result goes; `<name>.redacted.mp4` beside the source by default. An
            existing file is replaced, and only once the result is whole.
        settings: defaults when None.
        detectors: look with these on every frame instead of with the ones in `settings`.
        progress: see `Progress`.

    Raises:
        ClipError: the source can't be read as a clip.
        TargetError: the result can't be written there.
        LeakError: the result would still show a face or plate; nothing is written.

    """
    source = Path(source)
    target = default_target(source) if target is None else Path(target)
    check_target(source, target)
    job = Job(settings, detectors, progress)
    clip = video.probe(source, max_pixels=job.settings.max_pixels)
    video.check_fits(target, clip, job.settings)
    with contextlib.ExitStack() as stack:
        start = functools.partial(_rendering, stack, clip, job.settings, target)
        plan, rendering = _looked_at_and_rendered(job, clip, start)
        _check_same_clip(plan, source)
        job.spent("analyze")
        return checked(job, plan, rendering, target)


def analyze(
    source: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Find and track what has to be covered. Writes nothing.

    Raises:
        ClipError: the source can't be read as a clip.
        WeightsError: a model's file is missing.

    """
    job = Job(settings, detectors, progress)
    clip = video.probe(source, max_pixels=job.settings.max_pixels)
    with job.scans() as scans, Analyzer(scans, job.settings, workers=job.workers) as analyzer:
        clip = _read_through(job, clip, analyzer)
        return Plan(clip=clip, settings=job.settings, tracks=analyzer.tracks(clip.seconds))


def render(
    plan: Plan,
    target: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the clip with everything in `plan` covered, and look at the result again.

    Args:
        plan: from `analyze`, perhaps edited.
        target: where the result goes; it appears there only once it is whole and checked.
        source: where the clip lies now, if not where it was analyzed.
        detectors: as for `redact_clip`.
        progress: see `Progress`.

    Raises:
        PlanError: the source is not the clip that was analyzed.
        ClipError, TargetError: as for `redact_clip`.
        LeakError: the result still shows a face or plate; nothing is written.

    """
    source, target = Path(source or plan.clip.path), Path(target)
    check_target(source, target)
    _check_same_clip(plan, source)
    plan = dataclasses.replace(plan, clip=dataclasses.replace(plan.clip, path=source))
    job = Job(plan.settings, detectors, progress)
    with contextlib.ExitStack() as stack:
        rendering = _rendering(stack, plan.clip, plan.settings, target)
        _render_all(job, plan, rendering)
        job.spent("render")
        return checked(job, plan, rendering, target)


def verify(
    path: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
) -> tuple[Detection, ...]:
    """Look for faces and plates that still show in a finished clip, ours or any other.

    Two frames a second are looked at, and all around a find. Only finds that a second look, at
    another size and mirrored, confirms are given; none proves that there is nothing.

    Returns: the finds in order of frames, boxes in pixels of the upright picture.

    Raises:
        ClipError: the file can't be read as a clip.
        WeightsError: a model's file is missing.

    """
    job = Job(settings, detectors, progress)
    clip = video.probe(path, max_pixels=job.settings.max_pixels)
    pts = []
    with contextlib.closing(video.read_frames(clip, threads=job.settings.threads)) as frames:
        for frame in frames:
            pts.append(frame.pts)
            job.tell("read", len(pts), None)
    plan = Plan(clip=video.with_pts(clip, pts, frames.findings), settings=job.settings, tracks=())
    with job.scans(build_audit_scans) as scans:
        _, detections = audit.find_leaks(
            clip.path,
            plan,
            scans,
            lambda done, total: job.tell("verify", done, total),
            every_seconds=_VERIFY_SECONDS,
            workers=job.workers,
            read=_read_any,
        )
    return tuple(
        sorted(
            detections, key=lambda detection: (detection.frame_index, detection.kind, detection.box)
        )
    )


def _read_through(
    job: Job,
    clip: ClipInfo,
    analyzer: Analyzer,
    then: Callable[[Frame, float], None] = lambda _frame, _now: None,
) -> ClipInfo:
    """Show the clip to the watch, and return it with its frames' times filled in.

    then: gets each frame afterwards, and its time, seconds.
    """
    pts: list[int] = []
    with contextlib.closing(video.read_frames(clip, threads=job.settings.threads)) as frames:
        for frame in frames:
            pts.append(frame.pts)
            now = (frame.pts - pts[0]) * float(clip.time_base)
            if analyzer.is_due(now):
                analyzer.see(frame.index, now, FrameView(frame, clip))
            then(frame, now)
            job.tell("analyze", len(pts), None)
    analyzer.scan_last_frame()
    return video.with_pts(clip, pts, frames.findings)


def _looked_at_and_rendered(
    job: Job, clip: ClipInfo, start: Callable[[], Rendering]
) -> tuple[Plan, Rendering]:
    """The plan, and the clip rendered while it was made; `mend` makes one fit the other."""
    with contextlib.ExitStack() as stack:
        with job.scans() as scans, Analyzer(scans, job.settings, workers=job.workers) as analyzer:
            trailing = stack.enter_context(TrailingRenderer(start, analyzer, clip, job.settings))
            clip = _read_through(job, clip, analyzer, trailing.push)
            plan = Plan(clip=clip, settings=job.settings, tracks=analyzer.tracks(clip.seconds))
        for count in trailing.finish(plan):
            job.tell("render", count, len(clip.pts))
        return plan, trailing.rendering


def _rendering(
    stack: contextlib.ExitStack, clip: ClipInfo, settings: Settings, target: Path
) -> Rendering:
    """A rendering that ends with the stack. Only now what covers is loaded."""
    from redact.rendering.renderer import Rendering

    return stack.enter_context(Rendering(clip, settings, target))


def _render_all(job: Job, plan: Plan, rendering: Rendering) -> None:
    """Cover and encode every frame."""
    regions = RegionMaker(plan)
    with contextlib.closing(video.read_frames(plan.clip, threads=plan.settings.threads)) as frames:
        for frame in frames:
            rendering.add(frame, regions.at(frame.index))
            job.tell("render", len(rendering), len(plan.clip.pts))
    rendering.finish(plan.clip)


def _read_any(clip: ClipInfo, numbers: Collection[int], *, threads: int = 0) -> Generator[Frame]:
    """The frames with these numbers of any clip, in order."""
    left = len(numbers)
    with contextlib.closing(video.read_frames(clip, threads=threads)) as frames:
        for frame in frames:
            if not left:
                return
            if frame.index in numbers:
                yield frame
                left -= 1


def _check_same_clip(plan: Plan, source: Path) -> None:
    sha256 = video.file_sha256(source)
    if sha256 != plan.clip.sha256:
        raise PlanError(
            f"{str(source)!r} is not the clip that was analyzed: its SHA-256 is {sha256}, "
            f"the plan's is {plan.clip.sha256}; analyze it anew"
        )
