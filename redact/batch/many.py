"""`redact_many`: any number of clips and folders, by several workers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from redact import __version__
from redact.batch.capacity import Capacity, WorkerLimits, capacity_for
from redact.batch.driver import BatchObserver, Driver, ListQueue, Observers, Recorder
from redact.batch.engines import Engine, OnProgress, SerialEngine
from redact.batch.manifest import FolderManifest, Manifest
from redact.batch.metrics import Metrics
from redact.batch.records import STATES, ClipRecord
from redact.batch.sources import SUFFIXES, Found, Job, find_jobs, is_address
from redact.batch.worker import REDACT_TASK
from redact.cover.styles import check_strength
from redact.errors import SettingsError, TargetError
from redact.settings import Settings, as_settings

EngineName = Literal["processes", "serial", "ray"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchReport:
    """What became of the clips of one run."""

    records: tuple[ClipRecord, ...]
    """In the order in which they ended."""
    not_tried: tuple[str, ...] = ()
    """Sources that were left alone, because an error ended the run."""
    problems: tuple[str, ...] = ()
    """Folders that can't be listed, in words."""
    seconds: float = 0.0
    """Wall time of the run."""
    capacity: Capacity
    """How many workers there were, and what each might use."""

    @property
    def counts(self) -> dict[str, int]:
        """How many clips ended in each state; only states that occur."""
        states = [record.state for record in self.records]
        return {state: states.count(state) for state in STATES if state in states}

    @property
    def is_complete(self) -> bool:
        """Whether every clip is done."""
        done = all(record.state == "done" for record in self.records)
        return done and not self.not_tried and not self.problems

    @property
    def peak_bytes(self) -> int:
        """The most memory that a worker was seen to use; 0 when unknown."""
        return max((record.outcome.peak_bytes for record in self.records), default=0)


def redact_many(
    sources: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    workers: int | None = None,
    engine: EngineName = "processes",
    on_error: Literal["continue", "stop"] = "continue",
    force: bool = False,
    limits: WorkerLimits | None = None,
    observer: BatchObserver | None = None,
    metrics: str | os.PathLike[str] | None = None,
    address: str | None = None,
) -> BatchReport:
    """Redact clips, and all clips below folders, into a target folder.

    Results lie in the target folder as the sources lie below the deepest folder that holds all of
    them: "visits/may/a.mp4" becomes "may/a.redacted.mp4". The file `redact-manifest.sqlite3` there
    remembers what became of each clip, so that a second run does only what isn't done: a result is
    kept unless its source, the settings or the version changed. Several processes may work on one
    target folder at a time.

    With the engine "processes", a script has to call this under `if __name__ == "__main__":`, as
    with everything that starts processes.

    Args:
        sources: files and folders, or addresses of one kind. They are never changed.
        target: the folder for the results, or an address; it is made when it is missing.
        settings: of all clips; defaults when None.
        workers: how many processes; chosen by cores, memory and the sizes of the clips when None.
        engine: "processes" on this machine; "serial" for one clip after the other in this
            process; "ray" for a Ray cluster, to whose machines all paths must mean the same.
        on_error: "continue" with the other clips after one that can't be done, or "stop".
        force: do clips again that are done.
        limits: what a worker may take; see `WorkerLimits`.
        observer: is told how it goes.
        metrics: a file for figures in Prometheus' text format, kept up to date.
        address: of the Ray cluster; None starts or joins one as `ray.init` does.

    Raises:
        TypeError: an argument has the wrong type.
        ClipError: a source doesn't exist, or there is no clip in any of them.
        TargetError: the target folder can't be written to, or two results would have one name.
        SettingsError: a setting, the number of workers or a limit can't be used.
        RedactError: workers can't be started, or an extra of the package is needed.

    """
    started = time.monotonic()
    settings = as_settings(settings)
    limits, observer = limits or WorkerLimits(), observer or BatchObserver()
    check_strength(settings)
    _check_choice("engine", engine, typing.get_args(EngineName))
    _check_choice("on_error", on_error, ("continue", "stop"))
    _check_is_folder(target)
    found = _found(sources)
    # The largest come first, so that no worker is left alone with one at the end.
    jobs = tuple(sorted(found.jobs, key=lambda job: -job.size))
    recorder = Recorder()
    figures = Metrics(metrics) if metrics is not None else BatchObserver()
    everybody = Observers(recorder, figures, observer)
    with _cluster(engine, address):
        capacity = _capacity(engine, jobs, settings, limits, workers)
        everybody.found(jobs)
        with _manifest(target) as manifest:
            driver = Driver(
                manifest,
                everybody,
                settings=dataclasses.replace(settings, threads=capacity.threads),
                version=__version__,
                limits=limits,
                force=force,
                stop_on_error=on_error == "stop",
            )
            driver.run(ListQueue(jobs), make_engine(engine, capacity, limits, driver.on_progress))
    everybody.finished()
    ended = {record.source for record in recorder.records}
    return BatchReport(
        records=tuple(recorder.records),
        not_tried=tuple(job.source for job in jobs if job.source not in ended),
        problems=found.problems,
        seconds=time.monotonic() - started,
        capacity=capacity,
    )


def _check_is_folder(target: str | os.PathLike[str]) -> None:
    """Refuse a target that is meant to be a file."""
    path = Path(target)
    if path.suffix.lower() in SUFFIXES and not path.is_dir():
        raise TargetError(
            f"{str(target)!r} is called like a clip; the results of several clips need a folder"
        )


def _found(sources: Sequence[str | os.PathLike[str]]) -> Found:
    if not isinstance(sources, str) and any(is_address(source) for source in sources):
        from redact.batch.stores import find_jobs_at

        return find_jobs_at(sources)
    return find_jobs(sources)


def _manifest(
    target: str | os.PathLike[str],
) -> contextlib.AbstractContextManager[Manifest]:
    if is_address(target):
        from redact.batch.stores import StoreManifest

        return StoreManifest(str(target))
    return FolderManifest(Path(target))


def _cluster(engine: str, address: str | None) -> contextlib.AbstractContextManager[None]:
    if engine == "ray":
        from redact.batch.ray_engine import connected

        return connected(address)
    if address is not None:
        raise SettingsError(f"address={address!r} is for engine='ray', not engine={engine!r}")
    return contextlib.nullcontext()


def _capacity(
    engine: str,
    jobs: Sequence[Job],
    settings: Settings,
    limits: WorkerLimits,
    workers: int | None,
) -> Capacity:
    if engine == "ray":
        from redact.batch.ray_engine import cluster_capacity

        return cluster_capacity(len(jobs), settings, limits, workers)
    return capacity_for(
        [job.size for job in jobs],
        settings,
        workers=1 if engine == "serial" else workers,
        memory_bytes=limits.memory_bytes,
    )


def make_engine(
    name: str, capacity: Capacity, limits: WorkerLimits, on_progress: OnProgress
) -> Engine:
    """The engine with this name."""
    if name == "serial":
        return SerialEngine(on_progress, function_path=REDACT_TASK)
    if name == "ray":
        from redact.batch.ray_engine import RayEngine

        return RayEngine(capacity, limits, on_progress, function_path=REDACT_TASK)
    from redact.batch.processes import ProcessEngine

    return ProcessEngine(capacity, limits, on_progress, function_path=REDACT_TASK)


def _check_choice(name: str, value: object, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise SettingsError(f"{name} must be one of {', '.join(accepted)}, not {value!r}")
