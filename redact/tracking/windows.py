"""What lies near in time: a long track is worked on part by part, so that its cost stays linear."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_PART = 64


def nearby(
    times: NDArray[np.float64], others: NDArray[np.float64], seconds: float
) -> Iterator[tuple[slice, slice]]:
    """Slices that together take in all of `times`, each with one of those `others` near it.

    Args:
        times: (N,) seconds, ascending.
        others: (M,) seconds, ascending.
        seconds: all others no farther than this from any time of a slice are in the slice of
            others that comes with it; some that are farther may be, too.

    """
    for start in range(0, len(times), _PART):
        part = times[start : start + _PART]
        low = np.searchsorted(others, part[0] - seconds, side="left")
        high = np.searchsorted(others, part[-1] + seconds, side="right")
        yield slice(start, start + len(part)), slice(int(low), int(high))
