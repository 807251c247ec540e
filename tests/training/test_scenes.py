"""Drawn scenes: their parts have the right shapes, and boxes lie on plates."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="pip install redact-clips[train]")

from redact.training.backgrounds import background
from redact.training.drawing import add_fonts, added_fonts, font_files
from redact.training.lookalikes import lookalike
from redact.training.motorcycles import motorcycle, scooter_front
from redact.training.plates import HEIGHT, LAYOUTS, plate
from redact.training.scenes import make_scene
from redact.training.scripts import characters_mask


def test_the_same_seed_gives_the_same_scene():
    one, other = (make_scene(np.random.default_rng(5), 96) for _ in range(2))
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.boxes, other.boxes)


def test_boxes_lie_inside_the_image_and_have_contrast():
    scenes = [make_scene(np.random.default_rng(i), 128) for i in range(40)]
    boxes = np.concatenate([scene.boxes for scene in scenes])
    assert len(boxes) > 15
    assert boxes.min() >= 0
    assert boxes.max() <= 128
    assert (boxes[:, 2] > boxes[:, 0]).all()
    assert (boxes[:, 3] > boxes[:, 1]).all()
    has_contrast = [
        scene.image[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].std() > 4
        for scene in scenes
        for (x0, y0, x1, y1), is_visible in zip(scene.boxes, scene.is_visible, strict=True)
        if is_visible
    ]
    assert all(has_contrast)


def test_every_layout_is_drawn_with_its_aspect_ratio():
    rng = np.random.default_rng(0)
    for name, layout in LAYOUTS.items():
        for _ in range(6):
            height, width = plate(rng, (name,)).shape
            assert height == HEIGHT
            assert layout.aspect[0] * height - 1 <= width <= layout.aspect[1] * height


def test_a_plate_without_a_frame_has_the_tone_that_was_asked_for():
    rng = np.random.default_rng(0)
    for tone in (20.0, 128.0, 235.0):
        means = [np.median(plate(rng, ("european",), ground=tone)) for _ in range(8)]
        assert np.median(np.abs(np.asarray(means) - tone)) < 25


def test_every_lookalike_is_as_high_as_a_plate():
    rng = np.random.default_rng(0)
    assert {lookalike(rng).shape[0] for _ in range(120)} == {HEIGHT}


def test_backgrounds_fill_the_image_with_grey_levels():
    rng = np.random.default_rng(0)
    for _ in range(80):
        image = background(rng, 64)
        assert image.shape == (64, 64)
        assert image.min() >= 0
        assert image.max() <= 255


@pytest.mark.parametrize("pattern", ["AA ## XX", "C-A.#", "K H T", "RR rr pp", "DD dd", "BB bb"])
def test_characters_are_drawn_with_and_without_a_font_for_their_script(pattern):
    mask = characters_mask(np.random.default_rng(0), pattern, 40.0, 0.1)
    assert mask.shape[0] == 40
    assert mask.shape[1] > 40
    assert 0.05 < (mask > 0.5).mean() < 0.9


def test_fonts_of_an_added_folder_are_used(tmp_path):
    sans = next(f for f in font_files() if Path(f).name == "DejaVuSans.ttf")
    (tmp_path / "deep").mkdir()
    shutil.copy(sans, tmp_path / "deep" / "NotoSansThai-Bold.ttf")
    try:
        add_fonts(tmp_path)
        assert [Path(f).name for f in added_fonts()] == ["NotoSansThai-Bold.ttf"]
    finally:
        add_fonts(None)
    assert added_fonts() == ()


@pytest.mark.parametrize("draw", [motorcycle, scooter_front])
def test_the_plate_of_a_motorcycle_is_opaque_and_inside_the_drawing(draw):
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawing = draw(rng, has_plate=True)
        (x0, y0), (x1, y1) = drawing.corners[0].astype(int), drawing.corners[2].astype(int)
        assert x0 >= 0
        assert y0 >= 0
        assert drawing.mask[y0:y1, x0:x1].shape == (y1 - y0, x1 - x0)
        assert drawing.mask[y0:y1, x0:x1].min() == 1
    assert draw(rng, has_plate=False).corners is None
