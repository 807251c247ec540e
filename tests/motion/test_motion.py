"""What moves: people do, noise and light don't, and a moving camera moves everything."""

import numpy as np
import pytest

from redact.motion.background import Background
from redact.motion.moving import MotionDetector, _are_many
from redact.types import Box
from redact.views import ArrayView

WIDTH, HEIGHT = 480, 270


@pytest.fixture
def street():
    """A still scene with texture, (HEIGHT, WIDTH) float, twice as wide as the picture."""
    rng = np.random.default_rng(3)
    coarse = rng.uniform(40, 200, (HEIGHT // 10, 2 * WIDTH // 10))
    return np.kron(coarse, np.ones((10, 10)))


def picture(scene, rng, *, x=None, left=0, gain=1.0, size=40):
    """The scene from column `left` on, with a dark square at `x`, noise and exposure."""
    image = scene[:, left : left + WIDTH].copy()
    if x is not None:
        image[100 : 100 + size, x : x + size] = 10
    image = image * gain + rng.normal(0, 2, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def watched(pictures):
    finder = MotionDetector()
    views = [ArrayView(np.repeat(image[:, :, None], 3, axis=2)) for image in pictures]
    return [finder.step(view, index * 0.1) for index, view in enumerate(views)]


def test_the_first_picture_counts_as_moving_whole(street):
    (first,) = watched([picture(street, np.random.default_rng(0))])
    assert first.is_everywhere
    assert first.parts[0] == (0, 0, WIDTH, HEIGHT)


def test_noise_is_no_motion(street):
    rng = np.random.default_rng(0)
    assert not any(m.parts for m in watched([picture(street, rng) for _ in range(20)])[1:])


def test_what_moves_lies_inside_a_part(street):
    rng = np.random.default_rng(0)
    pictures = [picture(street, rng) for _ in range(5)]
    xs = [20 + 10 * i for i in range(25)]
    pictures += [picture(street, rng, x=x) for x in xs]
    for x, motion in zip(xs, watched(pictures)[5:], strict=True):
        assert not motion.is_everywhere
        assert any(
            p.x0 <= x + 2 and p.x1 >= x + 38 and p.y0 <= 102 and p.y1 >= 138 for p in motion.parts
        )


def test_who_stands_still_still_counts_for_a_while(street):
    rng = np.random.default_rng(0)
    pictures = [picture(street, rng) for _ in range(5)]
    pictures += [picture(street, rng, x=100) for _ in range(30)]
    assert all(motion.parts for motion in watched(pictures)[5:])


def passing(scene, step, size, *, others=()):
    """What passes by `step` pixels a tenth of a second, (width, height) large."""
    rng = np.random.default_rng(0)
    pictures = [picture(scene, rng) for _ in range(5)]
    for index in range(8):
        image = picture(scene, rng)
        for x, (w, h) in ((60 + step * index, size), *((x(index), size) for x in others)):
            image[120 : 120 + h, max(0, x) : max(0, x + w)] = 10
        pictures.append(image)
    return watched(pictures)[6:]


def test_the_head_is_known_of_who_passes_too_fast_to_be_drawn(street):
    found = passing(street, 30, (40, 120))
    assert all(len(motion.dashing_heads) == 1 for motion in found)
    for index, motion in enumerate(found, 1):
        (head,), x = motion.dashing_heads, 60 + 30 * index
        assert head.x0 > x - 10 and head.x1 < x + 50
        assert head.x0 < x + 12 and head.x1 > x + 28
        assert 105 < head.y0 <= 122 and 140 < head.y1 < 170


@pytest.mark.parametrize(("step", "size"), [(5, (40, 120)), (30, (90, 50)), (30, (12, 30))])
def test_who_walks_and_what_is_no_person_is_left_to_detectors(street, step, size):
    assert not any(motion.dashing_heads for motion in passing(street, step, size))


def test_who_comes_in_while_another_walks_is_not_taken_for_him(street):
    found = passing(street, 5, (40, 120), others=[lambda index: 300 if index > 3 else -100])
    assert not any(motion.dashing_heads for motion in found)


def test_a_slow_change_of_exposure_is_no_motion(street):
    rng = np.random.default_rng(0)
    gains = np.linspace(1.0, 0.7, 40)
    found = watched([picture(street, rng, gain=gain) for gain in gains])[1:]
    assert not any(motion.parts for motion in found)


def test_a_camera_that_turns_moves_everything(street):
    rng = np.random.default_rng(0)
    found = watched([picture(street, rng, left=6 * i) for i in range(20)])
    assert all(motion.is_everywhere and not motion.is_cut for motion in found[1:])
    shifts = np.array([motion.shift for motion in found[1:]])
    assert np.median(shifts[:, 0]) == pytest.approx(-6, abs=1)
    assert np.median(shifts[:, 1]) == pytest.approx(0, abs=1)


def crowd(scene, rng, index, *, step=8):
    """Three large, rough people who walk side by side through the scene."""
    image = scene[:, :WIDTH].copy()
    coat = np.random.default_rng(5).uniform(0, 255, (200, 50))
    for x in (20 + step * index, 140 + step * index, 280 + step * index):
        seen = image[40:240, x : x + 50]
        seen[:] = coat[:, : seen.shape[1]]
    return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("step", [1, 4, 10])
def test_who_takes_much_of_the_picture_is_no_camera_that_moves(street, step):
    rng = np.random.default_rng(0)
    found = watched([crowd(street, rng, index, step=step) for index in range(12)])
    assert all(motion.shift == (0.0, 0.0) for motion in found[1:])
    assert not any(motion.is_everywhere for motion in found[1:])


def test_people_and_where_they_stood_at_first_are_no_camera_that_moves(street):
    rng = np.random.default_rng(0)
    found = watched([crowd(street, rng, index) for index in range(30)])
    assert not any(motion.is_everywhere for motion in found[1:])


def test_where_people_stood_at_first_can_be_forgotten(street):
    rng = np.random.default_rng(0)
    pictures = [crowd(street, rng, index, step=10).astype(np.float32) for index in range(16)]
    background = Background(pictures[0], 0.0)
    for index, image in enumerate(pictures[1:-1], 1):
        background.learn(image, index * 0.1, background.moving(image))
    before = background.moving(pictures[-1])
    after = background.forget_ghosts(pictures[-1])
    ghost, person = (slice(50, 230), slice(22, 60)), (slice(50, 230), slice(174, 216))
    assert before[ghost].mean() > 0.5 and after[ghost].mean() < 0.02
    assert before[person].mean() > 0.5 and after[person].mean() > 0.5


@pytest.mark.parametrize("size", [40, 90])
def test_where_somebody_stood_at_first_soon_does_not_move(street, size):
    rng = np.random.default_rng(0)
    pictures = [picture(street, rng, x=30 + 25 * index, size=size) for index in range(10)]
    pictures += [picture(street, rng, x=255, size=size) for _ in range(10)]
    found = watched(pictures)
    assert any(part.x0 < 60 for part in found[8].parts)
    assert found[-1].parts and all(part.x0 > 150 for part in found[-1].parts)


def test_nothing_is_forgotten_under_a_camera_that_moves(street):
    rng = np.random.default_rng(0)
    pictures = [picture(street, rng, left=9 * i).astype(np.float32) for i in range(3)]
    background = Background(pictures[0], 0.0)
    background.learn(pictures[1], 0.1, background.moving(pictures[1]))
    assert background.forget_ghosts(pictures[2]) is None


@pytest.mark.parametrize(
    ("parts", "is_many"),
    [
        ([Box(200, 50, 750, 1000)], False),
        ([Box(200, 50, 750, 1000), Box(0, 0, 90, 300)], False),
        ([Box(200, 50, 750, 1000), Box(0, 0, 190, 700)], True),
        ([Box(0, 300, 1000, 900)], True),
        ([Box(0, 300, 700, 900)], False),
    ],
    ids=["one", "one and little else", "two apart", "side by side", "less than half"],
)
def test_one_near_person_who_fills_the_picture_is_looked_at_alone(parts, is_many):
    assert _are_many(parts, 1000.0 * 1000.0) == is_many


def test_another_scene_is_a_cut(street):
    rng = np.random.default_rng(0)
    other = np.roll(street[::-1], 217, axis=1)
    pictures = [picture(street, rng) for _ in range(5)] + [picture(other, rng) for _ in range(5)]
    assert [motion.is_cut for motion in watched(pictures)] == [True] + [False] * 4 + [True] + [
        False
    ] * 4


def test_a_flat_picture_does_no_harm():
    grey = np.full((HEIGHT, WIDTH), 0, dtype=np.uint8)
    assert not any(motion.parts for motion in watched([grey] * 4)[1:])


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (1080, 7)])
def test_odd_sizes_work(size):
    rng = np.random.default_rng(0)
    watched([rng.integers(0, 255, size, dtype=np.uint8) for _ in range(4)])
