"""The analyzer: frames in, tracks out.

Scanning costs far more than decoding. Whole frames are scanned now and then, moving regions more
often, and the surroundings of a known track wherever it should be next: forward until the track is
lost, and backward through the last frames to where it came from. All detections end up in one set
of tracks.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from redact.analysis.clothes import LooksSampler
from redact.analysis.observations import Observations
from redact.analysis.redetection import Redetector, ScannedFrame
from redact.analysis.scans import (
    ScanSpec,
    scan_frame,
    scan_part,
    submit_scan,
    without_ignored,
)
from redact.analysis.tuning import TUNING
from redact.analysis.turn_votes import TurnVotes, best_turns, is_same
from redact.geometry import share_of_smaller, stored_to_upright
from redact.motion.changes import ChangedParts, ChangeMap
from redact.motion.jumps import JumpDetector
from redact.motion.moving import Motion, MotionDetector
from redact.settings import Settings
from redact.tracking.association import Associator
from redact.tracking.tuning import kind_tuning
from redact.types import Box, Detection, Track
from redact.views import Presentation, View
from redact.zones import Zone

_AS_IT_IS = Presentation()


@dataclasses.dataclass(frozen=True)
class _StartedScan:
    """A scan that may still be running in a worker thread."""

    scan: ScanSpec
    changed_parts: ChangedParts | None
    """Where a scan that skips unchanged parts looks; None for other scans."""
    detections: Future[list[Detection]]


@dataclasses.dataclass
class _PendingFrame:
    """A frame whose scans may still be running."""

    index: int
    seconds: float
    view: View
    motion: Motion
    scans: list[_StartedScan]
    ignored: tuple[Zone, ...]
    """The zones to ignore that exist in it, as detectors see them."""


class Analyzer:
    """Scans the frames of a clip in order and joins what it detects into tracks.

    Use it as a context manager, or call `close`. The result depends on the frames, the scans and
    the settings alone, not on how fast the worker threads are: detections enter the tracks in the
    order of frames.

    Args:
        scans: which detectors run, where and how often.
        settings: `heads`, `max_gap_seconds`, `extend_seconds` and `zones` are used.
        seen_as: how detectors see the frames; tracks are in the frames' own pixels.
        groups_persons: look at what people wear, and tell which tracks show one person. It keeps a
            little for each look, so it is not for streams without an end.
        workers: threads that scan, a few frames ahead of the tracking. With 0 the caller's thread
            scans, so that detectors need not be safe to share between threads.

    """

    def __init__(
        self,
        scans: Sequence[ScanSpec],
        settings: Settings,
        *,
        seen_as: Presentation = _AS_IT_IS,
        groups_persons: bool = False,
        workers: int = 0,
    ) -> None:
        self._settings = settings
        self._seen_as = seen_as
        self._shape = (0, 0)
        self._pool = ThreadPoolExecutor(workers) if workers else None
        self._max_pending = max(1, 2 * workers)
        self._pending: collections.deque[_PendingFrame] = collections.deque()
        self._scheduled = [scan for scan in scans if scan.where != "track"]
        self._near_scans = [scan for scan in scans if scan.where == "track"]
        self._needs_motion = bool(self._near_scans) or any(
            scan.where == "moving" or scan.camera_moving_seconds is not None for scan in scans
        )
        self._has_pauses = any(scan.every_seconds > 0 for scan in self._scheduled)
        self._jump_detector, self._is_jump = JumpDetector(), False
        self._jump_indices: list[int] = []
        self._motion_detector = MotionDetector()
        self._motion = Motion(parts=(), is_whole_frame=False, is_cut=False, shift=(0.0, 0.0))
        self._change_maps = {scan: ChangeMap() for scan in scans if scan.skips_unchanged}
        self._last_scanned: dict[ScanSpec, float] = {}
        self._uncounted_votes: list[list[_StartedScan]] = []
        self._turn_votes = TurnVotes()
        self._last_seconds = -math.inf
        self.last_index = -1
        """The last frame that was scanned, -1 before the first."""
        self._calm_from = -math.inf
        self._is_finished = False
        self._associator = Associator(settings.max_gap_seconds)
        self._redetector = Redetector(self._associator, self._near_scans)
        self._looks = LooksSampler() if groups_persons else None
        self._ignored = [
            _turned(zone, seen_as.turn_degrees) for zone in settings.zones if zone.rule == "ignore"
        ]

    def __enter__(self) -> Analyzer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker threads; scans that have not started are dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def push(self, index: int, seconds: float, view: View, *, closely: bool = False) -> None:
        """Take the next frame, and scan it where a scan is due.

        Args:
            index: its frame index, higher than that of the last frame.
            seconds: its presentation time.
            view: the frame. It must show the same for `TUNING.look_back_seconds`.
            closely: run all scans on this frame, whether they are due or not, because it need not
                look like those before it.

        """
        self._shape = view.shape
        view = self._seen_as.view(view)
        if self._has_pauses:
            self._is_jump = self._jump_detector.step(view, seconds)
        if self._is_jump:
            self._jump_indices.append(index)
        is_due = self._is_any_due(seconds)
        if not (is_due or closely or self._is_jump):
            return
        if is_due:
            self._last_seconds = seconds
        self.last_index = index
        if self._needs_motion:
            self._motion = self._motion_detector.step(view, seconds)
        motion = self._motion
        if motion.is_cut:
            self._last_scanned.clear()
        elif motion.is_whole_frame:
            self._calm_from = seconds + TUNING.camera_settle_seconds
        due = self._due_scans(seconds) if is_due else []
        self._last_scanned.update((scan, seconds) for scan in due)
        turned_kinds = _turned_kinds(due)
        # A scan that isn't due doesn't postpone the next one.
        due += [
            scan
            for scan in self._scheduled
            if scan not in due
            and (
                closely
                or self._is_forced(scan)
                or (scan.votes_on_turn and scan.kind in turned_kinds)
            )
        ]
        # Rare scans take longest: started first, they end together with the others.
        by_length = sorted(due, key=lambda scan: -scan.every_seconds)
        started = {scan: self._start(scan, view, motion) for scan in by_length}
        scans = [started[scan] for scan in due]
        self._keep_votes(scans)
        ignored = tuple(zone for zone in self._ignored if zone.is_active(seconds))
        self._pending.append(_PendingFrame(index, seconds, view, motion, scans, ignored))
        while len(self._pending) > self._max_pending:
            self._associate(self._pending.popleft())

    def finish(self) -> None:
        """No more frames come: scan the last one whole, since no later scan makes up for it."""
        self._is_finished = True
        if self._pending:
            last, more = self._pending[-1], list[_StartedScan]()
            for scan in self._scheduled:
                is_often = (
                    scan.where == "frame"
                    and scan.every_seconds <= TUNING.last_frame_max_interval_seconds
                )
                if is_often and self._last_scanned.get(scan) != last.seconds:
                    self._last_scanned[scan] = last.seconds
                    more.append(self._start(scan, last.view, last.motion))
            last.scans += more
            self._keep_votes(last.scans)
        self._associate_all()

    def observations(self) -> Observations:
        """Everything seen so far."""
        self._associate_all()
        self._voted_turn()  # so that all votes are counted
        return Observations(
            tracklets=tuple(self._associator.tracklets),
            shape=self._shape,
            jump_indices=tuple(self._jump_indices),
            turn_votes=self._turn_votes,
            looks=None if self._looks is None else self._looks.seen,
        )

    def tracks(self, seconds: NDArray[np.float64], first_index: int = 0) -> tuple[Track, ...]:
        """The tracks of everything detected so far; see `Observations.tracks`."""
        return self.observations().tracks(
            seconds, self._settings, self._seen_as, first_index=first_index
        )

    def forget(self, before: float) -> None:
        """Drop what is known of tracks before that time, in seconds; a live stream calls this."""
        self._jump_indices.clear()
        self._associator.forget(before)
        self._redetector.forget(set(self._associator.tracklets))

    def _is_any_due(self, seconds: float) -> bool:
        """Whether any scan is due; scans that come due late wait, so that they share a frame."""
        step = min((scan.every_seconds for scan in self._scheduled), default=math.inf)
        if 0 <= seconds - self._last_seconds < step - TUNING.early_seconds:
            return False
        return any(self._is_due(scan, seconds) for scan in self._scheduled)

    def _is_due(self, scan: ScanSpec, seconds: float) -> bool:
        last = self._last_scanned.get(scan)
        if last is None or seconds < last:
            return True
        elapsed = seconds - last + TUNING.early_seconds
        if elapsed < self._interval_seconds(scan):
            return False
        # Whether frames are upright is asked last, because the answer has to wait for other scans.
        return scan.upright_seconds is None or elapsed >= self._interval_seconds(
            scan, upright=self._voted_turn() == 0
        )

    def _is_forced(self, scan: ScanSpec) -> bool:
        """Whether a scan is made although it is not due."""
        return self._is_jump and self._interval_seconds(scan) <= TUNING.jump_max_interval_seconds

    def _interval_seconds(self, scan: ScanSpec, *, upright: bool = False) -> float:
        return scan.interval_seconds(
            camera_moving=self._motion.is_whole_frame,
            crowded=self._motion.is_crowded,
            idle=self._needs_motion and not self._motion.parts,
            upright=upright,
        )

    def _keep_votes(self, scans: list[_StartedScan]) -> None:
        """Count what these scans of a frame tell of its turn when that is asked for.

        The list may get longer until then, and may be given again.
        """
        if _voting(scans) and not any(scans is kept for kept in self._uncounted_votes[-1:]):
            self._uncounted_votes.append(scans)

    def _voted_turn(self) -> int | None:
        """The turn that the votes are for; None where it is in doubt.

        All scans that were started have a say, so this waits for them. How many others have ended
        depends on the worker threads, and must not matter.
        """
        for scans in self._uncounted_votes:
            self._turn_votes.add(
                detection for started in _voting(scans) for detection in started.detections.result()
            )
        self._uncounted_votes.clear()
        return self._turn_votes.decision()

    def _due_scans(self, seconds: float) -> list[ScanSpec]:
        """The scans due now, without those that another due scan makes superfluous."""
        due = [scan for scan in self._scheduled if self._is_due(scan, seconds)]
        is_calm = not (self._motion.is_whole_frame or self._motion.is_crowded)
        if self._motion.parts and is_calm:
            return [scan for scan in due if scan.unless_due not in due]
        return due

    def _start(self, scan: ScanSpec, view: View, motion: Motion) -> _StartedScan:
        """Run a scan in a worker thread, or at once where there is none."""
        changed_parts = self._changed_parts(scan, view, motion)
        within = None if changed_parts is None else changed_parts.parts
        detections = submit_scan(self._pool, _detect, scan, view, motion, within)
        return _StartedScan(scan, changed_parts, detections)

    def _changed_parts(self, scan: ScanSpec, view: View, motion: Motion) -> ChangedParts | None:
        """Where a scan has to look that skips unchanged parts of the frame."""
        change_map = self._change_maps.get(scan)
        if change_map is None:
            return None
        if motion.is_cut or self._last_seconds < self._calm_from:
            change_map.reset()
        return change_map.changed_parts(view)

    def _associate_all(self) -> None:
        while self._pending:
            self._associate(self._pending.popleft())

    def _associate(self, pending: _PendingFrame) -> None:
        """Give a frame's detections to the tracks, and look again for tracks that got none."""
        motion = pending.motion
        if motion.is_cut:
            self._associator.cut(pending.index)
            self._redetector.cut()
            if self._looks is not None:
                self._looks.cut(pending.index)
        found = self._detections_of(pending)
        frame = ScannedFrame(
            pending.index,
            pending.seconds,
            pending.view,
            self._associator.camera_offset,
            pending.ignored,
        )
        followed = self._redetector.follow_all(frame)
        hidden = self._redetector.hidden(frame) if self._near_scans else {}
        certain = {
            t: box for t, (box, alike) in followed.items() if alike >= TUNING.confident_likeness
        }
        lost = self._associator.step(pending.index, pending.seconds, found, hidden | certain)
        for tracklet in lost:
            if tracklet.best_score >= kind_tuning(tracklet.kind).high_score:
                self._redetector.redetect(
                    tracklet, frame, followed.get(tracklet), hidden.get(tracklet)
                )
        # Frames that still wait are not the last one: how many wait depends on the workers.
        self._redetector.finish_frame(frame, is_last=self._is_finished and not self._pending)
        if self._looks is not None:
            live = self._associator.live
            self._looks.sample(live, pending.index, pending.seconds, pending.view)
        pending.view.release()

    def _detections_of(self, pending: _PendingFrame) -> list[Detection]:
        """All detections of a frame; hints only where nothing surer is known."""
        found: list[Detection] = []
        hints: list[Detection] = []
        turned: list[Detection] = []
        for started in pending.scans:
            if started.scan.only_votes_on_turn:
                continue
            result = self._counted(self._result(started, pending.view), pending)
            if started.scan.turn_degrees:
                turned += result
            else:
                (hints if started.scan.is_hint else found).extend(result)
        found += _lying_people(turned, found)
        self._associator.move_camera(pending.motion.shift)
        if self._near_scans and self._settings.heads != "off":
            heads = [
                Detection(kind="face", box=head, score=TUNING.dashing_head_score)
                for head in pending.motion.fast_heads
            ]
            hints += self._counted(heads, pending)
        return found + self._unknown(hints, found, pending.seconds)

    def _result(self, started: _StartedScan, view: View) -> list[Detection]:
        """What a scan detected, and what it detected before where nothing has changed since."""
        detections = started.detections.result()
        if started.changed_parts is None:
            return detections
        return self._change_maps[started.scan].carry_over(detections, started.changed_parts, view)

    def _counted(self, detections: list[Detection], pending: _PendingFrame) -> list[Detection]:
        """The detections that lie in no zone to ignore."""
        return without_ignored(detections, pending.ignored, pending.view.shape)

    def _unknown(
        self, hints: Sequence[Detection], found: Sequence[Detection], seconds: float
    ) -> list[Detection]:
        """The hints at places where neither another scan nor a high-score track has anything.

        A detection with a lower score than a hint's doesn't make it superfluous: the hint may be
        what keeps a track above the score that it needs.
        """
        known = [(detection.kind, detection.box, detection.score) for detection in found] + [
            (tracklet.kind, Box(*tracklet.predict(seconds, self._associator.camera_offset)), 1.0)
            for tracklet in self._associator.live
            if tracklet.best_score >= kind_tuning(tracklet.kind).high_score
        ]
        return [
            hint
            for hint in hints
            if not any(
                hint.kind == kind
                and score >= hint.score
                and share_of_smaller(hint.box, box) > TUNING.known_min_share
                for kind, box, score in known
            )
        ]


