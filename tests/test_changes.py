"""What changed since it was last looked at: nothing that did is passed over."""

import numpy as np
import pytest
from test_watch import Bright, picture, watched

from redact import Box, Detection
from redact.boxes import covered_share, joined_boxes
from redact.changes import Changes, still_there
from redact.looks import Look
from redact.views import ArrayView

HEIGHT, WIDTH = 540, 960
SHAPE = (100, 100)


def street(seed=3):
    rng = np.random.default_rng(seed)
    blocks = rng.integers(60, 160, (HEIGHT // 20, WIDTH // 20, 3))
    return np.kron(blocks, np.ones((20, 20, 1))).astype(np.uint8)


def noisy(image, seed):
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_all_of_the_first_picture_is_new_and_nothing_of_the_same_one():
    changes = Changes()
    assert changes.parts(ArrayView(noisy(street(), 1))) is None
    assert changes.parts(ArrayView(noisy(street(), 2))) == ()
    changes.forget()
    assert changes.parts(ArrayView(noisy(street(), 3))) is None


@pytest.mark.parametrize("side", [10, 16, 40, 120])
def test_what_is_new_lies_within_a_part_with_room_around_it(side):
    changes, image = Changes(), street()
    changes.parts(ArrayView(noisy(image, 1)))
    image[200 : 200 + side, 503 : 503 + side] = 200
    (part,) = changes.parts(ArrayView(noisy(image, 2)))
    assert part.x0 < 503 - 20 and part.x1 > 503 + side + 20
    assert part.y0 < 200 - 20 and part.y1 > 200 + side + 20
    assert part.area < 0.4 * HEIGHT * WIDTH
    assert changes.parts(ArrayView(noisy(image, 3))) == ()


def test_slow_changes_add_up():
    changes, image = Changes(), street()
    changes.parts(ArrayView(image))
    told = []
    for _ in range(8):
        image = image.copy()
        image[100:160, 100:160] += 1
        told += changes.parts(ArrayView(image))
    assert 1 <= len(told) <= 4
    assert all(covered_share(Box(100, 100, 160, 160), [part]) == 1 for part in told)


def test_other_light_and_much_change_are_all_new():
    changes = Changes()
    changes.parts(ArrayView(street()))
    assert changes.parts(ArrayView((street() * 0.8).astype(np.uint8))) is None
    changes.parts(ArrayView(street()))
    assert changes.parts(ArrayView(street(seed=4))) is None


def test_finds_stay_where_nothing_was_looked_at_anew():
    inside, across, outside = (
        Detection(kind="face", box=box, score=0.9)
        for box in (Box(10, 10, 20, 20), Box(35, 10, 45, 20), Box(80, 80, 90, 90))
    )
    finds = [inside, across, outside]
    assert still_there(finds, (Box(0, 0, 40, 40),), SHAPE) == [across, outside]
    assert still_there(finds, (), SHAPE) == finds
    assert still_there(finds, None, SHAPE) == []


def test_who_was_half_in_the_picture_and_has_moved_on_is_not_still_there():
    find = Detection(kind="face", box=Box(85, 40, 104, 60), score=0.9)
    assert still_there([find], (Box(70, 20, 100, 80),), SHAPE) == []
    assert still_there([find], (Box(90, 20, 100, 80),), SHAPE) == [find]


def test_boxes_that_overlap_are_joined_until_none_do():
    boxes = [Box(0, 0, 10, 10), Box(20, 0, 30, 10), Box(8, 2, 22, 4), Box(50, 50, 60, 60)]
    assert sorted(joined_boxes(boxes)) == [Box(0, 0, 30, 10), Box(50, 50, 60, 60)]


class BrightWithin(Bright):
    """Remembers where it was to look as well."""

    def __init__(self):
        super().__init__()
        self.within = []

    def detect(self, image, within=None):
        self.within.append(within)
        return super().detect(image) if within is None or len(within) else []


@pytest.mark.parametrize("workers", [0, 2])
def test_what_has_not_changed_is_looked_at_once_and_found_all_along(workers):
    def draw(index):
        return picture(10, empty=index < 20)

    looks = [Look(Bright(blind=range(1000)), 0.1)]
    detector = BrightWithin()
    looks.append(Look(detector, 1.0, restless_seconds=0.1, only_changes=True))
    tracks = watched(looks, range(60), draw=draw, workers=workers)
    assert [track.stop_index for track in tracks] == [51]
    assert np.isfinite(tracks[0].scores).sum() >= 4
    assert detector.within[0] is None and () in detector.within
    assert sum(within is None or len(within) > 0 for within in detector.within) < 6
