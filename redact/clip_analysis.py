"""The plan of a clip: what has to be covered in it, by an analysis of all its frames.

One process reads the whole clip (`analyze_clip`), or several share a long one: each analyzes a part
of it (`divided`, `analyze_part`), and one of them makes the plan (`plan_of_parts`). Both give the
same plan, because long clips are always analyzed in parts; see `analysis/parts.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from redact import video
from redact.analysis.analyzer import Analyzer
from redact.analysis.observations import Observations
from redact.analysis.parts import ClipAnalyzer, analyzed_frames, join_parts, part_count
from redact.analysis.scan_presets import build_scans, build_snapshot_scans
from redact.analysis.scans import ScanSpec, min_face_pixels
from redact.analysis.tuning import TUNING
from redact.job import Job
from redact.plan import Plan, trimming
from redact.plan.key_boxes import straightened
from redact.settings import Settings
from redact.types import ClipInfo, Frame
from redact.views import FrameView, Presentation


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalyzedPart:
    """What one process has to tell of its part of a clip."""

    seen: Observations
    side_data: frozenset[str]
    """What comes with the frames and is left out of results, in words."""


def analyze_clip(job: Job, clip: ClipInfo) -> Plan:
    """Read the clip and plan what to cover."""
    # Hashed before it is read: a clip that changes meanwhile must not pass for the analyzed one.
    clip = dataclasses.replace(clip, sha256=video.file_sha256(clip.path))
    plan, turn_degrees = _analyze_turned(job, clip, job.settings.turn_degrees or 0)
    width, height = plan.clip.width, plan.clip.height
    is_turned = job.settings.turn_degrees is None and turn_degrees != 0
    if is_turned or (width, height) != (clip.width, clip.height):
        # Larger pictures came later, or people stand upright in another turn. Everything is looked
        # at again as it is then.
        clip = dataclasses.replace(clip, width=width, height=height)
        turn_degrees = turn_degrees if is_turned else job.settings.turn_degrees or 0
        plan, _ = _analyze_turned(job, clip, turn_degrees)
    job.spent("analyze")
    return plan


def divided(job: Job, source: Path) -> ClipInfo | None:
    """The clip at that path, with the times of its frames, if several processes can analyze it.

    None if it is too short for that, if only a part of it is kept, or if the times of its frames
    can't be told without decoding them, as in a damaged clip.

    Raises:
        ClipError: the source can't be read as a clip.

    """
    settings = job.settings
    clip = video.probe(source, max_pixels=settings.max_pixels)
    seconds = (clip.frame_count_estimate or 0) / clip.frame_rate
    is_trimmed = settings.start_seconds > 0 or settings.stop_seconds is not None
    if is_trimmed or seconds < TUNING.part_seconds:
        return None
    sha256 = video.file_sha256(clip.path)
    times = video.frame_times(clip, max_pixels=settings.max_pixels)
    if times is None:
        return None
    clip = video.with_pts(clip, times, {"sha256": sha256, "clock_shifts": (Fraction(0),)})
    clip = dataclasses.replace(clip, turn_degrees=settings.turn_degrees or 0)
    return clip if part_count(clip.seconds) > 1 else None


def analyze_part(job: Job, clip: ClipInfo, number: int) -> AnalyzedPart:
    """Analyze a part of a clip, with some seconds before and after it.

    Args:
        job: of the clip.
        clip: from `divided`.
        number: of the part, from 0.

    Raises:
        ClipError: the part can't be read on its own: analyze the whole clip.

    """
    frames = analyzed_frames(number, clip.seconds)
    side_data: set[str] = set()
    reader = video.read_part(
        clip,
        frames.start,
        frames.stop,
        side_data,
        threads=job.settings.threads,
        max_pixels=job.settings.max_pixels,
    )
    with (
        job.scans() as scans,
        _analyzer(job, clip, scans) as analyzer,
        contextlib.closing(reader),
    ):
        for frame in reader:
            analyzer.push(frame.index, clip.seconds_at(frame.index), FrameView(frame, clip))
            job.tell("analyze", frame.index - frames.start + 1, len(frames))
        analyzer.finish()
        return AnalyzedPart(seen=analyzer.observations(), side_data=frozenset(side_data))


def plan_of_parts(job: Job, clip: ClipInfo, parts: Sequence[AnalyzedPart]) -> Plan | None:
    """The plan of a clip, as `analyze_clip` makes it, from what was seen in each of its parts.

    None if the camera hangs sideways or upside down, so that everything has to be looked at again.
    """
    added = sorted(set().union(*(part.side_data for part in parts)) - set(clip.dropped))
    clip = dataclasses.replace(clip, dropped=(*clip.dropped, *added))
    seen = {number: part.seen for number, part in enumerate(parts)}
    with job.scans() as scans:
        plan, turn_degrees = _plan_of(job, clip, seen, scans)
    return None if job.settings.turn_degrees is None and turn_degrees else plan


def _analyze_turned(job: Job, clip: ClipInfo, turn_degrees: int) -> tuple[Plan, int]:
    """Plan what to cover with detectors that see the frames turned clockwise by so much.

    The clip's size may turn out to be larger.

    Returns: the plan, and how much farther frames have to be turned so that people stand upright.
    """
    clip = dataclasses.replace(clip, turn_degrees=turn_degrees)
    is_short = (clip.frame_count_estimate or math.inf) <= TUNING.max_snapshots
    with (
        job.scans(build_snapshot_scans if is_short else build_scans) as scans,
        ClipAnalyzer(lambda: _analyzer(job, clip, scans)) as analyzer,
    ):

        def analyze_frame(frame: Frame, seconds: float) -> None:
            if trimming.is_analyzed(seconds, job.settings):
                closely = frame.is_damaged or is_short
                analyzer.push(frame.index, seconds, lambda: FrameView(frame, clip), closely=closely)

        read = read_through(job, clip, "analyze", analyze_frame)
        return _plan_of(job, read, analyzer.finish(), scans)


def _analyzer(job: Job, clip: ClipInfo, scans: Sequence[ScanSpec]) -> Analyzer:
    return Analyzer(
        scans,
        job.settings,
        seen_as=_seen_as(job, clip),
        groups_persons=True,
        workers=job.workers,
    )


def _seen_as(job: Job, clip: ClipInfo) -> Presentation:
    """How detectors see the clip's frames."""
    return Presentation.of(clip.upright_pixel_aspect(job.settings.pixel_aspect), clip.turn_degrees)


