"""The analyzer misses little, and follows what it has detected forward and backward."""

from dataclasses import replace

import numpy as np
import pytest
from moving_square import EXACT, RATE, SIZE, Bright, picture, square_at, watched

from redact import Box, Detection, Settings
from redact.analysis.analyzer import Analyzer
from redact.analysis.scans import ScanSpec
from redact.tracking.tuning import TUNING
from redact.views import ArrayView


def covers(track, index, slack=3):
    box, (x, y) = track.box_at(index), square_at(index)
    return box is not None and (
        box.x0 <= x + slack
        and box.y0 <= y + slack
        and box.x1 >= x + SIZE - slack
        and box.y1 >= y + SIZE - slack
    )


def test_a_scan_runs_at_its_interval():
    detector = Bright()
    (track,) = watched([ScanSpec(detector, every_seconds=0.5)], range(20))
    assert len(detector.shown) == 4
    assert all(covers(track, index) for index in range(16))


def test_only_moving_regions_are_scanned():
    detector = Bright()

    def draw(index):
        return picture(index, empty=index < 5)

    (track,) = watched(
        [ScanSpec(detector, every_seconds=0.1, where="moving", part_side_pixels=120)],
        range(20),
        draw=draw,
    )
    assert detector.shown
    assert all(max(shape) <= 120 for shape in detector.shown)
    assert all(covers(track, index) for index in range(5, 20))


def test_a_lost_track_is_searched_for_where_it_should_be():
    """The whole-frame scan detects the square once; the scan around it does from then on."""
    whole, near = Bright(blind=range(1, 40)), Bright(score=0.3)
    scans = [
        ScanSpec(whole, every_seconds=0.1),
        ScanSpec(near, every_seconds=0.0, where="track", part_side_pixels=96),
    ]
    (track,) = watched(scans, range(25))
    assert all(covers(track, index) for index in range(25))
    assert all(max(shape) == 96 for shape in near.shown)


def test_a_new_track_is_followed_back_to_where_it_came_from():
    whole, near = Bright(blind=range(10)), Bright(score=0.3)

    def draw(index):
        return picture(index, empty=index < 3)

    scans = [
        ScanSpec(whole, every_seconds=0.1),
        ScanSpec(near, every_seconds=0.0, where="track", part_side_pixels=96),
    ]
    (track,) = watched(scans, range(15), draw=draw)
    assert track.start_index == 3
    assert all(covers(track, index) for index in range(3, 15))


def test_what_no_scan_detects_is_followed_by_its_appearance():
    """Detected thrice and never again: what looks the same a little farther on is the same.

    It is believed for a time that the number of detections limits.
    """
    blind = Bright(blind=range(1000))
    scans = [
        ScanSpec(Bright(blind=range(3, 40)), every_seconds=0.1),
        ScanSpec(blind, every_seconds=0.0, where="track", part_side_pixels=96),
    ]
    (track,) = watched(scans, range(30))
    assert np.isnan(track.scores[3:]).all()
    seconds = 3 * TUNING.unseen_seconds_per_detection
    assert track.stop_index == pytest.approx(3 + seconds * RATE, abs=1)
    assert all(covers(track, index) for index in range(track.stop_index))


class Once:
    """Detects one box on one of its calls only, counted from 0."""

    kinds = ("face",)

    def __init__(self, number, box, score):
        self.number, self.find = number, Detection(kind="face", box=box, score=score)
        self.shown = 0

    def detect(self, _image):
        self.shown += 1
        return [self.find] if self.shown == self.number else []


def test_a_low_score_detection_does_not_draw_a_well_followed_track_away():
    """It lies just within the gate, and hardly overlaps the place that was followed to."""

    def tracked(score):
        whole = ScanSpec(Bright(blind=range(3, 40)), every_seconds=0.1)
        # Shown a square of 96 pixels around what it looks for, enlarged to 192.
        beside = Once(3, Box(54.0, 26.0, 114.0, 86.0), score)
        return watched(
            [whole, ScanSpec(beside, every_seconds=0.0, where="track", part_side_pixels=192)],
            range(9),
        )

    (track,) = tracked(0.25)
    assert all(covers(track, index) for index in range(9))
    assert np.isnan(track.scores[3:]).all()
    assert np.isfinite(tracked(0.6)[0].scores[3:]).any(), "a clearer one may"


