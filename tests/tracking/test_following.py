"""A box drawn by hand is followed while the object looks like itself, and no longer."""

import cv2
import numpy as np
import pytest

from redact.tracking.following import Follower
from redact.views import ArrayView

OBJECT = cv2.resize(
    np.random.default_rng(4).integers(20, 160, (6, 5), dtype=np.uint8), (40, 48)
).astype(np.uint8)


def view(center=None, scale=1.0, brightness=0):
    """A noisy grey wall, and the object around a centre in front of it."""
    image = np.random.default_rng(1).integers(170, 190, (240, 320), dtype=np.uint8)
    if center is not None:
        size = (round(40 * scale), round(48 * scale))
        x, y = (round(c - s / 2) for c, s in zip(center, size, strict=True))
        image[y : y + size[1], x : x + size[0]] = cv2.resize(OBJECT, size) + np.uint8(brightness)
    return ArrayView(np.repeat(image[:, :, None], 3, axis=2))


def box_around(center, scale=1.0):
    half = np.array([20, 24]) * scale
    return np.concatenate([np.array(center) - half, np.array(center) + half])


def test_an_object_is_followed_where_it_goes():
    follower = Follower(view((60, 80)), box_around((60, 80)))
    for number in range(1, 30):
        center = (60 + 5 * number, 80 + 2 * number)
        box = follower.step(view(center), number / 25)
        np.testing.assert_allclose(box, box_around(center), atol=3)


def test_an_object_that_grows_gets_a_larger_box():
    follower = Follower(view((160, 120)), box_around((160, 120)))
    for number in range(1, 61):
        scale = 1 + number / 75
        box = follower.step(view((160, 120), scale), number / 25)
    np.testing.assert_allclose(box, box_around((160, 120), 1.8), atol=9)


def test_an_object_is_found_again_after_it_was_hidden():
    follower = Follower(view((60, 80)), box_around((60, 80)))
    assert follower.step(view((62, 80)), 0.04) is not None
    assert follower.step(view(), 0.08) is None
    np.testing.assert_allclose(follower.step(view((66, 80)), 0.12), box_around((66, 80)), atol=3)


def test_what_is_much_brighter_is_something_else():
    follower = Follower(view((60, 80)), box_around((60, 80)))
    assert follower.step(view((60, 80), brightness=20), 0.04) is not None
    assert follower.step(view((60, 80), brightness=60), 0.08) is None


@pytest.mark.parametrize("box", [(10, 10, 13, 60), (400, 10, 440, 60)])
def test_what_is_too_small_or_not_in_the_picture_cannot_be_followed(box):
    with pytest.raises(ValueError, match="too small or too plain"):
        Follower(view(), np.array(box, dtype=float))
