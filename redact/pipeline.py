"""The whole way of a clip, in two passes: analyze (look, track) and render (cover, check)."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from redact import audit, video
from redact.detectors import Detector
from redact.errors import LeakError, PlanError
from redact.looks import Look, build_audit_looks, build_looks, close_looks
from redact.records import ClipInfo, Detection, Plan
from redact.regions import RegionMaker
from redact.report import Report
from redact.settings import Settings
from redact.targets import check_target, default_target, staged
from redact.watch import Watch

Progress = Callable[[str, int, int | None], None]
"""Called as progress(stage, frames_done, frames_in_all or None); raising in it ends the job."""

_MOST_RENDERS = 3
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
    started = time.perf_counter()
    settings = settings or Settings()
    clip = video.probe(source, max_pixels=settings.max_pixels)
    video.check_fits(target, clip, settings)
    _load_kernels_meanwhile()
    plan = _analyzed(clip, settings, detectors, progress)
    analyzed = time.perf_counter() - started
    report = render(plan, target, detectors=detectors, progress=progress)
    return dataclasses.replace(report, stage_seconds={"analyze": analyzed, **report.stage_seconds})


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
    settings = settings or Settings()
    clip = video.probe(source, max_pixels=settings.max_pixels)
    return _analyzed(clip, settings, detectors, progress)


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
    started = time.perf_counter()
    seconds = {"render": 0.0, "audit": 0.0}
    audited: frozenset[int] = frozenset()
    with staged(target) as unfinished:
        for render_number in range(1, _MOST_RENDERS + 1):
            frame_count, covered_ratio = _write(plan, source, unfinished, progress)
            rendered = time.perf_counter()
            seconds["render"] += rendered - started
            audited, leaks = _audit(plan, unfinished, detectors, audited, progress)
            started = time.perf_counter()
            seconds["audit"] += started - rendered
            if not leaks or render_number == _MOST_RENDERS:
                break
            plan = audit.cover_leaks(plan, leaks)
        # What turns up only now lies where two looks saw nothing: covers can look like plates.
        # It is told in the report, unless it is too certain for that.
        if certain := [leak for leak in leaks if leak.score >= audit.CERTAIN_SCORE]:
            raise LeakError(_leak_message(source, certain))
        sha256 = video.file_sha256(unfinished)
    return Report(
        plan=plan,
        output=target,
        output_sha256=sha256,
        frame_count=frame_count,
        covered_ratio=covered_ratio,
        leaks=tuple(leaks),
        audited_frames=len(audited),
        stage_seconds=seconds,
    )


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
    settings = settings or Settings()
    clip = video.probe(path, max_pixels=settings.max_pixels)
    pts = []
    with contextlib.closing(video.read_frames(clip, threads=settings.threads)) as frames:
        for frame in frames:
            pts.append(frame.pts)
            _tell(progress, "read", len(pts), None)
    plan = Plan(clip=video.with_pts(clip, pts, frames.findings), settings=settings, tracks=())
    with _looks(settings, detectors, build_audit_looks) as looks:
        _, finds = audit.find_leaks(
            clip.path,
            plan,
            looks,
            lambda done, total: _tell(progress, "verify", done, total),
            every_seconds=_VERIFY_SECONDS,
            workers=_workers(settings, detectors),
        )
    return tuple(sorted(finds, key=lambda find: (find.frame_index, find.kind, find.box)))


def thread_count(wanted: int) -> int:
    """So many threads, or as many as this process may use cores when 0 are wanted."""
    if wanted:
        return wanted
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _looks(
    settings: Settings,
    detectors: Sequence[Detector] | None,
    build: Callable[..., list[Look]] = build_looks,
) -> Iterator[list[Look]]:
    """The user's detectors, left open, or those the settings name, closed afterwards."""
    if detectors is not None:
        yield [Look(detector) for detector in detectors]
        return
    # Several pictures are looked at at once, each by one thread.
    looks = build(settings, threads=1)
    try:
        yield looks
    finally:
        close_looks(looks)


