"""The constants of tracking that were tuned, with their units and with what chose them.

"Benchmarks leaks" is `python -m benchmarks leaks`: scenes and clips in which every face and plate
is known, so that what stays visible and what is covered for nothing can be counted.

A length "in sizes" is relative to the size of a box: the side of the square of the same area.

When a lost track is given up is the user's choice, `Settings.max_gap_seconds`, unless it is parked
(`parked_seconds`).

Numbers whose change by 30 % moves no figure of `benchmarks sensitivity` stand beside their rule.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gate:
    """How far from its predicted place a tracklet's next detection may lie.

    Measured with the other values of a kind, see `TrackingTuning.kinds`.
    """

    growth_sizes_per_second: float
    """How fast the gate widens with the time since the tracklet was last seen."""

    max_sizes: float
    """The gate never gets wider than this."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmoothingTuning:
    """How objects of a kind move, and how far their detections are off.

    A *size* is the square root of width times height. Noise values are rounded from measured
    spreads of detections around each object's own median, over 25 scenes and clips with known
    boxes. The others were chosen there for the smallest covers that leave no more of a face or
    plate bare than the covers before them, which were larger.
    """

    place_noise_high: float
    place_noise_low: float
    place_noise_followed: float
    """Standard deviation of a detection's centre, in sizes: with a high score, with a lower one,
    and of a box that was followed by its template, which has no score."""

    size_noise_high: float
    size_noise_low: float
    """Standard deviation of the natural logarithm of width and height, so 0.07 is 7 %. Followed
    boxes don't count: their size is a copy of an earlier one."""

    acceleration: float
    """Random change of the velocity in one second, sizes per second."""

    is_fast: bool = False
    """Whether it may be as fast as its measurements show, from the first one on: 200 sizes a second
    in a time lapse, where the cover of a passing car lay beside its plate. A face that seems as
    fast was joined to another one: 6 instead of 0 of 18 face-frames of a time lapse leaked."""

    full_motion_sizes: float = 2.0
    min_motion_share: float = 0.05
    """An object that moved less than this all along has less of that acceleration, in proportion,
    but at least this share: what stands still is unlikely to start while nobody looks. Covers of
    plates became a tenth smaller by it, and no less was covered."""

    size_drift: float
    """Random change of width and height in one second, natural logarithm."""

    size_quantile: float = 0.5
    """0.5 averages sizes. Above that larger ones count more, for objects that are often partly
    hidden and then detected too small: at 0.8, 0.8 / 0.2 times as much (an expectile)."""

    min_aspect_ratio: float | None = None
    """The object is no narrower than this share of its height. A narrower face is a profile that
    was cut off before or behind the ear. Which side is missing is not known, so both are added."""

    bias: float
    """The error of detections that is the same in every frame, as a share of half a side: how
    detectors cut a mask, the hair or a frame stays the same over time."""

    bias_by_confidence: bool = False
    """Whether the bias is inversely proportional to the confidence, `bias` being that at 1: a face
    that is never seen clearly is cut wrongly all the time. It is not so for plates."""

    bias_pixels: float = 0.0
    """The same in pixels: boxes of far plates are off by a few pixels."""

    sigmas: float = 2.0
    """How many standard deviations of the whole error a cover reaches beyond the box."""

    max_margin_sizes: float = 0.7
    """It reaches no farther than this, in sizes, apart from the way moved beyond the ends."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KindTuning:
    """What differs between faces and plates: how they move, and what confirms a track of them.

    Scores are 0..1. What names no other source was measured as `TrackingTuning.kinds` says.
    """

    high_score: float
    """Detections with at least this score have high confidence. They are associated first, and
    their tracklets are followed and searched for between scans. Chosen on benchmarks leaks."""

    confirming_score: float
    """A single detection with this score confirms a track by itself. Chosen on benchmarks leaks."""

    agreeing_score: float
    """Detections with at least this score confirm a track if `min_agreeing_count` of them agree.
    Chosen on benchmarks leaks."""

    min_agreeing_count: int
    """How many detections of one tracklet with `agreeing_score` confirm a track. Faces that never
    reached `confirming_score` and had fewer agreeing detections were false in the benchmark, since
    single low-confidence scans repeat on the same leaves and bricks."""

    min_agreeing_share: float = 0.0
    """They are also at least this share of all its detections. The scores of what is no plate vary:
    in a long clip any number of them is above `agreeing_score` some time. Plates that needed
    agreement had 36 % and more, false ones 10 and 23 %: a back was covered for 250 frames."""

    stationary_score: float
    """A tracklet that never moved needs one detection with this score, however often it was
    detected: a detector gives the same answer for the same pixels, which is no agreement. A false
    face that stood still had 0.43, true ones 0.8 and more."""

    min_passing_count: int | None
    """A tracklet that moved by several sizes is confirmed by this many detections of any score if
    one of them has `stationary_score`. None: moving is no evidence. Chosen on benchmarks leaks."""

    new_gate: Gate
    """The gate while the velocity is unknown."""

    gate: Gate
    """The gate once the velocity is known, so that only a change of the velocity matters."""

    min_boxes_for_velocity: int
    """The velocity counts as known from this many boxes on."""

    smoothing: SmoothingTuning
    """How their places and sizes are smoothed over time."""

    can_park: bool
    """Objects of this kind stand still for minutes in full view and are predicted to stay where
    they are. Tracklets before and after a gap of at most `parked_seconds` are joined."""


_PERSON_GATE = Gate(growth_sizes_per_second=2.0, max_sizes=2.5)
# Somebody who walks past the camera moves by up to seven face heights a second.
_NEW_PERSON_GATE = Gate(growth_sizes_per_second=7.0, max_sizes=2.5)

_FACE = KindTuning(
    high_score=0.5,
    confirming_score=0.5,
    agreeing_score=0.3,
    min_agreeing_count=5,
    stationary_score=0.45,
    min_passing_count=None,
    new_gate=_NEW_PERSON_GATE,
    gate=_PERSON_GATE,
    # With fewer detections, what seems motion may be a box that jumped.
    min_boxes_for_velocity=3,
    smoothing=SmoothingTuning(
        place_noise_high=0.03,
        place_noise_low=0.10,
        place_noise_followed=0.06,
        size_noise_high=0.07,
        size_noise_low=0.20,
        acceleration=3.0,
        size_drift=0.07,
        min_aspect_ratio=0.9,
        bias=0.32,
        bias_by_confidence=True,
        sigmas=1.5,
    ),
    can_park=False,
)

_PLATE = KindTuning(
    # The scores of plates are those after verification. At a confirming score of 0.5 hardly any
    # false detection and nine in ten plates are left; far, dark or half hidden ones are detected
    # again and again with lower scores.
    high_score=0.3,
    confirming_score=0.5,
    agreeing_score=0.3,
    min_agreeing_count=3,
    min_agreeing_share=0.3,
    stationary_score=0.35,
    # Six leave a small far plate of a real clip bare. Five have a false cover in 16.5 instead of
    # 16.0 % of the frames of 25 scenes and clips.
    min_passing_count=5,
    # A plate is a third as large as a face and its car is faster than a person. The second
    # detection tells how fast, so that the third must lie where it should: otherwise false
    # detections far apart would agree.
    new_gate=Gate(growth_sizes_per_second=20.0, max_sizes=10.0),
    # A car that passes close by gains speed from frame to frame: with the gate of a person, the
    # last detection of a real one, at 0.4, was not taken for its plate.
    gate=Gate(growth_sizes_per_second=4.0, max_sizes=4.0),
    min_boxes_for_velocity=2,
    smoothing=SmoothingTuning(
        place_noise_high=0.03,
        place_noise_low=0.06,
        place_noise_followed=0.10,
        size_noise_high=0.07,
        size_noise_low=0.12,
        acceleration=5.0,
        is_fast=True,
        size_drift=0.10,
        size_quantile=0.8,
        # Covers are a tenth larger with 0.11, 2 pixels and two deviations, and no plate that leaks
        # with these leaks less. What moves or is lost is uncertain: there they stay as large.
        bias=0.04,
        bias_pixels=1.2,
        sigmas=2.3,
    ),
    can_park=True,
)

_OTHER = dataclasses.replace(_FACE, min_agreeing_count=3, stationary_score=0.3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrackingTuning:
    """What decides which detections form a track and where the track's boxes lie."""

    kinds: Mapping[str, KindTuning] = dataclasses.field(
        default_factory=lambda: MappingProxyType({"face": _FACE, "plate": _PLATE})
    )
    """Values for each kind. Measured on scenes and clips with known boxes (benchmarks leaks)."""

    other_kind: KindTuning = _OTHER
    """Values for kinds that are not in the table, which a caller's own detector may give."""

    # Association of detections with tracklets (`association.py`, `tracklet.py`).

    min_gate_sizes: float = 0.8
    """Every gate starts at this width. Chosen by eye."""

    followed_gate_sizes: float = 0.6
    """The gate of a tracklet whose place is known because its template was followed there. It is
    not smaller because detectors cut the same face differently. Chosen by eye."""

    max_size_ratio: float = 2.2
    """Two boxes whose sizes differ by more than this factor show different objects. By eye."""

    max_low_score_size_ratio: float = 1.6
    """The same for low-confidence detections, which often show an object with its surroundings.
    Chosen on benchmarks leaks."""

    velocity_gain: float = 0.4
    """The weight of the newest detection in a tracklet's velocity. Chosen by eye."""

    max_prediction_seconds: float = 0.5
    """The velocity is trusted for this long after the last detection. Chosen by eye."""

    velocity_window_seconds: float = 0.5
    """The velocity at the end of a track is measured over this time. Chosen by eye."""

    stationary_window_count: int = 12
    """An object is stationary if its detections among so many of its last boxes agree. By eye."""

    stationary_share: float = 0.7
    """They agree if each lies in the largest one by this share of its own area. A plate behind a
    post is detected as one half, as the other half, or as both. Chosen by eye."""

    parked_seconds: float = 10.0
    """A parked object may be missed for this long. Whoever stands in front of a plate for longer
    may as well have driven it away. Chosen by eye."""

    # Duplicate detections in one frame (`merging.py`).

    duplicate_detection_iou: float = 0.4
    """Detections that overlap by more show the same object, seen by several detectors. By eye."""

    nested_share: float = 0.75
    """A low-confidence detection adds nothing if the smaller of it and a high-confidence one lies
    in the other by more than this share. Chosen on benchmarks leaks."""

    # Halves of partly hidden plates, in heights of the plate (`merging.py`, `partial_plates.py`).
    # All of them were chosen on the clips of benchmarks leaks, in one of which a post hides a
    # plate.

    plate_max_offset_heights: float = 0.25
    """Two halves of a plate differ in vertical position, and overlap, by less than this."""

    plate_max_gap_heights: float = 1.0
    """What hides the middle of a plate is narrower than this."""

    plate_max_width_heights: float = 6.0
    """No plate is wider than this."""

    plate_max_height_ratio: float = 1.5
    """Two boxes whose heights differ by more than this factor do not show the same plate."""

    plate_whole_width_heights: float = 2.0
    """A box wider than this shows a whole plate."""

    plate_min_growth: float = 1.3
    """A box shows only part of a plate if another one nearby in time is wider by this factor."""

    plate_max_slack_heights: float = 0.5
    """A part of a plate may stick out of the whole by this much at either end."""

    plate_window_seconds: float = 1.0
    """The whole plate must have been seen this close in time to the part."""

    # Joining of tracklets and tracks (`linking.py`).

    duplicate_track_time_share: float = 0.5
    """Two tracks may be duplicates if they have at least this share of the shorter one's frames in
    common. Chosen with `duplicate_track_share`."""

    duplicate_track_share: float = 0.5
    """They are duplicates if over that time the median share of the smaller box that lies in the
    larger one is larger. Chosen on 25 scenes and clips: the 90th percentile of breathing falls from
    0.66 and 1.11 to 0.52 and 0.92 with no face less; at 0.4 neighbours became one."""

    duplicate_track_max_apart_share: float = 0.1
    """They are not if they don't touch in more than this share of that time. Without this, what
    lies between two people had been covered in 84 of 300 frames of a clip with five people."""

    duplicate_min_seen_count: int = 5
    duplicate_seen_share: float = 0.4
    duplicate_seen_max_apart_share: float = 0.2
    """These shares hold instead for two tracks that were detected in so many of the same frames,
    where neighbours would have been told apart. Pairs on one head had shares of 0.44 and 0.49 in
    common, neighbours 0.27. Chosen on every second of 25 scenes and clips, with no face less: the
    90th percentile of covers of faces falls from 4.1 to 4.0 times the box there, and from 2.5 to
    2.4 in the others."""

    duplicate_min_detected_iou: float = 0.1
    """Two detections in one frame disagree if they overlap by less: two faces, one in front of the
    other. Chosen on benchmarks leaks."""

    duplicate_min_agreeing_share: float = 0.6
    """Tracks are duplicates only if at least this share of their detections in the same frames
    agree. Where there were two faces, hardly any detections agreed; where there was one, two in
    three or more. When all had to agree, one false box kept a second cover on a head."""

    # From tracklets to tracks without gaps (`building.py`, `partial_plates.py`, `smoothing.py`).

    isolated_end_seconds: float = 0.5
    """Low-score detections at a track's end that are farther from the others in time are dropped as
    false, unless the object stood there. Chosen on benchmarks leaks."""

    unseen_seconds_per_detection: float = 0.2
    """A track ends this long after its last detection, times the number of its detections, even if
    its template was followed farther. Frames with a false cover fell from 15.6 to 12.0 %, over 25
    scenes and clips, with no face or plate less; at 0.1 faces were left bare."""

    # Templates (`template.py`).

    template_side_pixels: int = 24
    """A template's longer side is shrunk to about this length. Chosen by eye."""

    min_correlation: float = 0.7
    """From this normalised cross-correlation on, it is the same object. Chosen by eye."""

    min_correlation_lead: float = 0.05
    """If another place correlates almost as well, by less than this, the template is not followed:
    along a post or a wall it fits anywhere. Chosen by eye."""


TUNING = TrackingTuning()


def kind_tuning(kind: str) -> KindTuning:
    """The values for tracks of this kind."""
    return TUNING.kinds.get(kind, TUNING.other_kind)