def test_followed_frames_stay_when_a_chance_detection_comes_after_them():
    """Detected until frame 2, followed to 9; only the low-score detection there is dropped."""
    near = Once(8, Box(35.0, 35.0, 62.0, 62.0), 0.25)
    scans = [
        ScanSpec(Bright(blind=range(3, 40)), every_seconds=0.1),
        ScanSpec(near, every_seconds=0.0, where="track", part_side_pixels=96),
    ]
    (track,) = watched(scans, range(20))
    assert near.shown >= 8, "the chance find was made"
    assert all(covers(track, index) for index in range(8))
    assert np.isnan(track.scores[3:]).all()


def test_a_stationary_track_stays_covered_between_rare_detections():
    def draw(_index):
        return picture(10)

    blind = Bright(blind=range(1000))
    scans = [
        ScanSpec(Bright(), every_seconds=3.0),
        ScanSpec(blind, every_seconds=0.0, where="track", part_side_pixels=96),
        ScanSpec(blind, every_seconds=0.1),
    ]
    tracks = watched(scans, range(61), draw=draw)
    assert [(t.start_index, t.stop_index) for t in tracks] == [(0, 61)]


def test_a_cut_ends_tracks_on_both_sides():
    def draw(index):
        return picture(4 if index < 10 else 60, seed=1 if index < 10 else 2)

    scans = [ScanSpec(Bright(), every_seconds=0.1, camera_moving_seconds=0.1)]
    settings = Settings(extend_seconds=0.5)
    before, after = watched(scans, range(20), draw=draw, settings=settings)
    assert before.stop_index <= 11
    assert after.start_index >= 10


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_threads_changes_nothing(workers):
    def scans():
        return [
            ScanSpec(Bright(), every_seconds=0.3),
            ScanSpec(Bright(), every_seconds=0.2, where="moving", part_side_pixels=120),
            ScanSpec(Bright(score=0.3), every_seconds=0.1, where="track", part_side_pixels=96),
        ]

    alone, shared = watched(scans(), range(25)), watched(scans(), range(25), workers=workers)
    assert len(alone) == len(shared) == 1
    np.testing.assert_array_equal(alone[0].boxes, shared[0].boxes)


def test_an_error_in_a_detector_reaches_the_caller():
    class Broken:
        def detect(self, image):
            raise RuntimeError("no picture")

    with pytest.raises(RuntimeError, match="no picture"):
        watched([ScanSpec(Broken(), every_seconds=0.1)], range(8), workers=2)


class TwoFaces:
    """Detects two faces side by side three times, and then the first `lost` of them no more."""

    kinds = ("face",)

    def __init__(self, lost):
        self.lost, self.scans = lost, 0

    def detect(self, image):
        self.scans += 1
        boxes = [Box(100, 100, 140, 140), Box(128, 100, 168, 140)]
        shown = boxes if self.scans < 4 else boxes[self.lost :]
        return [Detection(kind="face", box=box, score=0.9) for box in shown]


def test_a_lost_track_does_not_jump_to_somebody_else():
    """One of two faces is lost; the scan around it detects the other, which has its own track."""

    class Other:
        kinds = ("face",)

        def detect(self, image):
            # In the picture's pixels; a crop of 128 px around the lost face, enlarged to 128.
            return [Detection(kind="face", box=Box(72, 44, 112, 84), score=0.9)]

    scans = [
        ScanSpec(TwoFaces(lost=1), every_seconds=0.1),
        ScanSpec(Other(), every_seconds=0.0, where="track", part_side_pixels=128),
    ]
    tracks = watched(scans, range(10), draw=lambda index: picture(index, empty=True))
    lost = min(tracks, key=lambda track: float(track.boxes[0, 0]))
    assert np.isnan(lost.scores[3:]).all()
    assert float(lost.boxes[:, 2].max()) < 145


