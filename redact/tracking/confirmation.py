"""Decides which tracklets have enough evidence to be covered; the rest are false detections."""

from __future__ import annotations

from redact.tracking.tracklet import Tracklet
from redact.tracking.tuning import kind_tuning

# A tracklet that moved by less than this is stationary. Chosen on benchmarks leaks.
_MIN_MOVEMENT_SIZES = 0.25
# A tracklet that moved by more than this passed by. Chosen on benchmarks leaks.
_MIN_PASSING_SIZES = 3.0


def is_confirmed(tracklet: Tracklet) -> bool:
    """Whether one good detection, or several weaker ones that agree, confirm a tracklet."""
    needed = kind_tuning(tracklet.kind)
    if tracklet.best_score >= needed.confirming_score:
        return True
    evidence = tracklet.evidence
    if (
        needed.min_passing_count is not None
        and evidence.best_score >= needed.stationary_score
        and evidence.detected.count >= needed.min_passing_count
        and evidence.detected.movement_sizes > _MIN_PASSING_SIZES
    ):
        return True
    min_count = max(needed.min_agreeing_count, needed.min_agreeing_share * evidence.detected.count)
    if evidence.agreeing.count < min_count:
        return False
    # A detector gives the same answer for the same pixels: if nothing moved, that is no agreement.
    return (
        evidence.agreeing.movement_sizes > _MIN_MOVEMENT_SIZES
        or evidence.best_score >= needed.stationary_score
    )
