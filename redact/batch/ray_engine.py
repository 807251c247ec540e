"""Workers on the machines of a Ray cluster, each an actor that has loaded everything once.

Clips travel by address: paths must mean the same on all machines, or sources and target are
addresses of a store. Ray restarts nothing here and retries nothing, because it knows neither how
long a clip may take nor which errors are the clip's own: a clip that can't be done is an outcome,
and what is to be tried again is decided where the other engines' clips are, too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Iterator
from typing import Any

import psutil

from redact.batch.capacity import Capacity, WorkerLimits
from redact.batch.engines import Ended, WorkerSlots, excess
from redact.batch.records import Outcome, Result, Task
from redact.batch.worker import REDACT_TASK, limit_threads, load_function, warm_up
from redact.errors import RedactError
from redact.settings import Settings
from redact.source_files import reason

_ASK_SECONDS = 0.5
# So many in a row that are lost before they have begun: the next ones would be, too.
_MAX_START_FAILURES = 10
# An actor that has not begun after this time may be waiting for a machine.
_PATIENCE_SECONDS = 5.0


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connect this process to a cluster, or start one on this machine; nothing where it is.

    Raises:
        RedactError: Ray isn't installed, or the cluster can't be reached.

    """
    try:
        import ray
    except ImportError as err:
        raise RedactError("the engine 'ray' needs Ray; install redact-clips[ray]") from err
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, OSError, RuntimeError, ValueError) as err:
        place = "start Ray" if address is None else f"reach the Ray cluster {address!r}"
        raise RedactError(f"can't {place}: {reason(err)}") from err
    try:
        yield
    finally:
        ray.shutdown()


def cluster_capacity(
    clip_count: int, settings: Settings, limits: WorkerLimits, workers: int | None
) -> Capacity:
    """As many workers as the cluster has cores for, each of one thread unless settings say more."""
    import ray

    resources = ray.cluster_resources()
    threads = settings.threads or 1
    fitting = int(resources.get("CPU", 1)) // threads
    workers = workers or max(1, min(clip_count, fitting))
    return Capacity(
        workers=workers,
        threads=threads,
        memory_bytes=limits.memory_bytes or max(1, int(resources.get("memory", 0) / workers)),
    )


class RayEngine(WorkerSlots["_Worker"]):
    """Redacts clips in actors; each has one clip at a time, so that nothing queues in the cluster.

    The arguments are those of `WorkerSlots`.
    """

    @functools.cached_property
    def _ray(self) -> Any:
        import ray

        return ray

    @functools.cached_property
    def _actor_class(self) -> Any:
        # Two threads: one works, the other says how far it is.
        options: dict[str, Any] = {
            "num_cpus": self._capacity.threads,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 2,
        }
        if self._limits.memory_bytes is not None:
            options["memory"] = self._limits.memory_bytes
        return self._ray.remote(Actor).options(**options)

    def start(self, task: Task) -> None:
        """Give the task to an actor that has none, or to a new one."""
        number = self._free_number()
        worker = self._workers[number]
        if worker is None:
            actor = self._actor_class.remote(self._function_path, self._capacity.threads)
            worker = self._workers[number] = _Worker(actor)
        worker.give(task)

    def poll(self, seconds: float) -> list[Ended]:
        """Wait for clips to end, and end actors that take too much.

        Raises:
            RedactError: actors can't be started.

        """
        self._relieve()
        busy = {w.result: n for n, w in enumerate(self._workers) if w is not None and w.task}
        if not busy:
            return []
        ready, _ = self._ray.wait(list(busy), num_returns=1, timeout=seconds)
        if ready:
            # Others may be ready as well.
            ready, _ = self._ray.wait(list(busy), num_returns=len(busy), timeout=0)
        ended = [self._ended(busy[reference]) for reference in ready]
        return [*ended, *self._check()]

    def close(self) -> None:
        """End all actors."""
        for number in range(len(self._workers)):
            self._end(number)

    def _ended(self, number: int) -> Ended:
        worker = self._workers[number]
        assert worker is not None and worker.task is not None
        task, worker.task = worker.task, None
        worker.clip_count += 1
        try:
            result: Result = self._ray.get(worker.result)
        except self._ray.exceptions.RayError as err:
            # The actor or its machine is gone, or can't be reached, which is the same to us.
            self._end(number)
            why = f"the worker was lost ({type(err).__name__})"
            outcome = Outcome(state="killed", reason=why, seconds=worker.seconds)
            has_begun = worker.was_up(self._ray)
            if not has_begun:
                self._start_failures += 1
                if self._start_failures >= _MAX_START_FAILURES:
                    raise RedactError(f"workers of the Ray cluster don't start: {err}") from err
            return Ended(task=task, result=outcome, is_lost=True, has_begun=has_begun)
        self._start_failures = 0
        result = dataclasses.replace(result, peak_bytes=worker.peak_bytes)
        if worker.clip_count >= self._limits.clips_per_worker:
            self._end(number)
        return Ended(task=task, result=result)

    def _check(self) -> Iterator[Ended]:
        """Ask how far the actors are, and end those that take too long or too much memory."""
        for number, worker in enumerate(self._workers):
            if worker is None or worker.task is None:
                continue
            if worker.ask(self._ray):
                self._on_progress(number, worker.task, *worker.told)
            # An actor that waits for a machine takes no time.
            silent = 0.0 if worker.began is None else time.monotonic() - worker.last_news
            problem = excess(
                self._limits,
                self._capacity,
                used_bytes=worker.used_bytes,
                seconds=worker.seconds,
                silent_seconds=silent,
            )
            if problem is not None:
                task, worker.task = worker.task, None
                self._end(number)
                outcome = Outcome(
                    state=problem[0],
                    reason=problem[1],
                    seconds=worker.seconds,
                    peak_bytes=worker.peak_bytes,
                )
                yield Ended(task=task, result=outcome)

    def _relieve(self) -> None:
        """Let actors that have nothing to do take clips from those that wait for a machine.

        A machine that has died leaves less room than there are actors; those that wait would do so
        until others end, which have nothing to do but stay.
        """
        now = time.monotonic()
        for number, waiting in enumerate(self._workers):
            if waiting is None or waiting.task is None or waiting.began is not None:
                continue
            idle = next((w for w in self._workers if w is not None and w.task is None), None)
            if idle is None or now - waiting.last_news < _PATIENCE_SECONDS:
                continue
            task, waiting.task = waiting.task, None
            self._end(number)
            idle.give(task)

    def _end(self, number: int) -> None:
        worker, self._workers[number] = self._workers[number], None
        if worker is not None:
            with contextlib.suppress(Exception):  # It may be gone, and so may the cluster.
                self._ray.kill(worker.actor, no_restart=True)


