"""Who redacts clips: the interface of all engines, and the one that needs no other process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from redact.batch.capacity import Capacity, WorkerLimits
from redact.batch.records import Result, State, Task
from redact.batch.worker import REDACT_TASK, load_function

OnProgress = Callable[[int, Task, str, int, int | None], None]
"""Called as on_progress(worker, task, stage, done, total); see `redact.job.Progress` for the last
three. Workers are counted from 0. An exception raised in it ends the run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """A task has ended."""

    task: Task
    result: Result
    is_lost: bool = False
    """The worker died, which may not be the clip's fault, so that another try makes sense."""
    has_begun: bool = True
    """Whether the worker may have begun with it; a try that never began doesn't count."""


class Engine(Protocol):
    """Redacts clips, a few at a time."""

    @property
    def free_slots(self) -> int:
        """How many more tasks it takes now."""

    @property
    def running_count(self) -> int:
        """How many tasks have started and not ended."""

    @property
    def max_threads(self) -> int:
        """How many threads a task may use while no other one runs."""

    def start(self, task: Task) -> None:
        """Take a task, while there is a free slot."""

    def poll(self, seconds: float) -> list[Ended]:
        """Wait until something ends, for so long at most, and return what has ended."""

    def close(self) -> None:
        """End all workers, whatever they are doing."""


class _Worker(Protocol):
    """A worker, seen from its engine."""

    task: Task | None


_W = TypeVar("_W", bound=_Worker)


class WorkerSlots(Generic[_W]):
    """The slots of an engine, in each of which there is a worker or not yet one.

    Args:
        capacity: how many slots, and what each worker may use.
        limits: when a worker is ended or replaced.
        on_progress: see `OnProgress`.
        function_path: import path of what workers run; see `worker.TaskFunction`.

    """

    def __init__(
        self,
        capacity: Capacity,
        limits: WorkerLimits,
        on_progress: OnProgress,
        *,
        function_path: str = REDACT_TASK,
    ) -> None:
        self._capacity, self._limits, self._on_progress = capacity, limits, on_progress
        self._function_path = function_path
        self._workers: list[_W | None] = [None] * capacity.workers
        self._start_failures = 0

    @property
    def free_slots(self) -> int:
        """How many slots have nothing to do."""
        return len(self._workers) - self.running_count

    @property
    def running_count(self) -> int:
        """How many workers have a task."""
        return sum(worker is not None and worker.task is not None for worker in self._workers)

    @property
    def max_threads(self) -> int:
        """As many as each worker has."""
        return self._capacity.threads

    def _free_number(self) -> int:
        """A slot for the next task: one whose worker has loaded everything, if there is one."""
        free = [n for n, worker in enumerate(self._workers) if not (worker and worker.task)]
        return min(free, key=lambda n: self._workers[n] is None)


def excess(
    limits: WorkerLimits,
    capacity: Capacity,
    *,
    used_bytes: int,
    seconds: float,
    silent_seconds: float,
) -> tuple[State, str] | None:
    """Why a worker has to be ended, as the state of its clip and in words; None if it need not.

    Args:
        limits: how long it may take.
        capacity: how much memory it may use.
        used_bytes: that it uses.
        seconds: since it began with its clip.
        silent_seconds: since it last got on with it.

    """
    allowed = capacity.memory_bytes
    if used_bytes > allowed:
        return "out of memory", (
            f"the worker took {used_bytes / 1e9:.1f} GB of memory, and may take {allowed / 1e9:.1f}"
            " GB; allow it more, or use fewer workers"
        )
    if limits.deadline_seconds and seconds > limits.deadline_seconds:
        return "timeout", f"it took longer than {limits.deadline_seconds:g} s"
    if silent_seconds > limits.stall_seconds:
        return "timeout", f"nothing went on for {limits.stall_seconds:g} s"
    return None


class SerialEngine:
    """Redacts one clip after the other, in this process.

    A clip that hangs or kills the process can't be helped here.
    """

    def __init__(self, on_progress: OnProgress, *, function_path: str = REDACT_TASK) -> None:
        self._on_progress = on_progress
        self._function = load_function(function_path)
        self._task: Task | None = None

    @property
    def free_slots(self) -> int:
        """1 while there is nothing to do."""
        return int(self._task is None)

    @property
    def max_threads(self) -> int:
        """As many as the settings say, since there is one task at a time."""
        return 0

    @property
    def running_count(self) -> int:
        """1 from `start` to the next `poll`."""
        return int(self._task is not None)

    def start(self, task: Task) -> None:
        """Take the task that the next `poll` carries out."""
        self._task = task

    def poll(self, seconds: float) -> list[Ended]:
        """Carry out the task, however long it takes."""
        task = self._task
        if task is None:
            return []
        try:
            result = self._function(task, lambda *told: self._on_progress(0, task, *told))
        finally:
            self._task = None
        return [Ended(task=task, result=result)]

    def close(self) -> None:
        """Nothing is left to end."""
