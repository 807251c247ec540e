"""The face detectors, on a real face."""

import itertools

import cv2
import numpy as np
import pytest
from portrait import portrait, portrait_of_side

from redact import Box
from redact.detectors import centerface
from redact.detectors.blazeface import BlazeFaceDetector
from redact.detectors.blazeface_mediapipe import MODELS, MediaPipeBlazeFaceDetector
from redact.detectors.blurred_faces import BlurredFaceDetector
from redact.detectors.centerface import CenterFaceDetector
from redact.detectors.still_faces import StillFaceDetector
from redact.geometry import covered_share, grow, iou_matrix
from redact.machine import has_integer_dot_products


def iou(box, face):
    return iou_matrix(np.array([box]), face).max()


@pytest.mark.parametrize("model", MODELS)
def test_every_mediapipe_model_detects_the_face(model):
    photo, face = portrait()
    detector = MediaPipeBlazeFaceDetector(model)
    found = detector.detect(photo)
    detector.close()
    assert iou(found[0].box, face) > 0.4


@pytest.mark.parametrize("padding", [0, 400])
def test_the_converted_blazeface_detects_what_mediapipe_detects(padding):
    photo, _ = portrait()
    wide = cv2.copyMakeBorder(photo, 0, 0, padding, padding, cv2.BORDER_REPLICATE)
    mediapipe = MediaPipeBlazeFaceDetector("full_range_sparse")
    (expected,) = mediapipe.detect(wide)
    mediapipe.close()
    (detected,) = BlazeFaceDetector(192).detect(wide)
    assert iou(detected.box, np.array([expected.box])) > 0.85
    assert detected.score == pytest.approx(expected.score, abs=0.1)


def test_an_unknown_mediapipe_model_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'long_range'.*short_range"):
        MediaPipeBlazeFaceDetector("long_range")


@pytest.mark.skipif(
    not has_integer_dot_products(), reason="elsewhere integers may saturate, and aren't used"
)
@pytest.mark.parametrize("side", [96, 200, 400, 606])
def test_centerface_detects_the_same_with_integers_and_with_floats(side):
    image, _ = portrait_of_side(side)
    found = [CenterFaceDetector((None,), exact=exact).detect(image) for exact in (True, False)]
    (exact, *_), (rounded, *_) = found
    assert rounded.score == pytest.approx(exact.score, abs=0.1)
    assert iou(exact.box, np.array([rounded.box])) > 0.9
    assert rounded != exact


@pytest.mark.parametrize("side", [96, 200, 400, 606])
def test_centerface_detects_the_face_at_any_size(side):
    image, face = portrait_of_side(side)
    found = CenterFaceDetector((None,)).detect(image)
    assert iou(found[0].box, face) > 0.4


def test_a_face_detected_in_the_mirrored_image_lies_where_it_is_in_the_plain_one():
    photo, face = portrait()
    wide = cv2.copyMakeBorder(photo, 0, 0, 0, photo.shape[1], cv2.BORDER_REPLICATE)
    found = CenterFaceDetector((640,), mirrored=True).detect(wide)
    assert iou(found[0].box, face) > 0.4


def test_small_images_are_enlarged_up_to_the_limit(monkeypatch):
    sizes = []
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    for max_enlargement in (1.0, 1.5, 8.0):
        detector = CenterFaceDetector((320,), max_enlargement=max_enlargement)
        monkeypatch.setattr(
            detector, "run_pass", lambda image, size, within: sizes.append(size) or nothing
        )
        detector.detect(np.zeros((64, 96, 3), np.uint8))
    assert sizes == [(96, 64), (160, 96), (320, 224)]


def test_a_pass_in_tiles_detects_what_a_whole_pass_detects(monkeypatch):
    photo, _ = portrait()
    detector = CenterFaceDetector(exact=True)
    (whole,) = detector.detect(photo)
    monkeypatch.setattr(centerface, "_MAX_PASS_PIXELS", 1)
    monkeypatch.setattr(centerface, "_MAX_TILE_SIDE", 384)
    in_tiles = detector.detect(photo)[0]
    assert iou(in_tiles.box, np.array([whole.box])) > 0.8


@pytest.mark.parametrize("length", [32, 384, 416, 1920])
def test_tiles_of_one_size_cover_the_side_and_overlap(length, monkeypatch):
    monkeypatch.setattr(centerface, "_MAX_TILE_SIDE", 384)
    tiles = centerface._tiles(length)
    assert tiles[0][0] == 0 and tiles[-1][1] == length
    assert len({stop - start for start, stop in tiles}) == 1
    assert all((stop - start) % 32 == 0 and stop - start <= 384 for start, stop in tiles)
    assert all(stop - start >= 80 for (_, stop), (start, _) in itertools.pairwise(tiles))


@pytest.mark.parametrize("mirrored", [False, True])
def test_only_the_given_parts_are_scanned_for_faces(mirrored):
    photo, _ = portrait()
    image = np.full((720, 1280, 3), 90, np.uint8)
    small = photo[::2, ::2][:400, :400]
    height, width = small.shape[:2]
    image[60 : 60 + height, 100 : 100 + width] = small
    image[60 : 60 + height, 800 : 800 + width] = small
    detector = CenterFaceDetector((1280,), mirrored=mirrored)
    both = [d for d in detector.detect(image) if d.score > 0.5]
    right = [d for d in detector.detect(image, [Box(704, 0, 1280, 544)]) if d.score > 0.5]
    assert len(both) == 2
    (found,) = right
    (same,) = (d for d in both if d.box.x0 > 700)
    assert np.allclose(found.box, same.box, atol=4)
    assert detector.detect(image, []) == []


@pytest.mark.parametrize("side", [150, 606])
def test_the_thorough_detector_merges_its_passes_into_one_face(side):
    image, face = portrait_of_side(side)
    detector = StillFaceDetector()
    (found,) = detector.detect(image)
    in_mirror = detector.detect(np.ascontiguousarray(image[:, ::-1]))
    detector.close()
    assert found.score > 0.8
    assert covered_share(Box(*face[0]), [grow(found.box, 0.15)]) > 0.95
    assert in_mirror[0].box.x0 == pytest.approx(image.shape[1] - found.box.x1, abs=6)


def test_small_passes_agree_on_a_face_that_is_too_blurred_for_a_large_one():
    photo, face = portrait()
    blurred = cv2.GaussianBlur(photo, (0, 0), 25)
    assert not CenterFaceDetector(threshold=0.2).detect(blurred)
    best = max(BlurredFaceDetector().detect(blurred), key=lambda found: found.score)
    assert iou(best.box, face) > 0.6


@pytest.mark.parametrize(
    "make",
    [
        MediaPipeBlazeFaceDetector,
        BlazeFaceDetector,
        CenterFaceDetector,
        lambda: BlurredFaceDetector(threshold=0.1),
    ],
    ids=["mediapipe", "blazeface", "centerface", "blurred"],
)
def test_a_plain_image_has_no_faces(make):
    grey = np.full((240, 320, 3), 128, np.uint8)
    assert [d for d in make().detect(grey) if d.score > 0.5] == []
