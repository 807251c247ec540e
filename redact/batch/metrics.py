"""Figures of a run as a Prometheus text file, for the textfile collector of its node exporter.

There are no names in it: neither of clips nor of folders.
"""

from __future__ import annotations

import collections
import os
import time

from redact.batch.driver import BatchObserver
from redact.batch.records import STATES, ClipRecord
from redact.batch.sources import Job
from redact.output import write_text

_WRITE_SECONDS = 5.0


class Metrics(BatchObserver):
    """Counts what happens, and writes it to a file now and then and at the end.

    A clip that ends again replaces what it counted before, so the figures are about all clips that
    the run knows, results of earlier runs included.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._clips: dict[str, tuple[str, int, float, dict[str, float]]] = {}
        self._running: set[str] = set()
        self._peak_bytes = 0
        self._last_write = -_WRITE_SECONDS

    def started(self, job: Job) -> None:
        """Count a clip that was given to a worker."""
        self._running.add(job.result)

    def ended(self, record: ClipRecord) -> None:
        """Count a clip that has ended."""
        self._running.discard(record.result)
        outcome = record.outcome
        covered_frames = outcome.covered_ratio * outcome.frame_count
        figures = (record.state, outcome.frame_count, covered_frames, outcome.stage_seconds)
        self._clips[record.result] = figures
        self._peak_bytes = max(self._peak_bytes, outcome.peak_bytes)

    def tick(self) -> None:
        """Write the file, unless it was written just now."""
        if time.monotonic() - self._last_write >= _WRITE_SECONDS:
            self.write()

    def finished(self) -> None:
        """Write the file a last time."""
        self.write()

    def write(self) -> None:
        """Write the file; a reader sees the old one or the new one, never a part.

        Raises:
            TargetError: it can't be written.

        """
        self._last_write = time.monotonic()
        write_text(self._path, self.text())

    def text(self) -> str:
        """The figures in Prometheus' text format."""
        states = collections.Counter(state for state, *_ in self._clips.values())
        frame_count = sum(frames for _, frames, _, _ in self._clips.values())
        covered = sum(frames for _, _, frames, _ in self._clips.values())
        stages: collections.Counter[str] = collections.Counter()
        for *_, stage_seconds in self._clips.values():
            stages.update(stage_seconds)
        lines = [
            *_metric(
                "redact_clips",
                "Clips by how they ended.",
                {f'{{state="{state}"}}': states[state] for state in STATES},
            ),
            *_metric("redact_clips_running", "Clips in work.", {"": len(self._running)}),
            *_metric("redact_frames", "Frames of clips that are done.", {"": frame_count}),
            *_metric(
                "redact_stage_seconds",
                "Wall seconds of clips that are done, by stage.",
                {f'{{stage="{stage}"}}': round(s, 3) for stage, s in sorted(stages.items())},
            ),
            *_metric(
                "redact_covered_ratio",
                "Share of the pixels of clips that are done that is covered.",
                {"": round(covered / frame_count, 6) if frame_count else 0},
            ),
            *_metric(
                "redact_worker_peak_bytes",
                "The most memory that a worker was seen to use.",
                {"": self._peak_bytes},
            ),
        ]
        return "\n".join(lines) + "\n"


def _metric(name: str, about: str, values: dict[str, float]) -> list[str]:
    samples = [f"{name}{labels} {value}" for labels, value in values.items()]
    return [f"# HELP {name} {about}", f"# TYPE {name} gauge", *samples]
