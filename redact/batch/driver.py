"""Brings clips, an engine and a manifest together: claim, start, wait, commit, again."""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from redact.batch.records import ClipRecord, Outcome, Task, new_record, settings_key
from redact.batch.sources import Job
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
        self._running: dict[int, tuple[Job, int]] = {}  # task number: the job, and which try
        self._again: collections.deque[tuple[Job, int]] = collections.deque()
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
        if task.number in self._running:
            job, _ = self._running[task.number]
            self._observer.progressed(worker, job, stage, done, total)

    def run(self, queue: JobQueue, engine: Engine) -> None:
        """Do all clips of the queue; a clip that fails is recorded, and the next one comes.

        Raises:
            TargetError: the manifest can't be written.
            RedactError: the engine can't start workers.

        """
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
            for job, _ in [*self._running.values(), *self._again]:
                self._manifest.release(job)

    def _has_nothing_left(self, queue: JobQueue) -> bool:
        return queue.is_exhausted and not self._theirs and not self._again

    def _fill(self, queue: JobQueue, engine: Engine) -> None:
        """Start clips while there are free workers."""
        while engine.free_slots and not self.is_stopping:
            if self._again:
                self._give(*self._again.popleft(), engine)
                continue
            job_or_none = self._next_job(queue)
            if job_or_none is None:
                return
            self._start(job_or_none, engine)

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
            self._give(job, 1, engine)
            self._observer.started(job)

    def _give(self, job: Job, tries: int, engine: Engine) -> None:
        """Give a claimed clip to a worker."""
        self._last_number += 1
        number = self._last_number
        # Known as running from here on, so that the claim is given up whatever happens.
        self._running[number] = job, tries
        # Each try has a place of its own: a worker that was given up may still write to the last.
        target = self._manifest.work_target(job, number)
        task = Task(number=number, source=job.source, target=target, settings=self._settings)
        engine.start(task)

    def _take(self, ended: Ended) -> None:
        """Record how a clip ended, or try it again when its worker died."""
        job, tries = self._running.pop(ended.task.number)
        if ended.is_lost and (tries < self._limits.tries or not ended.has_begun):
            self._again.append((job, tries + ended.has_begun))
            return
        # The worker knows only a name that means nothing to the user.
        why = ended.outcome.reason.replace(ended.task.target, self._manifest.place(job))
        outcome = dataclasses.replace(ended.outcome, reason=why)
        record = dataclasses.replace(
            new_record(job, self._key, self._version, outcome), attempts=tries
        )
        try:
            is_ours = self._manifest.commit(job, ended.task.target, record)
        except TargetError as err:
            # The result can't get its place. When it is the manifest that can't be written, this
            # raises again and ends the run.
            outcome = Outcome(state="unwritable", reason=str(err), seconds=ended.outcome.seconds)
            record = dataclasses.replace(record, outcome=outcome)
            is_ours = self._manifest.commit(job, ended.task.target, record)
        if not is_ours:
            self._theirs.append((time.monotonic() + _ASK_SECONDS, job))
            return
        self._observer.ended(record)
        if ended.outcome.ends_run or (self._stop_on_error and record.state != "done"):
            self.is_stopping = True