def test_a_scan_is_skipped_where_another_covers_all_motion():
    """Nobody is there at first; then the two take turns, the scan of parts half as often."""
    whole, parts = Bright(), Bright()
    moving = ScanSpec(parts, every_seconds=0.2, where="moving", part_side_pixels=96)
    scans = [ScanSpec(whole, every_seconds=0.1, unless_due=moving), moving]
    (track,) = watched(scans, range(30), draw=lambda i: picture(i, empty=i < 10))
    # All of the first picture is new: no parts of it are told.
    assert len(whole.shown) == 10 + 10
    assert len(parts.shown) == 10
    assert all(covers(track, index) for index in range(10, 30))


def test_the_last_frame_is_scanned_whatever_is_due():
    """Somebody who comes in at the very end is detected and traced back; no scan runs twice."""

    def draw(index):
        return picture(index, empty=index < 16)

    for last, times in ((19, 2), (20, 2)):
        whole, near = Bright(), Bright(score=0.3)
        scans = [
            ScanSpec(whole, every_seconds=2.0),
            ScanSpec(near, every_seconds=0.0, where="track", part_side_pixels=96),
            ScanSpec(Bright(range(99)), every_seconds=0.1),
        ]
        with Analyzer(scans, EXACT) as analyzer:
            for index in range(last + 1):
                analyzer.push(index, index / RATE, ArrayView(draw(index)))
            analyzer.finish()
            tracks = analyzer.tracks(np.arange(last + 1) / RATE)
        assert len(whole.shown) == times
        (track,) = tracks
        assert all(covers(track, index) for index in range(16, last + 1))


def watched_plate(whole, near, *, side):
    """The track of a plate that the whole-frame scan sees once, and scans around it afterwards."""
    scans = [
        ScanSpec(whole, every_seconds=5.0),
        ScanSpec(
            near,
            every_seconds=0.0,
            where="track",
            kind="plate",
            part_side_pixels=side,
            surroundings_ratio=4.0,
        ),
        ScanSpec(Bright(range(99)), every_seconds=0.1),
    ]
    (track,) = watched(scans, range(10), draw=lambda index: picture(index, empty=True))
    return track


def test_a_scan_around_a_track_joins_both_halves_of_a_plate():
    """The whole-frame scan saw the left half; the scan around it sees the other half."""

    class Left:
        def detect(self, image):
            return [Detection(kind="plate", box=Box(100, 100, 130, 120), score=0.9)]

    class Halves:
        def detect(self, image):
            # A crop of 120 px around the left half, enlarged to 240.
            left = Detection(kind="plate", box=Box(90, 100, 150, 140), score=0.3)
            right = Detection(kind="plate", box=Box(180, 102, 230, 140), score=0.2)
            return [left, right]

    track = watched_plate(Left(), Halves(), side=240)
    assert track.stop_index >= 5
    assert all(track.box_at(index).x1 >= 164 for index in range(track.stop_index))


def test_a_plate_is_not_lost_to_something_of_another_height():
    class Once:
        def detect(self, image):
            return [Detection(kind="plate", box=Box(100, 100, 140, 120), score=0.9)]

    class Shirt:
        def detect(self, image):
            # In the picture 40 px wide, and 80 high.
            return [Detection(kind="plate", box=Box(120, 80, 200, 240), score=0.9)]

    track = watched_plate(Once(), Shirt(), side=320)
    assert float(track.boxes[:, 3].max()) < 130


def test_idle_scenes_are_scanned_rarely_until_something_moves():
    often, parts = Bright(), Bright(range(999))
    scans = [
        ScanSpec(often, every_seconds=0.1, idle_seconds=0.5),
        ScanSpec(parts, every_seconds=0.2, where="moving", part_side_pixels=64),
    ]
    empty = [picture(0, empty=True)] * 21
    watched(scans, range(21), draw=lambda index: empty[index])
    assert len(often.shown) == 5  # At 0.0, and every half second.
    scans = [ScanSpec(Bright(), every_seconds=0.1, idle_seconds=0.5), scans[1]]
    (track,) = watched(scans, range(31), draw=lambda index: picture(index, empty=index < 11))
    assert track.start_index <= 12  # The next picture that is looked at for parts.


