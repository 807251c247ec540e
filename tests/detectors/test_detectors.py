"""The detectors that come along, on a real face and a real-looking plate."""

import itertools
import os
from pathlib import Path

import cv2
import doorbell_scene
import numpy as np
import pytest
from make_clips import read_back

from redact import Box, Detection, Settings
from redact.analysis.scan_presets import Rescored, build_scans, build_still_scans
from redact.analysis.scans import ScanSpec, close_scans, scan_part
from redact.detectors import agreement as _agreement
from redact.detectors import centerface
from redact.detectors.blazeface import MODELS, BlazeFaceDetector
from redact.detectors.blazeface_onnx import BlazeFaceAnySizeDetector
from redact.detectors.blurred import BlurredFaceDetector
from redact.detectors.centerface import CenterFaceDetector
from redact.detectors.heads import HeadDetector
from redact.detectors.plate_verification import steadiness
from redact.detectors.plates import PlateDetector, judged_here
from redact.detectors.thorough import ThoroughFaceDetector
from redact.geometry import covered_share, grow, iou_matrix
from redact.views import ArrayView

WALKERS = Path(os.environ.get("REDACT_DATA", "../shared/data")) / "clips"
WALKERS /= "intel_one-by-one-person-detection.mp4"
FACE = Box(60, 60, 100, 100)


def read_frame(path, index):
    reader = cv2.VideoCapture(str(path))
    reader.set(cv2.CAP_PROP_POS_FRAMES, index)
    return reader.read()[1]


@pytest.fixture(scope="module")
def portrait():
    """The visitor's photo and the box of her face."""
    photo, _ = doorbell_scene.cut_out_visitor()
    return photo, np.array([[165.0, 120.0, 365.0, 350.0]])


@pytest.fixture(scope="module")
def street(doorbell):
    return read_back(doorbell)[1][0]


def test_every_blazeface_model_finds_the_face(portrait):
    photo, face = portrait
    for model in MODELS:
        detector = BlazeFaceDetector(model)
        found = detector.detect(photo)
        assert found, model
        assert iou_matrix(np.array([found[0].box]), face).max() > 0.4, model
        detector.close()


@pytest.mark.parametrize("padding", [0, 400])
def test_blazeface_sees_the_same_in_any_runtime(portrait, padding):
    photo, _ = portrait
    wide = cv2.copyMakeBorder(photo, 0, 0, padding, padding, cv2.BORDER_REPLICATE)
    mediapipe = BlazeFaceDetector("full_range_sparse")
    (theirs,) = mediapipe.detect(wide)
    mediapipe.close()
    (ours,) = BlazeFaceAnySizeDetector(192).detect(wide)
    assert iou_matrix(np.array([ours.box]), np.array([theirs.box])).max() > 0.85
    assert ours.score == pytest.approx(theirs.score, abs=0.1)


def test_an_unknown_model_is_named():
    with pytest.raises(ValueError, match="short_range"):
        BlazeFaceDetector("long_range")


@pytest.mark.parametrize("side", [96, 200, 400, 606])
def test_centerface_finds_the_face_at_any_size(portrait, side):
    photo, face = portrait
    scale = side / photo.shape[0]
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = CenterFaceDetector((None,)).detect(small)
    assert found
    assert iou_matrix(np.array([found[0].box]), face * scale).max() > 0.4


def test_a_mirrored_look_finds_the_face_where_it_is(portrait):
    photo, face = portrait
    wide = cv2.copyMakeBorder(photo, 0, 0, 0, photo.shape[1], cv2.BORDER_REPLICATE)
    found = CenterFaceDetector((640,), mirrored=True).detect(wide)
    assert iou_matrix(np.array([found[0].box]), face).max() > 0.4


def test_small_pictures_are_enlarged_when_asked_for(monkeypatch):
    sizes = []
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    for most in (1.0, 1.5, 8.0):
        detector = CenterFaceDetector((320,), max_enlarged=most)
        monkeypatch.setattr(detector, "look", lambda _, size, __: sizes.append(size) or nothing)
        detector.detect(np.zeros((64, 96, 3), np.uint8))
    assert sizes == [(96, 64), (160, 96), (320, 224)]


