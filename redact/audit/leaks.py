"""The search for leaks: does a face or plate show in a finished clip that nothing covers?

A clip can't prove that nothing shows. The audit scans a sample of whole frames, at other sizes than
the analysis did, and in every frame the places just before and after each track. A detection counts
as a leak only when a second scan, of the mirrored surroundings at another size, agrees.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.analysis.scans import (
    ScanSpec,
    min_face_pixels,
    scan_around,
    scan_frame,
    submit_scan,
    without_ignored,
)
from redact.audit.tuning import TUNING
from redact.cover.regions import cover_box
from redact.geometry import covered_share, grow, mirrored_boxes
from redact.motion.changes import ChangedParts, ChangeMap
from redact.motion.jumps import scene_seconds
from redact.plan import Plan
from redact.resizing import mirrored
from redact.tracking.linking import may_be_worn
from redact.tracking.merging import is_same_place, merge_detections
from redact.tracking.tuning import kind_tuning
from redact.types import Box, ClipInfo, Detection, Frame, Track
from redact.views import ArrayView, FrameView, Presentation, View
from redact.zones import Zone

# Scans that come more rarely do not count when it is told how small a face is looked for.
_MAX_INTERVAL_SECONDS = TUNING.every_seconds / 2
# Into so many rows a detection is divided to see how much of it lies in a zone.
_STRIPS = 16


class Reader(Protocol):
    """Reads the frames of a clip that have these indices, in order."""

    def __call__(
        self, clip: ClipInfo, indices: Collection[int], *, threads: int, max_pixels: int
    ) -> Generator[Frame]:
        """See the class."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditResult:
    """What an audit scanned, and what it found."""

    frames: frozenset[int] = frozenset()
    """The indices of the frames that were scanned whole."""
    leaks: tuple[Detection, ...] = ()
    """In order of frames."""
    min_face_pixels: int = 0
    """Lower faces are too small for the scans, in pixels of the clip; 0 if that is not known."""


@dataclasses.dataclass(frozen=True)
class _Task:
    """What to scan in one frame: all of it, and the surroundings of these (kind, box) pairs."""

    whole: bool = False
    around: tuple[tuple[str, Box], ...] = ()


def find_leaks(
    output: Path,
    plan: Plan,
    scans: Sequence[ScanSpec],
    on_frame: Callable[[int, int], None],
    *,
    frames: frozenset[int] | None = None,
    every_seconds: float = TUNING.every_seconds,
    workers: int = 0,
    read: Reader = video.read_selected,
) -> AuditResult:
    """Scan a clip for detections that no region of the plan covers and a second scan confirms.

    The first frame, the last, one in `every_seconds`, and all that may be broken are scanned whole;
    in the frames just before and after each track its surroundings are. Where a frame leaks, the
    second before and after it is scanned closely. Tracks that may stay visible count as covered.

    Args:
        output: the clip to search.
        plan: what is covered in it; `plan.clip` has the times of its frames.
        scans: the scans of `build_audit_scans`.
        on_frame: called with the number of frames done and to be done.
        frames: scan exactly these frames, whole. Rounds of repair scan the frames of the first
            round again, so that they come to an end.
        every_seconds: how often a whole frame is scanned.
        workers: threads that scan; with 0 the caller's thread does.
        read: reads frames of the clip by their indices.

    """
    clip = video.probe(output, max_pixels=plan.settings.max_pixels)
    clip = dataclasses.replace(clip, width=plan.clip.width, height=plan.clip.height)
    if frames is None:
        tasks = _tasks(plan, scans, every_seconds)
    else:
        tasks = {index: _Task(whole=True) for index in frames}
    leaks = _run(clip, plan, scans, tasks, on_frame, workers, read)
    whole = frozenset(index for index, task in tasks.items() if task.whole)
    if frames is None and leaks:
        around = {index: _Task(whole=True) for index in _frames_around(plan, leaks) - whole}
        leaks += _run(clip, plan, scans, around, on_frame, workers, read)
        whole |= around.keys()
    smallest = _min_face_pixels(scans, clip, _seen_as(clip, plan))
    return AuditResult(frames=whole, leaks=tuple(leaks), min_face_pixels=smallest)