def _turned_kinds(scans: Iterable[ScanSpec]) -> set[str]:
    """Of what kinds there are scans of turned frames."""
    return {scan.kind for scan in scans if scan.turn_degrees}


def _voting(scans: Sequence[_StartedScan]) -> list[_StartedScan]:
    """Of one frame's scans those that vote: of what was looked for in one turn there is no vote."""
    turned_kinds = _turned_kinds(started.scan for started in scans)
    return [
        started
        for started in scans
        if started.scan.only_votes_on_turn
        or (started.scan.votes_on_turn and started.scan.kind in turned_kinds)
    ]


def _lying_people(detected: Iterable[Detection], upright: Sequence[Detection]) -> list[Detection]:
    """Faces that are detected best in another turn than the frame's, and by no upright scan.

    Cars don't lie down.
    """
    return [
        detection
        for detection in best_turns(detected)
        if detection.turn_degrees and detection.kind == "face"
        if not any(is_same(detection, other) for other in upright)
    ]


def _turned(zone: Zone, degrees: int) -> Zone:
    """A zone of a frame in the frame that is turned clockwise."""
    corners = (stored_to_upright(Box(x, y, x, y), 1, 1, degrees) for x, y in zone.polygon)
    return dataclasses.replace(zone, polygon=tuple((corner.x0, corner.y0) for corner in corners))


def _detect(
    scan: ScanSpec, view: View, motion: Motion, within: Sequence[Box] | None
) -> list[Detection]:
    """What one scan detects: in the whole frame, in its changed parts, or in what moves."""
    if scan.where == "frame":
        is_left = max(view.shape) > scan.max_frame_side_pixels
        return [] if is_left else scan_frame(scan, view, within)
    if motion.is_whole_frame or motion.is_crowded:
        return []  # The whole frame is scanned more often meanwhile.
    parts = [p for p in motion.parts if max(p.width, p.height) >= scan.min_part_side_pixels]
    return [detection for part in parts for detection in scan_part(scan, view, part)]
