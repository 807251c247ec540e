"""The background: what a fixed camera sees when nobody is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_street import crowd, frame

from redact.motion.background import (
    _GAIN_MIN_BRIGHTNESS,
    _MAX_GAIN,
    _MIN_GAIN,
    Background,
    _gain,
)
from redact.motion.tuning import TUNING


def test_ghosts_of_people_become_background_and_the_people_do_not(street):
    rng = np.random.default_rng(0)
    frames = [crowd(street, rng, index, step=10).astype(np.float32) for index in range(16)]
    background = Background(frames[0], 0.0)
    for index, image in enumerate(frames[1:-1], 1):
        background.learn(image, index * 0.1, background.moving(image))
    before = background.moving(frames[-1])
    after = background.forget_ghosts(frames[-1])
    ghost, person = (slice(50, 230), slice(22, 60)), (slice(50, 230), slice(174, 216))
    assert before[ghost].mean() > 0.5 and after[ghost].mean() < 0.02
    assert before[person].mean() > 0.5 and after[person].mean() > 0.5


def test_nothing_becomes_background_while_the_camera_moves(street):
    rng = np.random.default_rng(0)
    frames = [frame(street, rng, left=9 * i).astype(np.float32) for i in range(3)]
    background = Background(frames[0], 0.0)
    background.learn(frames[1], 0.1, background.moving(frames[1]))
    assert background.forget_ghosts(frames[2]) is None


def test_a_ghost_becomes_background_and_somebody_who_stands_there_does_not(street):
    """Both have not changed recently; only the ghost's outline is missing in the frame."""
    rng, wall = np.random.default_rng(0), 120 + street / 20
    first = frame(wall, rng, x=50, size=60).astype(np.float32)
    background = Background(first, 0.0)
    for index in range(1, 12):
        image = frame(wall, rng, x=300, size=60).astype(np.float32)
        moving = background.moving(image)
        left = background.without_ghosts(image, moving)
        background.learn(image, index * 0.1, left)
    ghost, person = (slice(105, 155), slice(55, 105)), (slice(105, 155), slice(305, 355))
    assert moving[person].all() and left[person].all()
    assert not left[ghost].any()


def random_image(seed, shape=(40, 60)):
    return np.random.default_rng(seed).uniform(20, 200, shape).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 40), st.integers(1, 40), st.floats(0.4, 2.0))
def test_the_gain_is_the_median_ratio_of_brightness(seed, height, width, brighter):
    rng = np.random.default_rng(seed)
    other = rng.uniform(0, 255, (height, width)).astype(np.float32)
    image = (other * brighter * rng.normal(1, 0.03, other.shape)).astype(np.float32)
    ratios = (image / other.clip(_GAIN_MIN_BRIGHTNESS))[::4, ::4]
    expected = np.quantile(ratios, 0.5, method="higher").clip(_MIN_GAIN, _MAX_GAIN)
    assert _gain(image, other) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
def test_a_change_of_exposure_does_not_move(gain):
    first = random_image(0)
    image = first * np.float32(gain)
    image[10:20, 10:20] += 60
    moving = Background(first, 0.0).moving(image)
    assert moving[11:20, 11:20].all()
    assert moving.sum() == 100


def test_learning_moves_the_background_more_slowly_where_something_moves():
    first, image = random_image(0), random_image(1)
    moving = np.random.default_rng(2).random(first.shape) < 0.3
    learned = Background(first, 0.0)
    learned.learn(image, 1.0, moving)
    rate, moving_rate = 1 - np.exp(-1 / np.array([4.0, 30.0]))
    assert (TUNING.learn_seconds, TUNING.learn_moving_seconds) == (4.0, 30.0)
    mean = first + np.where(moving, moving_rate, rate) * (image - first)
    step = np.minimum(np.abs(image - first), TUNING.max_learned_steps)
    deviation = TUNING.first_deviation_steps + np.where(moving, 0, rate) * (
        step - TUNING.first_deviation_steps
    )
    limit = np.maximum(TUNING.min_difference_steps, deviation * TUNING.min_difference_deviations)
    np.testing.assert_allclose(learned._mean, mean, rtol=1e-5)
    np.testing.assert_allclose(learned._deviation, deviation, rtol=1e-5)
    np.testing.assert_allclose(learned._limit, limit, rtol=1e-5)
