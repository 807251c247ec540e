"""Motion: people move, noise and light don't, and a moving camera moves everything."""

import numpy as np
import pytest
from noisy_street import HEIGHT, WIDTH, crowd, frame

from redact.motion.moving import MotionDetector, _is_crowded
from redact.types import Box
from redact.views import ArrayView


def motion_of(frames):
    detector = MotionDetector()
    views = [ArrayView(np.repeat(image[:, :, None], 3, axis=2)) for image in frames]
    return [detector.step(view, index * 0.1) for index, view in enumerate(views)]


def test_all_of_the_first_frame_counts_as_moving(street):
    (first,) = motion_of([frame(street, np.random.default_rng(0))])
    assert first.is_whole_frame
    assert first.parts[0] == (0, 0, WIDTH, HEIGHT)


def test_noise_is_not_motion(street):
    rng = np.random.default_rng(0)
    assert not any(m.parts for m in motion_of([frame(street, rng) for _ in range(20)])[1:])


def test_whatever_moves_lies_inside_a_part(street):
    rng = np.random.default_rng(0)
    frames = [frame(street, rng) for _ in range(5)]
    xs = [20 + 10 * i for i in range(25)]
    frames += [frame(street, rng, x=x) for x in xs]
    for x, motion in zip(xs, motion_of(frames)[5:], strict=True):
        assert not motion.is_whole_frame
        assert any(
            p.x0 <= x + 2 and p.x1 >= x + 38 and p.y0 <= 102 and p.y1 >= 138 for p in motion.parts
        )


def test_somebody_who_stops_counts_as_moving_for_a_while(street):
    rng = np.random.default_rng(0)
    frames = [frame(street, rng) for _ in range(5)]
    frames += [frame(street, rng, x=100) for _ in range(30)]
    assert all(motion.parts for motion in motion_of(frames)[5:])


def passing(scene, step, size, *, others=()):
    """Motion while something of that (width, height) passes by `step` pixels a frame."""
    rng = np.random.default_rng(0)
    frames = [frame(scene, rng) for _ in range(5)]
    for index in range(8):
        image = frame(scene, rng)
        for x, (w, h) in ((60 + step * index, size), *((x(index), size) for x in others)):
            image[120 : 120 + h, max(0, x) : max(0, x + w)] = 10
        frames.append(image)
    return motion_of(frames)[6:]


def test_the_head_of_somebody_who_runs_past_is_located(street):
    found = passing(street, 30, (40, 120))
    assert all(len(motion.fast_heads) == 1 for motion in found)
    for index, motion in enumerate(found, 1):
        (head,), x = motion.fast_heads, 60 + 30 * index
        assert head.x0 > x - 10 and head.x1 < x + 50
        assert head.x0 < x + 12 and head.x1 > x + 28
        assert 105 < head.y0 <= 122 and 140 < head.y1 < 170


@pytest.mark.parametrize(("step", "size"), [(5, (40, 120)), (30, (90, 50)), (30, (12, 30))])
def test_somebody_who_walks_and_anything_else_is_left_to_detectors(street, step, size):
    assert not any(motion.fast_heads for motion in passing(street, step, size))


def test_somebody_who_comes_in_is_not_taken_for_somebody_who_walks(street):
    found = passing(street, 5, (40, 120), others=[lambda index: 300 if index > 3 else -100])
    assert not any(motion.fast_heads for motion in found)


def test_a_slow_change_of_exposure_is_not_motion(street):
    rng = np.random.default_rng(0)
    gains = np.linspace(1.0, 0.7, 40)
    found = motion_of([frame(street, rng, gain=gain) for gain in gains])[1:]
    assert not any(motion.parts for motion in found)


def test_when_the_camera_pans_everything_moves(street):
    rng = np.random.default_rng(0)
    found = motion_of([frame(street, rng, left=6 * i) for i in range(20)])
    assert all(motion.is_whole_frame and not motion.is_cut for motion in found[1:])
    shifts = np.array([motion.shift for motion in found[1:]])
    assert np.median(shifts[:, 0]) == pytest.approx(-6, abs=1)
    assert np.median(shifts[:, 1]) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("step", [1, 4, 10])
def test_people_who_fill_much_of_the_frame_are_not_a_moving_camera(street, step):
    rng = np.random.default_rng(0)
    found = motion_of([crowd(street, rng, index, step=step) for index in range(12)])
    assert all(motion.shift == (0.0, 0.0) for motion in found[1:])
    assert not any(motion.is_whole_frame for motion in found[1:])


def test_people_and_their_ghosts_are_not_a_moving_camera(street):
    rng = np.random.default_rng(0)
    found = motion_of([crowd(street, rng, index) for index in range(30)])
    assert not any(motion.is_whole_frame for motion in found[1:])


@pytest.mark.parametrize("size", [40, 90])
def test_the_place_somebody_left_soon_stops_counting_as_moving(street, size):
    rng = np.random.default_rng(0)
    frames = [frame(street, rng, x=30 + 25 * index, size=size) for index in range(10)]
    frames += [frame(street, rng, x=255, size=size) for _ in range(10)]
    found = motion_of(frames)
    assert any(part.x0 < 60 for part in found[8].parts)
    assert found[-1].parts and all(part.x0 > 150 for part in found[-1].parts)


@pytest.mark.parametrize(
    ("parts", "is_crowded"),
    [
        ([Box(200, 50, 750, 1000)], False),
        ([Box(200, 50, 750, 1000), Box(0, 0, 90, 300)], False),
        ([Box(200, 50, 750, 1000), Box(0, 0, 190, 700)], True),
        ([Box(0, 300, 1000, 900)], True),
        ([Box(0, 300, 700, 900)], False),
    ],
    ids=["one", "one and little else", "two apart", "side by side", "less than half"],
)
def test_one_near_person_who_fills_the_frame_is_no_crowd(parts, is_crowded):
    assert _is_crowded(parts, 1000.0 * 1000.0) == is_crowded


def test_another_scene_is_a_cut(street):
    rng = np.random.default_rng(0)
    other = np.roll(street[::-1], 217, axis=1)
    frames = [frame(street, rng) for _ in range(5)] + [frame(other, rng) for _ in range(5)]
    assert [motion.is_cut for motion in motion_of(frames)] == [True] + [False] * 4 + [True] + [
        False
    ] * 4


def test_a_black_frame_does_no_harm():
    grey = np.full((HEIGHT, WIDTH), 0, dtype=np.uint8)
    assert not any(motion.parts for motion in motion_of([grey] * 4)[1:])


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (1080, 7)])
def test_unusual_frame_sizes_work(size):
    rng = np.random.default_rng(0)
    motion_of([rng.integers(0, 255, size, dtype=np.uint8) for _ in range(4)])
