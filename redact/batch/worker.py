"""What runs in a worker: one clip after the other, in a process that has loaded everything once.

This module imports nothing heavy: a worker first limits how many threads the libraries start, and
they read those limits while they are imported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import importlib
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import psutil

from redact.batch.records import (
    AllParts,
    Division,
    OnePart,
    Outcome,
    PartResult,
    Result,
    State,
    Task,
    json_sha256,
)
from redact.batch.sources import is_address
from redact.errors import ClipError, LeakError, RedactError, TargetError, WeightsError
from redact.source_files import reason

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from redact.report import Report

Tell = Callable[[str, int, int | None], None]
"""As `redact.job.Progress`."""
TaskFunction = Callable[[Task, Tell], Result]

REDACT_TASK = "redact.batch.worker:redact_task"
"""Import path of the function that workers run."""

_TELL_SECONDS = 0.2
_FETCHED = "redact-fetched-"
# The disk is full, or the user's share of it, or it can't be written to at all.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def redact_task(task: Task, tell: Tell) -> Result:
    """Do what is to be done with a clip; whatever goes wrong with it is an outcome."""
    started = time.perf_counter()
    try:
        result = _result(task, tell)
    except Exception as err:
        return failure(err, time.perf_counter() - started)
    return dataclasses.replace(result, seconds=time.perf_counter() - started)


def _result(task: Task, tell: Tell) -> Result:
    from redact import pipeline

    work = task.work
    if isinstance(work, OnePart):
        return _analyze_part(task, work, tell)
    if isinstance(work, AllParts):
        return _render_parts(task, work, tell)
    if work.may_divide and (division := _divide(task)).part_frames:
        return division
    with _local_files(task) as (source, target):
        report = pipeline.redact_clip(source, target, task.settings, progress=tell)
        return _success(report, target)


def _divide(task: Task) -> Division:
    """Divide a clip that lies on this machine, if it is long enough."""
    from redact import clip_analysis, video
    from redact.analysis.parts import analyzed_frames, part_count
    from redact.image_files import is_image_file
    from redact.job import Job
    from redact.output import check_target

    source, target = Path(task.source), Path(task.target)
    check_target(source, target)
    job = Job(task.settings, None, None)
    clip = None if is_image_file(source) else clip_analysis.divided(job, source)
    if clip is None:
        return Division()
    # What would be refused in the end is refused before any work.
    video.check_fits(target, clip, job.settings)
    frames = (analyzed_frames(n, clip.seconds) for n in range(part_count(clip.seconds)))
    return Division(clip=pickle.dumps(clip), part_frames=tuple(map(len, frames)))


def _analyze_part(task: Task, work: OnePart, tell: Tell) -> Result:
    from redact import clip_analysis
    from redact.job import Job

    job = Job(task.settings, None, tell)
    try:
        part = clip_analysis.analyze_part(job, pickle.loads(work.clip), work.number)
    except ClipError:
        return Division()  # Whoever reads the whole clip sees what is wrong with it.
    return PartResult(seen=pickle.dumps(part))


def _render_parts(task: Task, work: AllParts, tell: Tell) -> Result:
    from redact import clip_analysis, pipeline
    from redact.job import Job

    job = Job(task.settings, None, None)
    parts = [pickle.loads(seen) for seen in work.seen]
    plan = clip_analysis.plan_of_parts(job, pickle.loads(work.clip), parts)
    if plan is None:
        return Division()
    report = pipeline.render(plan, task.target, progress=tell)
    seconds = {**report.stage_seconds, "analyze": work.seconds}
    return _success(dataclasses.replace(report, stage_seconds=seconds), Path(task.target))


@contextlib.contextmanager
def _local_files(task: Task) -> Iterator[tuple[Path, Path]]:
    """Give local paths for the source and the result of a task, whose own may be addresses.

    Raises:
        ClipError: the source can't be fetched.
        TargetError: the result can't be published.

    """
    if not (is_address(task.source) or is_address(task.target)):
        yield Path(task.source), Path(task.target)
        return
    from redact.batch.stores import Store

    # Only this user can read the folder: it has a copy of the clip as it was.
    with tempfile.TemporaryDirectory(prefix=f"{_FETCHED}{os.getpid()}-") as folder:
        source, result = Path(task.source), Path(task.target)
        if is_address(task.source):
            store = Store(task.source)
            path = store.path(task.source)
            source = Path(folder, "source", PurePosixPath(path).name or "clip")
            source.parent.mkdir()
            try:
                store.fetch(path, str(source))
            except OSError as err:
                raise ClipError(f"can't fetch {task.source!r}: {reason(err)}") from err
        if is_address(task.target):
            result = Path(folder, PurePosixPath(task.target).name)
        yield source, result
        if is_address(task.target):
            store = Store(task.target)
            try:
                store.publish(str(result), store.path(task.target))
            except OSError as err:
                raise TargetError(f"can't publish {task.target!r}: {reason(err)}") from err


def delete_leftovers() -> None:
    """Delete copies of clips that worker processes left behind which were killed outright."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FETCHED}*"):
        pid = folder.name.removeprefix(_FETCHED).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def failure(err: Exception, seconds: float) -> Outcome:
    """The outcome of a clip that ended with an exception."""
    state, ends_run = _state_of(err)
    if isinstance(err, RedactError):
        words = str(err)
    elif state == "out of memory":
        words = "the worker ran out of memory; allow it more, or use fewer workers"
    else:
        words = f"unexpected {type(err).__name__}: {reason(err)}"
    words = " ".join(words.split())
    return Outcome(state=state, reason=words, ends_run=ends_run, seconds=seconds)


