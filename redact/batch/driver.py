"""Brings clips, an engine and a manifest together: claim, start, wait, commit, again."""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from redact.batch.records import (
    AllParts,
    ClipRecord,
    Division,
    OnePart,
    Outcome,
    PartResult,
    Result,
    Task,
    WholeClip,
    Work,
    new_record,
    settings_key,
)
from redact.batch.sources import Job, is_address
from redact.errors import TargetError
from redact.settings import Settings

if TYPE_CHECKING:
    from redact.batch.capacity import WorkerLimits
    from redact.batch.engines import Ended, Engine
    from redact.batch.manifest import Manifest

_POLL_SECONDS = 0.5
# How often to ask whether another process has done with a clip.
_ASK_SECONDS = 1.0


class BatchObserver:
    """Is told how a batch goes; override what you need. An exception ends the run."""

    def found(self, jobs: tuple[Job, ...]) -> None:
        """These clips are to be done."""

    def started(self, job: Job) -> None:
        """A clip was given to a worker."""

    def progressed(self, worker: int, job: Job, stage: str, done: int, total: int | None) -> None:
        """A worker, counted from 0, has done so many frames of a stage; see `job.Progress`."""

    def ended(self, record: ClipRecord) -> None:
        """A clip has ended, or need not be done."""

    def tick(self) -> None:
        """Called about twice a second, whatever happens."""

    def finished(self) -> None:
        """The run is over, and no exception ended it."""


class Observers(BatchObserver):
    """Passes on everything to several observers, in their order."""

    def __init__(self, *observers: BatchObserver) -> None:
        self._observers = observers

    def found(self, jobs: tuple[Job, ...]) -> None:
        """See `BatchObserver`, as for all methods."""
        for observer in self._observers:
            observer.found(jobs)

    def started(self, job: Job) -> None:
        for observer in self._observers:
            observer.started(job)

    def progressed(self, worker: int, job: Job, stage: str, done: int, total: int | None) -> None:
        for observer in self._observers:
            observer.progressed(worker, job, stage, done, total)

    def ended(self, record: ClipRecord) -> None:
        for observer in self._observers:
            observer.ended(record)

    def tick(self) -> None:
        for observer in self._observers:
            observer.tick()

    def finished(self) -> None:
        for observer in self._observers:
            observer.finished()


class Recorder(BatchObserver):
    """Keeps the records of a run."""

    def __init__(self) -> None:
        self.records: list[ClipRecord] = []

    def ended(self, record: ClipRecord) -> None:
        """Keep the record."""
        self.records.append(record)


class JobQueue(Protocol):
    """Where a run gets its clips from."""

    def next(self) -> Job | None:
        """The next clip; None while there is none."""

    @property
    def is_exhausted(self) -> bool:
        """Whether no clip will come any more."""


