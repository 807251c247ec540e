"""Frames before which too much happens for their times are told from others."""

import numpy as np
import pytest
from moving_square import picture

from redact.motion.jumps import JumpDetector, scene_seconds
from redact.motion.tuning import TUNING
from redact.views import ArrayView

RATE = 25


def walk(step, count=40, start=5):
    """Frames of a square that stands still first and then moves so many times its usual way."""
    positions = [0] * start + [step * (number + 1) for number in range(count - start)]
    return [picture(position) for position in positions]


def jumps(images):
    detector = JumpDetector()
    return [
        index for index, image in enumerate(images) if detector.step(ArrayView(image), index / RATE)
    ]


def test_people_who_move_as_they_do_are_no_jumps():
    assert not jumps(walk(1))


def test_most_frames_of_a_time_lapse_are_jumps():
    assert set(range(8, 16)) <= set(jumps(walk(8, count=16)))


def test_a_change_of_exposure_is_no_jump():
    images = [np.clip(picture(3) * gain, 0, 255) for gain in np.linspace(1, 1.4, 20)]
    assert not jumps([image.astype(np.uint8) for image in images])


def test_pictures_of_another_size_begin_anew():
    images = [picture(0), picture(0), picture(0)[:200], picture(9)[:200]]
    assert not jumps(images)


def test_jumps_take_time():
    seconds = np.array([0.0, 0.1, 0.2, 1.2, 1.3])
    longer = scene_seconds(seconds, [1, 3])
    assert longer == pytest.approx(seconds + (TUNING.jump_seconds - 0.1) * (seconds >= 0.1))
    # A plan that was edited may name frames that don't exist.
    assert scene_seconds(seconds, [99]) == pytest.approx(seconds)