def _plan_of(
    job: Job, clip: ClipInfo, parts: Mapping[int, Observations], scans: Sequence[ScanSpec]
) -> tuple[Plan, int]:
    """The plan of a clip whose frames were all read, and the turn, as of `_analyze_turned`.

    parts: what was seen in each part.
    """
    analyzed = trimming.frames_analyzed(clip, job.settings)
    seen = join_parts(parts, clip.seconds)
    clip = dataclasses.replace(
        clip,
        jump_indices=seen.jump_indices,
        analyzed=analyzed,
        warnings=clip.warnings + doubts(clip, job.settings),
    )
    seen_as = _seen_as(job, clip)
    # Straightened here, so that a saved plan is small and still the same.
    tracks = seen.tracks(clip.seconds, job.settings, seen_as)
    plan = Plan(
        clip=clip,
        settings=job.settings,
        tracks=tuple(straightened(track) for track in tracks),
        min_face_pixels=min_face_pixels(scans, clip.upright_size, seen_as),
    )
    return plan, seen.turn_votes.decision() or 0


def read_through(
    job: Job, clip: ClipInfo, stage: str, use: Callable[[Frame, float], None]
) -> ClipInfo:
    """Read the clip once, and return it with its frames' times filled in.

    use: called with each frame and its time in seconds, the first frame's being 0.
    """
    pts: list[int] = []
    reader = video.read_frames(
        clip, threads=job.settings.threads, max_pixels=job.settings.max_pixels
    )
    with contextlib.closing(reader) as frames:
        for frame in frames:
            pts.append(frame.pts)
            use(frame, (frame.pts - pts[0]) * float(clip.time_base))
            job.tell(stage, len(pts), clip.frame_count_estimate)
    return video.with_pts(clip, pts, reader.findings)


# Sizes in which recorders store every other column or line, and their pixels' width over height.
_HALVED_SIZES = {
    **dict.fromkeys(((960, 1080), (960, 1088), (944, 1080), (1280, 1440)), 2.0),
    **dict.fromkeys(((704, 288), (720, 288), (704, 240), (720, 240)), 0.5),
    **dict.fromkeys(((352, 576), (352, 480)), 2.0),
}


def doubts(clip: ClipInfo, settings: Settings) -> tuple[str, ...]:
    """What a person should look at, because the file may not tell how people look in it."""
    doubts = []
    if clip.turn_degrees and settings.turn_degrees is None:
        doubts.append(
            f"people stand upright when it is turned by {clip.turn_degrees} degrees clockwise, so "
            "it was searched like that; if that is wrong, set turn_degrees (--turn)"
        )
    aspect = _HALVED_SIZES.get((clip.width, clip.height))
    if aspect and clip.sample_aspect_ratio == 1 and settings.pixel_aspect is None:
        doubts.append(
            f"{clip.width}x{clip.height} is a size in which recorders store every other column or "
            "line; if people look squeezed in it, faces are missed: set pixel_aspect to "
            f"{aspect:g} (--pixel-aspect {aspect:g})"
        )
    return tuple(doubts)
