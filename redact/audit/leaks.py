"""Look again at what was encoded: is a face or plate left outside the covered regions?"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.analysis.scans import ScanSpec, begun, scan_around, scan_view
from redact.geometry import covered_share, grow
from redact.imaging import mirrored
from redact.motion.changes import ChangedParts, ChangeMap
from redact.plan import Plan
from redact.tracking.confirmation import evidence_for
from redact.tracking.merging import is_same_place, merge_same
from redact.types import Box, ClipInfo, Detection, Frame, Track
from redact.views import ArrayView, FrameView, View

# A find counts as covered when this share of it lies in covered boxes.
_COVERED_SHARE = 0.7
# A find from here on keeps a result from being given out when no further round is left.
CERTAIN_SCORE = 0.8
_COVERED_HEART = 0.9
# Whole pictures are looked at this often, and so long before and after a leak far more often:
# tracks bridge what lies between.
EVERY_SECONDS, _AROUND_SECONDS, _STEP_SECONDS = 2.0, 1.0, 0.16
# So long before a track begins and after it ends, its surroundings are looked at in every frame.
_ENDS_SECONDS, _MAX_END_FRAMES = 0.3, 8
# A second look, at another size and mirrored, confirms a find from this score on.
_CONFIRMING_SCORE = 0.35


class Reader(Protocol):
    """Gives the frames of a clip that have these numbers, in order."""

    def __call__(
        self, clip: ClipInfo, numbers: Collection[int], *, threads: int = 0
    ) -> Generator[Frame]:
        """See the class."""


@dataclasses.dataclass(frozen=True)
class _Errand:
    """What to look at in one frame: the whole, or only around these boxes, by kind."""

    whole: bool = False
    around: tuple[tuple[str, Box], ...] = ()


def find_leaks(
    output: Path,
    plan: Plan,
    scans: Sequence[ScanSpec],
    on_frame: Callable[[int, int], None],
    *,
    frames: frozenset[int] | None = None,
    every_seconds: float = EVERY_SECONDS,
    workers: int = 0,
    read: Reader = video.read_chosen,
) -> tuple[frozenset[int], list[Detection]]:
    """The frames that were looked at whole, and sure finds that no region covers.

    The first frame, the last, and one in `every_seconds` are looked at whole, and in every frame
    just before a track begins and after it ends its surroundings are. A find counts when a second
    look confirms it. Where a frame leaks, the second before and after is looked at closely, so that
    a leak is followed, not guessed. Tracks that may stay visible count as covered.

    frames: look at these whole, and at no others. When it is what an earlier look at the same clip
        went through, covering what was found comes to an end.
    every_seconds: how often a whole frame is looked at.
    workers: threads that look; with 0 the caller's does.
    read: gives frames of the clip by their numbers.
    """
    clip = video.probe(output, max_pixels=plan.settings.max_pixels)
    if frames is None:
        errands = _errands(plan, scans, every_seconds)
    else:
        errands = {index: _Errand(whole=True) for index in frames}
    leaks = _run(clip, plan, scans, errands, on_frame, workers, read)
    first = frozenset(index for index, errand in errands.items() if errand.whole)
    if frames is not None or not leaks:
        return first, leaks
    around = {index: _Errand(whole=True) for index in _frames_around(plan, leaks) - first}
    leaks += _run(clip, plan, scans, around, on_frame, workers, read)
    return first | around.keys(), leaks


def _run(
    clip: ClipInfo,
    plan: Plan,
    scans: Sequence[ScanSpec],
    errands: dict[int, _Errand],
    on_frame: Callable[[int, int], None],
    workers: int,
    read: Reader,
) -> list[Detection]:
    """Every errand's leaks, in order of frames."""
    leaks: list[Detection] = []
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(workers)) if workers else None
        frames = stack.enter_context(
            contextlib.closing(read(clip, errands.keys(), threads=plan.settings.threads))
        )
        round_ = _Round(plan, scans, pool)
        for done, frame in enumerate(frames, 1):
            round_.scan(FrameView(frame, clip), frame.index, errands[frame.index])
            leaks += round_.leaks(max_waiting=2 * workers)
            on_frame(done, len(errands))
        leaks += round_.leaks(max_waiting=0)
    return leaks


@dataclasses.dataclass(frozen=True)
class _Waiting:
    """A frame whose looks may still be under way."""

    view: View
    index: int
    changed_parts: ChangedParts | None
    """None where all of the picture, or only surroundings of tracks, are looked at."""
    detections: Future[list[Detection]]