class ListQueue:
    """A queue of clips that are all known."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = collections.deque(jobs)

    def next(self) -> Job | None:
        """The next clip; None when there is none left."""
        return self._jobs.popleft() if self._jobs else None

    @property
    def is_exhausted(self) -> bool:
        """Whether none is left."""
        return not self._jobs


@dataclasses.dataclass(eq=False)
class _Clip:
    """A claimed clip on its way through the workers."""

    job: Job
    target: str = ""
    """Where the worker writes the result; empty when the last place must not be used again."""
    division: Division = dataclasses.field(default_factory=Division)
    parts: dict[int, PartResult] = dataclasses.field(default_factory=dict)
    """What came of its parts so far, by their numbers."""
    frames_done: dict[int, int] = dataclasses.field(default_factory=dict)
    """How many frames of each part were analyzed."""
    seconds: float = 0.0
    """How long its tasks took that have ended."""
    peak_bytes: int = 0
    """The most memory that one of these took."""
    is_over: bool = False
    """It is recorded how it ended."""

    def add(self, result: Result) -> None:
        """Count what a task took that has ended."""
        self.seconds += result.seconds
        self.peak_bytes = max(self.peak_bytes, result.peak_bytes)

    def next_works(self, result: Division | PartResult, work: Work) -> Iterator[Work]:
        """What is to be done after a task that wasn't the last one of the clip."""
        if isinstance(result, Division):
            # Where a part can't be read on its own, one worker has to do the whole clip.
            self.division, self.parts = result, {}
            yield from (OnePart(clip=result.clip, number=n) for n in self.part_numbers)
            if not result.part_frames:
                yield WholeClip()
        elif isinstance(work, OnePart):
            self.parts[work.number] = result
            if len(self.parts) == len(self.part_numbers):
                parts = [self.parts[number] for number in self.part_numbers]
                seconds = sum(part.seconds for part in parts)
                seen = tuple(part.seen for part in parts)
                yield AllParts(clip=self.division.clip, seen=seen, seconds=seconds)

    def wants(self, work: Work) -> bool:
        """Whether something still is to be done; not when the clip has ended or is done whole."""
        is_given_up = isinstance(work, OnePart) and work.clip != self.division.clip
        return not (self.is_over or is_given_up)

    @property
    def part_numbers(self) -> range:
        """The numbers of its parts; none unless it is divided."""
        return range(len(self.division.part_frames))


class _Try(NamedTuple):
    """Something that is to be done with a clip, and how often it was begun before."""

    clip: _Clip
    work: Work
    number: int = 1


