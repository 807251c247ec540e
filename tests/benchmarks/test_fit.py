"""The benchmark of how covers fit measures what is painted."""

import av
import numpy as np
import pytest

from benchmarks.fit import known_tracks
from benchmarks.fit_scoring import measure, summary
from benchmarks.ground_truth import Truth

SIZE, FRAMES, RATE = (320, 240), 30, 25
FACE = (100, 60, 140, 110)


def write(path, draw):
    """Write a noisy clip losslessly, after `draw` has painted on each frame."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(FRAMES):
            rng = np.random.default_rng(index // 10)
            coarse = rng.integers(60, 200, (SIZE[1] // 8, SIZE[0] // 8)).astype(np.uint8)
            image = np.repeat(np.kron(coarse, np.ones((8, 8), np.uint8))[:, :, None], 3, axis=2)
            draw(index, image)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode(None))


def painted(image, x0, y0, x1, y1, value=20):
    image[y0:y1, x0:x1] = value


@pytest.fixture
def source(tmp_path):
    write(tmp_path / "a.mp4", lambda *_: None)
    return tmp_path / "a.mp4"


def known(name, first, last=None, kind="face"):
    """Something that moves evenly from one box to the other one."""
    return {"id": name, "kind": kind, "keys": [[0, *first], [FRAMES - 1, *(last or first)]]}


def fit(source, draw, objects=None):
    objects = objects or [known("her", FACE)]
    truth = Truth("a.mp4", SIZE, FRAMES, tuple(objects))
    output = source.with_name("b.mp4")
    write(output, draw)
    return summary([measure(source, output, truth, RATE)])


def test_the_area_of_a_cover_is_told_in_areas_of_the_face(source):
    values = fit(source, lambda _, image: painted(image, 90, 50, 150, 120))
    assert values["face cover / face box, median"] == pytest.approx(60 * 70 / (40 * 50), rel=0.12)
    assert values["frames with a ghost, %"] == 0
    assert values["breathing within 1 s, median"] < 0.15


def test_a_cover_where_nobody_is_counts_as_a_ghost(source):
    def draw(index, image):
        painted(image, *FACE)
        if index < 15:
            painted(image, 220, 150, 260, 190)

    values = fit(source, draw)
    assert values["frames with a ghost, %"] == pytest.approx(50)
    assert values["ghost area / known area"] == pytest.approx(0.5 * 1600 / 2000, rel=0.2)


def test_a_cover_that_swells_breathes(source):
    def draw(index, image):
        grown = 10 if index % 10 < 5 else 0
        painted(image, 100 - grown, 60 - grown, 140 + grown, 110 + grown)

    expected = np.log(60 * 70 / (40 * 50))
    assert fit(source, draw)["breathing within 1 s, median"] == pytest.approx(expected, rel=0.2)


def test_a_cover_that_flashes_has_tone_steps(source):
    values = fit(source, lambda i, image: painted(image, *FACE, 20 if i % 2 else 120))
    assert values["tone steps a frame, 99 %"] > 60


def test_a_cover_that_the_edge_of_the_frame_cuts_off_does_not_breathe(source):
    leaving = known("him", (240, 60, 280, 110), (330, 60, 370, 110))

    def draw(index, image):
        x = round(240 + 90 * index / (FRAMES - 1))
        painted(image, x, 60, x + 40, 110)

    assert fit(source, draw, [leaving])["breathing within 1 s, 90 %"] < 0.15


def test_a_cover_that_passes_another_neither_breathes_nor_flashes(source):
    """While they touch, both are measured together, and one of them is in front."""
    passing = known("him", (0, 60, 40, 110), (280, 60, 320, 110))

    def draw(index, image):
        painted(image, *FACE, 20)
        x = round(280 * index / (FRAMES - 1))
        painted(image, x, 60, x + 40, 110, 250)

    values = fit(source, draw, [known("her", FACE), passing])
    assert values["breathing within 1 s, 90 %"] < 0.15
    assert values["tone steps a frame, 99 %"] < 5


def test_small_plates_are_told_apart(source):
    small, large = (40, 40, 60, 50), (180, 150, 240, 170)
    plates = [known("far", small, kind="plate"), known("near", large, kind="plate")]

    def draw(_, image):
        painted(image, 36, 36, 64, 54)
        painted(image, *large)

    values = fit(source, draw, plates)
    assert values["plate cover / plate box, median"] == pytest.approx(1, abs=0.2)
    assert values["the same under 24 px wide, median"] == pytest.approx(28 * 18 / 200, rel=0.2)


def test_perfect_covers_lie_on_the_known_boxes():
    objects = (known("her", FACE, (130, 90, 170, 140)), known("car", FACE, kind="plate"))
    her, car = known_tracks(Truth("a.mp4", SIZE, FRAMES, objects))
    assert (her.kind, her.start_index, her.stop_index) == ("face", 0, FRAMES)
    assert her.box_at(0) == FACE
    assert her.box_at(FRAMES - 1) == (130, 90, 170, 140)
    np.testing.assert_allclose(her.margins / [40, 50], 0.21, rtol=1e-5)
    np.testing.assert_allclose(car.margins / [40, 50], 0.12, rtol=1e-5)
