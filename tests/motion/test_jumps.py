"""Frames between which too much happens count as farther apart, whatever their times say."""

import numpy as np
import pytest
from moving_square import picture

from redact.motion.jumps import SceneClock, scene_seconds
from redact.motion.tuning import TUNING
from redact.views import ArrayView

RATE = 25


def walk(step, count=40, start=5):
    """Frames of a square that stands still first and then moves so many times its usual way."""
    positions = [0] * start + [step * (number + 1) for number in range(count - start)]
    return [picture(position) for position in positions]


def ticked(images):
    clock = SceneClock()
    times = [clock.tick(i, i / RATE, ArrayView(image)) for i, image in enumerate(images)]
    return clock, np.array(times)


def test_nothing_is_added_while_people_move_as_they_do():
    images = walk(1)
    clock, times = ticked(images)
    plain = np.arange(len(images)) / RATE
    # The first frames in which it moves at all differ from those before as much as from each other.
    assert set(clock.jump_indices) <= {5, 6, 7}
    assert times[-1] - plain[-1] <= 2 * TUNING.jump_seconds


def test_time_is_added_in_a_time_lapse():
    clock, times = ticked(walk(8, count=16))
    assert len(clock.jump_indices) >= 9
    steps = np.diff(times)[list(np.array(clock.jump_indices) - 1)]
    assert steps == pytest.approx(TUNING.jump_seconds)


def test_a_change_of_exposure_is_no_jump():
    images = [np.clip(picture(3) * gain, 0, 255) for gain in np.linspace(1, 1.4, 20)]
    clock, _ = ticked([image.astype(np.uint8) for image in images])
    assert not clock.jump_indices


def test_frames_far_apart_in_time_get_no_more():
    clock = SceneClock()
    for index, image in enumerate(walk(8, count=12)):
        assert clock.tick(index, float(index), ArrayView(image)) == index
    assert not clock.jump_indices


def test_times_are_the_same_whoever_computes_them():
    images = walk(8, count=16)
    clock, times = ticked(images)
    plain = np.arange(len(images)) / RATE
    assert clock.seconds(plain) == pytest.approx(times)
    assert scene_seconds(plain, clock.jump_indices) == pytest.approx(times)
    assert clock.seconds(plain[9:], 9) == pytest.approx(times[9:])
    clock.forget(9)
    assert clock.seconds(plain[9:], 9) == pytest.approx(times[9:])
    # A plan that was edited may name frames that don't exist.
    assert scene_seconds(plain, [99]).tolist() == pytest.approx(plain.tolist())
