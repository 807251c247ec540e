"""Templates: what was there is found again; what looks the same everywhere is not followed."""

import cv2
import numpy as np
import pytest

from redact.tracking.template import Template
from redact.views import ArrayView

BOX = np.array([100.0, 80.0, 130.0, 120.0])


def follow(before, box, after):
    return Template.of(ArrayView(before), box).follow(box, ArrayView(after), search_sizes=0.8)


def texture(seed, height=240, width=320, sigma=(4, 4)):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    gray = np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


@pytest.mark.parametrize("shift", [(0, 0), (9, -6), (-14, 11)])
def test_an_object_that_moved_is_found_where_it_went(shift):
    before = texture(1)
    after = texture(2)
    x, y = shift
    after[80 + y : 120 + y, 100 + x : 130 + x] = before[80:120, 100:130]
    box, correlation = follow(before, BOX, after)
    np.testing.assert_allclose(box, BOX + np.tile(shift, 2), atol=1)
    assert correlation > 0.9


@pytest.mark.parametrize("edge", [(-8, 80), (100, -10), (296, 80), (100, 210), (-8, -10)])
def test_an_object_that_reaches_over_the_edge_is_followed(edge):
    """Somebody who comes in or leaves is partly outside the frame."""
    x, y = edge
    box = np.array([x, y, x + 30.0, y + 40.0])
    inside = np.s_[max(0, y) : min(240, y + 40), max(0, x) : min(320, x + 30)]
    inward = np.array([12 if x < 0 else -12 if x > 290 else 0, 9 if y < 0 else -9])
    before, after = texture(1), texture(2)
    rows, columns = (
        slice(part.start + by, part.stop + by)
        for part, by in zip(inside, inward[::-1].tolist(), strict=True)
    )
    after[rows, columns] = before[inside]
    found, correlation = follow(before, box, after)
    np.testing.assert_allclose(found, box + np.tile(inward, 2), atol=1)
    assert correlation > 0.9


def test_an_object_that_is_gone_is_not_found():
    assert follow(texture(1), BOX, texture(2)) is None


def test_a_piece_of_a_post_is_not_followed():
    """It differs from everything beside it, but along the post it fits anywhere."""
    post = texture(3, sigma=(4, 400))
    assert follow(post, BOX, post) is None


def test_a_plain_wall_has_no_template():
    assert Template.of(ArrayView(np.full((240, 320, 3), 90, np.uint8)), BOX) is None
