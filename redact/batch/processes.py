"""Worker processes on this machine: watched, ended when they hang, replaced when they die.

The standard library's pool of processes breaks as a whole when one of them dies, and can't end a
task that hangs. Here each process has a pipe of its own, and the parent alone decides what became
of a clip.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil

from redact.batch.engines import Ended, WorkerSlots, excess
from redact.batch.records import Outcome, Result, State, Task
from redact.batch.worker import run_worker
from redact.errors import RedactError

_CHECK_SECONDS = 0.5
# A worker that has had nothing to do for so long gives its memory back by ending.
_IDLE_SECONDS = 300.0
# So many processes in a row that die before they are ready: the next ones would, too.
_MAX_START_FAILURES = 3


class ProcessEngine(WorkerSlots["_Worker"]):
    """Redacts clips in processes that load everything once.

    They are started afresh ("spawn"), because a forked copy of a process with threads may hang. The
    arguments are those of `WorkerSlots`.
    """

    _last_check = 0.0

    @property
    def process_ids(self) -> list[int]:
        """Of the workers that run now."""
        return [worker.process.pid for worker in self._workers if worker and worker.process.pid]

    @property
    def max_threads(self) -> int:
        """As many as all workers together have: they share one machine."""
        return self._capacity.workers * self._capacity.threads

    def start(self, task: Task) -> None:
        """Give the task to a worker that has none, or to a new one."""
        number = self._free_number()
        worker = self._workers[number] or self._start_worker(number)
        worker.give(task)

    def poll(self, seconds: float) -> list[Ended]:
        """Wait for news from the workers, and end those that take too much.

        Raises:
            RedactError: workers can't be started.

        """
        ended: list[Ended] = []
        deadline = time.monotonic() + seconds
        while not ended and (left := deadline - time.monotonic()) > 0:
            busy = [w for w in self._workers if w is not None]
            connections = [worker.connection for worker in busy]
            if connections:
                multiprocessing.connection.wait(connections, min(left, _CHECK_SECONDS))
            else:
                time.sleep(min(left, _CHECK_SECONDS))
            for number, worker in enumerate(self._workers):
                if worker is not None:
                    ended.extend(self._news(number, worker))
            ended.extend(self._check())
        return ended

    def close(self) -> None:
        """End all workers. What they write lies in places that only the caller knows."""
        for worker in self._workers:
            if worker is not None:
                worker.kill()
        self._workers = [None] * self._capacity.workers

    def _start_worker(self, number: int) -> _Worker:
        worker = _Worker(self._function_path, self._capacity.threads)
        self._workers[number] = worker
        return worker

    def _news(self, number: int, worker: _Worker) -> Iterator[Ended]:
        """Read what a worker has sent."""
        while True:
            try:
                if not worker.connection.poll():
                    return
                kind, *values = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._bury(number, worker)
                return
            worker.last_news = time.monotonic()
            if kind == "ready":
                worker.is_ready, self._start_failures = True, 0
            elif kind == "begun":
                worker.began = worker.last_news
            elif kind == "progress" and worker.task is not None:
                self._on_progress(number, worker.task, *values)
            elif kind == "ended":
                yield worker.ended(values[0])
                if worker.clip_count >= self._limits.clips_per_worker:
                    worker.kill()  # It has nothing to do.
                    self._workers[number] = None
                    return

    def _bury(self, number: int, worker: _Worker) -> Iterator[Ended]:
        """Take note that a worker process has died."""
        self._workers[number] = None
        worker.kill()
        how = _described_exit(worker.process.exitcode)
        if worker.task is not None and worker.is_ready:
            yield worker.lost("killed", f"the worker process died{how}", again=True)
        elif worker.task is not None:
            # It had not even looked at the clip.
            self._start_failures += 1
            if self._start_failures >= _MAX_START_FAILURES:
                raise RedactError(
                    f"worker processes end before they are ready{how}; a script that calls "
                    "redact_many needs `if __name__ == '__main__':` around it, or engine='serial'"
                )
            self._start_worker(number).give(worker.task)

    def _check(self) -> Iterator[Ended]:
        """End workers that take too long or too much memory."""
        now = time.monotonic()
        if now - self._last_check < _CHECK_SECONDS:
            return
        self._last_check = now
        for number, worker in enumerate(self._workers):
            if worker is None:
                continue
            if worker.task is None:
                if now - worker.last_news > _IDLE_SECONDS:
                    worker.kill()
                    self._workers[number] = None
                continue
            problem = excess(
                self._limits,
                self._capacity,
                used_bytes=worker.measure(),
                seconds=now - worker.began,
                silent_seconds=now - worker.last_news,
            )
            if problem is not None:
                worker.kill()
                self._workers[number] = None
                yield worker.lost(*problem, again=False)


class _Worker:
    """A worker process, seen from its parent."""

    def __init__(self, function_path: str, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: Any = context.Process(
            target=run_worker, args=(theirs, function_path, threads), daemon=True
        )
        with _keeping_interrupts():
            self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.clip_count = 0
        self.began = self.last_news = time.monotonic()
        self.is_ready = False
        self._peak_bytes = 0

    def give(self, task: Task) -> None:
        """Send the next task."""
        self.task = task
        self.began = self.last_news = time.monotonic()
        self._peak_bytes = 0
        with contextlib.suppress(OSError):  # It has died meanwhile, which the next poll finds.
            self.connection.send(task)

    def ended(self, result: Result) -> Ended:
        """Take note that the task has ended."""
        self.measure()
        task, self.task = self.task, None
        assert task is not None
        self.clip_count += 1
        return Ended(task=task, result=self._with_peak(result))

    def lost(self, state: State, why: str, *, again: bool) -> Ended:
        """Take note that the task has ended with its worker."""
        task, self.task = self.task, None
        assert task is not None
        outcome = Outcome(state=state, reason=why, seconds=time.monotonic() - self.began)
        return Ended(task=task, result=self._with_peak(outcome), is_lost=again)

    def _with_peak(self, result: Result) -> Result:
        return dataclasses.replace(result, peak_bytes=self._peak_bytes)

    def measure(self) -> int:
        """Bytes of memory that the process uses now."""
        try:
            used = int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error:
            return 0
        self._peak_bytes = max(self._peak_bytes, used)
        return used

    def kill(self) -> None:
        """End the process, whatever it is doing, and wait until it is gone."""
        with contextlib.suppress(OSError):
            self.connection.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


def _described_exit(code: int | None) -> str:
    """How a process ended, in brackets; nothing where that is not known."""
    if code is None:
        return ""
    if code >= 0:
        return f" (exit code {code})"
    name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
    hint = "; the system does this when memory runs out" if name == "SIGKILL" else ""
    return f" ({name}{hint})"


@contextlib.contextmanager
def _keeping_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C doesn't reach: their parent ends them.

    A terminal sends the signal to all processes, and a new one inherits which signals are blocked.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
