"""The whole way of a clip: analyze it, render the plan, audit the result.

A clip is read twice, once to find out what has to be covered and once to cover it, so that every
decision about a frame knows the frames before and after it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact import audit, video
from redact.analysis.scan_presets import build_audit_scans
from redact.clip_analysis import analyze_clip, doubts, read_through
from redact.cover.regions import RegionMaker
from redact.cover.styles import check_strength
from redact.detectors import Detector
from redact.errors import PlanError
from redact.image_files import is_image_file
from redact.images.stills import analyze_still, probe_still, render_still
from redact.job import Job, Progress
from redact.motion.jumps import JumpDetector
from redact.output import check_place, check_target, default_target, staged, write_text
from redact.plan import Plan, trimming
from redact.report import Report
from redact.settings import Settings
from redact.source_files import as_path
from redact.types import ClipInfo, Detection, Frame
from redact.views import FrameView

if TYPE_CHECKING:
    from redact.rendering.renderer import Renderer

_VERIFY_SECONDS = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` detected in a clip. Its length and its items are those of `detections`."""

    clip: ClipInfo
    """The clip, with the times of its frames."""
    detections: tuple[Detection, ...]
    """In order of frames; boxes in pixels of the upright frame."""
    frames_checked: int
    """How many of the clip's frames were scanned whole."""
    min_face_pixels: int
    """Faces lower than this, in pixels of the frame, are too small for the scans."""

    def __len__(self) -> int:
        return len(self.detections)

    def __iter__(self) -> Iterator[Detection]:
        return iter(self.detections)

    def __getitem__(self, number: int) -> Detection:
        return self.detections[number]


def redact_clip(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
    decide: Callable[[Plan], Plan] | None = None,
) -> Report:
    """Cover every face and plate of a clip and write the result.

    Args:
        source: a video file, or an image file. It is never changed.
        target: where the result goes; by default `<name>.redacted.mp4` beside the source, or for an
            image the same with its own suffix. An existing file is replaced, and only once the
            result is complete and audited.
        settings: defaults when None.
        detectors: run these on every frame instead of the ones that `settings` names.
        progress: see `Progress`.
        decide: is given the plan, and returns the one to carry out, such as `lambda plan:
            plan.keep([2])`. The same clip with the same settings gives tracks of the same ids.

    Raises:
        ClipError: the source can't be read as a clip.
        TargetError: the result can't be written there.
        SettingsError: the settings' strength leaks.
        PlanError: a decision names a track that the plan doesn't have.
        LeakError: the result would still show a face or plate; nothing is written.

    """
    job = Job(settings, detectors, progress)
    source = as_path(source, "source")
    target = default_target(source) if target is None else as_path(target, "target")
    check_target(source, target)
    check_strength(job.settings)
    if is_image_file(source):
        plan = analyze_still(job, source)
        return render_still(job, plan if decide is None else decide(plan), target)
    clip = video.probe(source, max_pixels=job.settings.max_pixels)
    video.check_fits(target, clip, job.settings)
    # Loading the kernels takes a second, and compiling them, once, several: done meanwhile.
    with job.beside(_load_kernels) as loading:
        plan = analyze_clip(job, clip)
        if decide is not None:
            plan = decide(plan)
        if not loading.done():
            job.tell("compile", 0, 1)
        loading.result()
    return _render(job, plan, target)


