"""Where and when to look at a clip, so that little is missed and little is looked at twice.

Looking costs far more than decoding. Whole pictures are looked at now and then, what moves more
often, and what was once found wherever it should be next: forward until it is lost, and back
through the last pictures to where it came from. Everything found ends up in one set of tracks.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.boxes import covered_share, iou_matrix
from redact.evidence import evidence_for
from redact.finishing import finish
from redact.follow import Template
from redact.halves import is_as_high
from redact.looks import Look, look_around, look_at_part
from redact.motion import Motion, MotionFinder
from redact.records import Box, Detection, Track
from redact.settings import Settings
from redact.tracking import LEAST_REACH, Associator, Tracklet, is_same_place, merge_same

Image = NDArray[np.uint8]
_Followed = tuple[NDArray[np.float64], float]

# A frame's time may be a hair early of its share of a second.
_EARLY = 2e-3
LOOK_BACK_SECONDS = 1.8
"""How far back a new track is followed."""

# That happens once it is ripe, and ends after so many pictures without a sign of it.
_RIPE_COUNT, _RIPE_SECONDS, _MOST_MISSES = 3, 0.5, 4
# A look near a track sees too little of what lies farther away than this, in sizes of its box.
_MOST_NEAR = 2.5
# A template is searched for this many box sizes away at most: farther, other things look alike.
_MOST_FOLLOWED = 1.0
# A thing found beside a track is the track's when its score is at least this.
_NEAR_SCORE = 0.2
_TAKEN_IOU = 0.4
# What lies on another track's place by at least this, and by less on its own, is the other's.
_NEARER_IOU = 0.25
# The head of what moves like a person, but too fast to be seen, is as good as a weak look.
_HEAD_SCORE = 0.35
# A hint that shares more than this with what is known, of the smaller one, is of the same.
_KNOWN_SHARE = 0.3
# Boxes that share less than this of a width or height don't hide each other.
_SLIVER = 0.15
# What looks the same in the same place is still there, for this long without a find.
_STILL_SECONDS = 4.0
_SURE_LIKENESS = 0.9
_STILL_SHIFT = 0.15
# The last picture is looked at by those looks that come this often.
_LAST_SECONDS = 2.0


@dataclasses.dataclass
class _Seen:
    """A picture that was looked at, which can be had again for looking back."""

    index: int
    now: float
    again: Callable[[], Image]
    camera: NDArray[np.float64]


@dataclasses.dataclass
class _Waiting:
    """A picture whose looks may still be under way."""

    index: int
    now: float
    image: Image
    again: Callable[[], Image]
    motion: Motion
    finds: list[Future[list[Detection]]]
    hints: list[Future[list[Detection]]]


class Watch:
    """Looks at the pictures of a clip in order, and keeps what it found as tracks.

    Use as a context manager, or call `close`.

    Args:
        looks: who looks, where and how often.
        settings: `max_gap_seconds` and `extend_seconds` are used.
        workers: threads that look, a few pictures ahead of what is being tracked; with 0 the
            caller's thread does, so that detectors need not be safe to share.

    """

    def __init__(self, looks: Sequence[Look], settings: Settings, *, workers: int = 0) -> None:
        self._pool = ThreadPoolExecutor(workers) if workers else None
        self._most_waiting = max(1, 2 * workers)
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._settings = settings
        self._due_looks = [look for look in looks if look.where != "near"]
        self._near_looks = [look for look in looks if look.where == "near"]
        self._needs_motion = bool(self._near_looks) or any(
            look.where == "parts" or look.restless_seconds is not None for look in looks
        )
        self._motion = MotionFinder()
        self._is_restless, self._seen_last = False, -math.inf
        self._is_over = False
        self._associator = Associator(settings.max_gap_seconds)
        self._last: dict[Look, float] = {}
        self._recent: collections.deque[_Seen] = collections.deque()
        self._templates: dict[Tracklet, Template] = {}
        self._traced: set[Tracklet] = set()
        self._looked_near: dict[tuple[Tracklet, Look], float] = {}

    def is_due(self, now: float) -> bool:
        """Whether any look is due at that time, in seconds."""
        step = min((look.every_seconds for look in self._due_looks), default=math.inf)
        if 0 <= now - self._seen_last < step - _EARLY:
            return False  # What is due later than others waits for them, to share the picture.
        return any(self._is_due(look, now) for look in self._due_looks)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads; looks that have not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def see(
        self, index: int, now: float, image: Image, again: Callable[[], Image] | None = None
    ) -> None:
        """Look at a picture wherever it is due.

        Args:
            index: its frame index, higher than the last one's.
            now: presentation time, seconds.
            image: (H, W, 3) uint8 BGR, upright; kept for a while, so it must not be changed.
            again: gives the same picture once more, for as long as `LOOK_BACK_SECONDS`; without
                it, the picture itself is kept for so long.

        """
        self._seen_last = now
        motion = self._sense(image, now)
        if motion.is_cut:
            self._last.clear()
        self._is_restless = motion.is_everywhere
        due = [look for look in self._due_looks if self._is_due(look, now)]
        self._last.update((look, now) for look in due)
        finds, hints = (
            [self._start(_found_by, k, image, motion) for k in due if k.is_hint is is_hint]
            for is_hint in (False, True)
        )
        again = again or (lambda: image)
        self._waiting.append(_Waiting(index, now, image, again, motion, finds, hints))
        while len(self._waiting) > self._most_waiting:
            self._settle(self._waiting.popleft())

    def look_at_last(self) -> None:
        """Look at all of the last picture, unless that was done: no later look makes up for it."""
        self._is_over = True
        if not self._waiting:
            return
        last = self._waiting[-1]
        for look in self._due_looks:
            is_often = look.where == "whole" and look.every_seconds <= _LAST_SECONDS
            if is_often and self._last.get(look) != last.now:
                self._last[look] = last.now
                last.finds.append(self._start(_found_by, look, last.image, last.motion))

    def _start(self, what: Callable[..., list[Detection]], *args: Any) -> Future[list[Detection]]:
        """Run it in a thread of the pool, or at once where there is none."""
        if self._pool is not None:
            return self._pool.submit(what, *args)
        done: Future[list[Detection]] = Future()
        done.set_result(what(*args))
        return done

    def _settle(self, waiting: _Waiting) -> None:
        """Give a picture's finds to the tracks, and look for those that got none."""
        index, now, motion = waiting.index, waiting.now, waiting.motion
        if motion.is_cut:
            self._associator.cut(index)
            self._recent.clear()
        found = [detection for finds in waiting.finds for detection in finds.result()]
        self._associator.move(motion.shift)
        hints = [hint for finds in waiting.hints for hint in finds.result()]
        if self._near_looks and self._settings.heads != "off":
            hints += [
                Detection(kind="face", box=head, score=_HEAD_SCORE) for head in motion.dashing_heads
            ]
        found += self._unknown(hints, found, now)
        image = waiting.image
        picture = _Seen(index, now, waiting.again, self._associator.camera)
        followed = self._follow_all(picture, image)
        places = {t: box for t, (box, likeness) in followed.items() if likeness >= _SURE_LIKENESS}
        for tracklet in self._associator.step(index, now, found, places):
            if tracklet.best_score >= evidence_for(tracklet.kind).sure:
                self._find_again(tracklet, picture, image, followed.get(tracklet))
        self._recent.append(picture)
        while now - self._recent[0].now > LOOK_BACK_SECONDS:
            self._recent.popleft()
        for tracklet in self._associator.live:
            if tracklet.found_at(index) is not None:
                self._remember(tracklet, index, image)
            if self._near_looks and tracklet.best_score >= evidence_for(tracklet.kind).sure:
                self._trace_back(tracklet, now)

    def tracks(self, seconds: NDArray[np.float64], first_index: int = 0) -> tuple[Track, ...]:
        """What was found so far, as tracks.

        seconds: (N,) presentation time of each frame from `first_index` on.
        """
        while self._waiting:
            self._settle(self._waiting.popleft())
        return finish(self._associator.tracklets, seconds, self._settings, first_index=first_index)

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
        return finish(recent, seconds, self._settings)

    def forget(self, before: float) -> None:
        """Drop what ended before that time, seconds."""
        self._associator.forget(before)
        known = set(self._associator.tracklets)
        self._templates = {k: v for k, v in self._templates.items() if k in known}
        self._traced &= known
        self._looked_near = {k: v for k, v in self._looked_near.items() if k[0] in known}

    def _is_due(self, look: Look, now: float) -> bool:
        last = self._last.get(look)
        every = look.interval(restless=self._is_restless)
        return last is None or not 0 <= now - last < every - _EARLY

    def _sense(self, image: Image, now: float) -> Motion:
        if not self._needs_motion:
            return Motion(parts=(), is_everywhere=False, is_cut=False, shift=(0.0, 0.0))
        return self._motion.step(image, now)

    def _unknown(
        self, hints: Sequence[Detection], found: Sequence[Detection], now: float
    ) -> list[Detection]:
        """The hints at somebody of whom neither another look nor a sure track knows."""
        known = [(find.kind, find.box) for find in found] + [
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

    def _follow_all(self, picture: _Seen, image: Image) -> dict[Tracklet, _Followed]:
        """Where the live tracklets seem to be by what they looked like, and how like."""
        followed = {}
        for tracklet in self._associator.live:
            template = self._templates.get(tracklet)
            if template is not None:
                predicted = tracklet.predict(picture.now, picture.camera)
                reach = tracklet.reach(picture.now - tracklet.times[-1])
                place = template.follow(predicted, image, min(reach, _MOST_FOLLOWED))
                if place is not None:
                    followed[tracklet] = place
        return followed

    def _find_again(
        self, tracklet: Tracklet, picture: _Seen, image: Image, followed: _Followed | None
    ) -> None:
        """Look where a tracklet should be that nothing else has seen in this picture."""
        predicted = tracklet.predict(picture.now, picture.camera)
        reach = tracklet.reach(picture.now - tracklet.times[-1])
        is_sure = followed is not None and followed[1] >= _SURE_LIKENESS
        if followed is not None and is_sure:
            predicted, reach = followed[0], LEAST_REACH
        near = self._look_near(tracklet, predicted, picture, image, reach, is_followed=is_sure)
        if near is not None:
            tracklet.add(picture.index, picture.now, *near, picture.camera)
        elif followed is not None:
            box = followed[0]
            away = float(np.abs(box - tracklet.boxes[-1]).max())
            tracklet.add(picture.index, picture.now, box, float("nan"), picture.camera)
            if is_sure and away < _STILL_SHIFT * float(np.max(box[2:] - box[:2])):
                tracklet.stay_alive(picture.now, _STILL_SECONDS)

    def _trace_back(self, tracklet: Tracklet, now: float) -> None:
        """Follow a tracklet back to where it came from, through the pictures still held.

        Once only, when a few finds show how it moves, or no more of them came for a while or will
        come.
        """
        is_ripe = tracklet.find_count >= _RIPE_COUNT or now - tracklet.times[0] > _RIPE_SECONDS
        if tracklet in self._traced or not (is_ripe or self._is_over):
            return
        self._traced.add(tracklet)
        seen = {picture.index: picture for picture in self._recent}
        start = seen.get(tracklet.indices[0])
        template = None if start is None else Template.of(start.again(), tracklet.boxes[0])
        camera = self._associator.camera if start is None else start.camera
        misses = 0
        for picture in reversed(self._recent):
            if picture.index >= tracklet.indices[0]:
                continue
            elapsed = min(tracklet.times[0] - picture.now, 0.5)
            drift = picture.camera - camera - tracklet.early_velocity() * elapsed
            predicted = tracklet.boxes[0] + np.tile(drift, 2)
            reach, image = tracklet.reach(elapsed), picture.again()
            near = self._look_near(tracklet, predicted, picture, image, reach)
            if near is None and template is not None:
                followed = template.follow(predicted, image, min(reach, _MOST_FOLLOWED))
                near = None if followed is None else (followed[0], float("nan"))
            if near is None:
                misses += 1
                if misses >= _MOST_MISSES:
                    return
                continue
            misses = 0
            tracklet.put_before(picture.index, picture.now, *near)
            camera = picture.camera

    def _look_near(
        self,
        tracklet: Tracklet,
        predicted: NDArray[np.float64],
        picture: _Seen,
        image: Image,
        reach: float,
        *,
        is_followed: bool = False,
    ) -> tuple[NDArray[np.float64], float] | None:
        """The find that fits a tracklet's predicted box best: its box and score.

        reach: how far from the predicted box it may be, in sizes of it.
        is_followed: where it is is known, so that looking can wait until the look is due again.
        """
        reach = min(reach, _MOST_NEAR)
        for look in self._near_looks:
            if look.kind != tracklet.kind:
                continue
            key = (tracklet, look)
            every = look.interval(restless=not is_followed)
            if 0 <= picture.now - self._looked_near.get(key, -math.inf) < every - _EARLY:
                continue
            self._looked_near[key] = picture.now
            finds = look_around(look, image, predicted, reach - LEAST_REACH)
            fitting = [
                detection
                for detection in (merge_same(finds) if look.kind == "plate" else finds)
                if detection.score >= _NEAR_SCORE
                and is_same_place(detection.box, predicted, reach)
                and (look.kind != "plate" or is_as_high(detection.box, predicted))
                and not self._is_anothers(detection.box, tracklet, predicted, picture)
            ]
            if fitting:
                best = max(fitting, key=lambda detection: detection.score)
                return np.asarray(best.box, dtype=np.float64), best.score
        return None

    def _is_anothers(
        self, box: Box, tracklet: Tracklet, predicted: NDArray[np.float64], picture: _Seen
    ) -> bool:
        """Whether another track was found at this place, or one that is lost fits it better.

        People pass each other, and who is lost may have left: what the look sees beside him is
        then somebody else.
        """
        found = np.asarray([box])
        taken = iou_matrix(found, self._others(tracklet, picture.index)).max(initial=0.0)
        lost = iou_matrix(found, self._others_lost(tracklet, picture)).max(initial=0.0)
        own = float(iou_matrix(found, predicted)[0, 0])
        return bool(taken > _TAKEN_IOU or max(taken, lost) > max(own, _NEARER_IOU))

    def _remember(self, tracklet: Tracklet, index: int, image: Image) -> None:
        """Keep what a tracklet that was found looks like, unless somebody is in front of it."""
        if not self._near_looks:
            return
        box = tracklet.boxes[-1]
        if tracklet in self._templates and _touch(box, self._others(tracklet, index)):
            return
        template = Template.of(image, box)
        if template is not None:
            self._templates[tracklet] = template

    def _others(self, tracklet: Tracklet, index: int) -> NDArray[np.float64]:
        """(N, 4) boxes of the other live tracklets of its kind that were found in that picture."""
        others = [
            box
            for other in self._associator.live
            if other is not tracklet
            and other.kind == tracklet.kind
            and (box := other.found_at(index)) is not None
        ]
        return np.asarray(others, dtype=np.float64).reshape(-1, 4)

    def _others_lost(self, tracklet: Tracklet, picture: _Seen) -> NDArray[np.float64]:
        """(N, 4) where the other live sure tracklets of its kind should be in that picture."""
        others = [
            other.predict(picture.now, picture.camera)
            for other in self._associator.live
            if other is not tracklet
            and other.kind == tracklet.kind
            and other.best_score >= evidence_for(other.kind).sure
            and other.indices[-1] < picture.index
        ]
        return np.asarray(others, dtype=np.float64).reshape(-1, 4)


def _touch(box: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether any of the (N, 4) other boxes shares more than a sliver with the (4,) box."""
    both = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return bool((both > _SLIVER * (box[2:] - box[:2])).all(axis=1).any())


def _overlap(a: Box, b: Box) -> float:
    """The share of the smaller box that the other one takes."""
    small, large = sorted((a, b), key=lambda box: box.area)
    return covered_share(small, [large])


def _found_by(look: Look, image: Image, motion: Motion) -> list[Detection]:
    """What one look sees: in the whole picture, or in what moves."""
    if look.where == "whole":
        is_left = max(image.shape[:2]) > look.most_side
        return [] if is_left else list(look.detector.detect(image))
    if motion.is_everywhere:
        return []  # The looks at the whole picture come the more often.
    parts = [p for p in motion.parts if max(p.width, p.height) >= look.least_side]
    return [detection for part in parts for detection in look_at_part(look, image, part)]
