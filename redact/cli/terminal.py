"""What the command does with its terminal: a bar, signals, and libraries kept quiet."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any


class StoppedError(Exception):
    """A signal asked the job to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Stop:
    """The number of the signal that asked the job to end, 0 while there is none."""

    def __init__(self) -> None:
        self.signal_number = 0

    def check(self) -> None:
        """Raise StoppedError if a signal has come."""
        if self.signal_number:
            raise StoppedError(self.signal_number)


class Bar:
    """The progress callback: draws a bar, and ends the job once a signal has come."""

    def __init__(self, quiet: bool, stop: Stop) -> None:
        self.quiet = quiet
        self._stop = stop
        self._stage = ""
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        self._stop.check()
        if self.quiet:
            return
        if stage != self._stage:
            self._open(stage, total)
        self._bar.update(done - self._bar.n)

    def _open(self, stage: str, total: int | None) -> None:
        from tqdm import tqdm

        self.close()
        self._stage = stage
        self._bar = tqdm(desc=f"{stage:8}", total=total, unit=" frames", disable=None)

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            self._stage = ""


@contextlib.contextmanager
def stopping_at_signals() -> Iterator[Stop]:
    """Let SIGINT and SIGTERM set a flag: an exception raised inside a codec's call gets lost."""
    stop = Stop()

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.signal_number = number

    numbers = [signal.SIGINT, signal.SIGTERM]
    previous = [signal.signal(number, handle) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the C++ libraries' log off the terminal; Python's own stderr still reaches it."""
    original = sys.stderr
    try:
        original_number = original.fileno()
    except (AttributeError, OSError, ValueError):
        yield  # Somebody has replaced stderr, and with it the problem.
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
