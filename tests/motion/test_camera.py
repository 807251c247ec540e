"""The camera: whether it moved between two frames, and whether they show one scene."""

import numpy as np
import pytest
from noisy_street import crowd, frame

from redact.motion.camera import correlation, estimate_shift


def as_floats(image):
    return image.astype(np.float32)


@pytest.mark.parametrize("shift", [3, 12, -7])
def test_the_shift_of_a_camera_that_pans_is_measured(street, shift):
    rng = np.random.default_rng(0)
    before, after = (as_floats(frame(street, rng, left=20 + x)) for x in (0, shift))
    x, y = estimate_shift(before, after)
    assert x == pytest.approx(-shift, abs=0.5) and y == pytest.approx(0, abs=0.5)


def test_noise_and_people_who_walk_are_not_a_shift(street):
    rng = np.random.default_rng(0)
    still = [as_floats(frame(street, rng)) for _ in range(2)]
    walking = [as_floats(crowd(street, rng, index)) for index in range(2)]
    assert estimate_shift(*still) == estimate_shift(*walking) == (0.0, 0.0)


def test_frames_of_one_scene_correlate_and_those_of_two_do_not(street):
    rng = np.random.default_rng(0)
    one, same, other = (
        as_floats(frame(scene, rng))
        for scene in (street, street, np.roll(street[::-1], 217, axis=1))
    )
    assert correlation(one, same) > 0.9
    assert correlation(one, other) < 0.35
    assert correlation(np.zeros((4, 4), np.float32), np.ones((4, 4), np.float32)) == 1.0


def test_a_frame_of_one_pixel_has_no_shift():
    assert estimate_shift(*np.zeros((2, 1, 1), np.float32)) == (0.0, 0.0)
