"""A folder that a camera or a recorder writes to: each clip is redacted once it is complete."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redact import __version__
from redact.batch.capacity import WorkerLimits, capacity_for
from redact.batch.driver import BatchObserver, Driver, Observers
from redact.batch.manifest import FolderManifest
from redact.batch.many import make_engine
from redact.batch.metrics import Metrics
from redact.batch.sources import Job, clips_below, is_result, job_for
from redact.cover.styles import check_strength
from redact.errors import ClipError, SettingsError
from redact.settings import Settings, as_settings
from redact.source_files import lacks_index

# While a file isn't settled, it is looked at this often; and so soon after the system has told of a
# change, because changes come in crowds.
_SOON_SECONDS = 1.0
# When the system tells of changes, looking is only there for those that it doesn't know of.
_NOTIFIED_POLL_SECONDS = 60.0
# A file without its index is given up after this time: whoever wrote it must have died.
_INDEX_PATIENCE_SECONDS = 600.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class WatchTiming:
    """When a file counts as complete, and how often to look.

    Raises:
        SettingsError: a value can't be used.

    """

    settle_seconds: float = 10.0
    """A file is complete once its size and time have stood still for so long, it can be opened, and
    it has its index if it is an MP4."""
    poll_seconds: float = 5.0
    """How often to look at the folder. Where the system tells of changes, it is looked at only once
    a minute besides."""

    def __post_init__(self) -> None:
        for name in ("settle_seconds", "poll_seconds"):
            if not 0 < getattr(self, name) < 86_400:
                value = getattr(self, name)
                raise SettingsError(f"{name} must lie between 0 and a day, not {value!r}")


def watch(
    folder: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    workers: int | None = None,
    engine: str = "processes",
    limits: WorkerLimits | None = None,
    timing: WatchTiming | None = None,
    observer: BatchObserver | None = None,
    metrics: str | os.PathLike[str] | None = None,
) -> None:
    """Redact every clip below a folder, now and as they come, until an exception ends it.

    An exception that `observer` raises in `tick` does that, as does Ctrl-C. A full disk ends it
    without one. See `redact_many` for the target folder and the other arguments.

    Args:
        folder: what is written to it, or below it, is redacted. It is never changed.
        target: the folder for the results.
        settings: of all clips; defaults when None.
        workers: how many processes; chosen by cores and memory when None.
        engine: "processes" or "serial".
        limits: what a worker may take.
        timing: when a file is complete.
        observer: is told how it goes.
        metrics: a file for figures in Prometheus' text format.

    Raises:
        ClipError: there is no such folder.
        TargetError: the target folder can't be written to.
        SettingsError: a setting, the number of workers or a limit can't be used.

    """
    settings, limits, timing = (
        as_settings(settings),
        limits or WorkerLimits(),
        timing or WatchTiming(),
    )
    check_strength(settings)
    if not Path(folder).is_dir():
        raise ClipError(f"there is no folder {os.fspath(folder)!r} to watch")
    # As if many small clips were waiting: what will come is not known.
    capacity = capacity_for(
        [1] * 1000,
        settings,
        workers=1 if engine == "serial" else workers,
        memory_bytes=limits.memory_bytes,
    )
    figures = Metrics(metrics) if metrics is not None else BatchObserver()
    with (
        FolderManifest(Path(target)) as manifest,
        _notified(Path(folder)) as changes,
    ):
        driver = Driver(
            manifest,
            Observers(figures, observer or BatchObserver()),
            settings=dataclasses.replace(settings, threads=capacity.threads),
            version=__version__,
            limits=limits,
        )
        queue = FolderQueue(Path(folder), timing, changes)
        driver.run(queue, make_engine(engine, capacity, limits, driver.on_progress))
        figures.finished()


class FolderQueue:
    """A queue of the clips below a folder that are complete, each once until it changes.

    Args:
        folder: the folder.
        timing: when a file is complete, and how often to look.
        changes: is set when something has changed; None where nobody tells.

    """

    def __init__(
        self, folder: Path, timing: WatchTiming, changes: threading.Event | None = None
    ) -> None:
        self._folder = Path(os.path.abspath(folder))  # noqa: PTH100
        self._timing, self._changes = timing, changes
        self._ready: collections.deque[Job] = collections.deque()
        # Size and time of each file: as it was given out, and as it was last seen since when.
        self._given: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}
        self._next_look = time.monotonic()

    is_exhausted = False
    """More may always come."""

    def next(self) -> Job | None:
        """The next clip that is complete; None while there is none."""
        now = time.monotonic()
        if self._changes is not None and self._changes.is_set():
            self._changes.clear()
            self._next_look = min(self._next_look, now + _SOON_SECONDS)
        if not self._ready and now >= self._next_look:
            self._look(now)
        return self._ready.popleft() if self._ready else None

    def _look(self, now: float) -> None:
        found: set[str] = set()
        for clip in clips_below(self._folder):
            if is_result(clip):
                continue
            job = job_for(clip, self._folder)
            found.add(job.source)
            state = job.size, job.mtime_ns
            if self._given.get(job.source) == state:
                continue
            seen, since = self._seen.get(job.source, (None, now))
            if seen != state:
                since = now
            self._seen[job.source] = state, since
            if self._is_complete(clip, now - since):
                del self._seen[job.source]
                self._given[job.source] = state
                self._ready.append(job)
        for known in (self._given, self._seen):
            for gone in known.keys() - found:
                del known[gone]
        idle = self._timing.poll_seconds if self._changes is None else _NOTIFIED_POLL_SECONDS
        settling = min(_SOON_SECONDS, self._timing.settle_seconds)
        self._next_look = time.monotonic() + (settling if self._seen else idle)

    def _is_complete(self, clip: Path, still_seconds: float) -> bool:
        """Whether nobody writes to a file any more, as far as that can be told."""
        if still_seconds < self._timing.settle_seconds:
            return False
        if still_seconds >= _INDEX_PATIENCE_SECONDS:
            return True  # Whoever opens it will say what is wrong.
        try:
            with clip.open("rb"):
                pass  # Windows refuses what another process is writing.
        except OSError:
            return False
        return not lacks_index(clip)


@contextlib.contextmanager
def _notified(folder: Path) -> Iterator[threading.Event | None]:
    """Give an event that is set when something changes below a folder; None where that can't be.

    On network shares, the system may tell nothing of what other machines write.
    """
    try:
        from watchdog.events import FileSystemEventHandler
        from watchdog.observers import Observer
    except ImportError:
        yield None
        return
    changes = threading.Event()

    def note(event: Any) -> None:
        # Only looking at a file is no change, and looking is what this does itself.
        if event.event_type not in ("opened", "closed_no_write"):
            changes.set()

    handler = FileSystemEventHandler()
    handler.on_any_event = note
    system: Any = Observer()
    try:
        system.schedule(handler, str(folder), recursive=True)
        system.start()
    except (OSError, RuntimeError):
        yield None  # The system's number of watched folders is used up, for instance.
        return
    try:
        yield changes
    finally:
        system.stop()
        system.join()
