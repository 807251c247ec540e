"""Clips of any length, analyzed in parts of a fixed one.

The same parts are made whoever analyzes them: one analysis after the other while a clip is read
once, or several processes that share a clip. So the plan doesn't depend on that.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from redact.analysis.analyzer import Analyzer
from redact.analysis.observations import Observations
from redact.analysis.tuning import TUNING
from redact.plan.trimming import CONTEXT_SECONDS
from redact.views import View


def parts_at(seconds: float) -> range:
    """The numbers, from 0, of the parts for which a frame at that time is analyzed.

    These are two around the seam between them.
    """
    length = TUNING.part_seconds
    first = math.floor((seconds - CONTEXT_SECONDS) / length)
    last = math.floor((seconds + CONTEXT_SECONDS) / length)
    return range(max(0, first), last + 1)


def part_count(seconds: NDArray[np.float64]) -> int:
    """How many parts a clip has.

    seconds: (N,) presentation time of each frame; the first one is at 0.
    """
    return int(seconds[-1] // TUNING.part_seconds) + 1


def analyzed_frames(number: int, seconds: NDArray[np.float64]) -> range:
    """The indices of the frames that are analyzed for a part.

    seconds: as for `part_count`.
    """
    is_analyzed = [number in parts_at(time) for time in seconds.tolist()]
    first = is_analyzed.index(True)
    return range(first, first + sum(is_analyzed))


def join_parts(parts: Mapping[int, Observations], seconds: NDArray[np.float64]) -> Observations:
    """What was seen in all parts, which are given by their numbers.

    seconds: as for `part_count`.
    """
    starts = {
        number: int(np.searchsorted(seconds, number * TUNING.part_seconds)) for number in parts
    }
    # A part that ends before it begins was only seen as what comes after another one.
    own = [number for number in sorted(parts) if starts[number] < len(seconds)]
    return functools.reduce(
        lambda earlier, number: earlier.followed_by(parts[number], starts[number]),
        own[1:],
        parts[own[0]],
    )


class ClipAnalyzer:
    """Gives the frames of a clip to an analyzer for each part; two at a time around a seam.

    Use it as a context manager, or call `close`.

    make: makes an analyzer.
    """

    def __init__(self, make: Callable[[], Analyzer]) -> None:
        self._make = make
        self._open: dict[int, Analyzer] = {}
        self._seen: dict[int, Observations] = {}

    def __enter__(self) -> ClipAnalyzer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the analyzers."""
        for analyzer in self._open.values():
            analyzer.close()
        self._open.clear()

    def push(
        self, index: int, seconds: float, view: Callable[[], View], *, closely: bool = False
    ) -> None:
        """Take the next frame; see `Analyzer.push`.

        view: makes a view of the frame for one analyzer, which releases it.
        """
        numbers = parts_at(seconds)
        for number in [number for number in self._open if number not in numbers]:
            self._finish(number)
        for number in numbers:
            if number not in self._open:
                self._open[number] = self._make()
            self._open[number].push(index, seconds, view(), closely=closely)

    def finish(self) -> dict[int, Observations]:
        """No more frames come: return what was seen in each part, by its number."""
        for number in list(self._open):
            self._finish(number)
        return self._seen

    def _finish(self, number: int) -> None:
        analyzer = self._open.pop(number)
        try:
            analyzer.finish()
            self._seen[number] = analyzer.observations()
        finally:
            analyzer.close()
