"""Where and when is looked: little is missed, and what was found is followed both ways."""

from dataclasses import replace

import numpy as np
import pytest

from redact import Box, Detection, Settings
from redact.analysis.analyzer import Watch
from redact.analysis.scans import Look
from redact.views import ArrayView

WIDTH, HEIGHT, RATE, SIZE = 480, 270, 10, 30
EXACT = Settings(extend_seconds=0.0, max_gap_seconds=1.0)


def square_at(index):
    return 20 + 4 * index, 100


def picture(index, *, empty=False, seed=1):
    rng = np.random.default_rng(seed)
    image = np.kron(rng.integers(60, 160, (27, 48)), np.ones((10, 10)))
    image = np.repeat(image[:, :, None], 3, axis=2)
    if not empty:
        x, y = square_at(index)
        coarse = np.random.default_rng(9).integers(195, 255, (SIZE // 6, SIZE // 6))
        texture = np.kron(coarse, np.ones((6, 6)))
        image[y : y + SIZE, x : x + SIZE] = texture[:, :, None]
    return image.astype(np.uint8)


class Bright:
    """Finds what is bright, like the square; remembers the sizes of what it was shown."""

    kinds = ("face",)

    def __init__(self, blind=(), score=0.9):
        self.blind, self.score = set(blind), score
        self.shown = []

    def detect(self, image):
        self.shown.append(image.shape[:2])
        if len(self.shown) - 1 in self.blind:
            return []
        rows, columns = np.nonzero(image[:, :, 0] > 190)
        if len(rows) < 20:
            return []
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return [Detection(kind="face", box=Box(*map(float, edges)), score=self.score)]


def watched(looks, indices, *, workers=0, draw=picture, settings=EXACT):
    with Watch(looks, settings, workers=workers) as watch:
        for index in indices:
            if watch.is_due(index / RATE):
                watch.see(index, index / RATE, ArrayView(draw(index)))
        return watch.tracks(np.arange(max(indices) + 1) / RATE)


def covers(track, index, slack=3):
    box, (x, y) = track.box_at(index), square_at(index)
    return box is not None and (
        box.x0 <= x + slack
        and box.y0 <= y + slack
        and box.x1 >= x + SIZE - slack
        and box.y1 >= y + SIZE - slack
    )


def test_a_look_comes_as_often_as_it_should():
    detector = Bright()
    (track,) = watched([Look(detector, 0.5)], range(20))
    assert len(detector.shown) == 4
    assert all(covers(track, index) for index in range(16))


def test_what_moves_is_looked_at_alone():
    detector = Bright()

    def draw(index):
        return picture(index, empty=index < 5)

    (track,) = watched([Look(detector, 0.1, "parts", part_side=120)], range(20), draw=draw)
    assert detector.shown
    assert all(max(shape) <= 120 for shape in detector.shown)
    assert all(covers(track, index) for index in range(5, 20))


def test_a_track_that_was_lost_is_looked_for_where_it_should_be():
    """The look at the whole sees the square once; the look near it sees it from then on."""
    whole, near = Bright(blind=range(1, 40)), Bright(score=0.3)
    looks = [Look(whole, 0.1), Look(near, 0.0, "near", part_side=96)]
    (track,) = watched(looks, range(25))
    assert all(covers(track, index) for index in range(25))
    assert all(max(shape) == 96 for shape in near.shown)


def test_a_new_track_is_followed_back_to_where_it_came_from():
    whole, near = Bright(blind=range(10)), Bright(score=0.3)

    def draw(index):
        return picture(index, empty=index < 3)

    looks = [Look(whole, 0.1), Look(near, 0.0, "near", part_side=96)]
    (track,) = watched(looks, range(15), draw=draw)
    assert track.start_index == 3
    assert all(covers(track, index) for index in range(3, 15))


def test_what_no_look_sees_is_followed_by_its_picture():
    """Found once and never again: what looks the same a little farther on is the same."""
    blind = Bright(blind=range(1000))
    looks = [Look(Bright(blind=range(3, 40)), 0.1), Look(blind, 0.0, "near", part_side=96)]
    (track,) = watched(looks, range(12))
    assert all(covers(track, index) for index in range(12))
    assert np.isnan(track.scores[3:]).all()


class Once:
    """Finds one box in the picture that it is shown as so manieth, nothing before and after."""

    kinds = ("face",)

    def __init__(self, number, box, score):
        self.number, self.find = number, Detection(kind="face", box=box, score=score)
        self.shown = 0

    def detect(self, _image):
        self.shown += 1
        return [self.find] if self.shown == self.number else []


def test_a_faint_find_beside_what_is_surely_followed_does_not_draw_it_away():
    """It is as near as a find may be, and has hardly anything of the place that was followed to."""

    def tracked(score):
        whole = Look(Bright(blind=range(3, 40)), 0.1)
        # Shown a square of 96 pixels around what it looks for, enlarged to 192.
        beside = Once(3, Box(54.0, 26.0, 114.0, 86.0), score)
        return watched([whole, Look(beside, 0.0, "near", part_side=192)], range(9))

    (track,) = tracked(0.25)
    assert all(covers(track, index) for index in range(9))
    assert np.isnan(track.scores[3:]).all()
    assert np.isfinite(tracked(0.6)[0].scores[3:]).any(), "a clearer one may"


def test_what_was_followed_stays_where_a_chance_find_follows_it():
    """Found until frame 2, followed to frame 9; what is found there faintly is dropped alone."""
    near = Once(8, Box(35.0, 35.0, 62.0, 62.0), 0.25)
    looks = [Look(Bright(blind=range(3, 40)), 0.1), Look(near, 0.0, "near", part_side=96)]
    (track,) = watched(looks, range(20))
    assert near.shown >= 8, "the chance find was made"
    assert all(covers(track, index) for index in range(8))
    assert np.isnan(track.scores[3:]).all()


def test_a_parked_thing_stays_covered_between_rare_finds():
    def draw(_index):
        return picture(10)

    blind = Bright(blind=range(1000))
    looks = [Look(Bright(), 3.0), Look(blind, 0.0, "near", part_side=96), Look(blind, 0.1)]
    tracks = watched(looks, range(60), draw=draw)
    assert [(t.start_index, t.stop_index) for t in tracks] == [(0, 60)]


def test_only_what_was_compared_tells_that_much_moves():
    """The first picture counts as moving wherever one looks, which is no sign of a busy clip."""
    coarse = np.random.default_rng(3).integers(40, 180, (5, 12)).astype(np.uint8)
    wide = np.repeat(np.kron(coarse, np.ones((54, 54), np.uint8))[:, :, None], 3, axis=2)

    def shifted(index):
        return wide[:, 8 * index :][:, :WIDTH].copy()

    stirred = {}
    for draw in (picture, shifted):
        with Watch([Look(Bright(), 0.1, restless_seconds=0.1)], EXACT) as watch:
            stirred[draw] = []
            for index in range(6):
                watch.see(index, index / RATE, ArrayView(draw(index)))
                stirred[draw].append(watch.is_stirred)
            assert not watch.is_calm or draw is picture
    assert stirred[picture] == [False] * 6
    assert stirred[shifted] == [False, *[True] * 5]


def test_a_cut_ends_tracks_on_both_sides():
    def draw(index):
        return picture(4 if index < 10 else 60, seed=1 if index < 10 else 2)

    looks = [Look(Bright(), 0.1, restless_seconds=0.1)]
    settings = Settings(extend_seconds=0.5)
    before, after = watched(looks, range(20), draw=draw, settings=settings)
    assert before.stop_index <= 11
    assert after.start_index >= 10


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_change_nothing(workers):
    def looks():
        return [
            Look(Bright(), 0.3),
            Look(Bright(), 0.2, "parts", part_side=120),
            Look(Bright(score=0.3), 0.1, "near", part_side=96),
        ]

    alone, shared = watched(looks(), range(25)), watched(looks(), range(25), workers=workers)
    assert len(alone) == len(shared) == 1
    np.testing.assert_array_equal(alone[0].boxes, shared[0].boxes)


def test_a_failing_look_is_heard_of():
    class Broken:
        def detect(self, image):
            raise RuntimeError("no picture")

    with pytest.raises(RuntimeError, match="no picture"):
        watched([Look(Broken(), 0.1)], range(8), workers=2)


class TwoFaces:
    """A look that sees two faces side by side three times, and then the first `lost` no more."""

    kinds = ("face",)

    def __init__(self, lost):
        self.lost, self.looks = lost, 0

    def detect(self, image):
        self.looks += 1
        boxes = [Box(100, 100, 140, 140), Box(128, 100, 168, 140)]
        shown = boxes if self.looks < 4 else boxes[self.lost :]
        return [Detection(kind="face", box=box, score=0.9) for box in shown]


def test_a_lost_track_does_not_jump_to_somebody_else():
    """One of two faces is lost; the look near it sees the other face, which has its own track."""

    class Other:
        kinds = ("face",)

        def detect(self, image):
            # In the picture's pixels; a crop of 128 px around the lost face, enlarged to 128.
            return [Detection(kind="face", box=Box(72, 44, 112, 84), score=0.9)]

    looks = [Look(TwoFaces(lost=1), 0.1), Look(Other(), 0.0, "near", part_side=128)]
    tracks = watched(looks, range(10), draw=lambda index: picture(index, empty=True))
    lost = min(tracks, key=lambda track: float(track.boxes[0, 0]))
    assert np.isnan(lost.scores[3:]).all()
    assert float(lost.boxes[:, 2].max()) < 145


def test_a_look_is_left_out_where_another_sees_all_that_moves():
    """Nobody is there at first; then the two take turns, the one at parts twice as seldom."""
    whole, parts = Bright(), Bright()
    moving = Look(parts, 0.2, "parts", part_side=96)
    looks = [Look(whole, 0.1, unless=moving), moving]
    (track,) = watched(looks, range(30), draw=lambda i: picture(i, empty=i < 10))
    # All of the first picture is new: no parts of it are told.
    assert len(whole.shown) == 10 + 10
    assert len(parts.shown) == 10
    assert all(covers(track, index) for index in range(10, 30))


def test_the_last_picture_is_looked_at_whatever_is_due():
    """Whoever comes in at the very end is seen and traced back; no look comes twice."""

    def draw(index):
        return picture(index, empty=index < 16)

    for last, times in ((19, 2), (20, 2)):
        whole, near = Bright(), Bright(score=0.3)
        looks = [
            Look(whole, 2.0),
            Look(near, 0.0, "near", part_side=96),
            Look(Bright(range(99)), 0.1),
        ]
        with Watch(looks, EXACT) as watch:
            for index in range(last + 1):
                watch.see(index, index / RATE, ArrayView(draw(index)))
            watch.look_at_last()
            tracks = watch.tracks(np.arange(last + 1) / RATE)
        assert len(whole.shown) == times
        (track,) = tracks
        assert all(covers(track, index) for index in range(16, last + 1))


def test_a_near_look_sees_both_halves_of_a_plate():
    """The look at the whole saw the left half; beside it the other half shows, fainter."""

    class Left:
        def detect(self, image):
            return [Detection(kind="plate", box=Box(100, 100, 130, 120), score=0.9)]

    class Halves:
        def detect(self, image):
            # A crop of 120 px around the left half, enlarged to 240.
            left = Detection(kind="plate", box=Box(90, 100, 150, 140), score=0.3)
            right = Detection(kind="plate", box=Box(180, 102, 230, 140), score=0.2)
            return [left, right]

    near = Look(Halves(), 0.0, "near", kind="plate", part_side=240, around=4.0)
    looks = [Look(Left(), 5.0), near, Look(Bright(range(99)), 0.1)]
    (track,) = watched(looks, range(10), draw=lambda index: picture(index, empty=True))
    assert all(track.box_at(index).x1 >= 164 for index in range(10))


def test_a_plate_is_not_lost_to_something_of_another_height():
    class Once:
        def detect(self, image):
            return [Detection(kind="plate", box=Box(100, 100, 140, 120), score=0.9)]

    class Shirt:
        def detect(self, image):
            # In the picture 40 px wide, and 80 high.
            return [Detection(kind="plate", box=Box(120, 80, 200, 240), score=0.9)]

    near = Look(Shirt(), 0.0, "near", kind="plate", part_side=320, around=4.0)
    looks = [Look(Once(), 5.0), near, Look(Bright(range(99)), 0.1)]
    (track,) = watched(looks, range(10), draw=lambda index: picture(index, empty=True))
    assert float(track.boxes[:, 3].max()) < 130


def test_where_nothing_moves_is_looked_seldom_until_something_does():
    often, parts = Bright(), Bright(range(999))
    looks = [Look(often, 0.1, still_seconds=0.5), Look(parts, 0.2, "parts", part_side=64)]
    empty = [picture(0, empty=True)] * 21
    watched(looks, range(21), draw=lambda index: empty[index])
    assert len(often.shown) == 5  # At 0.0, and every half second.
    looks = [Look(Bright(), 0.1, still_seconds=0.5), looks[1]]
    (track,) = watched(looks, range(31), draw=lambda index: picture(index, empty=index < 11))
    assert track.start_index <= 12  # The next picture that is looked at for parts.


def test_who_stood_still_is_there_while_somebody_passes():
    """She isn't found afterwards either; a faint find below her, on him, is not of her."""

    class Passing:
        looks = -1

        def detect(self, image):
            self.looks += 1
            x = 10 * self.looks - 60
            finds = [Detection(kind="face", box=Box(x, 90, x + 60, 150), score=0.9)]
            if x + 60 <= 200:
                finds += [Detection(kind="face", box=Box(200, 100, 240, 140), score=0.6)]
            if x == 190:
                finds += [Detection(kind="face", box=Box(195, 165, 235, 205), score=0.3)]
            return finds

    class Blind:
        def detect(self, image):
            return []

    coat = np.random.default_rng(4).integers(0, 255, (170, 60, 3))

    def draw(index):
        image = picture(index, empty=True)
        seen = image[90:260, max(0, 10 * index - 60) : max(0, 10 * index)]
        seen[:] = coat[:, 60 - seen.shape[1] :]
        return image

    looks = [Look(Passing(), 0.1), Look(Blind(), 0.0, "near", part_side=128)]
    tracks = watched(looks, range(40), draw=draw)
    (stood,) = (t for t in tracks if abs(t.boxes[0, 0] - 200) < 5)
    assert stood.stop_index >= 28  # He is nearly past her.
    np.testing.assert_allclose(stood.boxes, [[200, 100, 240, 140]] * len(stood.boxes), atol=5)


@pytest.mark.parametrize(("hidden", "stop"), [(40, 50), (115, 5)])
def test_a_parked_plate_is_looked_for_while_somebody_stands_before_it(hidden, stop):
    """It stays a track for ten seconds; nothing but the look beside it sees it again."""

    class BrightPlate(Bright):
        def detect(self, image):
            return [replace(find, kind="plate") for find in super().detect(image)]

    def draw(index):
        image = picture(index, empty=True)
        if not 5 <= index < 5 + hidden:
            image[100:120, 200:250] = 240
        return image

    near = Look(BrightPlate(score=0.3), 0.0, "near", kind="plate", part_side=320, around=4.0)
    looks = [Look(BrightPlate(), 99.0), near, Look(Bright(range(999)), 0.1)]
    (track,) = watched(looks, range(hidden + 10), draw=draw)
    assert (track.start_index, track.stop_index) == (0, stop)
    np.testing.assert_allclose(track.boxes, [[200, 100, 250, 120]] * len(track.boxes), atol=2)


def test_a_lost_track_does_not_take_the_place_of_another_lost_one():
    """Two faces are lost in the same picture; the near look still sees one of them."""

    def draw(index):
        image = picture(index, empty=True)
        image[100:140, 128:168] = 240
        return image

    looks = [Look(TwoFaces(lost=2), 0.1), Look(Bright(), 0.0, "near", part_side=128)]
    tracks = watched(looks, range(10), draw=draw)
    lost, seen = sorted(tracks, key=lambda track: float(track.boxes[0, 0]))
    assert float(lost.boxes[:, 2].max()) < 145
    assert np.isfinite(seen.scores).all()


class Around:
    """A look that sees the same boxes whatever it is shown."""

    kinds = ("face",)

    def __init__(self, *boxes):
        self.boxes, self.looks = boxes, 0

    def detect(self, image):
        self.looks += 1
        return [Detection(kind="face", box=box, score=0.45) for box in self.boxes]


def test_a_hint_at_somebody_known_adds_nothing():
    hint = Around(Box(0, 60, 200, 170))
    known = [Look(Bright(), 0.1), Look(hint, 0.1, is_hint=True)]
    (track,) = watched(known, range(20))
    assert hint.looks == 20
    assert float((track.boxes[:, 2] - track.boxes[:, 0]).max()) < 2 * SIZE


def test_hints_at_nobody_known_make_a_track_when_they_agree():
    class Walking(Around):
        def detect(self, image):
            self.boxes = [Box(100 + 5 * self.looks, 60, 180 + 5 * self.looks, 150)]
            return super().detect(image)

    looks = [Look(Bright(blind=range(99)), 0.1), Look(Walking(), 0.1, is_hint=True)]
    assert len(watched(looks, range(6))) == 1
    looks = [Look(Bright(blind=range(99)), 0.1), Look(Walking(), 0.1, is_hint=True)]
    assert not watched(looks, range(4))


def running(index):
    """Somebody who runs by from the sixth picture on, smeared: nothing that looks like a face."""
    image = picture(index, empty=True)
    if index > 5:
        x = 40 * (index - 6)
        image[90:270, x : x + 50] = 20
    return image


@pytest.mark.parametrize("heads", ["near tracks", "off"])
def test_who_runs_by_faster_than_detectors_can_see_is_covered_at_the_head(heads):
    blind = Bright(blind=range(1000))
    looks = [Look(blind, 0.1), Look(blind, 0.0, "near", part_side=96)]
    settings = Settings(extend_seconds=0.3, max_gap_seconds=1.0, heads=heads)
    tracks = watched(looks, range(17), draw=running, settings=settings)
    if heads == "off":
        assert not tracks
        return
    (track,) = tracks
    for index in range(7, 16):
        box, x = track.box_at(index), 40 * (index - 6)
        assert box.x0 < x + 15 and box.x1 > x + 35 and box.y0 < 95 and box.y1 > 120
