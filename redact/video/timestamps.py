"""When frames are shown: presentation times that strictly ascend, whatever the file says.

A presentation time is called pts and a decoding time dts, as in libav; both are integers in units
of a time base.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from fractions import Fraction

from redact.types import ClipInfo
from redact.video.tuning import TUNING

WRAPPING_CONTAINERS = ("mpegts", "mpeg")
"""libav's names of the containers whose clocks wrap; see `MonotonicClock`."""

# MPEG streams count to 2^33 at 90 kHz and then start at zero again (ISO/IEC 13818-1, 2.4.3.6). A
# clock that restarted can look like one that jumped far ahead.
_WRAP_SECONDS = Fraction(2**33, 90_000)
# A larger number is not a time: 2^52 ticks at 90 kHz are 1,600 years.
_MAX_TICKS = 2**52


def fine_time_base(time_base: Fraction) -> Fraction:
    """The time base itself, or an integer fraction of it if its ticks are too long.

    Frames that claim the same time are put one tick apart, which must not be visible.
    """
    if time_base <= TUNING.max_tick_seconds:
        return time_base
    return time_base / math.ceil(time_base * TUNING.fine_ticks_per_second)


class MonotonicClock:
    """Turns the presentation times of a stream into strictly ascending ones.

    - A frame without a time follows the last one at the usual distance, 1 / frame rate.
    - A frame with the same time as the last one, or a slightly earlier one, comes one tick after
      it.
    - Where the source's clock wrapped or restarted, time continues at the usual distance, and the
      same seconds are added to all later times.

    `shifts` holds the seconds that are added to the source's times: at the start, and from each
    restart on.

    Args:
        clip: `time_base` and `frame_rate` are used.
        wraps: the container's clock wraps as that of MPEG streams does.

    """

    def __init__(self, clip: ClipInfo, *, wraps: bool) -> None:
        distance = 1 / (max(clip.frame_rate, Fraction(1)) * clip.time_base)
        self._usual_ticks = max(1, round(distance))
        self._time_base = clip.time_base
        self._max_back_ticks = round(TUNING.min_clock_reset_seconds / clip.time_base)
        self._max_ahead_ticks = _WRAP_SECONDS / 2 / clip.time_base if wraps else math.inf
        self._last: int | None = None
        self._added_ticks = 0
        self._has_time = False
        self.shifts = [Fraction(0)]

    def next_pts(self, pts: int | None) -> int:
        """The corrected time of the next frame, from the source's; in ticks of the clip."""
        if pts is None or abs(pts) > _MAX_TICKS:
            now = 0 if self._last is None else self._last + self._usual_ticks
        else:
            now = self._continue_with(pts)
        self._last = now
        return now

    def _continue_with(self, pts: int) -> int:
        now = pts + self._added_ticks
        if self._last is None:
            self._has_time = True
            return now
        following = self._last + self._usual_ticks
        if not self._has_time:
            # All frames so far lacked a time. This one shows when the clip really started.
            self._has_time = True
            self._added_ticks = following - pts
            self.shifts[0] = self._added_ticks * self._time_base
            return following
        if now < self._last - self._max_back_ticks or now > self._last + self._max_ahead_ticks:
            self._added_ticks += following - now
            self.shifts.append(self._added_ticks * self._time_base)
            return following
        return max(now, self._last + 1)


class MissingPts:
    """Derives a missing presentation time from the decoding times of packets.

    Some containers, such as AVI, store when each packet is decoded but not when its frame is
    shown. With B-frames the two orders differ, but both have the same rhythm: the frame that is
    shown first gets the first decoding time, and so on. All are shifted by the delay between pts
    and dts of the last frame that had both.
    """

    def __init__(self) -> None:
        self._waiting_dts: collections.deque[int | None] = collections.deque()
        self._delay = 0

    def packet_sent(self, dts: int | None) -> None:
        """Note that a packet with this decoding time was given to the decoder."""
        self._waiting_dts.append(dts)

    def frame_pts(self, pts: int | None) -> int | None:
        """The time of the next frame that the decoder returned.

        pts: what the frame itself says. The result is None when neither time is known.
        """
        dts = self._waiting_dts.popleft() if self._waiting_dts else None
        if dts is None:
            return pts
        if pts is None:
            return dts + self._delay
        self._delay = pts - dts
        return pts


class ClockShifts:
    """The seconds to add to times of another stream, such as audio, to keep it in sync with video.

    The stream's own clock is expected to restart where the video's did.

    Args:
        shifts: seconds for the start and after each restart of the clock: `ClipInfo.clock_shifts`.

    """

    def __init__(self, shifts: Sequence[Fraction]) -> None:
        self._shifts = list(shifts) or [Fraction(0)]
        self._last: Fraction | None = None

    def shift_at(self, seconds: Fraction) -> Fraction:
        """What to add at this time of the source. Call it once for each packet, in their order."""
        if self._last is not None and len(self._shifts) > 1:
            step = seconds - self._last
            if step < -TUNING.min_clock_reset_seconds or step > _WRAP_SECONDS / 2:
                del self._shifts[0]
        self._last = seconds
        return self._shifts[0]