def _state_of(err: Exception) -> tuple[State, bool]:
    """The state that an exception stands for, and whether every other clip would fail alike."""
    chain: list[BaseException] = [err]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
        chain.append(cause)
    if any(isinstance(e, MemoryError) for e in chain):
        return "out of memory", False
    is_full = any(isinstance(e, OSError) and e.errno in _FULL for e in chain)
    if isinstance(err, LeakError):
        return "leak", False
    if isinstance(err, TargetError) or is_full:
        return "unwritable", is_full
    if isinstance(err, ClipError):
        return "unreadable", False
    return "failed", isinstance(err, WeightsError)


def _success(report: Report, result: Path) -> Outcome:
    plan = report.plan.to_dict()
    plan.get("clip", {}).pop("path", None)
    return Outcome(
        state="done",
        source_sha256=report.plan.clip.sha256,
        plan_sha256=json_sha256(plan),
        result_sha256=report.output_sha256,
        result_bytes=result.stat().st_size,
        frame_count=report.frame_count,
        covered_ratio=report.covered_ratio,
        report=report.to_dict(),
    )


def load_function(path: str) -> TaskFunction:
    """The function with an import path such as "package.module:name"."""
    module, _, name = path.partition(":")
    function: TaskFunction = getattr(importlib.import_module(module), name)
    return function


def limit_threads(threads: int) -> None:
    """Let libraries that are loaded from now on start so many threads at most."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)


def warm_up(threads: int) -> None:
    """Load all that the first clip would load, and set the libraries up for this process."""
    import cv2

    from redact import pipeline  # noqa: F401
    from redact.cover import kernels
    from redact.machine import keep_no_memory

    delete_leftovers()
    keep_no_memory()
    cv2.setNumThreads(threads)
    kernels.warm_up()


def run_worker(connection: Connection, function_path: str, threads: int) -> None:
    """Redact what comes through the connection until it ends; the main function of a process.

    Sends ("ready",) once, and for each task ("begun",), any number of
    ("progress", stage, done, total), and ("ended", result). When the parent is gone, the next of
    these fails, which ends the process in the middle of its clip.
    """
    limit_threads(threads)
    _silence_libraries()
    with contextlib.suppress(EOFError, OSError), connection:
        function = load_function(function_path)
        if function_path == REDACT_TASK:
            warm_up(threads)
        connection.send(("ready",))
        while (task := connection.recv()) is not None:
            connection.send(("begun",))
            with _gone_parent_ends_process():
                result = function(task, _Teller(connection))
            connection.send(("ended", result))


class _ParentGoneError(BaseException):
    """The parent process is gone; no `except Exception` may take it for the clip's fault."""


class _Teller:
    """The progress callback: passes on what it is told a few times a second."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last_time, self._last_stage = 0.0, ""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if stage != self._last_stage or now - self._last_time > _TELL_SECONDS:
            self._last_time, self._last_stage = now, stage
            try:
                self._connection.send(("progress", stage, done, total))
            except OSError as err:
                raise _ParentGoneError from err


@contextlib.contextmanager
def _gone_parent_ends_process() -> Iterator[None]:
    try:
        yield
    except _ParentGoneError as err:
        raise EOFError from err


def _silence_libraries() -> None:
    """Keep what C++ libraries log off the terminal, for the whole process."""
    if os.environ.get("REDACT_DEBUG"):
        return
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    os.close(silence)
