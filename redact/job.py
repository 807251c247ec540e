"""What stays the same throughout one job: settings, detectors, the progress callback, the clock."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from redact.analysis.scan_presets import build_scans
from redact.analysis.scans import ScanSpec, close_scans
from redact.detectors import Detector
from redact.machine import can_start_threads, give_back_memory, thread_count
from redact.settings import Settings, as_settings

Progress = Callable[[str, int, int | None], None]
"""Called as progress(stage, done, total) for every frame of a stage; `total` is None when unknown.

The stages of `redact_clip` are "analyze", "render" and "audit", in this order. When the audit finds
a leak, "render" and "audit" come again. `verify` has the stages "read" and "verify". The total of
"analyze" and "read" is an estimate from the container. The stage "compile" comes before a stage
that has to compile kernels first. An exception raised in the callback ends the job, and nothing is
written.
"""

# A job uses up to so many threads for each core, for decoding, detecting and encoding, and so many
# more. Where they can't be started, one thread does everything.
_THREADS_PER_CORE, _MORE_THREADS = 4, 2
# Freed memory goes back to the system once in so many frames.
_GIVE_BACK_MEMORY_FRAMES = 120


class Job:
    """The settings, the detectors, the progress callback and the clock of one job.

    Args:
        settings: the defaults when None.
        detectors: run these on every frame, instead of those that `settings` names.
        progress: see `Progress`.

    Raises:
        TypeError: an argument has the wrong type.

    """

    def __init__(
        self,
        settings: Settings | None,
        detectors: Sequence[Detector] | None,
        progress: Progress | None,
    ) -> None:
        self.settings = as_settings(settings)
        self._is_threaded = can_start_threads(
            _THREADS_PER_CORE * thread_count(self.settings.threads) + _MORE_THREADS
        )
        if not self._is_threaded:
            self.settings = dataclasses.replace(self.settings, threads=1)
        self.seconds = {"analyze": 0.0, "render": 0.0, "audit": 0.0}
        """Seconds spent in each stage; stages that come more than once are added up."""
        _check_detectors(detectors)
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be a function or None, not {progress!r}")
        self._detectors, self._progress = detectors, progress
        self._last_time = time.perf_counter()
        self._told_count = 0

    def tell(self, stage: str, done: int, total: int | None) -> None:
        """Report progress; called for every frame. Memory is given back now and then as well."""
        self._told_count += 1
        if self._told_count % _GIVE_BACK_MEMORY_FRAMES == 0:
            give_back_memory()
        if self._progress is not None:
            self._progress(stage, done, total)

    def spent(self, stage: str) -> None:
        """Count the time since the last call, or since the job began, as spent in this stage."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._last_time
        self._last_time = now

    @property
    def workers(self) -> int:
        """How many threads run detectors; with 0 the caller's does.

        That is so where one thread is asked for, since a second one beside it would use another
        core; for a user's own detectors, which may not be thread-safe; and where the system allows
        too few threads.
        """
        threads = thread_count(self.settings.threads)
        if threads == 1 or self._detectors is not None or not self._is_threaded:
            return 0
        return threads

    @contextlib.contextmanager
    def beside(self, work: Callable[[], None]) -> Iterator[Future[None]]:
        """Do some work in a thread of its own beside the block, or before it."""
        if not self._is_threaded:
            done: Future[None] = Future()
            work()
            done.set_result(None)
            yield done
            return
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(work)

    @contextlib.contextmanager
    def scans(
        self, build: Callable[..., list[ScanSpec]] = build_scans, *, threads: int = 1
    ) -> Iterator[list[ScanSpec]]:
        """Give scans for the user's detectors, or build those that the settings name.

        Only detectors that were built here are closed afterwards.

        threads: how many each scan uses; 0 uses all cores. Frames of a clip are scanned side by
            side, so that each needs one thread only.
        """
        if self._detectors is not None:
            yield [ScanSpec(detector) for detector in self._detectors]
            return
        scans = build(self.settings, threads=threads)
        try:
            yield scans
        finally:
            close_scans(scans)


def _check_detectors(detectors: object) -> None:
    if detectors is None:
        return
    if not isinstance(detectors, Sequence) or isinstance(detectors, str):
        raise TypeError(f"detectors must be a list of detectors or None, not {detectors!r}")
    for detector in detectors:
        if not callable(getattr(detector, "detect", None)):
            raise TypeError(f"a detector needs a method detect(image), which {detector!r} lacks")