@pytest.mark.parametrize("side", [224, 448])
def test_the_head_is_found_with_the_face_and_the_hair(portrait, side):
    photo, face = portrait
    (head,) = HeadDetector((side,)).detect(photo)
    assert head.kind == "head"
    assert covered_share(Box(*face[0]), [head.box]) > 0.95
    assert head.box.area < 3 * Box(*face[0]).area


@pytest.mark.skipif(not WALKERS.is_file(), reason="set REDACT_DATA to a folder with clips/")
def test_a_head_is_found_from_behind():
    frame = read_frame(WALKERS, 120)
    assert not [d for d in CenterFaceDetector().detect(frame) if d.score > 0.5]
    (head,) = HeadDetector().detect(frame)
    hair = Box(436, 16, 484, 92)
    assert covered_share(hair, [head.box]) > 0.9
    assert head.box.area < 2 * hair.area


def test_tiles_see_what_the_whole_sees(portrait, monkeypatch):
    photo, _ = portrait
    detector = CenterFaceDetector()
    (whole,) = detector.detect(photo)
    monkeypatch.setattr(centerface, "_MOST_PIXELS", 1)
    monkeypatch.setattr(centerface, "_TILE", 384)
    tiled = detector.detect(photo)[0]
    assert iou_matrix(np.array([tiled.box]), np.array([whole.box])).max() > 0.8
    for length in (32, 384, 416, 1920):
        tiles = centerface._tiles(length)
        assert tiles[0][0] == 0 and tiles[-1][1] == length
        assert len({stop - start for start, stop in tiles}) == 1
        assert all((stop - start) % 32 == 0 and stop - start <= 384 for start, stop in tiles)
        for (_, stop), (start, _) in itertools.pairwise(tiles):
            assert stop - start >= 80


@pytest.mark.parametrize("side", [150, 606])
def test_many_looks_agree_on_one_face(portrait, side):
    photo, face = portrait
    scale = side / photo.shape[0]
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    detector = ThoroughFaceDetector()
    (found,) = detector.detect(small)
    mirrored = detector.detect(np.ascontiguousarray(small[:, ::-1]))
    assert found.score > 0.8
    assert covered_share(Box(*(face * scale)[0]), [grow(found.box, 0.15)]) > 0.95
    assert mirrored[0].box.x0 == pytest.approx(small.shape[1] - found.box.x1, abs=6)
    detector.close()


def test_one_faint_look_is_no_face():
    boxes = np.float32([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]])
    first, second = (boxes[[0, 2]], np.float32([0.6, 0.6])), (boxes[[1]], np.float32([0.5]))
    agreed, alone = _agreement.groups_seen([first, second])
    assert sorted(agreed[2]) == [0, 1]
    assert list(alone[2]) == [0]
    assert _agreement.joint_score(*agreed[1:], 7) == pytest.approx(1 - 0.7 * 0.75)
    assert _agreement.joint_score(*alone[1:], 7) == pytest.approx(0.3)
    assert _agreement.joint_score(*alone[1:], 9) < 0.3, "two more looks saw nothing"


