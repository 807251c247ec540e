"""Decides which tracklets have enough evidence to be covered; the rest are false detections."""

from __future__ import annotations

from redact.tracking.tracklet import Tracklet
from redact.tracking.tuning import TUNING, kind_tuning


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
        and evidence.detected.movement_sizes > TUNING.min_passing_sizes
    ):
        return True
    if evidence.agreeing.count < needed.min_agreeing_count:
        return False
    # A detector gives the same answer for the same pixels: if nothing moved, that is no agreement.
    return (
        evidence.agreeing.movement_sizes > TUNING.min_movement_sizes
        or evidence.best_score >= needed.stationary_score
    )
