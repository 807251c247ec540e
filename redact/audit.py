"""Look again at what was encoded: is a face or plate left outside the covered regions?"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from redact import video
from redact.boxes import covered_share, grow
from redact.looks import Look, look_at
from redact.records import ClipInfo, Detection, Plan
from redact.settings import Settings
from redact.tracking import merge_same, sure_score, track_detections

# A find counts as covered when this share of it lies in covered boxes.
_COVERED_SHARE = 0.7
# A find from here on keeps a result from being given out when no further round is left.
CERTAIN_SCORE = 0.8
_COVERED_HEART = 0.9
_EVERY_SECONDS = 1.0


def settings_for(settings: Settings) -> Settings:
    """What the audit looks with: the strongest stack, but mediapipe alone for "fast"."""
    level = "fast" if settings.detector == "fast" else "thorough"
    return dataclasses.replace(settings, detector=level)


def find_leaks(
    output: Path,
    plan: Plan,
    looks: Sequence[Look],
    on_frame: Callable[[int, int], None],
    *,
    frames: frozenset[int] = frozenset(),
) -> tuple[frozenset[int], list[Detection]]:
    """The frames that were looked at, and sure finds in them that no region covers.

    One frame a second is looked at, and the frames just before a track begins and after it ends.
    Where one of them leaks, every frame of the second before and after it is looked at too, so
    that a leak is followed, not guessed. Tracks that are allowed to stay visible count as covered.

    frames: what an earlier look at the same clip went through. The same frames are looked at
    again and no others, so that covering what was found comes to an end.
    """
    clip = video.probe(output, max_pixels=plan.settings.max_pixels)
    first = frames or _frames_to_check(plan)
    leaks = _look_at_frames(clip, plan, looks, first, on_frame)
    if frames or not leaks:
        return first, leaks
    around = _frames_around(plan, leaks) - first
    leaks += _look_at_frames(clip, plan, looks, around, on_frame)
    return first | around, leaks


def cover_leaks(plan: Plan, leaks: Sequence[Detection]) -> Plan:
    """The plan with tracks added over the leaks; the ids it had stay as they were."""
    settings = plan.settings
    generous = dataclasses.replace(
        settings,
        extend_seconds=max(settings.extend_seconds, _EVERY_SECONDS),
        max_gap_seconds=max(settings.max_gap_seconds, 2 * _EVERY_SECONDS),
    )
    added = track_detections(leaks, plan.clip.seconds, generous)
    last_id = max((track.id for track in plan.tracks), default=0)
    numbered = [dataclasses.replace(track, id=last_id + track.id) for track in added]
    return dataclasses.replace(plan, tracks=plan.tracks + tuple(numbered))


def _look_at_frames(
    clip: ClipInfo,
    plan: Plan,
    looks: Sequence[Look],
    wanted: frozenset[int],
    on_frame: Callable[[int, int], None],
) -> list[Detection]:
    leaks: list[Detection] = []
    done = 0
    with contextlib.closing(video.read_frames(clip, threads=plan.settings.threads)) as frames:
        for frame in frames:
            if frame.index in wanted:
                image = video.to_bgr(frame, clip.rotation_degrees)
                found = merge_same(look_at(image, looks, frame.index))
                leaks += [d for d in found if _is_leak(d, plan)]
                done += 1
                on_frame(done, len(wanted))
            if done == len(wanted):
                break
    return leaks


def _frames_around(plan: Plan, leaks: Sequence[Detection]) -> frozenset[int]:
    seconds = plan.clip.seconds
    wanted: set[int] = set()
    for leak in leaks:
        near = np.abs(seconds - seconds[leak.frame_index]) <= _EVERY_SECONDS
        wanted |= set(np.flatnonzero(near).tolist())
    return frozenset(wanted)


def _frames_to_check(plan: Plan) -> frozenset[int]:
    seconds = plan.clip.seconds
    count = len(seconds)
    marks = np.arange(0.0, seconds[-1] + _EVERY_SECONDS, _EVERY_SECONDS)
    wanted = {min(int(index), count - 1) for index in np.searchsorted(seconds, marks)}
    for track in plan.covered_tracks:
        wanted |= {track.start_index - 1, track.stop_index}
    return frozenset(index for index in wanted if 0 <= index < count)


def _is_leak(detection: Detection, plan: Plan) -> bool:
    if detection.score < sure_score(detection.kind):
        return False
    covers = [
        grow(box, plan.settings.margin_ratio, plan.settings.min_region_pixels)
        for track in plan.tracks
        if (box := track.box_at(detection.frame_index)) is not None
    ]
    # A cover looks like a blurred head to some detectors, and they draw a head-sized box around
    # it: what is covered in the middle is that, not a face that was missed.
    heart = grow(detection.box, -0.25, 0)
    return (
        covered_share(detection.box, covers) < _COVERED_SHARE
        and covered_share(heart, covers) < _COVERED_HEART
    )
