"""When frames are shown: one clock that only goes forward, whatever the file says."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from fractions import Fraction

from redact.types import ClipInfo

# A step back by more than this is a clock that began anew; a smaller one is a slip.
_RESET_SECONDS = Fraction(1, 4)
# MPEG streams count to 2^33 at 90 kHz, so a clock that began anew may look like one far ahead.
_WRAP_SECONDS = Fraction(2**33, 90_000)
# Beyond this no number is a time.
_MAX_TICKS = 2**52
_COARSEST = Fraction(1, 1000)
_FINER_THAN = 10_000


def fine_time_base(time_base: Fraction) -> Fraction:
    """The time base itself, or a whole fraction of it where its ticks are too long.

    Two frames of the same time have to be put apart by one tick.
    """
    if time_base <= _COARSEST:
        return time_base
    return time_base / math.ceil(time_base * _FINER_THAN)


class Clock:
    """Turns the times of a stream into strictly ascending ones.

    A frame without a time follows at the usual distance. One that claims the same time as the one
    before, or a slightly earlier one, comes one tick after it. Where the source's clock wrapped or
    began anew, time goes on at the usual distance. `shifts` holds the seconds added to the source's
    times: at the beginning, and from each such place on.

    Args:
        clip: `time_base` and `frame_rate` are used.
        wraps: the container's times wrap as those of MPEG streams do.

    """

    def __init__(self, clip: ClipInfo, *, wraps: bool) -> None:
        distance = 1 / (max(clip.frame_rate, Fraction(1)) * clip.time_base)
        self._usual = max(1, round(distance))
        self._time_base = clip.time_base
        self._back = round(_RESET_SECONDS / clip.time_base)
        self._ahead = _WRAP_SECONDS / 2 / clip.time_base if wraps else math.inf
        self._last: int | None = None
        self._added = 0
        self._is_known = False
        self.shifts = [Fraction(0)]

    def at(self, pts: int | None) -> int:
        """The time of the next frame, both in ticks of the clip's time base."""
        if pts is None or abs(pts) > _MAX_TICKS:
            now = 0 if self._last is None else self._last + self._usual
        else:
            now = self._continued(pts)
        self._last = now
        return now

    def _continued(self, pts: int) -> int:
        now = pts + self._added
        if self._last is None:
            self._is_known = True
            return now
        following = self._last + self._usual
        if not self._is_known:
            # The frames so far had no times: this one shows when the clip began.
            self._is_known = True
            self._added = following - pts
            self.shifts[0] = self._added * self._time_base
            return following
        if now < self._last - self._back or now > self._last + self._ahead:
            self._added += following - now
            self.shifts.append(self._added * self._time_base)
            return following
        return max(now, self._last + 1)


class DecodingOrder:
    """Gives pictures without a time the one that the order of decoding tells.

    Some containers store when each packet is decoded but not when its picture is shown. Pictures
    are shown in another order than decoded, but in the same rhythm: the first one shown gets the
    first of the stored times, and so on, and all are as late as the last one with both times.
    """

    def __init__(self) -> None:
        self._waiting: collections.deque[int | None] = collections.deque()
        self._delay = 0

    def sent(self, dts: int | None) -> None:
        """A packet with that time was given to the decoder."""
        self._waiting.append(dts)

    def shown(self, pts: int | None) -> int | None:
        """The time of the next picture, which says it has `pts`; None when nothing is known."""
        dts = self._waiting.popleft() if self._waiting else None
        if dts is None:
            return pts
        if pts is None:
            return dts + self._delay
        self._delay = pts - dts
        return pts


class Shifts:
    """The seconds to add to the times of another stream of a clip, as to those of its pictures.

    Args:
        added: at the beginning, and after each reset of the clock: `ClipInfo.clock_shifts`.

    """

    def __init__(self, added: Sequence[Fraction]) -> None:
        self._added = list(added) or [Fraction(0)]
        self._last: Fraction | None = None

    def at(self, seconds: Fraction) -> Fraction:
        """What to add at that time of the source; call in order of the packets."""
        if self._last is not None and len(self._added) > 1:
            step = seconds - self._last
            if step < -_RESET_SECONDS or step > _WRAP_SECONDS / 2:
                del self._added[0]
        self._last = seconds
        return self._added[0]