def _workers(settings: Settings, detectors: Sequence[Detector] | None) -> int:
    """Threads to look with; none for a user's detectors, which may not be safe to share."""
    return thread_count(settings.threads) if detectors is None else 0


def _analyzed(
    clip: ClipInfo,
    settings: Settings,
    detectors: Sequence[Detector] | None,
    progress: Progress | None,
) -> Plan:
    workers = _workers(settings, detectors)
    with _looks(settings, detectors) as looks, Watch(looks, settings, workers=workers) as watch:
        clip = _look_through(clip, watch, settings, progress)
        return Plan(clip=clip, settings=settings, tracks=watch.tracks(clip.seconds))


def _load_kernels_meanwhile() -> None:
    """Load what covers, or compile it, while the clip is looked at: that takes about a second."""
    name = "redact.blur"
    threading.Thread(target=importlib.import_module, args=(name,), name=name).start()


def _look_through(
    clip: ClipInfo, watch: Watch, settings: Settings, progress: Progress | None
) -> ClipInfo:
    """Show the clip to the watch, and return it with its frames' times filled in."""
    pts: list[int] = []
    with contextlib.closing(video.read_frames(clip, threads=settings.threads)) as frames:
        for frame in frames:
            pts.append(frame.pts)
            now = (frame.pts - pts[0]) * float(clip.time_base)
            if watch.is_due(now):
                image = video.to_bgr(frame, clip.rotation_degrees, clip.is_mirrored)
                watch.see(frame.index, now, image)
            _tell(progress, "analyze", len(pts), None)
    return video.with_pts(clip, pts, frames.findings)


def _write(
    plan: Plan, source: Path, unfinished: Path, progress: Progress | None
) -> tuple[int, float]:
    """Cover and encode every frame; return their number and the share of pixels covered."""
    from redact.blur import Cover

    clip = dataclasses.replace(plan.clip, path=source)
    cover, regions = Cover(plan.settings), RegionMaker(plan)
    covered = count = 0
    frames = video.read_frames(clip, threads=plan.settings.threads)
    with contextlib.closing(frames), video.ClipWriter(unfinished, clip, plan.settings) as writer:
        for frame in frames:
            if here := regions.at(frame.index):
                frame = video.editable(frame)
                covered += cover.planes(frame, here)
            writer.write(frame)
            count += 1
            _tell(progress, "render", count, len(clip.pts))
    if count != len(clip.pts):
        raise PlanError(
            f"{str(source)!r} gave {count} frames, but {len(clip.pts)} when it was analyzed"
        )
    return count, covered / (count * clip.width * clip.height)


def _audit(
    plan: Plan,
    output: Path,
    detectors: Sequence[Detector] | None,
    frames: frozenset[int],
    progress: Progress | None,
) -> tuple[frozenset[int], list[Detection]]:
    if not plan.settings.audit:
        return frozenset(), []
    with _looks(plan.settings, detectors, build_audit_looks) as looks:
        return audit.find_leaks(
            output,
            plan,
            looks,
            lambda done, total: _tell(progress, "audit", done, total),
            frames=frames,
            workers=_workers(plan.settings, detectors),
        )


def _check_same_clip(plan: Plan, source: Path) -> None:
    sha256 = video.probe(source, max_pixels=plan.settings.max_pixels).sha256
    if sha256 != plan.clip.sha256:
        raise PlanError(
            f"{str(source)!r} is not the clip that was analyzed: its SHA-256 is {sha256}, "
            f"the plan's is {plan.clip.sha256}; analyze it anew"
        )


def _leak_message(source: Path, leaks: Sequence[Detection]) -> str:
    first = leaks[0]
    return (
        f"{len(leaks)} finds stay uncovered in {str(source)!r} after {_MOST_RENDERS} renders, the "
        f"first a {first.kind} in frame {first.frame_index}; nothing was written"
    )


def _tell(progress: Progress | None, *values: Any) -> None:
    if progress is not None:
        progress(*values)
