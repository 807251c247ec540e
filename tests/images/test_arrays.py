"""Single images: what is covered, and what is refused."""

import numpy as np
import pytest
from make_clips import SquareDetector, brightest, draw, read_back

import redact


def pictures(count):
    return [draw(index, 320, 240) for index in range(count)]


def test_an_image_is_copied_and_covered():
    image = draw(3, 320, 240)
    before = image.copy()
    safe = redact.redact_image(image, detectors=[SquareDetector()])
    assert brightest(safe) < 200
    np.testing.assert_array_equal(image, before)
    assert safe.shape == image.shape
    assert safe.dtype == np.uint8


def test_a_strided_view_works_too():
    wide = np.concatenate([draw(3, 320, 240)] * 2, axis=1)
    safe = redact.redact_image(wide[::-1, 0:320], detectors=[SquareDetector()])
    assert brightest(safe) < 200


def test_zones_of_the_settings_are_covered_or_ignored():
    image = np.random.default_rng(1).integers(0, 250, (240, 320, 3), dtype=np.uint8)
    window = redact.Zone.from_box(0.5, 0.5, 1, 1, start_seconds=3)
    safe = redact.redact_image(image, redact.Settings(zones=(window,)), detectors=[])
    assert np.abs(np.diff(safe[120:, 160:].astype(int), axis=0)).max() <= 2
    np.testing.assert_array_equal(safe[:117], image[:117])
    poster = redact.Zone.from_box(0, 0, 1, 1, rule="ignore")
    shown = redact.redact_image(
        draw(3, 320, 240), redact.Settings(zones=(poster,)), detectors=[SquareDetector()]
    )
    np.testing.assert_array_equal(shown, draw(3, 320, 240))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="uint8 BGR"):
        redact.redact_image(image, detectors=[])


def test_a_real_face_is_covered(doorbell):
    from redact.detectors.centerface import CenterFaceDetector

    image = read_back(doorbell)[1][50]
    detector = CenterFaceDetector((None, 480), threshold=0.6)
    assert detector.detect(image)
    assert not detector.detect(redact.redact_image(image))
