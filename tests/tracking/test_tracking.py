"""Tracks: no holes, never smaller than what was seen, steady ids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_plans import make_track

from redact import Box, Detection, Settings
from redact.tracking.association import Associator
from redact.tracking.building import track_detections
from redact.tracking.linking import merge_duplicates
from redact.tracking.merging import merge_same
from redact.tracking.partial_plates import complete_partial_plates

RATE = 10
SECONDS = np.arange(60) / RATE
EXACT = Settings(extend_seconds=0.0, max_gap_seconds=1.0)


def walk(indices, *, start=(100, 100), step=(3, 0), size=40, score=0.9, kind="face"):
    """Detections of something that moves by `step` pixels a frame."""
    return [
        Detection(
            kind=kind,
            box=Box(
                start[0] + step[0] * i,
                start[1] + step[1] * i,
                start[0] + step[0] * i + size,
                start[1] + step[1] * i + size,
            ),
            score=score,
            frame_index=i,
        )
        for i in indices
    ]


def test_a_gap_is_filled_where_the_face_was():
    found = walk([*range(10), *range(16, 25)])
    (track,) = track_detections(found, SECONDS, EXACT)
    assert (track.start_index, track.stop_index) == (0, 25)
    assert np.isnan(track.scores[10:16]).all() and not np.isnan(track.scores[:10]).any()
    truth = walk([12])[0].box
    box = track.box_at(12)
    assert box.x0 <= truth.x0 and box.x1 >= truth.x1
    assert box.width < 2 * truth.width


def test_a_gap_that_is_too_long_ends_the_track():
    tracks = track_detections(walk([*range(5), *range(30, 35)], step=(0, 0)), SECONDS, EXACT)
    assert [(t.id, t.start_index, t.stop_index) for t in tracks] == [(1, 0, 5), (2, 30, 35)]


def test_a_track_is_carried_on_in_both_directions():
    settings_ = Settings(extend_seconds=0.5)
    (track,) = track_detections(walk(range(20, 30), step=(6, 0)), SECONDS, settings_)
    assert (track.start_index, track.stop_index) == (15, 35)
    for index in (15, 34):
        truth = walk([index], step=(6, 0))[0].box
        box = track.box_at(index)
        assert box.x0 <= truth.x0 + 1 and box.x1 >= truth.x1 - 1


def test_many_weak_finds_carry_a_track_on_but_no_farther_back_than_its_size():
    found = walk(range(20, 28), step=(20, 0), score=0.39)
    (track,) = track_detections(found, SECONDS, Settings(extend_seconds=0.5))
    assert track.stop_index == 33
    last, truth = track.box_at(32), walk([32], step=(20, 0))[0].box
    assert last.x0 <= truth.x0 and last.x1 >= truth.x1
    assert last.width < 3 * truth.width


def test_weak_finds_continue_a_track_but_one_alone_counts_for_nothing():
    found = walk(range(5)) + walk(range(5, 12), score=0.3)
    found += walk([40], start=(400, 300), score=0.3)
    (track,) = track_detections(found, SECONDS, EXACT)
    assert track.stop_index == 12


def test_weak_finds_that_agree_make_a_track():
    assert track_detections(walk(range(5), score=0.35), SECONDS, EXACT)
    assert track_detections(walk(range(3), score=0.36, kind="plate"), SECONDS, EXACT)
    assert not track_detections(walk(range(2), score=0.49, kind="plate"), SECONDS, EXACT)
    assert not track_detections(walk(range(20), score=0.2), SECONDS, EXACT)


def test_two_people_who_cross_stay_two_tracks():
    found = walk(range(40), start=(0, 100), step=(8, 0))
    found += walk(range(40), start=(320, 108), step=(-8, 0))
    tracks = track_detections(found, SECONDS, EXACT)
    for index in range(40):
        boxes = [t.box_at(index) for t in tracks if t.box_at(index)]
        for truth in (d.box for d in found if d.frame_index == index):
            assert any(b.x0 <= truth.x0 + 1 and b.x1 >= truth.x1 - 1 for b in boxes)


def test_kinds_never_mix():
    found = walk(range(10)) + walk(range(10), kind="plate")
    assert sorted(t.kind for t in track_detections(found, SECONDS, EXACT)) == ["face", "plate"]


def test_ids_do_not_depend_on_the_order_of_the_detections():
    found = walk(range(10)) + walk(range(3, 20), start=(300, 10)) + walk(range(8), start=(500, 300))
    first = track_detections(found, SECONDS, EXACT)
    second = track_detections(found[::-1], SECONDS, EXACT)
    assert [t.id for t in first] == [1, 2, 3]
    for a, b in zip(first, second, strict=True):
        assert a.start_index == b.start_index
        np.testing.assert_array_equal(a.boxes, b.boxes)


def test_boxes_of_several_looks_at_one_face_become_their_union():
    box, other = Box(0, 0, 10, 10), Box(1, 2, 11, 12)
    found = [Detection(kind="face", box=b, score=s) for b, s in ((box, 0.4), (other, 0.9))]
    (merged,) = merge_same(found)
    assert merged.box == (0, 0, 11, 12)
    assert merged.score == 0.9


def test_nothing_gives_nothing():
    assert track_detections([], SECONDS, Settings()) == ()
    assert track_detections([], np.zeros(0), Settings()) == ()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_track_is_never_smaller_than_a_sure_detection(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rate = data.draw(st.sampled_from([1, 5, 30, 240]))
    seconds = np.cumsum(rng.uniform(0.5, 1.5, 40)) / rate
    found = []
    for index in range(40):
        for person in range(3):
            if rng.random() < 0.6:
                x, y = 200 * person + rng.normal(0, 4), 50 + index + rng.normal(0, 4)
                size = rng.uniform(25, 45)
                box = Box(x, y, x + size, y + size)
                found.append(Detection(kind="face", box=box, score=0.9, frame_index=index))
    tracks = track_detections(found, seconds, Settings())
    for d in found:
        here = [box for t in tracks if (box := t.box_at(d.frame_index))]
        assert any(
            b.x0 <= d.box.x0 + 0.01
            and b.y0 <= d.box.y0 + 0.01
            and b.x1 >= d.box.x1 - 0.01
            and b.y1 >= d.box.y1 - 0.01
            for b in here
        )


def test_times_that_repeat_do_no_harm():
    found = walk(range(10))
    seconds = np.repeat(np.arange(30), 2) / RATE
    assert len(track_detections(found, seconds, Settings())) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_a_clip_of_very_few_frames_works(count):
    (track,) = track_detections(walk(range(count)), SECONDS[:count], Settings())
    assert (track.start_index, track.stop_index) == (0, count)


def test_a_weak_look_around_a_sure_one_adds_nothing():
    sure = Detection(kind="face", box=Box(100, 100, 180, 190), score=0.9)
    around = Detection(kind="face", box=Box(90, 105, 220, 240), score=0.4)
    apart = Detection(kind="face", box=Box(300, 100, 380, 190), score=0.4)
    much_larger = Detection(kind="face", box=Box(0, 0, 400, 400), score=0.4)
    assert merge_same([sure, around]) == [sure]
    assert len(merge_same([sure, apart])) == 2
    assert len(merge_same([sure, much_larger])) == 2


def test_steady_motion_does_not_widen_the_boxes():
    found = walk(range(30), step=(12, 0))
    (track,) = track_detections(found, np.arange(30) / 30, EXACT)
    widths = track.boxes[3:-3, 2] - track.boxes[3:-3, 0]
    assert widths.max() < 42


def test_looks_at_one_face_that_do_not_agree_are_one_track():
    """Two detectors cut a face so differently that their finds don't join in a frame."""
    found = walk(range(20), size=40) + walk(range(20), start=(88, 88), size=64, score=0.6)
    assert len(track_detections(found, SECONDS, EXACT)) == 1