def test_somebody_who_stands_still_stays_covered_while_another_passes():
    """She isn't detected afterwards either; a low-score detection below her, on him, isn't hers."""

    class Passing:
        scans = -1

        def detect(self, image):
            self.scans += 1
            x = 10 * self.scans - 60
            detections = [Detection(kind="face", box=Box(x, 90, x + 60, 150), score=0.9)]
            if x + 60 <= 200:
                detections += [Detection(kind="face", box=Box(200, 100, 240, 140), score=0.6)]
            if x == 190:
                detections += [Detection(kind="face", box=Box(195, 165, 235, 205), score=0.3)]
            return detections

    class Blind:
        def detect(self, image):
            return []

    coat = np.random.default_rng(4).integers(0, 255, (170, 60, 3))

    def draw(index):
        image = picture(index, empty=True)
        seen = image[90:260, max(0, 10 * index - 60) : max(0, 10 * index)]
        seen[:] = coat[:, 60 - seen.shape[1] :]
        return image

    scans = [
        ScanSpec(Passing(), every_seconds=0.1),
        ScanSpec(Blind(), every_seconds=0.0, where="track", part_side_pixels=128),
    ]
    tracks = watched(scans, range(40), draw=draw)
    (stood,) = (t for t in tracks if abs(t.boxes[0, 0] - 200) < 5)
    assert stood.stop_index >= 28  # He is nearly past her.
    np.testing.assert_allclose(stood.boxes, [[200, 100, 240, 140]] * len(stood.boxes), atol=5)


@pytest.mark.parametrize(("hidden", "stop"), [(40, 50), (115, 5)])
def test_a_parked_plate_is_searched_for_while_somebody_stands_in_front(hidden, stop):
    """The track is kept for ten seconds; only the scan around it detects the plate again."""

    class BrightPlate(Bright):
        def detect(self, image):
            return [replace(detection, kind="plate") for detection in super().detect(image)]

    def draw(index):
        image = picture(index, empty=True)
        if not 5 <= index < 5 + hidden:
            image[100:120, 200:250] = 240
        return image

    near = ScanSpec(
        BrightPlate(score=0.3),
        every_seconds=0.0,
        where="track",
        kind="plate",
        part_side_pixels=320,
        surroundings_ratio=4.0,
    )
    scans = [
        ScanSpec(BrightPlate(), every_seconds=99.0),
        near,
        ScanSpec(Bright(range(999)), every_seconds=0.1),
    ]
    (track,) = watched(scans, range(hidden + 10), draw=draw)
    assert (track.start_index, track.stop_index) == (0, stop)
    np.testing.assert_allclose(track.boxes, [[200, 100, 250, 120]] * len(track.boxes), atol=2)


@pytest.mark.parametrize(("score", "reach"), [(0.25, 250), (0.6, 278)])
def test_a_parked_plate_that_is_hidden_does_not_move_to_what_hides_it(score, reach):
    """A low score on somebody's clothes beside it is no plate; a high one may be."""

    class BrightPlate(Bright):
        def detect(self, image):
            return [replace(detection, kind="plate") for detection in super().detect(image)]

    def draw(index):
        image = picture(index, empty=True)
        x, y = (200, 100) if index < 5 else (228, 112)
        image[y : y + 20, x : x + 50] = 240
        return image

    near = ScanSpec(
        BrightPlate(score=score),
        every_seconds=0.0,
        where="track",
        kind="plate",
        part_side_pixels=320,
        surroundings_ratio=4.0,
    )
    whole = ScanSpec(BrightPlate(blind=range(5, 40)), every_seconds=0.1)
    (track,) = watched([whole, near], range(10), draw=draw)
    assert float(track.boxes[:, 2].max()) == pytest.approx(reach, abs=3)


def test_a_lost_track_does_not_take_the_place_of_another_lost_one():
    """Two faces are lost in the same frame; the scan around tracks still detects one of them."""

    def draw(index):
        image = picture(index, empty=True)
        image[100:140, 128:168] = 240
        return image

    scans = [
        ScanSpec(TwoFaces(lost=2), every_seconds=0.1),
        ScanSpec(Bright(), every_seconds=0.0, where="track", part_side_pixels=128),
    ]
    tracks = watched(scans, range(10), draw=draw)
    lost, seen = sorted(tracks, key=lambda track: float(track.boxes[0, 0]))
    assert float(lost.boxes[:, 2].max()) < 145
    assert np.isfinite(seen.scores).all()