def find_leaks_in_image(
    image: NDArray[np.uint8], plan: Plan, scans: Sequence[ScanSpec]
) -> AuditResult:
    """Scan a single finished image, as `find_leaks` scans a clip.

    Args:
        image: (H, W, 3) uint8 BGR, upright.
        plan: what is covered in it.
        scans: the scans of `build_audit_scans`.

    """
    seen_as = _seen_as(plan.clip, plan)
    search = _Search(plan, scans, None, seen_as)
    search.start(ArrayView(image), 0, _Task(whole=True))
    return AuditResult(
        frames=frozenset({0}),
        leaks=tuple(search.leaks(max_pending=0)),
        min_face_pixels=_min_face_pixels(scans, plan.clip, seen_as),
    )


def is_leak(detection: Detection, plan: Plan) -> bool:
    """Whether a detection counts, and the plan neither covers it nor knows that it may show."""
    # The analysis leaves out what would not make a track by itself; so does the audit.
    if detection.score < kind_tuning(detection.kind).confirming_score:
        return False
    if may_be_worn(detection, plan.tracks):
        return False
    clip, index = plan.clip, detection.frame_index
    seconds = clip.seconds_at(index)
    width, height = clip.upright_size
    if not without_ignored([detection], plan.zones, (height, width), seconds):
        return False
    if any(_is_still_there(track, detection) for track in plan.tracks if track.id in plan.dropped):
        return False
    covers = [
        cover_box(box, track.kind, plan.settings, track.margins_at(index))
        for track in plan.known_tracks
        if (box := track.box_at(index)) is not None
    ]
    for zone in plan.zones:
        if zone.rule == "cover" and zone.is_active(seconds):
            covers += _strips(zone, detection.box, clip.upright_size)
    center = grow(detection.box, -0.25, 0)
    return (
        covered_share(detection.box, covers) < TUNING.covered_share
        and covered_share(center, covers) < TUNING.covered_center_share
    )


def _is_still_there(dropped: Track, detection: Detection) -> bool:
    """Whether a detection shows what a false track showed, before its start or after its end.

    What was taken for a plate may be a sign, which stays in its place all the time.
    """
    if dropped.kind != detection.kind:
        return False
    place = np.median(dropped.boxes, axis=0).astype(np.float64)
    edges = (dropped.boxes.min(axis=0), dropped.boxes.max(axis=0))
    is_still = all(is_same_place(Box(*map(float, edge)), place) for edge in edges)
    return is_still and is_same_place(detection.box, place)


def _strips(zone: Zone, box: Box, size: tuple[int, int]) -> list[Box]:
    """What a zone covers of the rows of a box, as boxes on top of each other.

    size: (width, height) of the upright picture.
    """
    width, height = size
    edges = np.linspace(box.y0, box.y1, _STRIPS + 1).tolist()
    return [
        Box(left * width, top, right * width, bottom)
        for top, bottom in itertools.pairwise(edges)
        for left, right in zone.spans_at((top + bottom) / 2 / height)
    ]


def _min_face_pixels(scans: Sequence[ScanSpec], clip: ClipInfo, seen_as: Presentation) -> int:
    """The lowest face that scans can be expected to detect in every frame."""
    return min_face_pixels(scans, clip.upright_size, seen_as, _MAX_INTERVAL_SECONDS)


def _run(
    clip: ClipInfo,
    plan: Plan,
    scans: Sequence[ScanSpec],
    tasks: dict[int, _Task],
    on_frame: Callable[[int, int], None],
    workers: int,
    read: Reader,
) -> list[Detection]:
    """The leaks of all tasks, in order of frames."""
    leaks: list[Detection] = []
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(workers)) if workers else None
        threads, max_pixels = plan.settings.threads, plan.settings.max_pixels
        frames = stack.enter_context(
            contextlib.closing(read(clip, tasks.keys(), threads=threads, max_pixels=max_pixels))
        )
        search = _Search(plan, scans, pool, _seen_as(clip, plan))
        for done, frame in enumerate(frames, 1):
            search.start(FrameView(frame, clip), frame.index, tasks[frame.index])
            leaks += search.leaks(max_pending=2 * workers)
            on_frame(done, len(tasks))
        leaks += search.leaks(max_pending=0)
    return leaks