class _Round:
    """Frames looked at in order; what hasn't changed between them is looked at once."""

    def __init__(
        self, plan: Plan, scans: Sequence[ScanSpec], pool: ThreadPoolExecutor | None
    ) -> None:
        self._plan, self._scans, self._pool = plan, scans, pool
        self._only_changes = all(k.only_changes for k in scans if k.where == "whole")
        self._change_map = ChangeMap()
        self._waiting: deque[_Waiting] = deque()

    def scan(self, view: View, index: int, errand: _Errand) -> None:
        """Begin an errand."""
        is_partial = errand.whole and self._only_changes
        changed_parts = self._change_map.changed_parts(view) if is_partial else None
        within = None if changed_parts is None else changed_parts.parts
        detections = begun(self._pool, _detections_in, view, index, errand, within, self._scans)
        self._waiting.append(_Waiting(view, index, changed_parts, detections))

    def leaks(self, max_waiting: int) -> list[Detection]:
        """The leaks of the errands that came first, until so many are left."""
        leaks = []
        while len(self._waiting) > max_waiting:
            waiting = self._waiting.popleft()
            leaks += [
                detection
                for detection in merge_same(self._seen(waiting))
                if is_leak(detection, self._plan)
                and _is_confirmed(detection, waiting.view, self._scans)
            ]
        return leaks

    def _seen(self, waiting: _Waiting) -> list[Detection]:
        detections = waiting.detections.result()
        if waiting.changed_parts is None:
            return detections
        seen = self._change_map.all_seen(detections, waiting.changed_parts, waiting.view)
        return [dataclasses.replace(detection, frame_index=waiting.index) for detection in seen]


def _detections_in(
    view: View,
    index: int,
    errand: _Errand,
    within: Sequence[Box] | None,
    scans: Sequence[ScanSpec],
) -> list[Detection]:
    found = scan_view(view, scans, index, within) if errand.whole else []
    for scan in scans:
        for kind, box in errand.around:
            if scan.where == "near" and scan.kind == kind:
                detections = scan_around(scan, view, np.asarray(box))
                found += [dataclasses.replace(d, frame_index=index) for d in detections]
    return found


def _is_confirmed(detection: Detection, view: View, scans: Sequence[ScanSpec]) -> bool:
    """Whether a look at the mirrored surroundings, at another size, sees it too."""
    near = [k for k in scans if k.where == "near" and k.kind == detection.kind]
    if not near:
        return True
    width = view.shape[1]
    mirror = ArrayView(mirrored(view.whole()))
    box = detection.box
    there = np.array([width - box.x1, box.y0, width - box.x0, box.y1])
    return any(
        second.score >= _CONFIRMING_SCORE and is_same_place(second.box, there)
        for scan in near
        for second in scan_around(
            dataclasses.replace(scan, around=1.3 * scan.around), mirror, there
        )
    )


def _errands(plan: Plan, scans: Sequence[ScanSpec], every_seconds: float) -> dict[int, _Errand]:
    """What the first round looks at."""
    seconds = plan.clip.seconds
    count = len(seconds)
    # Halfway between the times at which the analysis looks at all of the picture: what shows for a
    # moment only is seen by one of them.
    between = np.arange(seconds[0] + every_seconds / 2, seconds[-1], every_seconds)
    whole = {0, count - 1, *np.searchsorted(seconds, between).tolist()}
    around: dict[int, list[tuple[str, Box]]] = defaultdict(list)
    for track in plan.covered_tracks:
        if not any(scan.where == "near" and scan.kind == track.kind for scan in scans):
            whole |= {track.start_index - 1, track.stop_index} & set(range(count))
            continue
        for index, box in _beyond_ends(track, seconds):
            around[index].append((track.kind, box))
    return {
        index: _Errand(whole=index in whole, around=tuple(around.get(index, ())))
        for index in whole | around.keys()
    }


def _beyond_ends(track: Track, seconds: NDArray[np.float64]) -> list[tuple[int, Box]]:
    """The frames just before and after a track, each with the box at that end."""
    first, last = Box(*map(float, track.boxes[0])), Box(*map(float, track.boxes[-1]))
    start, stop = track.start_index, track.stop_index
    before = range(max(0, start - _MAX_END_FRAMES), start)
    after = range(stop, min(len(seconds), stop + _MAX_END_FRAMES))
    return [
        (index, box)
        for indices, edge, box in ((before, start, first), (after, stop - 1, last))
        for index in indices
        if abs(seconds[index] - seconds[edge]) <= _ENDS_SECONDS
    ]


def _frames_around(plan: Plan, leaks: Sequence[Detection]) -> frozenset[int]:
    seconds = plan.clip.seconds
    steps = np.arange(-_AROUND_SECONDS, _AROUND_SECONDS + _STEP_SECONDS / 2, _STEP_SECONDS)
    times = {seconds[leak.frame_index] for leak in leaks}
    wanted = np.searchsorted(seconds, [time + step for time in sorted(times) for step in steps])
    return frozenset(wanted[wanted < len(seconds)].tolist())


def is_leak(detection: Detection, plan: Plan) -> bool:
    """Whether a find counts, and no track of the plan covers it."""
    # What would not make a track alone is left by the analysis, too.
    if detection.score < evidence_for(detection.kind).alone:
        return False
    covers = [
        grow(box, plan.settings.margin_ratio, plan.settings.min_region_pixels)
        for track in plan.tracks
        if (box := track.box_at(detection.frame_index)) is not None
    ]
    # A cover looks like a blurred head to some detectors, and they draw a head-sized box around
    # it: what is covered in the middle is that, not a face that was missed.
    heart = grow(detection.box, -0.25, 0)
    return (
        covered_share(detection.box, covers) < _COVERED_SHARE
        and covered_share(heart, covers) < _COVERED_HEART
    )
