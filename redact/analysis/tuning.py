"""The constants of the analysis that were tuned, with their units and with what chose them.

"Benchmarks leaks" is `python -m benchmarks leaks`: scenes in which every face and plate is known,
so that faces left visible and areas covered for nothing can be counted.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalysisTuning:
    """What decides where and when a clip is scanned, and how lost tracks are found again.

    Lengths that end in `_ratio` are relative to the size of the box that they apply to.
    """

    # When scans are due (`analyzer.py`).

    early_seconds: float = 2e-3
    """A scan is due when its interval is over but for this: a frame's time stamp may be rounded to
    slightly before the time that is meant. Twice the millisecond of a coarse time base."""

    jump_max_interval_seconds: float = 0.5
    """In a frame before which more happened than its time says, all scans are made that are
    otherwise due at least this often. Chosen on benchmarks leaks with `--way lapse8`."""

    camera_settle_seconds: float = 4.0
    """For this long after the camera moved or the light changed, scans of changes see the whole
    frame again: it may happen again at any time, and what was seen before it is no longer known to
    be there. Chosen on benchmarks leaks."""

    last_frame_max_interval_seconds: float = 2.0
    """The last frame gets a scan of the whole frame by those that come at least this often, since
    no later scan makes up for it. Chosen by eye, to leave out the rare and expensive ones."""

    # Cameras that hang sideways or upside down (`analyzer.py`).

    turn_min_score: float = 0.6
    """Lowest score of a detection that shows how the camera hangs, or of somebody who lies down.
    Chosen by eye."""

    turn_min_votes: float = 1.2
    """Detections in one turn of the frames whose scores add up to this show how the camera hangs:
    two or more of them, since one may be of somebody who lies down. Chosen by eye."""

    turn_min_vote_ratio: float = 3.0
    """And to so many times the sum of those in any other turn. Chosen by eye."""

    turn_min_plate_aspect: float = 1.3
    """A plate shows how the camera hangs if it is so many times wider than high. Chosen by eye."""

    # Parts of long clips (`parts.py`).

    part_seconds: float = 300.0
    """Clips are analyzed in parts of this length. Each is analyzed with nine seconds on both sides,
    so that these cost 6 % of the analysis of a clip that is longer. Chosen by eye."""

    # Clips of a few frames (`pipeline.py`).

    max_snapshots: int = 16
    """Clips of no more frames than these are scanned frame by frame, and like single images too,
    since they may be snapshots put together. Chosen by eye: a frame takes a second."""

    # Hints: detections that count only where nothing surer is known (`analyzer.py`).

    dashing_head_score: float = 0.35
    """Score of the head of a region that moves like a person, but too fast for any detector to see:
    as good as a low-confidence detection. Chosen on benchmarks leaks."""

    known_min_share: float = 0.3
    """A hint shows something known if more than this share of the smaller box lies in the other.
    Chosen on benchmarks leaks."""

    # Scans of parts of a frame (`scans.py`).

    min_part_side_pixels: int = 8
    """Parts narrower or lower than this are not scanned. Chosen by eye."""

    min_surroundings_side_pixels: float = 48.0
    """Side of the smallest square that is scanned around a track, however small its box is, since
    detectors expect surroundings. Chosen by eye."""

    min_uncut_share: float = 0.95
    """A detection counts as cut by the edge of the scanned part if less than this share of its box
    lies in the part. Chosen on benchmarks leaks."""

    face_aspect_ratio: float = 0.9
    """Width over height that a face cut by the edge of the frame has at least if the cut is beside
    it, and at most if it is above or below. Measured on labelled clips: 0.9 instead of widening to
    both sides brought the cover of half a face from 3.1 to 2.4 times its area."""

    touching_ratio: float = 0.06
    """The edge of the frame cuts a face that comes this close to it, relative to its side, since
    detectors box it with such errors. Chosen with `face_aspect_ratio`."""

    max_cut_score: float = 0.39
    """Highest score of a detection that is cut by the edge of the scanned part: a slice of a large
    face looks like a smaller face, so it must not be enough for a track alone. It lies just below
    the score that a stationary face needs. Chosen on benchmarks leaks."""

    # Following tracks by what they look like (`redetection.py`).

    confident_likeness: float = 0.9
    """If a place looks so much like the followed face or plate (normalised correlation, -1..1), it
    is taken to be that without any detection. Chosen on benchmarks leaks."""

    max_template_gate_ratio: float = 1.0
    """A template is searched for within this many box sizes of the predicted place at most; farther
    away, other things look similar. Chosen on benchmarks leaks."""

    stationary_hold_seconds: float = 4.0
    """How long a track is kept alive without a detection while its place looks the same, or while
    somebody passes in front of it. Chosen on benchmarks leaks."""

    min_occlusion_ratio: float = 0.15
    """Boxes that share at most this part of a width or a height do not hide each other. Chosen by
    eye."""

    # Scans around lost tracks (`redetection.py`).

    max_near_gate_ratio: float = 2.5
    """Largest gate, in box sizes, of a scan around a track: farther away it sees too little.
    Chosen on benchmarks leaks."""

    min_near_score: float = 0.2
    """Lowest score of a detection near a track's predicted place that is added to the track. Chosen
    on benchmarks leaks."""

    taken_min_iou: float = 0.4
    """A detection that overlaps another track's detection in the same frame by more than this
    belongs to that track. Chosen on benchmarks leaks."""

    own_min_iou: float = 0.25
    """A detection that overlaps its track's predicted place by less than this may belong to another
    track that it overlaps more, and, if its score is low, must not draw the track away from where
    it was followed to. Chosen on benchmarks leaks."""

    # Following new tracks back to where they came from (`redetection.py`).

    look_back_seconds: float = 1.8
    """How far back a new track is followed; frames are held for this long. Chosen on benchmarks
    leaks, against the memory that frames take."""

    look_back_min_detections: int = 3
    """A track is followed back once it has this many detections, which show how it moves. Chosen on
    benchmarks leaks."""

    look_back_max_wait_seconds: float = 0.5
    """A track with fewer detections is followed back after this time. Chosen on benchmarks
    leaks."""

    look_back_max_misses: int = 4
    """Following back ends after this many frames in a row without a sign of the track. Chosen on
    benchmarks leaks."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PersonTuning:
    """What decides whether two tracks show one person (`clothes.py`, `persons.py`).

    A wrong join can leave a stranger visible, a missing one costs the owner a click. So all of it
    was chosen for no wrong join, on "benchmarks persons": the real clips with known people, and
    pairs of people in one picture, of which 0.3 % look as alike as `max_difference` allows.
    """

    look_seconds: float = 0.15
    """Time between two looks at one person's clothes."""

    look_crowd: int = 4
    """Where more people than this are in sight, the time grows in proportion, so that looking stays
    below 1 % of the analysis; in a crowd nobody is joined anyway."""

    look_min_side_pixels: int = 6
    """Width and height from which on clothes are looked at."""

    look_min_visible_share: float = 0.6
    """How much of the torso has to be inside the frame."""

    look_count: int = 6
    """So many looks at each side of a gap are compared, the ones nearest to it ..."""

    look_min_count: int = 2
    """... and at least so many must be there ..."""

    look_span_seconds: float = 2.0
    """... within this time of the gap."""

    max_gap_seconds: float = 1.5
    """Longest time between the last detection of a track and the first of one that continues it."""

    max_difference: float = 0.15
    """Largest difference between the clothes on both sides (`clothes.difference`)."""

    steady_difference: float = 0.1
    variation_ratio: float = 1.5
    """Clothes that hardly change within the tracks must not change between them either: the largest
    difference is also this many times the median one within the tracks, but never less than
    `steady_difference`."""

    gate_sizes: float = 1.0
    gate_growth_sizes_per_second: float = 2.0
    """How far the later track may begin from where the earlier one was going to, in sizes of the
    face, and how fast that grows with the gap."""

    max_size_ratio: float = 1.5
    """How much larger the one face may be than the other."""

    alone_sizes: float = 3.0
    """No third face may be closer to the place, in sizes of the face ..."""

    alone_seconds: float = 0.5
    """... from so long before the gap to so long after it."""

    edge_sizes: float = 0.6
    """Faces whose centre is this close to the edge of the frame may have left or just arrived."""


TUNING = AnalysisTuning()
PERSONS = PersonTuning()
