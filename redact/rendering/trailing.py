"""Rendering that trails behind looking, so that a clip is decoded once and no core waits."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from redact import video
from redact.analysis.analyzer import Analyzer
from redact.analysis.redetection import LOOK_BACK_SECONDS
from redact.cover.regions import RegionMaker
from redact.lasting import StableIds
from redact.plan import Plan
from redact.settings import Settings
from redact.types import ClipInfo, Frame, Region

if TYPE_CHECKING:
    from redact.rendering.renderer import Rendering

# So long after a frame, what has to be covered in it hardly changes: new tracks were followed back
# by then, and few gaps are longer. Where it changes all the same, the frame is rendered again.
_SETTLED_SECONDS = LOOK_BACK_SECONDS + 0.1
# The first frame comes out sooner; the lag grows by so much a second until it is as above. Where
# much moves, too much would be rendered twice.
_FIRST_LAG_SECONDS, _LAG_GROWTH = 0.4, 0.5
# Frames are held until then. Where they are more than this, they are read again afterwards.
_MAX_HELD_BYTES = 500_000_000
_TRACK_EVERY_SECONDS = 0.25
# So many frames may wait for the thread that renders.
_MAX_QUEUED = 6


class TrailingRenderer:
    """Holds frames that were looked at until it seems settled what is covered in them.

    Where they are too many or too large to be held, the clip is read again afterwards. A thread of
    its own renders them: encoders wait for their own threads most of the time. Use as a context
    manager, so that the thread ends.

    Args:
        start: makes what renders the frames, when the first is settled. It gets each in order.
        watch: looks at the same clip.
        clip: as known before it is read through.
        settings: those of the job.

    """

    def __init__(
        self, start: Callable[[], Rendering], analyzer: Analyzer, clip: ClipInfo, settings: Settings
    ) -> None:
        self._start, self._analyzer = start, analyzer
        self._clip, self._settings = clip, settings
        self._held: collections.deque[tuple[float, Frame]] = collections.deque()
        self._seconds: list[float] = []
        self._max_held = _MAX_HELD_BYTES // (clip.width * clip.height * 3 // 2)
        # Copies of frames don't tell which half comes first.
        can_hold = self._max_held > _SETTLED_SECONDS * clip.frame_rate
        self._is_early = can_hold and not clip.is_interlaced
        self._has_given_up, self._count = False, 0
        self._ids = StableIds()
        self._tracked = -_TRACK_EVERY_SECONDS
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="render")
        self._queued: collections.deque[Future[None]] = collections.deque()

    def __enter__(self) -> TrailingRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    @functools.cached_property
    def rendering(self) -> Rendering:
        """What renders the frames."""
        return self._start()

    def push(self, frame: Frame, now: float) -> None:
        """Take a frame that was looked at where that was due; `now` is its time, seconds."""
        if len(self._held) >= self._max_held:
            self._has_given_up = True
            self._held.clear()
        if self._has_given_up:
            return
        self._held.append((now, frame))
        self._seconds.append(now)
        self._is_early = self._is_early and not self._analyzer.is_stirred
        looked_until = self._analyzer.settled_before(now)
        until = looked_until - self._lag(looked_until)
        if until - self._tracked >= _TRACK_EVERY_SECONDS:
            self._tracked = until
            self._render(until, looked_until - LOOK_BACK_SECONDS)

    def finish(self, plan: Plan) -> Iterator[int]:
        """Nothing more comes: render what is left by the plan. Yields how many were rendered.

        Raises:
            PlanError: the frames had to be read again, and are not as many as before.

        """
        regions = RegionMaker(self._with_lasting_ids(plan))
        with contextlib.closing(self._left(plan)) as frames:
            for frame in frames:
                self._render_one(frame, regions.at(frame.index))
                yield len(self.rendering)
        while self._queued:
            self._queued.popleft().result()
            yield len(self.rendering)
        self.rendering.finish(plan.clip)

    def _with_lasting_ids(self, plan: Plan) -> Plan:
        return dataclasses.replace(plan, tracks=self._ids.given(plan.tracks, self._count))

    def _left(self, plan: Plan) -> Generator[Frame]:
        """The frames that were not rendered yet."""
        while self._held:
            yield self._held.popleft()[1]
        if self._has_given_up:
            reader = video.read_frames(plan.clip, threads=self._settings.threads)
            with contextlib.closing(reader) as frames:
                yield from itertools.islice(frames, self._count, None)

    def _lag(self, looked_until: float) -> float:
        """How far rendering stays behind what was looked at, seconds."""
        if not self._is_early:
            return _SETTLED_SECONDS
        growing = _FIRST_LAG_SECONDS + _LAG_GROWTH * (looked_until - _FIRST_LAG_SECONDS)
        return min(_SETTLED_SECONDS, max(_FIRST_LAG_SECONDS, growing))

    def _render(self, until: float, looked_at_from: float) -> None:
        """Render the frames up to that time, seconds; those from the other on stay as they are."""
        if self._held[0][0] > until:
            return
        tracks = self._analyzer.tracks_since(self._held[0][0], np.asarray(self._seconds))
        # A cover keeps its look for as long as the id stays.
        tracks = self._ids.given(tracks, self._held[0][1].index)
        plan = Plan(clip=self._clip, settings=self._settings, tracks=tracks)
        regions = RegionMaker(plan)
        while self._held and self._held[0][0] <= until:
            now, frame = self._held.popleft()
            here = regions.at(frame.index)
            if here and now >= looked_at_from:
                frame = video.copied(frame)
            self._render_one(frame, here)

    def _render_one(self, frame: Frame, regions: Sequence[Region]) -> None:
        rendering = self.rendering
        self._queued.append(self._thread.submit(rendering.add, frame, regions))
        self._count += 1
        while len(self._queued) > _MAX_QUEUED or (self._queued and self._queued[0].done()):
            self._queued.popleft().result()