class Driver:
    """One run over a queue of clips.

    Args:
        manifest: what is done, and by whom.
        observer: is told of everything.
        settings: of all clips.
        version: of redact.
        limits: `tries` is used.
        force: do clips again that are done.
        stop_on_error: start no other clip after one that wasn't done.

    """

    def __init__(
        self,
        manifest: Manifest,
        observer: BatchObserver,
        *,
        settings: Settings,
        version: str,
        limits: WorkerLimits,
        force: bool = False,
        stop_on_error: bool = False,
    ) -> None:
        self._manifest, self._observer = manifest, observer
        self._settings, self._version, self._limits = settings, version, limits
        self._key = settings_key(settings, version)
        self._force, self._stop_on_error = force, stop_on_error
        self._running: dict[int, _Try] = {}  # by the number of the task
        self._waiting: collections.deque[_Try] = collections.deque()
        # How many workers there are.
        self._slots = 1
        # Clips that other processes are at, and when to ask again.
        self._theirs: collections.deque[tuple[float, Job]] = collections.deque()
        self._last_number = 0
        self.is_stopping = False
        """No other clip is started: one failed that stops the run."""

    def on_progress(
        self, worker: int, task: Task, stage: str, done: int, total: int | None
    ) -> None:
        """The callback for the engine."""
        self._manifest.beat()
        self._observer.tick()
        if task.number not in self._running:
            return
        clip, work, _ = self._running[task.number]
        if isinstance(work, OnePart):
            clip.frames_done[work.number] = done
            done, total = sum(clip.frames_done.values()), sum(clip.division.part_frames)
        self._observer.progressed(worker, clip.job, stage, done, total)

    def run(self, queue: JobQueue, engine: Engine) -> None:
        """Do all clips of the queue; a clip that fails is recorded, and the next one comes.

        Raises:
            TargetError: the manifest can't be written.
            RedactError: the engine can't start workers.

        """
        self._slots = engine.free_slots
        try:
            while True:
                self._fill(queue, engine)
                is_idle = not engine.running_count
                if is_idle and (self.is_stopping or self._has_nothing_left(queue)):
                    return
                if is_idle:
                    time.sleep(_POLL_SECONDS)
                for ended in engine.poll(_POLL_SECONDS):
                    self._take(ended)
                self._manifest.beat()
                self._observer.tick()
        finally:
            engine.close()
            for clip in {known.clip for known in (*self._running.values(), *self._waiting)}:
                if not clip.is_over:
                    self._manifest.release(clip.job)

    def _has_nothing_left(self, queue: JobQueue) -> bool:
        return queue.is_exhausted and not self._theirs and not self._waiting

    def _fill(self, queue: JobQueue, engine: Engine) -> None:
        """Start clips while there are free workers."""
        while engine.free_slots and not self.is_stopping:
            if self._waiting:
                self._give(self._waiting.popleft(), engine, is_last=self._is_last(queue))
                continue
            job_or_none = self._next_job(queue)
            if job_or_none is None:
                return
            self._start(job_or_none, engine)

    def _is_last(self, queue: JobQueue) -> bool:
        """Whether no other task runs, and none waits."""
        return not self._running and self._has_nothing_left(queue)

    def _next_job(self, queue: JobQueue) -> Job | None:
        job = queue.next()
        if job is None and self._theirs and self._theirs[0][0] <= time.monotonic():
            _, job = self._theirs.popleft()
        return job

    def _start(self, job: Job, engine: Engine) -> None:
        claim = self._manifest.claim(job, self._key, self._version, force=self._force)
        if claim.record is not None:
            self._observer.ended(claim.record)
        elif claim.status == "theirs":
            self._theirs.append((time.monotonic() + _ASK_SECONDS, job))
        else:
            # Only a clip that all workers can read is divided among them.
            may_divide = self._slots > 1 and not is_address(job.source)
            self._give(_Try(_Clip(job), WholeClip(may_divide=may_divide)), engine)
            self._observer.started(job)

    def _give(self, task_try: _Try, engine: Engine, *, is_last: bool = False) -> None:
        """Give a worker something to do with a claimed clip."""
        clip, work, _ = task_try
        if not clip.wants(work):
            return
        self._last_number += 1
        number = self._last_number
        # Known as running from here on, so that the claim is given up whatever happens.
        self._running[number] = task_try
        clip.target = clip.target or self._manifest.work_target(clip.job, number)
        settings = self._settings
        if is_last:
            settings = dataclasses.replace(settings, threads=engine.max_threads)
        engine.start(
            Task(
                number=number,
                source=clip.job.source,
                target=clip.target,
                settings=settings,
                work=work,
            )
        )

    def _take(self, ended: Ended) -> None:
        """Go on with a clip, record how it ended, or try again when its worker died."""
        clip, work, tries = self._running.pop(ended.task.number)
        if not clip.wants(work):
            return
        if ended.is_lost:
            clip.target = ""  # A worker that was given up may still write there.
        if ended.is_lost and (tries < self._limits.tries or not ended.has_begun):
            self._waiting.append(_Try(clip, work, tries + ended.has_begun))
            return
        clip.add(ended.result)
        if isinstance(ended.result, Outcome):
            clip.is_over = True
            self._record(clip, ended.task, ended.result, tries)
        else:
            self._waiting.extend(_Try(clip, w) for w in clip.next_works(ended.result, work))

    def _record(self, clip: _Clip, task: Task, outcome: Outcome, tries: int) -> None:
        """Record how a clip ended."""
        job = clip.job
        # The worker knows only a name that means nothing to the user.
        why = outcome.reason.replace(task.target, self._manifest.place(job))
        outcome = dataclasses.replace(
            outcome, reason=why, seconds=clip.seconds, peak_bytes=clip.peak_bytes
        )
        record = dataclasses.replace(
            new_record(job, self._key, self._version, outcome), attempts=tries
        )
        try:
            is_ours = self._manifest.commit(job, task.target, record)
        except TargetError as err:
            # The result can't get its place. When it is the manifest that can't be written, this
            # raises again and ends the run.
            failed = Outcome(state="unwritable", reason=str(err), seconds=clip.seconds)
            record = dataclasses.replace(record, outcome=failed)
            is_ours = self._manifest.commit(job, task.target, record)
        if not is_ours:
            self._theirs.append((time.monotonic() + _ASK_SECONDS, job))
            return
        self._observer.ended(record)
        if outcome.ends_run or (self._stop_on_error and record.state != "done"):
            self.is_stopping = True