def _seconds(plan: Plan) -> NDArray[np.float64]:
    """(N,) times of the frames, which leave room for what happens between them."""
    return scene_seconds(plan.clip.seconds, plan.clip.jump_indices)


def _seen_as(clip: ClipInfo, plan: Plan) -> Presentation:
    """How detectors see the frames: as in the analysis."""
    aspect = clip.upright_pixel_aspect(plan.settings.pixel_aspect)
    return Presentation.of(aspect, plan.clip.turn_degrees)


@dataclasses.dataclass(frozen=True)
class _StartedScan:
    """A scan that may still be running."""

    change_map: ChangeMap | None
    changed_parts: ChangedParts | None
    """Both None for a scan that doesn't skip what is unchanged."""
    turn_degrees: int
    """In which turn the scan sees the frame."""
    detections: Future[list[Detection]]


@dataclasses.dataclass(frozen=True)
class _PendingFrame:
    """A frame whose scans may still be running."""

    view: View
    index: int
    scans: list[_StartedScan]


class _Search:
    """Scans frames in order; parts that have not changed since the last frame are not repeated."""

    def __init__(
        self,
        plan: Plan,
        scans: Sequence[ScanSpec],
        pool: ThreadPoolExecutor | None,
        seen_as: Presentation,
    ) -> None:
        self._plan, self._scans, self._pool = plan, scans, pool
        self._seen_as = seen_as
        self._shape = (0, 0)
        self._seconds = _seconds(plan)
        self._change_maps = {scan: ChangeMap() for scan in scans if scan.skips_unchanged}
        self._last_scanned: dict[ScanSpec, float] = {}
        self._pending: deque[_PendingFrame] = deque()

    def start(self, view: View, index: int, task: _Task) -> None:
        """Start a task."""
        self._shape = view.shape
        view = self._seen_as.view(view)
        due = self._due_scans(self._seconds[index]) if task.whole else []
        started = [self._start(scan, view) for scan in due]
        started += [
            _StartedScan(None, None, 0, submit_scan(self._pool, scan_around, scan, view, box))
            for scan in self._scans
            for kind, box in self._seen(task.around)
            if scan.where == "track" and scan.kind == kind
        ]
        self._pending.append(_PendingFrame(view, index, started))

    def leaks(self, max_pending: int) -> list[Detection]:
        """The leaks of the oldest frames, until no more than so many are left."""
        leaks: list[Detection] = []
        while len(self._pending) > max_pending:
            frame = self._pending.popleft()
            found: dict[int, list[Detection]] = defaultdict(list)
            for started in frame.scans:
                found[started.turn_degrees] += _result(started, frame.view)
            for turn, detections in found.items():
                marked = [dataclasses.replace(d, frame_index=frame.index) for d in detections]
                candidates = [
                    d for d in merge_detections(marked) if is_leak(self._in_frame(d), self._plan)
                ]
                confirmed = _confirmed(candidates, frame.view, turn, self._scans)
                leaks += [self._in_frame(d) for d in confirmed]
        return leaks

    def _seen(self, around: Iterable[tuple[str, Box]]) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """These kinds, with their boxes of the frame as (4,) boxes in what detectors see."""
        for kind, box in around:
            yield kind, np.asarray(self._seen_as.to_seen(box, self._shape))

    def _in_frame(self, detection: Detection) -> Detection:
        """A detection in what detectors see, in the frame's own pixels."""
        return dataclasses.replace(
            detection, box=self._seen_as.to_frame(detection.box, self._shape)
        )

    def _due_scans(self, seconds: float) -> list[ScanSpec]:
        """The scans of the whole frame whose time has come."""
        due = []
        for scan in self._scans:
            last = self._last_scanned.get(scan, -math.inf)
            if scan.where == "frame" and not 0 <= seconds - last < scan.every_seconds:
                self._last_scanned[scan] = seconds
                due.append(scan)
        return due

    def _start(self, scan: ScanSpec, view: View) -> _StartedScan:
        change_map = self._change_maps.get(scan)
        parts = None if change_map is None else change_map.changed_parts(view)
        within = None if parts is None else parts.parts
        detections = submit_scan(self._pool, scan_frame, scan, view, within)
        return _StartedScan(change_map, parts, scan.turn_degrees, detections)