class _Worker:
    """An actor, seen from the process that drives the run."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        # Answered once the actor has loaded everything.
        self._first_answer = actor.progress.remote()
        self.task: Task | None = None
        self.result: Any = None
        self.clip_count = 0
        self.began: float | None = None
        self.last_news = time.monotonic()
        self.told: tuple[str, int, int | None] = ("", 0, None)
        self.used_bytes = self.peak_bytes = 0
        self._answer: Any = None
        self._last_ask = 0.0
        self._last_count = -1

    @property
    def seconds(self) -> float:
        """Since the actor began with its task."""
        return 0.0 if self.began is None else time.monotonic() - self.began

    def give(self, task: Task) -> None:
        """Send the next task."""
        self.task, self.result = task, self.actor.redact.remote(task)
        self.began, self.last_news = None, time.monotonic()
        self.used_bytes = self.peak_bytes = 0
        self._last_count = -1

    def was_up(self, ray: Any) -> bool:
        """Whether the actor ever got so far that it could begin with a task."""
        try:
            ray.get(self._first_answer, timeout=0)
        except ray.exceptions.RayError:
            return False
        return True

    def ask(self, ray: Any) -> bool:
        """Ask how far the task is, now and then; return whether there is news."""
        if self._answer is None:
            if time.monotonic() - self._last_ask < _ASK_SECONDS:
                return False
            self._last_ask = time.monotonic()
            self._answer = self.actor.progress.remote()
        if not ray.wait([self._answer], timeout=0)[0]:
            return False
        answer, self._answer = self._answer, None
        try:
            number, count, told, self.used_bytes = ray.get(answer)
        except ray.exceptions.RayError:
            return False  # The task's own result will say so.
        self.peak_bytes = max(self.peak_bytes, self.used_bytes)
        if self.task is None or number != self.task.number:
            return False
        if self.began is None:
            self.began = time.monotonic()
        if count == self._last_count:
            return False
        self._last_count, self.told, self.last_news = count, told, time.monotonic()
        return True


class Actor:
    """What runs in the cluster; Ray makes an actor of it.

    Args:
        function_path: import path of a `worker.TaskFunction`.
        threads: how many the libraries may use.

    """

    def __init__(self, function_path: str, threads: int) -> None:
        limit_threads(threads)
        self._function = load_function(function_path)
        if function_path == REDACT_TASK:
            warm_up(threads)
        self._number, self._count = 0, 0
        self._told: tuple[str, int, int | None] = ("", 0, None)

    def redact(self, task: Task) -> Result:
        """Do what is to be done with a clip; errors are outcomes."""
        self._number, self._count = task.number, 0
        return self._function(task, self._tell)

    def progress(self) -> tuple[int, int, tuple[str, int, int | None], int]:
        """The task's number, how often it told something, what it told, and bytes in use."""
        used = int(psutil.Process().memory_info().rss)
        return self._number, self._count, self._told, used

    def _tell(self, stage: str, done: int, total: int | None) -> None:
        self._told = stage, done, total
        self._count += 1
