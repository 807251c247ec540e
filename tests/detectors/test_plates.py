"""The plate detector, on a real-looking plate, and the verification of its detections."""

import cv2
import doorbell_scene
import numpy as np
import pytest
from make_clips import read_back

from redact import Box
from redact.detectors.plate_verification import steadiness
from redact.detectors.plates import PlateDetector, belongs_to_scale
from redact.geometry import covered_share, grow


@pytest.fixture(scope="module")
def street(doorbell):
    return read_back(doorbell)[1][0]


def test_the_whole_plate_is_detected(street):
    corners = doorbell_scene.PLATE_CORNERS
    plate = Box(*corners.min(axis=0), *corners.max(axis=0))
    found = [d for d in PlateDetector().detect(street) if d.score > 0.6]
    assert covered_share(plate, [grow(d.box, 0.15, 0) for d in found]) > 0.9


def test_only_the_given_parts_are_scanned_for_plates(street):
    detector = PlateDetector(threshold=0.4)
    plate = max(detector.detect(street), key=lambda detection: detection.score)
    height, width = street.shape[:2]
    around = Box(
        max(0, plate.box.x0 - 80),
        max(0, plate.box.y0 - 80),
        min(width, plate.box.x1 + 80),
        min(height, plate.box.y1 + 80),
    )
    again = max(detector.detect(street, [around]), key=lambda detection: detection.score)
    assert covered_share(plate.box, [again.box]) > 0.8
    assert detector.detect(street, []) == []


def test_a_plain_image_has_no_plates():
    grey = np.full((240, 320, 3), 128, np.uint8)
    assert [d for d in PlateDetector().detect(grey) if d.score > 0.5] == []


class TestSteadiness:
    """A stand-in for the network detects a plate in all views, or in some of them."""

    box = np.array([200.0, 120.0, 260.0, 140.0])

    @staticmethod
    def in_the_middle(view, score=0.9):
        side = view.shape[0]
        half = np.array([0.15 * side, 0.05 * side])
        return np.float32([[*(side / 2 - half), *(side / 2 + half)]]), np.float32([score])

    @pytest.fixture
    def grey(self, street):
        return cv2.cvtColor(street, cv2.COLOR_BGR2GRAY)

    def test_is_one_if_every_view_shows_the_plate(self, grey):
        assert steadiness(grey, self.box, self.in_the_middle) == 1.0

    def test_is_lower_if_only_the_larger_views_show_it(self, grey):
        def only_in_large_views(view):
            return self.in_the_middle(view, 0.9 if view.shape[0] > 210 else 0.0)

        assert steadiness(grey, self.box, only_in_large_views) < 0.8

    def test_is_zero_if_the_views_show_a_plate_elsewhere(self, grey):
        def elsewhere(view):
            boxes, scores = self.in_the_middle(view)
            return boxes / 4, scores

        assert steadiness(grey, self.box, elsewhere) == 0.0

    def test_accounts_for_views_that_are_shifted_into_the_image(self, grey):
        at_the_edge = np.array([0.0, 0.0, 60.0, 20.0])
        assert steadiness(grey, at_the_edge, self.in_the_middle) == 0.0


def test_verification_only_lowers_scores(street):
    texture = np.random.default_rng(3).integers(0, 255, (60, 80)).astype(np.uint8)
    scene = street.copy()
    scene[:180, :240] = np.kron(texture, np.ones((3, 3), np.uint8))[:, :, None]
    raw, verified = (
        {d.box: d.score for d in PlateDetector(threshold=0.1, verifies=verifies).detect(scene)}
        for verifies in (False, True)
    )
    assert set(verified) <= set(raw)
    assert all(score <= raw[box] for box, score in verified.items())


@pytest.mark.parametrize("scales", [(1.0,), (2.0, 1.0, 0.5), (0.75, 0.4), (1.0, 0.25)])
def test_a_plate_of_any_size_belongs_to_some_scale(scales):
    for width in np.geomspace(8, 2000, 200):
        # Two passes measure the same plate a little differently.
        for errors in ((1.0, 1.0, 1.0), (1.08, 0.93, 1.08), (0.93, 1.08, 0.93)):
            kept = [
                belongs_to_scale(
                    np.array([[0, 0, width * error, width * error / 4]], np.float32), scale, scales
                )
                for scale, error in zip(scales, errors, strict=False)
            ]
            assert any(k[0] for k in kept), (width, errors)