def test_people_who_pass_close_by_do_not_grow_into_one():
    found = walk(range(30), start=(100, 100), step=(0, 0))
    found += walk(range(30), start=(130, 100), step=(0, 0))
    assert len(track_detections(found, SECONDS, EXACT)) == 2


@pytest.mark.parametrize(("astray", "count"), [(0, 1), (14, 2)])
def test_a_track_that_was_elsewhere_for_a_while_is_no_twin(astray, count):
    """One union of both would cover all that lies between two people."""
    there, elsewhere = (100, 100, 140, 140), (400, 100, 440, 140)
    one = make_track(1, [there] * 40)
    other = make_track(2, [elsewhere] * astray + [there] * (40 - astray))
    tracks = merge_duplicates([one, other])
    assert len(tracks) == count
    assert max(np.ptp(track.boxes[0, [0, 2]]) for track in tracks) == 40


def test_of_twins_the_guess_of_one_gives_way_to_what_the_other_saw():
    """One was first found late: where it had come from is stretched out before that."""
    seen = make_track(1, [(100, 100, 140, 140)] * 40)
    boxes = [(100, 100, 300, 140)] * 10 + [(100, 100, 144, 140)] * 30
    late = make_track(2, boxes)
    late.scores[:10] = np.nan
    late.scores[10] = 0.9
    (track,) = merge_duplicates([seen, late])
    assert len(track.boxes) == 40 and np.isfinite(track.boxes).all()
    assert (track.boxes[:10, 2] == 140).all() and (track.boxes[10:, 2] == 144).all()
    # Where neither was found, both guesses stay.
    seen.scores[0] = np.nan
    seen.scores[5] = 0.9
    (track,) = merge_duplicates([seen, late])
    assert (track.boxes[:5, 2] == 300).all() and (track.boxes[5:10, 2] == 140).all()


