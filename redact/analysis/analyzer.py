"""Where and when to look at a clip, so that little is missed and little is looked at twice.

Looking costs far more than decoding. Whole pictures are looked at now and then, what moves more
often, and what was once found wherever it should be next: forward until it is lost, and back
through the last pictures to where it came from. Everything found ends up in one set of tracks.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from redact.analysis.redetection import SURE_LIKENESS, Redetector, ScannedFrame
from redact.analysis.scans import EARLY, ScanSpec, begun, scan_frame, scan_part
from redact.geometry import covered_share
from redact.motion.changes import ChangedParts, ChangeMap
from redact.motion.moving import Motion, MotionDetector
from redact.settings import Settings
from redact.tracking.association import Associator
from redact.tracking.building import finish
from redact.tracking.confirmation import evidence_for
from redact.types import Box, Detection, Track
from redact.views import View

# The head of what moves like a person, but too fast to be seen, is as good as a weak look.
_HEAD_SCORE = 0.35
# A hint that shares more than this with what is known, of the smaller one, is of the same.
_KNOWN_SHARE = 0.3
# A camera that moved, or light that changed, so lately may do so again any time: nothing of the
# picture is taken for known.
_CALM_SECONDS = 4.0
# For what is covered at a time it makes no difference what was seen so long before.
_LEAD_SECONDS = 10.0
# The last picture is looked at by those looks that come this often.
_LAST_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class _Started:
    """A look that may still be under way."""

    scan: ScanSpec
    changed_parts: ChangedParts | None
    """None for a look that sees all of the picture, or what moves in it, every time."""
    detections: Future[list[Detection]]


@dataclasses.dataclass
class _Waiting:
    """A picture whose looks may still be under way."""

    index: int
    now: float
    view: View
    motion: Motion
    scans: list[_Started]


class Analyzer:
    """Looks at the pictures of a clip in order, and keeps what it found as tracks.

    Use as a context manager, or call `close`.

    Args:
        looks: who looks, where and how often.
        settings: `max_gap_seconds` and `extend_seconds` are used.
        workers: threads that look, a few pictures ahead of what is being tracked; with 0 the
            caller's thread does, so that detectors need not be safe to share.

    """

    def __init__(self, scans: Sequence[ScanSpec], settings: Settings, *, workers: int = 0) -> None:
        self._pool = ThreadPoolExecutor(workers) if workers else None
        self._max_waiting = max(1, 2 * workers)
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._settings = settings
        self._scheduled = [scan for scan in scans if scan.where != "near"]
        self._near_scans = [scan for scan in scans if scan.where == "near"]
        self._needs_motion = bool(self._near_scans) or any(
            scan.where == "parts" or scan.restless_seconds is not None for scan in scans
        )
        self._motion = MotionDetector()
        self._is_restless = self._is_busy = self._is_still = self._is_new_scene = False
        self._seen_last = -math.inf
        self._calm_from = -math.inf
        self._is_over = False
        self._associator = Associator(settings.max_gap_seconds)
        self._last: dict[ScanSpec, float] = {}
        self._change_map = {scan: ChangeMap() for scan in scans if scan.only_changes}
        self._redetector = Redetector(self._associator, self._near_scans)

    def is_due(self, now: float) -> bool:
        """Whether any look is due at that time, in seconds."""
        step = min((scan.every_seconds for scan in self._scheduled), default=math.inf)
        if 0 <= now - self._seen_last < step - EARLY:
            return False  # What is due later than others waits for them, to share the picture.
        return any(self._is_due(scan, now) for scan in self._scheduled)

    def __enter__(self) -> Analyzer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads; looks that have not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def see(self, index: int, now: float, view: View) -> None:
        """Look at a picture wherever it is due.

        Args:
            index: its frame index, higher than the last one's.
            now: presentation time, seconds.
            view: the picture. It must show the same for `LOOK_BACK_SECONDS`.

        """
        self._seen_last = now
        motion = self._sense(view, now)
        if motion.is_cut:
            self._last.clear()
        self._is_restless, self._is_busy = motion.is_everywhere, motion.is_busy
        self._is_new_scene = motion.is_cut
        self._is_still = self._needs_motion and not motion.parts
        if motion.is_everywhere and not motion.is_cut:
            self._calm_from = now + _CALM_SECONDS
        due = [scan for scan in self._scheduled if self._is_due(scan, now)]
        if motion.parts and self.is_calm:
            due = [scan for scan in due if scan.unless not in due]
        self._last.update((scan, now) for scan in due)
        # What comes rarely takes longest: begun first, it ends with the others.
        by_length = sorted(due, key=lambda scan: -scan.every_seconds)
        started = {scan: self._start(scan, view, motion) for scan in by_length}
        started_scans = [started[scan] for scan in due]
        self._waiting.append(_Waiting(index, now, view, motion, started_scans))
        while len(self._waiting) > self._max_waiting:
            self._settle(self._waiting.popleft())

    def scan_last_frame(self) -> None:
        """Look at all of the last picture, unless that was done: no later look makes up for it."""
        self._is_over = True
        if not self._waiting:
            return
        last = self._waiting[-1]
        for scan in self._scheduled:
            is_often = scan.where == "whole" and scan.every_seconds <= _LAST_SECONDS
            if is_often and self._last.get(scan) != last.now:
                self._last[scan] = last.now
                last.scans.append(self._start(scan, last.view, last.motion))

    def _start(self, scan: ScanSpec, view: View, motion: Motion) -> _Started:
        """Look in a thread of the pool, or at once where there is none."""
        changed_parts = self._changed_parts(scan, view, motion)
        within = None if changed_parts is None else changed_parts.parts
        detections = begun(self._pool, _found_by, scan, view, motion, within)
        return _Started(scan, changed_parts, detections)

    def _changed_parts(self, scan: ScanSpec, view: View, motion: Motion) -> ChangedParts | None:
        """Where a look at changes has to look."""
        change_map = self._change_map.get(scan)
        if change_map is None:
            return None
        if motion.is_cut or self._seen_last < self._calm_from:
            change_map.forget()
        return change_map.changed_parts(view)

    def _seen_by(self, started: _Started, view: View) -> list[Detection]:
        """What a look found, and what it found before where nothing has changed since."""
        detections = started.detections.result()
        if started.changed_parts is None:
            return detections
        return self._change_map[started.scan].all_seen(detections, started.changed_parts, view)

    def _settle(self, waiting: _Waiting) -> None:
        """Give a picture's finds to the tracks, and look for those that got none."""
        index, now, motion = waiting.index, waiting.now, waiting.motion
        if motion.is_cut:
            self._associator.cut(index)
            self._redetector.cut()
        found: list[Detection] = []
        hints: list[Detection] = []
        for started in waiting.scans:
            (hints if started.scan.is_hint else found).extend(self._seen_by(started, waiting.view))
        self._associator.move(motion.shift)
        if self._near_scans and self._settings.heads != "off":
            hints += [
                Detection(kind="face", box=head, score=_HEAD_SCORE) for head in motion.dashing_heads
            ]
        found += self._unknown(hints, found, now)
        picture = ScannedFrame(index, now, waiting.view, self._associator.camera)
        followed = self._redetector.follow_all(picture)
        hidden = self._redetector.hidden(picture) if self._near_scans else {}
        sure = {t: box for t, (box, likeness) in followed.items() if likeness >= SURE_LIKENESS}
        places = hidden | sure
        for tracklet in self._associator.step(index, now, found, places):
            if tracklet.best_score >= evidence_for(tracklet.kind).sure:
                self._redetector.redetect(
                    tracklet, picture, followed.get(tracklet), hidden.get(tracklet)
                )
        self._redetector.keep(picture, is_over=self._is_over)
        waiting.view.release()

    def tracks(self, seconds: NDArray[np.float64], first_index: int = 0) -> tuple[Track, ...]:
        """What was found so far, as tracks.

        seconds: (N,) presentation time of each frame from `first_index` on.
        """
        while self._waiting:
            self._settle(self._waiting.popleft())
        return finish(self._associator.tracklets, seconds, self._settings, first_index=first_index)

    @property
    def is_calm(self) -> bool:
        """Whether the camera stood still in the last picture, and little moved."""
        return not (self._is_restless or self._is_busy)

    @property
    def is_stirred(self) -> bool:
        """Whether the camera or much of the picture moved; the first of a scene doesn't tell."""
        return not self.is_calm and not self._is_new_scene

    def settled_before(self, now: float) -> float:
        """Until when the tracks have got all finds, when pictures up to `now` were shown."""
        return self._waiting[0].now if self._waiting else now

    def tracks_since(self, before: float, seconds: NDArray[np.float64]) -> tuple[Track, ...]:
        """What was found so far of all that was seen after that time, without waiting for looks.

        before: seconds.
        seconds: (N,) presentation time of each frame so far, from the first.
        """
        ended = before - self._settings.extend_seconds
        recent = [t for t in self._associator.tracklets if t.times[-1] >= ended]
        return finish(recent, seconds, self._settings, since=before - _LEAD_SECONDS)

    def forget(self, before: float) -> None:
        """Drop what ended before that time, seconds."""
        self._associator.forget(before)
        self._redetector.forget(set(self._associator.tracklets))

    def _is_due(self, scan: ScanSpec, now: float) -> bool:
        last = self._last.get(scan)
        every = scan.interval(restless=self._is_restless, busy=self._is_busy, still=self._is_still)
        return last is None or not 0 <= now - last < every - EARLY

    def _sense(self, view: View, now: float) -> Motion:
        if not self._needs_motion:
            return Motion(parts=(), is_everywhere=False, is_cut=False, shift=(0.0, 0.0))
        return self._motion.step(view, now)

    def _unknown(
        self, hints: Sequence[Detection], found: Sequence[Detection], now: float
    ) -> list[Detection]:
        """The hints at somebody of whom neither another look nor a sure track knows."""
        known = [(detection.kind, detection.box) for detection in found] + [
            (tracklet.kind, Box(*tracklet.predict(now, self._associator.camera)))
            for tracklet in self._associator.live
            if tracklet.best_score >= evidence_for(tracklet.kind).sure
        ]
        return [
            hint
            for hint in hints
            if not any(
                hint.kind == kind and _overlap(hint.box, box) > _KNOWN_SHARE for kind, box in known
            )
        ]


def _overlap(a: Box, b: Box) -> float:
    """The share of the smaller box that the other one takes."""
    small, large = sorted((a, b), key=lambda box: box.area)
    return covered_share(small, [large])


def _found_by(
    scan: ScanSpec, view: View, motion: Motion, within: Sequence[Box] | None
) -> list[Detection]:
    """What one look sees: in the whole picture or what changed of it, or in what moves."""
    if scan.where == "whole":
        is_left = max(view.shape) > scan.max_side
        return [] if is_left else scan_frame(scan, view, within)
    if motion.is_everywhere or motion.is_busy:
        return []  # The looks at the whole picture come the more often.
    parts = [p for p in motion.parts if max(p.width, p.height) >= scan.min_side]
    return [detection for part in parts for detection in scan_part(scan, view, part)]
