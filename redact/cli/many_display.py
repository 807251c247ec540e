"""What the terminal shows of many clips: one bar for all of them, and a line for each worker."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from redact.batch.driver import BatchObserver
from redact.batch.records import ClipRecord
from redact.batch.sources import Job
from redact.cli.progress import JobProgress
from redact.cli.terminal import StopFlag, show
from redact.source_files import printable


class ManyDisplay(BatchObserver):
    """Draws the progress, prints JSON lines, and ends the run after a signal.

    Args:
        stop: the flag that a signal sets.
        weights: the share of each stage in the time of a clip.
        is_shown: whether to draw. Without a terminal nothing is drawn either.
        has_json_lines: print a line for each clip that has ended.

    """

    def __init__(
        self,
        stop: StopFlag,
        weights: Mapping[str, float],
        *,
        is_shown: bool,
        has_json_lines: bool,
    ) -> None:
        self.records: list[ClipRecord] = []
        self._stop, self._weights = stop, weights
        self._is_shown, self._has_json_lines = is_shown, has_json_lines
        self._out = sys.stdout
        self._sizes: dict[str, int] = {}
        self._bytes_done = 0
        self._running: dict[str, JobProgress] = {}
        self._bar: Any = None
        self._lines: dict[int, Any] = {}

    def __enter__(self) -> ManyDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines.values():
            line.close()
        if self._bar is not None:
            self._bar.close()

    def found(self, jobs: tuple[Job, ...]) -> None:
        """Begin to draw."""
        self._sizes = {job.source: max(1, job.size) for job in jobs}
        if self._is_shown:
            from tqdm import tqdm

            self._bar = tqdm(
                total=sum(self._sizes.values()),
                bar_format="{desc}{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left",
                smoothing=0,
                disable=None,
            )
            self._describe()

    def progressed(self, worker: int, job: Job, stage: str, done: int, total: int | None) -> None:
        """Draw how far a worker's clip is."""
        progress = self._running.setdefault(job.source, JobProgress(self._weights))
        progress.update(stage, done, total)
        if self._bar is None or self._bar.disable:
            return
        self._draw()
        if worker not in self._lines:
            from tqdm import tqdm

            self._lines[worker] = tqdm(bar_format="{desc}", position=worker + 1, leave=False)
        name = printable(PurePath(job.source).name)
        self._lines[worker].set_description_str(
            f"  {worker + 1}: {progress.fraction:4.0%} {progress.label} {name}"
        )

    def ended(self, record: ClipRecord) -> None:
        """Count a clip, and print its line."""
        self.records.append(record)
        self._running.pop(record.source, None)
        size = self._sizes.get(record.source, 0)
        if record.is_kept and self._bar is not None:
            self._bar.total -= size  # It took no time, so it must not make the rest look fast.
        elif not record.is_kept:
            self._bytes_done += size
        if self._has_json_lines:
            show(json.dumps(record.to_dict()), self._out)
        if self._bar is not None and not self._bar.disable:
            self._describe()
            self._draw()

    def tick(self) -> None:
        """End the run after a signal."""
        self._stop.check()

    def _describe(self) -> None:
        refused = sum(record.state != "done" for record in self.records)
        text = f"{len(self.records)} of {len(self._sizes)} clips"
        self._bar.set_description_str(f"{text}, {refused} refused: " if refused else f"{text}: ")

    def _draw(self) -> None:
        running = sum(
            progress.fraction * self._sizes.get(source, 0)
            for source, progress in self._running.items()
        )
        self._bar.update(int(self._bytes_done + running) - self._bar.n)
