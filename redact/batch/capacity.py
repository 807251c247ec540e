"""How many workers a machine has room for, how many threads each may use, and how much memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import psutil

from redact.errors import SettingsError
from redact.machine import thread_count
from redact.settings import Settings

# What a worker needs at 1080p, measured by benchmarks batch, and some room.
_WORKER_BYTES = 1_200_000_000
# The share of the free memory that all workers together may take.
_MEMORY_SHARE = 0.85
# A worker of t threads does t ** this times the work of one thread: a clip has parts that no second
# thread helps with. Measured by benchmarks batch on two cores.
_THREADS_EXPONENT = 0.4


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """What a worker may take before it is ended, and how often a clip is tried.

    Raises:
        SettingsError: a value can't be used.

    """

    deadline_seconds: float | None = None
    """The longest time that a clip may take; None sets no such limit."""
    stall_seconds: float = 600.0
    """A clip of which no frame was done for this long counts as hung."""
    memory_bytes: int | None = None
    """The most memory for each worker; None divides what is free now among them."""
    clips_per_worker: int = 100
    """A worker process is replaced by a new one after so many clips."""
    tries: int = 2
    """How often a clip is tried whose worker process died."""

    def __post_init__(self) -> None:
        for name in ("deadline_seconds", "stall_seconds", "memory_bytes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"{name} must be above 0, not {value!r}")
        for name in ("clips_per_worker", "tries"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 1, not {getattr(self, name)!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many workers run, and what each may use."""

    workers: int
    threads: int
    """Of each worker."""
    memory_bytes: int
    """Of each worker."""


def capacity_for(
    sizes: Sequence[int],
    settings: Settings,
    *,
    workers: int | None = None,
    memory_bytes: int | None = None,
    cores: int | None = None,
    free_bytes: int | None = None,
) -> Capacity:
    """Choose the number of workers and of their threads for clips of these sizes.

    Many workers of one thread do more than few of many threads, as long as each has something to
    do. So the split is chosen that ends first: it takes the longer of the time for all clips on all
    workers, and the time for the largest clip on one. Workers times threads never exceed the cores,
    unless the caller asks for it.

    Args:
        sizes: bytes of each clip, for which the work is taken to be proportional.
        settings: `threads` of each worker, when it is not 0.
        workers: how many; None chooses.
        memory_bytes: of each worker; None divides what is free.
        cores: the machine's; None counts those that this process may use.
        free_bytes: memory that workers may take; None asks the system.

    Raises:
        SettingsError: the number of workers can't be used.

    """
    if workers is not None and (isinstance(workers, bool) or not 1 <= workers <= 1024):
        raise SettingsError(f"workers must lie in 1..1024, not {workers!r}")
    cores = thread_count(0) if cores is None else cores
    free_bytes = free_memory() if free_bytes is None else free_bytes
    usable = int(_MEMORY_SHARE * free_bytes)
    if workers is None:
        fitting = max(1, usable // (memory_bytes or _WORKER_BYTES))
        most = max(1, min(len(sizes), fitting, cores // max(1, settings.threads)))
        workers = min(
            range(1, most + 1), key=lambda n: (_makespan(sizes, n, settings.threads, cores), -n)
        )
    threads = settings.threads or max(1, cores // workers)
    return Capacity(
        workers=workers,
        threads=threads,
        memory_bytes=memory_bytes or max(_WORKER_BYTES, usable // workers),
    )


def free_memory() -> int:
    """Bytes that this process and its children may still take, by the system and by its limits."""
    free = int(psutil.virtual_memory().available)
    try:
        # A container's limit, which the figures of the whole machine don't show.
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return free
    return max(0, min(free, limit - used))


def _makespan(sizes: Sequence[int], workers: int, threads: int, cores: int) -> float:
    """Relative time until all clips are done, each worker taking the next largest one."""
    speed = (threads or max(1, cores // workers)) ** _THREADS_EXPONENT
    return max(max(sizes), sum(sizes) / workers) / speed if sizes else 0.0
