"""Following by looks: what was there is found again, what looks the same everywhere is not."""

import cv2
import numpy as np
import pytest

from redact.follow import Template

BOX = np.array([100.0, 80.0, 130.0, 120.0])


def rough(seed, height=240, width=320, sigma=(4, 4)):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    gray = np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


@pytest.mark.parametrize("shift", [(0, 0), (9, -6), (-14, 11)])
def test_what_moved_is_found_where_it_went(shift):
    before = rough(1)
    after = rough(2)
    x, y = shift
    after[80 + y : 120 + y, 100 + x : 130 + x] = before[80:120, 100:130]
    box, likeness = Template.of(before, BOX).follow(BOX, after)
    np.testing.assert_allclose(box, BOX + np.tile(shift, 2), atol=1)
    assert likeness > 0.9


def test_what_is_gone_is_not_found():
    assert Template.of(rough(1), BOX).follow(BOX, rough(2)) is None


def test_what_looks_the_same_along_a_post_is_not_followed():
    """Across it is told from everything else, along it fits anywhere."""
    post = rough(3, sigma=(4, 400))
    assert Template.of(post, BOX).follow(BOX, post) is None


def test_a_plain_wall_has_no_template():
    assert Template.of(np.full((240, 320, 3), 90, np.uint8), BOX) is None
