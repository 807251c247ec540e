"""The constants of the audit that were tuned, with their units and with what chose them.

"Benchmarks leaks" is `python -m benchmarks leaks`: what the audit misses is a leak there, and what
it takes for a leak is area covered for nothing.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditTuning:
    """What the audit scans, what counts as a leak, and when it gives up."""

    # What is scanned (`leaks.py`).

    every_seconds: float = 2.0
    """How often a whole frame is scanned. Chosen by eye, against the time that it takes."""

    max_snapshots: int = 48
    """Clips of no more frames than these, two seconds of an ordinary clip, are scanned frame by
    frame, since they may be snapshots or a time lapse, whose frames have little in common. Chosen
    on benchmarks leaks, real clips with `--way lapse8`: with 16, detectors never saw 4 of 12 plates
    that they detect with scores of 0.57 to 0.97."""

    around_seconds: float = 1.0
    step_seconds: float = 0.16
    """So long before and after a leak, whole frames are scanned, each so long after the last one.
    Chosen by eye."""

    ends_seconds: float = 0.3
    max_end_frames: int = 8
    """In so many frames, but for no longer than this, before a track begins and after it ends, its
    surroundings are scanned. Chosen by eye."""

    # What is a leak (`leaks.py`).

    covered_share: float = 0.7
    covered_center_share: float = 0.9
    """A detection is covered when this share of it lies in covered boxes, or that share of its
    middle quarter: a cover can look like a blurred head, and detectors draw a head-sized box around
    it. Chosen on benchmarks leaks."""

    confirming_score: float = 0.35
    confirming_around_ratio: float = 1.3
    """A second scan confirms a leak from this score on, in surroundings larger by this factor.
    Chosen on benchmarks leaks."""

    # What follows from leaks (`repair.py`).

    max_rounds: int = 5
    """The audit and the repair of what it found end after so many rounds. Chosen by eye."""

    certain_score: float = 0.8
    """A leak with this score is never given out, however many rounds of repair were made. Chosen by
    eye."""


TUNING = AuditTuning()