def test_who_passes_in_front_does_not_take_a_track_along():
    """One stands still and is known to; the other appears beside him and walks over his place."""
    associator = Associator(max_gap_seconds=1.0)
    (standing,) = walk([0], step=(0, 0))
    associator.step(0, 0.0, [standing])
    (tracklet,) = associator.live
    here = np.asarray(standing.box)
    passing = walk([1], start=(125, 100), step=(0, 0))
    assert associator.step(1, 0.1, passing, {tracklet: here}) == [tracklet]
    assert len(associator.live) == 2


def test_weak_looks_do_not_widen_what_a_sure_one_shows():
    """A weak look at the head with its surroundings tells that it is there, not how large."""
    found = walk([*range(10), *range(12, 20)], step=(0, 0))
    found += walk([10, 11], start=(86, 86), step=(0, 0), size=68, score=0.4)
    (track,) = track_detections(found, SECONDS, EXACT)
    assert (track.boxes[:, 2] - track.boxes[:, 0]).max() <= 1.3 * 40 + 0.01
    found = walk(range(10), step=(0, 0)) + walk([30, 32], start=(86, 86), step=(0, 0), size=60)
    (track,) = track_detections(found, SECONDS, Settings(extend_seconds=0.0, max_gap_seconds=3.0))
    assert track.boxes[-1, 2] - track.boxes[-1, 0] >= 60, "sure ones do"


def test_a_weak_look_of_another_size_is_not_of_the_track():
    found = walk(range(10), step=(0, 0))
    found += walk([10], start=(80, 80), step=(0, 0), size=80, score=0.4)
    (track,) = track_detections(found, SECONDS, EXACT)
    assert track.stop_index == 10


def test_a_faint_find_long_after_the_last_one_is_chance():
    settings_ = Settings(extend_seconds=0.0, max_gap_seconds=2.0)
    (track,) = track_detections(walk([*range(20, 30), 40], score=0.9), SECONDS, settings_)
    assert track.stop_index == 41
    faint = walk([5, 40], score=0.25)
    (track,) = track_detections(walk(range(20, 30)) + faint, SECONDS, settings_)
    assert (track.start_index, track.stop_index) == (20, 30)
    (track,) = track_detections(
        walk(range(20, 30)) + walk(range(30, 34), score=0.25), SECONDS, settings_
    )
    assert track.stop_index == 34, "who turns away is seen ever more faintly"


