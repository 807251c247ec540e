"""The whole way of a clip: analyze (look, track), render (cover, encode), check.

`redact_clip` renders behind the looks, so that the clip is decoded once; what later looks show to
be wrong is rendered again. `analyze` and `render` do one after the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import os
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redact import audit, video
from redact.detectors import Detector
from redact.errors import LeakError, PlanError
from redact.looks import Look, build_audit_looks, build_looks, close_looks, give_back_memory
from redact.records import ClipInfo, Detection, Frame, Plan
from redact.regions import RegionMaker
from redact.report import Report
from redact.settings import Settings
from redact.targets import check_target, default_target, staged
from redact.trailing import TrailingRenderer
from redact.watch import Watch

if TYPE_CHECKING:
    from redact.rendering import Rendering


class _Seconds:
    """How long each stage took, those that come more than once added up."""

    def __init__(self) -> None:
        self.by_stage = {"analyze": 0.0, "render": 0.0, "audit": 0.0}
        self._last = time.perf_counter()

    def spent(self, stage: str) -> None:
        """All the time since the last call went into that stage."""
        now = time.perf_counter()
        self.by_stage[stage] += now - self._last
        self._last = now


Progress = Callable[[str, int, int | None], None]
"""Called as progress(stage, frames_done, frames_in_all or None); raising in it ends the job."""

_MOST_RENDERS = 3
_VERIFY_SECONDS = 0.5
# Frames after which memory that was freed goes back to the system.
_GIVE_BACK_EVERY = 120


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
    settings = settings or Settings()
    clip = video.probe(source, max_pixels=settings.max_pixels)
    video.check_fits(target, clip, settings)
    _load_kernels_meanwhile()
    seconds = _Seconds()
    with contextlib.ExitStack() as stack:
        start = functools.partial(_rendering, stack, clip, settings, target)
        plan, rendering = _looked_at_and_rendered(clip, settings, detectors, progress, start)
        _check_same_clip(plan, source)
        seconds.spent("analyze")
        return _checked(plan, rendering, target, detectors, progress, seconds)


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
    plan = dataclasses.replace(plan, clip=dataclasses.replace(plan.clip, path=source))
    seconds = _Seconds()
    with contextlib.ExitStack() as stack:
        rendering = _rendering(stack, plan.clip, plan.settings, target)
        _render_all(plan, rendering, progress)
        seconds.spent("render")
        return _checked(plan, rendering, target, detectors, progress, seconds)


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
            read=_read_any,
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
    clip: ClipInfo,
    watch: Watch,
    settings: Settings,
    progress: Progress | None,
    then: Callable[[Frame, float], None] = lambda _frame, _now: None,
) -> ClipInfo:
    """Show the clip to the watch, and return it with its frames' times filled in.

    then: gets each frame afterwards, and its time, seconds.
    """
    pts: list[int] = []
    with contextlib.closing(video.read_frames(clip, threads=settings.threads)) as frames:
        for frame in frames:
            pts.append(frame.pts)
            now = (frame.pts - pts[0]) * float(clip.time_base)
            if watch.is_due(now):
                again = functools.partial(
                    video.to_bgr, frame, clip.rotation_degrees, clip.is_mirrored
                )
                watch.see(frame.index, now, again(), again)
            then(frame, now)
            if len(pts) % _GIVE_BACK_EVERY == 0:
                give_back_memory()
            _tell(progress, "analyze", len(pts), None)
    return video.with_pts(clip, pts, frames.findings)


def _looked_at_and_rendered(
    clip: ClipInfo,
    settings: Settings,
    detectors: Sequence[Detector] | None,
    progress: Progress | None,
    start: Callable[[], Rendering],
) -> tuple[Plan, Rendering]:
    """The plan, and the clip rendered while it was made; `mend` makes one fit the other."""
    workers = _workers(settings, detectors)
    with contextlib.ExitStack() as stack:
        with _looks(settings, detectors) as looks, Watch(looks, settings, workers=workers) as watch:
            trailing = stack.enter_context(TrailingRenderer(start, watch, clip, settings))
            clip = _look_through(clip, watch, settings, progress, trailing.push)
            plan = Plan(clip=clip, settings=settings, tracks=watch.tracks(clip.seconds))
        for count in trailing.finish(plan):
            _tell(progress, "render", count, len(clip.pts))
        return plan, trailing.rendering


def _rendering(
    stack: contextlib.ExitStack, clip: ClipInfo, settings: Settings, target: Path
) -> Rendering:
    """A rendering that ends with the stack. Only now what covers is loaded."""
    from redact.rendering import Rendering

    return stack.enter_context(Rendering(clip, settings, target))


def _render_all(plan: Plan, rendering: Rendering, progress: Progress | None) -> None:
    """Cover and encode every frame."""
    regions = RegionMaker(plan)
    with contextlib.closing(video.read_frames(plan.clip, threads=plan.settings.threads)) as frames:
        for frame in frames:
            rendering.add(frame, regions.at(frame.index))
            _tell(progress, "render", len(rendering), len(plan.clip.pts))
    rendering.finish()
    if len(rendering) != len(plan.clip.pts):
        raise PlanError(
            f"{str(plan.clip.path)!r} gave {len(rendering)} frames, but {len(plan.clip.pts)} when "
            "it was analyzed"
        )


def _checked(
    plan: Plan,
    rendering: Rendering,
    target: Path,
    detectors: Sequence[Detector] | None,
    progress: Progress | None,
    seconds: _Seconds,
) -> Report:
    """Write what was rendered, look at it again, and mend it until nothing shows."""
    audited: frozenset[int] | None = None
    leaks: list[Detection] = []
    with staged(target) as unfinished:
        for render_number in range(1, _MOST_RENDERS + 1):
            changed = rendering.mend(plan, lambda *values: _tell(progress, "render", *values))
            rendering.write(unfinished, plan.clip)
            seconds.spent("render")
            again = None if audited is None else audited & changed
            looked_at, found = _audit(plan, unfinished, detectors, again, progress)
            audited = looked_at if audited is None else audited
            leaks = [leak for leak in leaks if leak.frame_index not in changed] + found
            seconds.spent("audit")
            if not leaks or render_number == _MOST_RENDERS:
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
        stage_seconds=seconds.by_stage,
    )


def _audit(
    plan: Plan,
    output: Path,
    detectors: Sequence[Detector] | None,
    frames: frozenset[int] | None,
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
