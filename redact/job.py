"""What stays the same throughout one job: settings, detectors, the progress callback, the clock."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence

from redact.analysis.scan_presets import build_scans
from redact.analysis.scans import ScanSpec, close_scans
from redact.detectors import Detector
from redact.memory import give_back_memory
from redact.settings import Settings, as_settings

Progress = Callable[[str, int, int | None], None]
"""Called as progress(stage, done, total) for every frame of a stage; `total` is None when unknown.

The stages of `redact_clip` are "analyze", "render" and "audit", in this order. When the audit finds
a leak, "render" and "audit" come again. `verify` has the stages "read" and "verify". The total of
"analyze" and "read" is an estimate from the container. The stage "compile" comes before a stage
that has to compile kernels first. An exception raised in the callback ends the job, and nothing is
written.
"""

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
        """How many threads run detectors; 0 for a user's own, which may not be thread-safe."""
        return thread_count(self.settings.threads) if self._detectors is None else 0

    @contextlib.contextmanager
    def scans(self, build: Callable[..., list[ScanSpec]] = build_scans) -> Iterator[list[ScanSpec]]:
        """Give scans for the user's detectors, or build those that the settings name.

        Only detectors that were built here are closed afterwards.
        """
        if self._detectors is not None:
            yield [ScanSpec(detector) for detector in self._detectors]
            return
        # Frames are scanned side by side, so that each detector needs one thread only.
        scans = build(self.settings, threads=1)
        try:
            yield scans
        finally:
            close_scans(scans)


def thread_count(wanted: int) -> int:
    """Return `wanted`, or for 0 the number of cores that this process may use."""
    if wanted:
        return wanted
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_detectors(detectors: object) -> None:
    if detectors is None:
        return
    if not isinstance(detectors, Sequence) or isinstance(detectors, str):
        raise TypeError(f"detectors must be a list of detectors or None, not {detectors!r}")
    for detector in detectors:
        if not callable(getattr(detector, "detect", None)):
            raise TypeError(f"a detector needs a method detect(image), which {detector!r} lacks")
