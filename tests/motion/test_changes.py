"""Changes since the last scan: whatever changed is scanned again, and nothing else is."""

import numpy as np
import pytest
from moving_square import Bright, picture, watched

from redact import Box, Detection
from redact.analysis.scans import ScanSpec
from redact.geometry import covered_share
from redact.motion.changes import ChangeMap
from redact.views import ArrayView

HEIGHT, WIDTH = 540, 960


def street(seed=3):
    rng = np.random.default_rng(seed)
    blocks = rng.integers(60, 160, (HEIGHT // 20, WIDTH // 20, 3))
    return np.kron(blocks, np.ones((20, 20, 1))).astype(np.uint8)


def noisy(image, seed):
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def parts_of(change_map, image):
    return change_map.changed_parts(ArrayView(image)).parts


def face(*box):
    return Detection(kind="face", box=Box(*box), score=0.9)


def with_somebody(x, y=100):
    image = street()
    image[y : y + 120, x : x + 60] = street(seed=5)[y : y + 120, x : x + 60]
    return image


def seen(change_map, image, *detections):
    """The parts to be scanned, and all detections that hold after these were found in them."""
    view = ArrayView(noisy(image, int(image[::7].sum()) % 1000))
    changed_parts = change_map.changed_parts(view)
    return changed_parts.parts, change_map.carry_over(detections, changed_parts, view)


def test_all_of_the_first_frame_is_new_and_nothing_of_an_equal_one():
    change_map = ChangeMap()
    assert parts_of(change_map, noisy(street(), 1)) is None
    assert parts_of(change_map, noisy(street(), 2)) == ()
    change_map.reset()
    assert parts_of(change_map, noisy(street(), 3)) is None


@pytest.mark.parametrize("side", [10, 16, 40, 120])
def test_whatever_is_new_lies_inside_a_part_with_a_margin(side):
    change_map, image = ChangeMap(), street()
    parts_of(change_map, noisy(image, 1))
    image[200 : 200 + side, 503 : 503 + side] = 200
    (part,) = parts_of(change_map, noisy(image, 2))
    assert part.x0 < 503 - 20 and part.x1 > 503 + side + 20
    assert part.y0 < 200 - 20 and part.y1 > 200 + side + 20
    assert part.area < 0.4 * HEIGHT * WIDTH
    assert parts_of(change_map, noisy(image, 3)) == ()


def test_slow_changes_add_up():
    change_map, image = ChangeMap(), street()
    parts_of(change_map, image)
    parts = []
    for _ in range(8):
        image = image.copy()
        image[100:160, 100:160] += 1
        parts += parts_of(change_map, image)
    assert 1 <= len(parts) <= 4
    assert all(covered_share(Box(100, 100, 160, 160), [part]) == 1 for part in parts)


def test_everything_is_new_when_the_light_or_much_else_changes():
    change_map = ChangeMap()
    parts_of(change_map, street())
    assert parts_of(change_map, (street() * 0.8).astype(np.uint8)) is None
    parts_of(change_map, street())
    assert parts_of(change_map, street(seed=4)) is None


def test_detections_hold_where_nothing_was_scanned_again():
    change_map, far = ChangeMap(), face(800, 400, 830, 430)
    seen(change_map, street(), face(110, 110, 140, 140), far)
    image = with_somebody(100)
    (part,), shown = seen(change_map, image, face(115, 112, 142, 144))
    assert shown == [far, face(115, 112, 142, 144)]
    across = face(part.x1 - 20, 110, part.x1 + 20, 150)
    change_map = ChangeMap()
    seen(change_map, street(), across)
    assert seen(change_map, image)[1] == [across]
    assert seen(change_map, image) == ((), [across])
    assert seen(change_map, (image * 0.8).astype(np.uint8)) == (None, [])


def test_somebody_who_left_over_the_edge_is_not_still_there():
    change_map = ChangeMap()
    seen(change_map, with_somebody(900), face(905, 110, 984, 190))
    assert seen(change_map, street())[1] == []


def test_a_place_that_somebody_left_is_known_from_before():
    change_map, parked = ChangeMap(), face(300, 150, 340, 170)
    seen(change_map, street(), parked)
    (first,), shown = seen(change_map, with_somebody(280), face(290, 105, 330, 150))
    assert covered_share(Box(280, 100, 340, 220), [first]) == 1
    assert shown == [face(290, 105, 330, 150)]
    (second,), shown = seen(change_map, with_somebody(700), face(710, 105, 750, 150))
    assert covered_share(Box(700, 100, 760, 220), [second]) == 1
    assert covered_share(Box(280, 100, 340, 220), [second]) == 0
    assert shown == [parked, face(710, 105, 750, 150)]
    assert seen(change_map, street()) == ((), [parked])


def test_a_faint_detection_holds_when_somebody_passes_close_by():
    """A face in the dark differs so little from the wall that its coming was no change."""
    change_map, dim = ChangeMap(), face(430, 244, 450, 264)
    seen(change_map, street())
    seen(change_map, with_somebody(420), face(425, 105, 465, 150), dim)
    assert dim in seen(change_map, with_somebody(700))[1]


def test_only_the_new_place_of_somebody_who_moves_on_is_scanned():
    change_map = ChangeMap()
    seen(change_map, street())
    seen(change_map, with_somebody(400))
    (part,), _ = seen(change_map, with_somebody(440))
    assert 400 < part.x0 + 6 * 8 < 450 and part.x1 > 500 + 20


def test_what_stays_from_one_scan_to_the_next_becomes_background():
    """A parked car drives off: what was behind it is new, and known from then on."""
    change_map, plate = ChangeMap(), face(405, 150, 455, 170)
    seen(change_map, street())
    seen(change_map, with_somebody(400), plate)
    assert seen(change_map, with_somebody(400)) == ((), [plate])
    seen(change_map, with_somebody(420), face(425, 150, 475, 170))
    assert seen(change_map, with_somebody(400)) == ((), [plate])
    (part,), shown = seen(change_map, street())
    assert covered_share(Box(400, 100, 460, 220), [part]) == 1 and shown == []


def test_a_place_that_looks_only_partly_as_before_is_scanned():
    """Somebody leaves, and something smaller stays where they were."""
    change_map = ChangeMap()
    seen(change_map, street())
    seen(change_map, with_somebody(400))
    image = street()
    image[180:200, 420:440] = 250
    (part,), _ = seen(change_map, image)
    assert covered_share(Box(400, 160, 460, 220), [part]) == 1


class BrightWithin(Bright):
    """Remembers which parts it was asked to scan as well."""

    def __init__(self):
        super().__init__()
        self.within = []

    def detect(self, image, within=None):
        self.within.append(within)
        return super().detect(image) if within is None or len(within) else []


@pytest.mark.parametrize("workers", [0, 2])
def test_what_has_not_changed_is_scanned_once_and_detected_all_along(workers):
    def draw(index):
        return picture(10, empty=index < 20)

    scans = [ScanSpec(Bright(blind=range(1000)), every_seconds=0.1)]
    detector = BrightWithin()
    scans.append(
        ScanSpec(detector, every_seconds=1.0, camera_moving_seconds=0.1, skips_unchanged=True)
    )
    tracks = watched(scans, range(60), draw=draw, workers=workers)
    assert [track.stop_index for track in tracks] == [51]
    assert np.isfinite(tracks[0].scores).sum() >= 4
    assert detector.within[0] is None and () in detector.within
    assert sum(within is None or len(within) > 0 for within in detector.within) < 6


def test_a_shadow_and_the_exposure_change_nothing():
    change_map = ChangeMap()
    smooth = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    seen(change_map, smooth, face(110, 110, 140, 140))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    shadow = 25 * np.exp(-((rows - 270) ** 2 + (columns - 480) ** 2) / (2 * 180**2))
    darker = (smooth - shadow[..., None] - 10).astype(np.uint8)
    assert seen(change_map, darker) == ((), [face(110, 110, 140, 140)])