def _result(started: _StartedScan, view: View) -> list[Detection]:
    """What a scan detected, and what it detected before where nothing has changed since."""
    detections = started.detections.result()
    if started.change_map is None or started.changed_parts is None:
        return detections
    return started.change_map.carry_over(detections, started.changed_parts, view)


def _confirmed(
    candidates: Sequence[Detection], view: View, turn_degrees: int, scans: Sequence[ScanSpec]
) -> list[Detection]:
    """The candidates that a scan of the mirrored surroundings, at another size, detects too.

    turn_degrees: in which turn of the view they were detected.
    """
    if not candidates:
        return []
    turn = Presentation(turn_degrees=turn_degrees)
    mirror = ArrayView(mirrored(turn.view(view).whole()))
    return [
        d for d in candidates if _is_confirmed(d, turn.to_seen(d.box, view.shape), mirror, scans)
    ]


def _is_confirmed(detection: Detection, box: Box, mirror: View, scans: Sequence[ScanSpec]) -> bool:
    """Whether a second scan agrees; box: the detection's in the turned view, not mirrored."""
    near = [k for k in scans if k.where == "track" and k.kind == detection.kind]
    there = mirrored_boxes(np.asarray(box, dtype=np.float64), mirror.shape[1])
    wider = [
        dataclasses.replace(
            k, surroundings_ratio=TUNING.confirming_around_ratio * k.surroundings_ratio
        )
        for k in near
    ]
    return not near or any(
        second.score >= TUNING.confirming_score and is_same_place(second.box, there)
        for scan in wider
        for second in scan_around(scan, mirror, there)
    )


def _tasks(plan: Plan, scans: Sequence[ScanSpec], every_seconds: float) -> dict[int, _Task]:
    """What the first round scans, by frame index."""
    seconds = _seconds(plan)
    count = len(seconds)
    # Halfway between the whole-frame scans of the analysis: one of the two sees what shows briefly.
    between = np.arange(seconds[0] + every_seconds / 2, seconds[-1], every_seconds)
    whole = {0, count - 1, *np.searchsorted(seconds, between).tolist()}
    if count <= TUNING.max_snapshots:
        whole = set(range(count))
    whole |= {index for index in plan.clip.damaged_frames if index < count}
    around: dict[int, list[tuple[str, Box]]] = defaultdict(list)
    for track in plan.covered_tracks:
        if not any(scan.where == "track" and scan.kind == track.kind for scan in scans):
            whole |= {track.start_index - 1, track.stop_index} & set(range(count))
            continue
        for index, box in _beyond_ends(track, seconds):
            around[index].append((track.kind, box))
    return {
        index: _Task(whole=index in whole, around=tuple(around.get(index, ())))
        for index in whole | around.keys()
    }


def _beyond_ends(track: Track, seconds: NDArray[np.float64]) -> list[tuple[int, Box]]:
    """The frames just before and after a track, each with the box at that end."""
    first, last = Box(*map(float, track.boxes[0])), Box(*map(float, track.boxes[-1]))
    start, stop = track.start_index, track.stop_index
    before = range(max(0, start - TUNING.max_end_frames), start)
    after = range(stop, min(len(seconds), stop + TUNING.max_end_frames))
    return [
        (index, box)
        for indices, edge, box in ((before, start, first), (after, stop - 1, last))
        for index in indices
        if abs(seconds[index] - seconds[edge]) <= TUNING.ends_seconds
    ]


def _frames_around(plan: Plan, leaks: Sequence[Detection]) -> frozenset[int]:
    """The frames to scan closely because a frame near them leaks."""
    seconds = _seconds(plan)
    steps = np.arange(
        -TUNING.around_seconds, TUNING.around_seconds + TUNING.step_seconds / 2, TUNING.step_seconds
    )
    times = {seconds[leak.frame_index] for leak in leaks}
    wanted = np.searchsorted(seconds, [time + step for time in sorted(times) for step in steps])
    return frozenset(wanted[wanted < len(seconds)].tolist())
