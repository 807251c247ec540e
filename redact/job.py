"""What is the same all through one job: its settings, who looks, who is told, and the clock."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence

from redact.analysis.scan_presets import build_scans
from redact.analysis.scans import ScanSpec, close_scans
from redact.detectors import Detector
from redact.memory import give_back_memory
from redact.settings import Settings

Progress = Callable[[str, int, int | None], None]
"""Called as progress(stage, frames_done, frames_in_all or None); raising in it ends the job."""

# Frames after which memory that was freed goes back to the system.
_GIVE_BACK_EVERY = 120


class Job:
    """One job.

    Args:
        settings: defaults when None.
        detectors: look with these on every frame instead of with the ones in `settings`.
        progress: see `Progress`.

    """

    def __init__(
        self,
        settings: Settings | None,
        detectors: Sequence[Detector] | None,
        progress: Progress | None,
    ) -> None:
        self.settings = settings or Settings()
        self.seconds = {"analyze": 0.0, "render": 0.0, "audit": 0.0}
        """How long each stage took, those that come more than once added up."""
        self._detectors, self._progress = detectors, progress
        self._last = time.perf_counter()
        self._told = 0

    def tell(self, stage: str, done: int, total: int | None) -> None:
        """Tell whoever wants to know how far a stage is. Called for every frame.

        Now and then memory that was freed goes back to the system.
        """
        self._told += 1
        if self._told % _GIVE_BACK_EVERY == 0:
            give_back_memory()
        if self._progress is not None:
            self._progress(stage, done, total)

    def spent(self, stage: str) -> None:
        """All the time since the last call, or the beginning, went into that stage."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now

    @property
    def workers(self) -> int:
        """Threads to look with; none for a user's detectors, which may not be safe to share."""
        return thread_count(self.settings.threads) if self._detectors is None else 0

    @contextlib.contextmanager
    def scans(self, build: Callable[..., list[ScanSpec]] = build_scans) -> Iterator[list[ScanSpec]]:
        """The user's detectors, left open, or those the settings name, closed afterwards."""
        if self._detectors is not None:
            yield [ScanSpec(detector) for detector in self._detectors]
            return
        # Several pictures are looked at at once, each by one thread.
        scans = build(self.settings, threads=1)
        try:
            yield scans
        finally:
            close_scans(scans)


def thread_count(wanted: int) -> int:
    """So many threads, or as many as this process may use cores when 0 are wanted."""
    if wanted:
        return wanted
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