class Around:
    """A detector that returns the same boxes whatever it is shown."""

    kinds = ("face",)

    def __init__(self, *boxes):
        self.boxes, self.scans = boxes, 0

    def detect(self, image):
        self.scans += 1
        return [Detection(kind="face", box=box, score=0.45) for box in self.boxes]


def test_a_hint_at_a_known_track_adds_nothing():
    hint = Around(Box(0, 60, 200, 170))
    known = [ScanSpec(Bright(), every_seconds=0.1), ScanSpec(hint, every_seconds=0.1, is_hint=True)]
    (track,) = watched(known, range(20))
    assert hint.scans == 20
    assert float((track.boxes[:, 2] - track.boxes[:, 0]).max()) < 2 * SIZE


@pytest.mark.parametrize(("known_score", "counts"), [(0.25, True), (0.45, False)])
def test_a_hint_counts_where_only_something_less_sure_is_known(known_score, counts):
    """Five detections with 0.3 and more make a track, those with 0.25 none."""
    scans = [
        ScanSpec(Bright(score=known_score), every_seconds=0.1),
        ScanSpec(Around(Box(0, 60, 400, 170)), every_seconds=0.1, is_hint=True),
    ]
    tracks = watched(scans, range(20))
    widest = max(float((track.boxes[:, 2] - track.boxes[:, 0]).max()) for track in tracks)
    assert (widest > 2 * SIZE) == counts


@pytest.mark.parametrize(("turn", "scans"), [(0, 8), (180, 20)])
def test_bodies_tell_which_way_up_a_camera_hangs_and_nothing_else(turn, scans):
    """Once they say that it hangs upright, turned frames are scanned more rarely."""

    class Bodies(Bright):
        def detect(self, image):
            return [replace(found, turn_degrees=turn) for found in super().detect(image)]

    turned = Bright(blind=range(99))
    told = [
        ScanSpec(Bodies(), every_seconds=0.1, kind="head", only_votes_on_turn=True),
        ScanSpec(turned, every_seconds=0.1, upright_seconds=0.3, turn_degrees=90),
    ]
    assert not watched(told, range(20))
    # The first two frames, until two bodies have told it, and then one in three.
    assert len(turned.shown) == scans


def test_hints_that_agree_make_a_track_where_nothing_is_known():
    class Walking(Around):
        def detect(self, image):
            self.boxes = [Box(100 + 5 * self.scans, 60, 180 + 5 * self.scans, 150)]
            return super().detect(image)

    scans = [
        ScanSpec(Bright(blind=range(99)), every_seconds=0.1),
        ScanSpec(Walking(), every_seconds=0.1, is_hint=True),
    ]
    assert len(watched(scans, range(6))) == 1
    scans = [
        ScanSpec(Bright(blind=range(99)), every_seconds=0.1),
        ScanSpec(Walking(), every_seconds=0.1, is_hint=True),
    ]
    assert not watched(scans, range(4))


def running(index):
    """Somebody who runs by from the sixth frame on, smeared: nothing looks like a face."""
    image = picture(index, empty=True)
    if index > 5:
        x = 40 * (index - 6)
        image[90:270, x : x + 50] = 20
    return image


@pytest.mark.parametrize("heads", ["near-tracks", "off"])
def test_a_runner_too_fast_for_detectors_is_covered_at_the_head(heads):
    blind = Bright(blind=range(1000))
    scans = [
        ScanSpec(blind, every_seconds=0.1),
        ScanSpec(blind, every_seconds=0.0, where="track", part_side_pixels=96),
    ]
    settings = Settings(extend_seconds=0.3, max_gap_seconds=1.0, heads=heads)
    tracks = watched(scans, range(17), draw=running, settings=settings)
    if heads == "off":
        assert not tracks
        return
    (track,) = tracks
    for index in range(7, 16):
        box, x = track.box_at(index), 40 * (index - 6)
        assert box.x0 < x + 15 and box.x1 > x + 35 and box.y0 < 95 and box.y1 > 120