def test_who_stood_there_before_still_does_after_somebody_passed():
    stood = walk(range(20), step=(0, 0)) + walk([28, 30], start=(105, 98), step=(0, 0), score=0.25)
    (track,) = track_detections(stood, SECONDS, EXACT)
    assert track.stop_index == 31


def test_the_same_look_at_the_same_pixels_is_no_agreement():
    still, moving = walk(range(12), step=(0, 0), score=0.35), walk(range(12), score=0.35)
    assert not track_detections(still, SECONDS, EXACT)
    assert track_detections(moving, SECONDS, EXACT)
    assert track_detections(walk(range(12), step=(0, 0), score=0.45), SECONDS, EXACT)


def test_a_plate_that_passes_by_needs_one_clearer_find_among_faint_ones():
    """What stands still is seen faintly again and again, plate or not."""
    faint = {"size": 20, "score": 0.22, "kind": "plate"}

    def found(step):
        clearer = walk([3], step=step, size=20, score=0.4, kind="plate")
        return clearer + walk([0, 1, 2, 4, 5, 6], step=step, **faint)

    assert len(track_detections(found((12, 0)), SECONDS, EXACT)) == 1
    assert track_detections(found((0, 0)), SECONDS, EXACT) == ()
    assert track_detections(walk(range(7), step=(12, 0), **faint), SECONDS, EXACT) == ()


def test_a_plate_moves_many_times_its_size_between_two_looks_but_evenly():
    fast = walk([0, 5, 10], step=(20, 0), size=15, score=0.4, kind="plate")
    assert len(track_detections(fast, SECONDS, EXACT)) == 1
    chance = walk([0, 5], step=(20, 0), size=15, score=0.4, kind="plate")
    chance += walk([10], start=(100, 220), step=(0, 0), size=15, score=0.4, kind="plate")
    assert track_detections(chance, SECONDS, EXACT) == ()


def test_a_parked_plate_is_there_while_it_is_not_seen():
    here = {"step": (0, 0), "kind": "plate"}
    found = walk(range(5), **here) + walk(range(30, 35), **here)
    (track,) = track_detections(found, SECONDS, EXACT)
    assert (track.start_index, track.stop_index) == (0, 35)
    elsewhere = walk(range(5), **here) + walk(range(30, 35), start=(300, 100), **here)
    assert len(track_detections(elsewhere, SECONDS, EXACT)) == 2


def plate(x0, x1, *, y0=100, y1=120, score=0.6, index=0):
    return Detection(kind="plate", box=Box(x0, y0, x1, y1), score=score, frame_index=index)


def test_halves_of_a_plate_left_and_right_of_a_post_are_one():
    (whole,) = merge_same([plate(100, 130), plate(145, 170, y0=102, score=0.4)])
    assert whole.box == (100, 100, 170, 120)
    assert whole.score == 0.6
    for other in (
        plate(160, 190),  # more than a post's breadth away
        plate(145, 170, y0=112, y1=132),  # lower
        plate(145, 170, y0=80, y1=140),  # far higher
        plate(132, 240),  # too broad together
    ):
        assert len(merge_same([plate(100, 130), other])) == 2


def test_a_plate_seen_in_part_is_as_broad_as_it_was_a_moment_before():
    """One half is found again and again, now and then both, at different heights neither."""
    half, whole = [100, 100, 130, 120], [98, 101, 180, 121]
    seen = np.array([half, whole, half, half], dtype=float)
    boxes = complete_partial_plates(seen, np.array([0.0, 0.5, 1.0, 2.0]))
    np.testing.assert_array_equal(boxes[[0, 2]], [[98, 100, 180, 121]] * 2)
    np.testing.assert_array_equal(boxes[[1, 3]], seen[[1, 3]], "not for longer than a second")
    for other in ([98, 130, 180, 150], [140, 100, 220, 120], [40, 100, 240, 120]):
        pair = np.array([half, other], dtype=float)
        np.testing.assert_array_equal(complete_partial_plates(pair, np.zeros(2)), pair)
