"""The command and its terminal: messages, one progress bar, signals, and quiet libraries."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, TextIO

from redact.cli.progress import JobProgress
from redact.source_files import printable


def say(message: str) -> None:
    """Print one line about an error or a warning to stderr."""
    print(f"redact: {printable(message)}", file=sys.stderr)


def show(text: str, file: TextIO | None = None) -> bool:
    """Print to stdout; return False when nobody can read it, such as after `| head`.

    file: the stdout of the process, where `sys.stdout` is another one for a while.
    """
    try:
        print(text, flush=True, file=file)
    except OSError:
        # Python flushes stdout once more when it ends, which must not fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), (file or sys.stdout).fileno())
        return False
    return True


class StoppedError(Exception):
    """A signal asked the job to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopFlag:
    """The number of the signal that asked the job to end, or 0."""

    def __init__(self) -> None:
        self.signal_number = 0

    def check(self) -> None:
        """Raise StoppedError if a signal has come."""
        if self.signal_number:
            raise StoppedError(self.signal_number)


@contextlib.contextmanager
def handling_signals() -> Iterator[StopFlag]:
    """Let SIGINT and SIGTERM set a flag, which the progress callback checks.

    A handler that raised an exception could interrupt a call into a codec, where it would be lost.
    """
    stop = StopFlag()

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.signal_number = number

    numbers = [signal.SIGINT, signal.SIGTERM]
    previous = [signal.signal(number, handle) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


class ProgressBar:
    """The progress callback: draws one bar for the whole job, and ends the job after a signal.

    Args:
        weights: the share of each stage in the job's time, by name and in order.
        stop: the flag that a signal sets.
        is_shown: whether to draw at all. Without a terminal nothing is drawn either.

    """

    def __init__(self, weights: Mapping[str, float], stop: StopFlag, *, is_shown: bool) -> None:
        self._progress = JobProgress(weights)
        self._stop, self._is_shown = stop, is_shown
        self._bar: Any = None
        self._label = ""

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Draw how far the job is; see `redact.job.Progress`."""
        self._stop.check()
        if self._is_shown:
            self._progress.update(stage, done, total)
            self._draw()

    def finish(self) -> None:
        """Fill the bar, because the job is done, and leave it on the terminal."""
        if self._bar is not None:
            self._progress.finish()
            self._draw()
        self._close()

    def _draw(self) -> None:
        label = self._progress.label
        if self._bar is None:
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # No thread of its own: the bar is drawn by this one.
            # The time left is estimated from the whole job so far: stages have different speeds.
            layout = "{desc}{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
            self._bar = tqdm(
                desc=f"{label}: ",
                total=1.0,
                bar_format=layout,
                miniters=0,
                smoothing=0,
                disable=None,
            )
        elif label != self._label:
            self._bar.set_description(label)
        self._label = label
        self._bar.update(self._progress.fraction - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextlib.contextmanager
def showing_progress(weights: Mapping[str, float], *, is_shown: bool) -> Iterator[ProgressBar]:
    """Run a job: give its progress callback, and keep signals and libraries from disturbing it.

    weights, is_shown: as for `ProgressBar`. The bar is filled when the job ends without an error.
    """
    with (
        handling_signals() as stop,
        quiet_libraries(),
        ProgressBar(weights, stop, is_shown=is_shown) as bar,
    ):
        yield bar
        bar.finish()


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the logs of C++ libraries off the terminal; Python's own stderr still reaches it."""
    original = sys.stderr
    try:
        original_number = original.fileno()
    except (AttributeError, OSError, ValueError):
        yield  # stderr has been replaced, so what C++ writes goes elsewhere.
        return
    original.flush()
    saved = os.dup(original_number)
    silence = os.open(os.devnull, os.O_WRONLY)
    with open(os.dup(saved), "w", buffering=1, errors="backslashreplace") as ours:  # noqa: PTH123
        sys.stderr = ours
        os.dup2(silence, 2)
        try:
            yield
        finally:
            ours.flush()
            sys.stderr = original
            os.dup2(saved, 2)
            os.close(saved)
            os.close(silence)