def analyze(
    source: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Detect and track what has to be covered. Writes nothing.

    Raises:
        ClipError: the source can't be read as a clip.
        WeightsError: a model's file is missing.

    """
    job = Job(settings, detectors, progress)
    source = as_path(source, "source")
    if is_image_file(source):
        return analyze_still(job, source)
    return analyze_clip(job, video.probe(source, max_pixels=job.settings.max_pixels))


def render(
    plan: Plan,
    target: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the clip with everything in `plan` covered, and audit the result.

    Args:
        plan: from `analyze`, perhaps edited.
        target: where the result goes; it appears there only once it is complete and audited.
        source: where the clip lies now, if not where it was analyzed.
        detectors: as for `redact_clip`.
        progress: see `Progress`.

    Raises:
        TypeError: the plan is not a `Plan`.
        PlanError: the source is not the clip that was analyzed.
        SettingsError: the plan's settings have a strength that leaks.
        ClipError, TargetError: as for `redact_clip`.
        LeakError: the result still shows a face or plate; nothing is written.

    """
    plan, target = _with_source(plan, source), as_path(target, "target")
    source = plan.clip.path
    check_target(source, target)
    job = Job(plan.settings, detectors, progress)
    plan = dataclasses.replace(plan, settings=job.settings)
    if is_image_file(source):
        _check_same_image(job, plan)
        return render_still(job, plan, target)
    return _render(job, plan, target)


def preview(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
) -> None:
    """Write a page about what `render` would cover: one HTML file, like that of a report.

    Nothing is covered or audited, and the page says so. In its pictures everything is covered that
    was found, also what the plan leaves visible.

    Args:
        plan: from `analyze`, perhaps edited.
        path: of the page. An existing file is replaced.
        source: where the clip lies now, if not where it was analyzed.

    Raises:
        TypeError: the plan is not a `Plan`.
        PlanError: the source is not the clip that was analyzed.
        SettingsError: the plan's settings have a strength that leaks.
        ClipError: the source can't be read.
        TargetError: the page can't be written there.

    """
    from redact.report.page import page_of_plan

    plan = _with_source(plan, source)
    check_place(plan.clip.path, as_path(path, "path"))
    check_strength(plan.settings)
    check_same_clip(plan)
    write_text(path, page_of_plan(trimming.trimmed(plan)))


def verify(
    path: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    detectors: Sequence[Detector] | None = None,
    progress: Progress | None = None,
    every_frame: bool = False,
) -> Verification:
    """Search a finished clip, ours or any other, for faces and plates that still show.

    Two frames a second are scanned, and all frames around a detection. Only detections that a
    second scan, mirrored and at another size, confirms are returned. An empty result means that
    nothing was found, which does not prove that nothing shows.

    Args:
        path: the clip, or an image file.
        settings: defaults when None. Zones to cover are not taken for covered.
        detectors: run these instead of the ones that `settings` names.
        progress: called with the stage and how much of it is done.
        every_frame: scan all frames, which takes long.

    Raises:
        ClipError: the file can't be read as a clip.
        WeightsError: a model's file is missing.

    """
    job = Job(settings, detectors, progress)
    path = as_path(path, "path")
    if is_image_file(path):
        return _verify_still(job, path)
    clip = video.probe(path, max_pixels=job.settings.max_pixels)
    detector, jump_indices = JumpDetector(), []

    def look_for_jumps(frame: Frame, seconds: float) -> None:
        if detector.step(FrameView(frame, clip), seconds):
            jump_indices.append(frame.index)

    clip = read_through(job, clip, "read", look_for_jumps)
    clip = dataclasses.replace(
        clip,
        turn_degrees=job.settings.turn_degrees or 0,
        jump_indices=tuple(jump_indices),
        warnings=clip.warnings + doubts(clip, job.settings),
    )
    # Nobody knows whether the clip has a cover where a zone of the settings wants one.
    zones = tuple(zone for zone in job.settings.zones if zone.rule == "ignore")
    settings = dataclasses.replace(job.settings, zones=zones)
    with job.scans(build_audit_scans) as scans:
        result = audit.find_leaks(
            clip.path,
            Plan(clip=clip, settings=settings, tracks=()),
            # Also those that are rare in the audit, since nothing but this looks at the clip.
            [dataclasses.replace(scan, every_seconds=0.0) for scan in scans],
            lambda done, total: job.tell("verify", done, total),
            frames=frozenset(range(len(clip.pts))) if every_frame else None,
            every_seconds=_VERIFY_SECONDS,
            workers=job.workers,
            read=_read_selected,
        )
    return Verification(
        clip=clip,
        detections=tuple(sorted(result.leaks, key=lambda d: (d.frame_index, d.kind, d.box))),
        frames_checked=len(result.frames),
        min_face_pixels=result.min_face_pixels,
    )


def _with_source(plan: Plan, source: str | os.PathLike[str] | None) -> Plan:
    """The plan of the clip where it lies now; None is where it was analyzed."""
    if not isinstance(plan, Plan):
        raise TypeError(
            f"plan must be a redact.Plan, from redact.analyze or Plan.load, not {plan!r}"
        )
    path = plan.clip.path if source is None else as_path(source, "source")
    clip = dataclasses.replace(plan.clip, path=path)
    return dataclasses.replace(plan, clip=clip)


def check_same_clip(plan: Plan) -> None:
    """Refuse a clip that is not the one that was analyzed.

    Raises:
        PlanError: the file at the plan's path has other bytes, or the plan other facts about it.
        ClipError: the file can't be read as a clip.

    """
    source = plan.clip.path
    if is_image_file(source):
        _check_same_image(Job(plan.settings, None, None), plan)
        return
    _check_same_file(plan)
    # A plan may have been edited by hand; covers would lie elsewhere.
    clip = video.probe(source, max_pixels=plan.settings.max_pixels)
    # Pictures may be larger later on, so the size is checked again once all have been read.
    sizes = [name for name in _SIZE if getattr(plan.clip, name) < getattr(clip, name)]
    _check_fields(plan, clip, [*sizes, "rotation_degrees", "is_mirrored", "is_still", "time_base"])


def _verify_still(job: Job, path: Path) -> Verification:
    clip, stored = probe_still(job, path)
    with job.scans(build_audit_scans, threads=job.settings.threads) as scans:
        plan = Plan(clip=clip, settings=job.settings, tracks=())
        result = audit.find_leaks_in_image(stored.pixels, plan, scans)
    job.tell("verify", 1, 1)
    return Verification(
        clip=clip,
        detections=tuple(sorted(result.leaks, key=lambda d: (d.kind, d.box))),
        frames_checked=1,
        min_face_pixels=result.min_face_pixels,
    )


def _load_kernels() -> None:
    from redact.cover import kernels

    kernels.warm_up()


def _render(job: Job, plan: Plan, target: Path) -> Report:
    """Cover and encode the clip, audit the result, and repair what the audit finds."""
    from redact.rendering.renderer import Renderer

    check_same_clip(plan)
    plan = trimming.trimmed(plan)
    changes = video.check_fits(target, plan.clip, plan.settings)
    warnings = tuple(dict.fromkeys(plan.clip.warnings + changes))
    clip = dataclasses.replace(plan.clip, warnings=warnings)
    plan = dataclasses.replace(plan, clip=clip)
    with staged(target) as unfinished, Renderer(plan.clip, plan.settings, target) as renderer:
        regions = RegionMaker(plan)
        reader = video.read_frames(
            plan.clip, threads=plan.settings.threads, max_pixels=plan.settings.max_pixels
        )
        with contextlib.closing(reader) as frames:
            for frame in frames:
                renderer.add(frame, regions.at(frame.index))
                job.tell("render", len(renderer), len(plan.clip.pts))
        if plan.clip.part is None:  # Frames after the part, which nobody read, may be larger.
            _check_fields(plan, dataclasses.replace(plan.clip, **reader.findings), _SIZE)
        renderer.finish(plan.clip)
        plan, audited = _audited(job, plan, renderer, unfinished)
        return Report(
            plan=plan,
            output=target,
            output_sha256=video.file_sha256(unfinished),
            frame_count=len(renderer),
            covered_ratio=renderer.covered_ratio(plan.clip),
            leaks=audited.leaks,
            audited_frames=len(audited.frames),
            min_face_pixels=audited.min_face_pixels,
            stage_seconds=job.seconds,
        )


def _audited(
    job: Job, plan: Plan, renderer: Renderer, unfinished: Path
) -> tuple[Plan, audit.AuditResult]:
    """Write the result, audit it, and cover what leaks, until nothing does.

    Returns: the plan with what the audit added, and the audit, whose leaks are doubtful ones that
        no round of repair ended. They lie where the analysis saw nothing; covers can look like
        plates to a detector. The report names them.

    Raises:
        LeakError: a leak with a high score is left after the last round.

    """
    renderer.write(unfinished, plan.clip)
    job.spent("render")
    first = _audit(job, plan, unfinished, None)
    leaks = first.leaks
    for _ in range(1, audit.TUNING.max_rounds):
        if not leaks:
            break
        plan = audit.cover_leaks(plan, leaks)
        changed = renderer.update(plan, lambda done, total: job.tell("render", done, total))
        renderer.write(unfinished, plan.clip)
        job.spent("render")
        # What the plan covers by now is covered, whether or not those frames were encoded again.
        left = (d for d in leaks if d.frame_index not in changed and audit.is_leak(d, plan))
        leaks = (*left, *_audit(job, plan, unfinished, first.frames & changed).leaks)
    audit.refuse_certain_leaks(plan.clip, leaks)
    return plan, dataclasses.replace(first, leaks=leaks)


def _audit(job: Job, plan: Plan, output: Path, frames: frozenset[int] | None) -> audit.AuditResult:
    """Audit the result; nothing is scanned where the settings say so."""
    if not job.settings.audit:
        return audit.AuditResult()
    with job.scans(build_audit_scans) as scans:
        result = audit.find_leaks(
            output,
            plan,
            scans,
            lambda done, total: job.tell("audit", done, total),
            frames=frames,
            workers=job.workers,
        )
    job.spent("audit")
    return result


def _read_selected(
    clip: ClipInfo, indices: Collection[int], *, threads: int, max_pixels: int
) -> Generator[Frame]:
    """The frames of any clip with these indices, in order."""
    left = len(indices)
    reader = video.read_frames(clip, threads=threads, max_pixels=max_pixels)
    with contextlib.closing(reader) as frames:
        for frame in frames:
            if not left:
                return
            if frame.index in indices:
                yield frame
                left -= 1


def _check_same_image(job: Job, plan: Plan) -> None:
    """Do what `check_same_clip` does, for an image file."""
    _check_same_file(plan)
    still, _ = probe_still(job, plan.clip.path)
    _check_fields(plan, still, [*_SIZE, "rotation_degrees", "is_still"])


def _check_same_file(plan: Plan) -> None:
    source = plan.clip.path
    sha256 = video.file_sha256(source)
    if sha256 != plan.clip.sha256:
        raise PlanError(
            f"{str(source)!r} is not the clip that was analyzed: its SHA-256 is {sha256}, "
            f"the plan's is {plan.clip.sha256}; analyze it again"
        )


_SIZE = ("width", "height")


def _check_fields(plan: Plan, clip: ClipInfo, names: Iterable[str]) -> None:
    """Refuse a plan whose clip has other values in these fields."""
    for name in names:
        planned, actual = getattr(plan.clip, name), getattr(clip, name)
        if planned != actual:
            raise PlanError(
                f"the plan's clip has {name} {planned}, {str(clip.path)!r} has {actual}; "
                "analyze it again"
            )