def test_looks_that_shrink_a_face_too_far_have_no_say_in_it():
    nothing = (np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    face = (np.float32([[10, 10, 20, 24]]), np.float32([0.5]))
    passes, scales = [face, face, *[nothing] * 5], (2.0, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2)
    (_, counted), *_ = _agreement.agreed_on(passes, 0.0)
    (_, able), *_ = _agreement.agreed_on(passes, 0.0, scales)
    assert counted == pytest.approx(1 - 0.75**2)
    assert able == pytest.approx(1 - 0.75 ** (2 * 7 / 4)), "four looks could see 14 px"
    large = (np.float32([[10, 10, 80, 94]]), np.float32([0.5]))
    (_, same), *_ = _agreement.agreed_on([large, large, *[nothing] * 5], 0.0, scales)
    assert same == pytest.approx(counted)


def test_one_look_that_sees_a_face_far_too_large_is_passed_over():
    scans = [np.float32([[10 - i, 10 - i, 30 + i, 30 + i]]) for i in (0, 1, 1, 2, 6)]
    passes = [(boxes, np.float32([0.9])) for boxes in scans]
    ((whole, score),) = _agreement.agreed_on(passes, 0.5)
    ((box, same),) = _agreement.agreed_on(passes, 0.5, outward=0.75)
    np.testing.assert_array_equal(whole, [4, 4, 36, 36])
    np.testing.assert_array_equal(box, [8, 8, 32, 32])
    assert score == same


def test_small_looks_agree_on_a_face_too_blurred_for_large_ones(portrait):
    photo, face = portrait
    blurred = cv2.GaussianBlur(photo, (0, 0), 25)
    assert not CenterFaceDetector(threshold=0.2).detect(blurred)
    best = max(BlurredFaceDetector().detect(blurred), key=lambda found: found.score)
    assert iou_matrix(np.array([best.box]), face).max() > 0.6


def test_rescored_finds_are_faces_with_scores_on_another_scale():
    class Heads:
        def detect(self, image):
            return [Detection(kind="head", box=Box(0, 0, 9, 9), score=s) for s in (0.6, 0.9)]

    rescored = Rescored(Heads(), weight=0.5, offset=-0.1, most=0.3)
    found = rescored.detect(np.zeros((9, 9, 3), np.uint8))
    assert [detection.kind for detection in found] == ["face", "face"]
    assert [detection.score for detection in found] == pytest.approx([0.2, 0.3])


@pytest.mark.parametrize(
    ("part", "score"),
    [
        (Box(40, 40, 160, 160), 0.9),
        (Box(70, 40, 160, 160), 0.39),
        (Box(40, 40, 160, 96), 0.39),
        (Box(40, 40, 160, 99), 0.9),
    ],
    ids=["whole", "cut on the left", "cut below", "a sliver cut"],
)
def test_what_the_edge_of_a_part_cuts_is_a_weak_find(part, score):
    class Sees:
        """One face, wherever the part lies: it was scaled by 2."""

        def detect(self, image):
            x0, y0, x1, y1 = (2 * (v - o) for v, o in zip(FACE, part[:2] * 2, strict=True))
            return [Detection(kind="face", box=Box(x0, y0, x1, y1), score=0.9)]

    picture = np.zeros((200, 300, 3), np.uint8)
    longer = max(part.width, part.height)
    scan = ScanSpec(Sees(), where="parts", part_side=round(2 * longer))
    (found,) = scan_part(scan, ArrayView(picture), part)
    assert found.score == score
    np.testing.assert_allclose(found.box, FACE, atol=1.0)


def test_the_edge_of_the_picture_cuts_nothing():
    class Sees:
        def detect(self, image):
            return [Detection(kind="face", box=Box(-30, -20, 40, 50), score=0.9)]

    scan = ScanSpec(Sees(), where="parts", part_side=100)
    (found,) = scan_part(scan, ArrayView(np.zeros((200, 300, 3), np.uint8)), Box(0, 0, 100, 100))
    assert found.score == 0.9


def test_the_plate_is_found_whole(street):
    corners = doorbell_scene.PLATE_CORNERS
    plate = Box(*corners.min(axis=0), *corners.max(axis=0))
    found = [d for d in PlateDetector().detect(street) if d.score > 0.6]
    assert covered_share(plate, [grow(d.box, 0.15, 0) for d in found]) > 0.9


def test_what_is_no_plate_at_other_sizes_loses_its_score(street):
    """A stand-in for the network sees a plate in all views, or in the larger ones only."""
    grey = cv2.cvtColor(street, cv2.COLOR_BGR2GRAY)
    box = np.array([200.0, 120.0, 260.0, 140.0])

    def around_the_middle(view, score):
        side = view.shape[0]
        half = np.array([0.15 * side, 0.05 * side])
        boxes = np.float32([[*(side / 2 - half), *(side / 2 + half)]])
        return boxes, np.float32([score])

    def always(view):
        return around_the_middle(view, 0.9)

    def large_only(view):
        return around_the_middle(view, 0.9 if view.shape[0] > 210 else 0.0)

    def elsewhere(view):
        boxes, scores = always(view)
        return boxes / 4, scores

    assert steadiness(grey, box, always) == 1.0
    assert steadiness(grey, box, large_only) < 0.8
    assert steadiness(grey, box, elsewhere) == 0.0
    at_the_edge = np.array([0.0, 0.0, 60.0, 20.0])
    assert steadiness(grey, at_the_edge, always) == 0.0, "the view can't have it in its middle"


def test_a_second_look_only_lowers_scores(street):
    texture = np.random.default_rng(3).integers(0, 255, (60, 80)).astype(np.uint8)
    scene = street.copy()
    scene[:180, :240] = np.kron(texture, np.ones((3, 3), np.uint8))[:, :, None]
    once, again = (
        {d.box: d.score for d in PlateDetector(threshold=0.1, verifies=more).detect(scene)}
        for more in (False, True)
    )
    assert set(again) <= set(once)
    assert all(score <= once[box] for box, score in again.items())


def test_plain_pictures_show_nothing():
    grey = np.full((240, 320, 3), 128, np.uint8)
    for detector in (
        BlazeFaceDetector(),
        BlazeFaceAnySizeDetector(),
        CenterFaceDetector(),
        BlurredFaceDetector(threshold=0.1),
        HeadDetector(),
        PlateDetector(),
    ):
        assert [d for d in detector.detect(grey) if d.score > 0.5] == []


def test_single_pictures_are_searched_for_heads_when_all_are_asked_for():
    names = {}
    for heads in ("near tracks", "all moving"):
        settings = Settings(detector="thorough", plates=False, heads=heads)
        scans = build_still_scans(settings)
        names[heads] = [type(scan.detector).__name__ for scan in scans]
        close_scans(scans)
    assert names["near tracks"] == ["ThoroughFaceDetector"]
    assert names["all moving"] == ["ThoroughFaceDetector", "Rescored"]


def test_settings_choose_who_looks():
    kinds = {}
    for faces, plates in ((True, True), (True, False), (False, True), (False, False)):
        scans = build_scans(Settings(faces=faces, plates=plates, detector="fast"))
        kinds[faces, plates] = {kind for scan in scans for kind in scan.detector.kinds}
        close_scans(scans)
    assert kinds[True, True] == {"face", "plate"}
    assert kinds[True, False] == {"face"}
    assert kinds[False, True] == {"plate"}
    assert kinds[False, False] == set()


@pytest.mark.parametrize("scales", [(1.0,), (2.0, 1.0, 0.5), (0.75, 0.4), (1.0, 0.25)])
def test_a_plate_of_any_size_is_left_to_some_pass(scales):
    for width in np.geomspace(8, 2000, 200):
        # Two passes measure the same plate a little differently.
        for wrong in ((1.0, 1.0, 1.0), (1.08, 0.93, 1.08), (0.93, 1.08, 0.93)):
            measured = zip(scales, wrong, strict=False)
            kept = [
                judged_here(np.array([[0, 0, width * w, width * w / 4]], np.float32), scale, scales)
                for scale, w in measured
            ]
            assert any(k[0] for k in kept), (width, wrong)


def test_faces_are_found_in_the_parts_that_are_looked_at(portrait):
    photo, _ = portrait
    image = np.full((720, 1280, 3), 90, np.uint8)
    small = photo[::2, ::2][:400, :400]
    height, width = small.shape[:2]
    image[60 : 60 + height, 100 : 100 + width] = small
    image[60 : 60 + height, 800 : 800 + width] = small
    for mirrored in (False, True):
        detector = CenterFaceDetector((1280,), mirrored=mirrored)
        both = [d for d in detector.detect(image) if d.score > 0.5]
        right = [d for d in detector.detect(image, [Box(704, 0, 1280, 544)]) if d.score > 0.5]
        assert len(both) == 2
        (found,) = right
        (same,) = (d for d in both if d.box.x0 > 700)
        assert np.allclose(found.box, same.box, atol=4)
        assert detector.detect(image, []) == []


def test_plates_are_found_in_the_parts_that_are_looked_at(street):
    detector = PlateDetector(threshold=0.4)
    plate = max(detector.detect(street), key=lambda detection: detection.score)
    height, width = street.shape[:2]
    near = Box(
        max(0, plate.box.x0 - 80),
        max(0, plate.box.y0 - 80),
        min(width, plate.box.x1 + 80),
        min(height, plate.box.y1 + 80),
    )
    again = max(detector.detect(street, [near]), key=lambda detection: detection.score)
    assert covered_share(plate.box, [again.box]) > 0.8
    assert detector.detect(street, []) == []
