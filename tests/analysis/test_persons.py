"""Tracks of one person are joined by continuity and clothes, and by nothing less."""

import dataclasses

import numpy as np
import pytest

from redact import Box, Detection, Settings, Track
from redact.analysis.analyzer import Analyzer
from redact.analysis.clothes import Look, Looks, difference, torso_colours
from redact.analysis.persons import group_persons
from redact.analysis.scans import ScanSpec
from redact.views import ArrayView

RATE = 10
SECONDS = np.arange(100) / RATE
SIZE = 40.0
RED, BLUE, BLACK = (40, 40, 200), (200, 60, 40), (20, 20, 20)


def dressed(colour, *, seed=0):
    """(300, 400, 3) BGR: somebody in clothes of that colour in front of a grey wall."""
    rng = np.random.default_rng(seed)
    image = np.full((300, 400, 3), 150.0)
    image[130:280, 140:240] = colour
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def colours_of(colour, *, seed=0):
    face = np.array([170.0, 70, 210, 118])
    return torso_colours(ArrayView(dressed(colour, seed=seed)), face)


def walk(start, frames, *, x=200.0, y=100.0, step=4.0, kind="face", looks=RED, seen=None):
    """A track from frame `start` on, detected in every frame, whose looks are seen."""
    centers = np.stack([x + step * np.arange(frames), np.full(frames, y)], axis=1)
    boxes = np.concatenate([centers - SIZE / 2, centers + SIZE / 2], axis=1).astype(np.float32)
    scores = np.full(frames, 0.9, np.float32)
    if seen is not None and looks is not None:
        for i in range(frames):
            colours = colours_of(looks, seed=start + i)
            look = Look(start + i, SECONDS[start + i], boxes[i].astype(float), colours)
            seen.looks.append(look)
    return Track(id=1, kind=kind, start_index=start, boxes=boxes, scores=scores)


def grouped(*walks, cuts=(), jumps=(), size=(800, 400)):
    """The persons of walks, given as dictionaries of arguments, in the order of the walks."""
    seen = Looks(frame_size=size, cuts=list(cuts))
    tracks = [walk(**arguments, seen=seen) for arguments in walks]
    tracks = [dataclasses.replace(track, id=n) for n, track in enumerate(tracks, 1)]
    seen.looks.sort(key=lambda look: look.index)
    return group_persons(tracks, SECONDS, seen, jumps)


FIRST = {"start": 0, "frames": 20, "x": 200.0}
# Half a second after the first one's last frame, where that one was going to.
NEXT = {"start": 24, "frames": 20, "x": 296.0}


def test_a_track_that_goes_on_in_the_same_clothes_shows_the_same_person():
    one, two = grouped(FIRST, NEXT)
    assert one.person == two.person == 1
    assert (one.joined, two.joined) == ("", "0.5 s apart, same clothes")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"looks": BLUE}, id="other clothes"),
        pytest.param({"looks": None}, id="clothes that nobody saw"),
        pytest.param({"start": 40}, id="too late"),
        pytest.param({"start": 15}, id="both show at the same time"),
        pytest.param({"x": 500.0}, id="elsewhere"),
        pytest.param({"step": -14.0}, id="coming from where the first one went"),
    ],
)
def test_whatever_is_in_doubt_stays_apart(other):
    one, two = grouped(FIRST, {**NEXT, **other})
    assert one.person != two.person
    assert two.joined == ""


@pytest.mark.parametrize("what", ["cuts", "jumps"])
def test_a_cut_or_a_jump_ends_continuity(what):
    one, two = grouped(FIRST, NEXT, **{what: [22]})
    assert one.person != two.person
    one, two = grouped(FIRST, NEXT, **{what: [10, 30]})
    assert one.person == two.person


def test_somebody_may_have_left_and_another_one_come_at_the_edge_of_the_frame():
    one, two = grouped(FIRST, NEXT, size=(290, 400))
    assert one.person != two.person


def test_nobody_is_joined_while_a_third_person_is_near():
    third = {"start": 10, "frames": 40, "x": 250.0, "y": 160.0, "step": 0.0, "looks": BLUE}
    one, two, _ = grouped(FIRST, NEXT, third)
    assert one.person != two.person
    one, two, _ = grouped(FIRST, NEXT, {**third, "y": 300.0})
    assert one.person == two.person


def test_of_two_possible_continuations_none_is_certain():
    one, two, three = grouped(FIRST, NEXT, {**NEXT, "start": 26, "y": 101.0})
    assert len({one.person, two.person, three.person}) == 3


def test_all_pieces_of_one_person_get_one_number():
    last = {"start": 48, "frames": 10, "x": 392.0}
    apart = {"start": 70, "frames": 10, "x": 600.0, "looks": BLACK}
    persons = [track.person for track in grouped(FIRST, NEXT, last, apart)]
    assert persons == [1, 1, 1, 2]


def test_plates_are_nobody():
    (plate,) = grouped({**FIRST, "kind": "plate"})
    assert plate.person is None


def test_clothes_differ_more_than_noise_does():
    same = difference(colours_of(RED), colours_of(RED, seed=1))
    others = [difference(colours_of(RED), colours_of(c)) for c in (BLUE, BLACK)]
    assert same < 0.05
    assert min(others) > 0.5


def test_nothing_is_known_of_a_torso_outside_the_frame():
    view = ArrayView(dressed(RED))
    assert torso_colours(view, np.array([170.0, 240, 210, 288])) is None
    assert torso_colours(view, np.array([170.0, 70, 173, 74])) is None


class TwoWalkers:
    """Detects the face of `scene`, but not in the frames of a gap."""

    kinds = ("face",)

    def __init__(self, gap):
        self.gap, self.calls = gap, -1

    def detect(self, image):
        self.calls += 1
        if self.calls in self.gap:
            return []
        x = 100.0 + 6 * self.calls
        return [Detection(kind="face", box=Box(x, 60, x + 40, 108), score=0.9)]


def scene(index, gap_colour, gap):
    image = np.full((300, 640, 3), 150, np.uint8)
    x = 100 + 6 * index
    image[60:108, x : x + 40] = (120, 150, 190)
    image[115:290, x - 30 : x + 70] = RED if index < gap.stop else gap_colour
    return image


@pytest.mark.parametrize(("colour", "persons"), [(RED, 1), (BLUE, 2)])
def test_the_analyzer_groups_what_it_tracked(colour, persons):
    gap = range(20, 28)
    settings = Settings(extend_seconds=0.0, max_gap_seconds=0.3)
    scans = [ScanSpec(TwoWalkers(gap))]
    with Analyzer(scans, settings, groups_persons=True) as analyzer:
        for index in range(50):
            analyzer.push(index, index / RATE, ArrayView(scene(index, colour, gap)))
        tracks = analyzer.tracks(SECONDS[:50])
    assert len(tracks) == 2
    assert len({track.person for track in tracks}) == persons


def test_a_stream_has_no_persons():
    with Analyzer([ScanSpec(TwoWalkers(range(0)))], Settings()) as analyzer:
        for index in range(10):
            analyzer.push(index, index / RATE, ArrayView(scene(index, RED, range(0))))
        (track,) = analyzer.tracks(SECONDS[:10])
    assert track.person is None
