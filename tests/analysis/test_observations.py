"""What was seen in two parts of a clip is joined at the seam between them."""

import numpy as np
from make_detections import EXACT, RATE, make_tracklet

from redact import Box, Detection
from redact.analysis.clothes import Look, Looks
from redact.analysis.observations import Observations
from redact.analysis.turn_votes import TurnVotes
from redact.views import Presentation

SEAM = 50


def tracklet(first, stop, *, x=100.0, step=2.0, kind="face", score=0.9, every=1, **fields):
    """A tracklet that is detected in every so-manieth frame of a span."""
    indices = np.arange(first, stop, every)
    left = x + step * indices
    boxes = np.stack([left, np.full(len(indices), 100.0), left + 40, np.full(len(indices), 140.0)])
    scores = np.full(len(indices), score)
    return make_tracklet(indices / RATE, boxes.T, scores, kind=kind, rate=RATE, **fields)


def seen(*tracklets, jumps=(), votes=(), looks=None):
    turn_votes = TurnVotes()
    turn_votes.add(votes)
    return Observations(
        tracklets=tracklets,
        shape=(480, 640),
        jump_indices=jumps,
        turn_votes=turn_votes,
        looks=looks,
    )


def joined(earlier, later):
    return seen(*earlier).followed_by(seen(*later), SEAM).tracklets


def test_one_object_in_both_parts_becomes_one_tracklet():
    (one,) = joined([tracklet(10, 60, score=0.7)], [tracklet(40, 90, score=0.8, every=3)])
    assert one.indices == [*range(10, 50), *range(52, 90, 3)]
    assert one.scores == [0.7] * 40 + [0.8] * 13
    assert one.best_score == 0.8
    assert one.detection_count == 53


def test_parts_agree_although_no_frame_was_scanned_in_both():
    (one,) = joined([tracklet(10, 60, every=2)], [tracklet(41, 90, every=2)])
    assert one.indices == [*range(10, 50, 2), *range(51, 90, 2)]


def test_each_part_counts_on_its_own_side_only():
    earlier = [tracklet(10, 30), tracklet(52, 60, x=300)]
    later = [tracklet(41, 49, x=500), tracklet(60, 90, x=-100)]
    assert [t.indices for t in joined(earlier, later)] == [earlier[0].indices, later[1].indices]


def test_what_only_one_part_saw_stays_whole():
    earlier, later = tracklet(10, 58), tracklet(44, 90, x=400)
    assert [t.indices for t in joined([earlier], [later])] == [earlier.indices, later.indices]


def test_kinds_and_places_tell_objects_apart():
    face, plate = tracklet(10, 60), tracklet(10, 60, kind="plate")
    near = tracklet(40, 90, x=130)
    result = joined([face, plate], [tracklet(40, 90, kind="plate"), near, tracklet(40, 90)])
    assert sorted((t.kind, t.indices[0], t.indices[-1]) for t in result) == [
        ("face", 10, 89),
        ("face", 40, 89),
        ("plate", 10, 89),
    ]


def test_the_one_that_agrees_for_longer_goes_on():
    brief, long = tracklet(44, 51), tracklet(47, 90)
    result = joined([tracklet(10, 60)], [brief, long])
    assert [(t.indices[0], t.indices[-1]) for t in result] == [(10, 89), (44, 50)]


def test_scenes_go_on_over_the_seam():
    earlier = tracklet(20, 60, scene=20)
    begins_later, cut_later = tracklet(51, 70, x=400), tracklet(80, 90, scene=75)
    result = joined([earlier], [tracklet(41, 55, scene_stop=75), begins_later, cut_later])
    assert [(t.scene, t.scene_stop) for t in result] == [(20, 75), (20, None), (75, None)]


def test_all_else_is_joined_too():
    def looks(indices, cuts):
        colours = np.zeros(88)
        found = [Look(i, i / RATE, np.zeros(4), colours) for i in indices]
        return Looks(looks=found, cuts=list(cuts), frame_size=(640, 480))

    face = Detection(kind="face", box=Box(0, 0, 40, 40), score=0.9, turn_degrees=180)
    earlier = seen(jumps=(8, 55), votes=[face], looks=looks((10, 45, 60), (12, 52)))
    later = seen(jumps=(42, 70), votes=[face], looks=looks((44, 50, 80), (30, 66)))
    assert earlier.turn_votes.decision() is None  # one alone may lie down
    both = earlier.followed_by(later, SEAM)
    assert both.turn_votes.decision() == 180
    assert both.jump_indices == (8, 70)
    assert [look.index for look in both.looks.looks] == [10, 45, 50, 80]
    assert both.looks.cuts == [12, 66]
    assert both.looks.frame_size == (640, 480)
    assert seen().followed_by(seen(), SEAM).looks is None


def test_the_track_does_not_jump_at_the_seam():
    """Both parts measured a little differently."""
    both = seen(tracklet(10, 60)).followed_by(seen(tracklet(40, 90, x=102)), SEAM)
    (track,) = both.tracks(np.arange(100) / RATE, EXACT, Presentation())
    steps = np.diff(track.boxes[:, 0])
    assert len(track.boxes) == 80
    assert np.abs(steps - 2).max() < 1.5
