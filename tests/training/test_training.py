"""Training: scenes are labelled right, the loop learns, goes on where it stopped, and exports."""

import dataclasses
import json
import shutil
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install redact-clips[train]")
pytest.importorskip("PIL", reason="pip install redact-clips[train]")

import torch

from redact.detectors.plates import PlateDetector
from redact.training.backgrounds import background
from redact.training.drawing import add_fonts, font_files, more_fonts
from redact.training.lookalikes import lookalike
from redact.training.loop import Recipe, export, train
from redact.training.mixing import measure_anew, mixed
from redact.training.motorcycles import motorcycle
from redact.training.network import STRIDE, PlateNet, targets, without_level
from redact.training.photos import Photo, crop
from redact.training.plates import HEIGHT, LAYOUTS, plate
from redact.training.restoring import restored
from redact.training.scenes import Scene, make_scene
from redact.training.scripts import signs_mask
from redact.training.split import is_trained_on

TINY = Recipe(steps=40, batch=8, fresh_scenes=4, scene_size=96, exam_scenes=4, warm_up_steps=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which the tiny recipe was trained in two goes."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    train(folder, dataclasses.replace(TINY, steps=20), save_every=10)
    train(folder, TINY, save_every=10)
    return folder


def test_training_improves_and_goes_on_where_it_stopped(trained):
    log = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [10, 20, 30, 40]
    assert log[-1]["loss"] < log[0]["loss"]


def test_the_detector_runs_what_was_trained_on_pictures_of_any_size(trained, monkeypatch):
    monkeypatch.setenv("REDACT_WEIGHTS", str(trained))
    detector = PlateDetector(threshold=0.0)
    for size in ((9, 13), (64, 64), (90, 333)):
        assert detector.detect(np.zeros((*size, 3), np.uint8))


def test_what_is_exported_says_the_same_away_from_the_edge():
    torch.manual_seed(0)
    net = PlateNet().eval()
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 1.5)
        picture = torch.rand(1, 1, 640, 640) * 255
        inside = (..., slice(36, 44), slice(36, 44))
        maps, lean = net(picture)[inside], without_level(net)(picture)[inside]
    assert maps.std() > 0.01
    assert torch.allclose(maps, lean, atol=1e-3)


def test_a_network_is_restored_from_its_file_and_trained_on(tmp_path):
    """In training its normalisation does next to nothing, as where it had been trained."""
    torch.manual_seed(1)
    scenes = [make_scene(np.random.default_rng(i), 96).picture for i in range(16)]
    net = PlateNet()
    measure_anew(net, scenes)
    export(net, tmp_path / "start.onnx")
    again = restored(tmp_path / "start.onnx", np.stack(scenes))
    batch = torch.from_numpy(np.stack(scenes)[:, None].astype(np.float32))
    with torch.no_grad():
        assert torch.allclose(net(batch), again(batch), atol=1e-3)
        assert torch.allclose(again(batch), again.train()(batch), atol=0.1)
    recipe = dataclasses.replace(TINY, steps=1, learning_rate=0.0, start=tmp_path / "start.onnx")
    train(tmp_path / "on", recipe, save_every=1)
    on = torch.load(tmp_path / "on" / "checkpoint.pt", weights_only=True)["average"]
    assert torch.allclose(on["up.weight"], net.up.weight, atol=1e-6)


def test_a_file_of_another_network_is_refused(tmp_path):
    other = torch.nn.Conv2d(1, 5, 3)
    names = {"input_names": ["picture"], "output_names": ["maps"], "dynamo": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(other, (torch.zeros(1, 1, 32, 32),), str(tmp_path / "o.onnx"), **names)
    with pytest.raises(ValueError, match="other convolutions"):
        restored(tmp_path / "o.onnx", np.zeros((1, 32, 32), np.uint8))


def test_mixed_weights_lie_between_and_measure_their_own_normalisation(tmp_path):
    torch.manual_seed(0)
    nets = [PlateNet() for _ in range(2)]
    paths = [tmp_path / name for name in ("a.pt", "b.pt")]
    for net, path in zip(nets, paths, strict=True):
        torch.save({"average": net.state_dict()}, path)
    net = mixed(*paths, 0.25)
    between = 0.75 * nets[0].up.weight + 0.25 * nets[1].up.weight
    assert torch.allclose(net.up.weight, between, atol=1e-6)
    measure_anew(net, [np.full((32, 32), 128 + 8 * i, np.uint8) for i in range(16)])
    assert not net.training
    assert not torch.equal(net.stem[0][1].running_mean, torch.zeros(8))


def test_the_same_seed_makes_the_same_scene():
    one, other = (make_scene(np.random.default_rng(5), 96) for _ in range(2))
    assert np.array_equal(one.picture, other.picture)
    assert np.array_equal(one.boxes, other.boxes)


def test_boxes_lie_in_the_picture_and_around_something():
    scenes = [make_scene(np.random.default_rng(i), 128) for i in range(40)]
    boxes = np.concatenate([scene.boxes for scene in scenes])
    assert len(boxes) > 15
    assert boxes.min() >= 0
    assert boxes.max() <= 128
    assert (boxes[:, 2] > boxes[:, 0]).all()
    assert (boxes[:, 3] > boxes[:, 1]).all()
    stand_out = [
        scene.picture[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].std() > 4
        for scene in scenes
        for (x0, y0, x1, y1), whole in zip(scene.boxes, scene.is_whole, strict=True)
        if whole
    ]
    assert all(stand_out)


def test_targets_point_from_the_heart_to_the_edges():
    box = np.array([[24, 32, 88, 52]], np.float32)
    scene = Scene(np.zeros((96, 96), np.uint8), box, np.array([True]))
    hearts, distances, ignored = targets(scene)
    rows, columns = np.nonzero(hearts)
    assert len(rows)
    x, y = (columns + 0.5) * STRIDE, (rows + 0.5) * STRIDE
    left, top, right, bottom = distances[:, rows, columns]
    found = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    assert np.allclose(found, box)
    assert not (ignored & (hearts > 0)).any()


def test_plates_that_are_cut_off_teach_neither_way():
    scene = Scene(
        np.zeros((96, 96), np.uint8), np.array([[24, 32, 88, 52]], np.float32), np.array([False])
    )
    hearts, _, ignored = targets(scene)
    assert hearts.sum() == 0
    assert ignored.any()


def test_every_layout_is_drawn_in_its_shape():
    rng = np.random.default_rng(0)
    for name, layout in LAYOUTS.items():
        for _ in range(6):
            height, width = plate(rng, (name,)).shape
            assert height == HEIGHT
            assert layout.aspect[0] * height - 1 <= width <= layout.aspect[1] * height


def test_every_lookalike_is_as_high_as_a_plate():
    rng = np.random.default_rng(0)
    assert {lookalike(rng).shape[0] for _ in range(120)} == {HEIGHT}


def test_backgrounds_fill_the_picture():
    rng = np.random.default_rng(0)
    for _ in range(80):
        picture = background(rng, 64)
        assert picture.shape == (64, 64)
        assert picture.min() >= 0
        assert picture.max() <= 255


@pytest.mark.parametrize("pattern", ["AA ## XX", "C-A.#", "K H T", "RR rr pp", "DD dd", "BB bb"])
def test_a_row_of_signs_is_drawn_with_a_font_for_its_script_or_without(pattern):
    mask = signs_mask(np.random.default_rng(0), pattern, 40.0, 0.1)
    assert mask.shape[0] == 40
    assert mask.shape[1] > 40
    assert 0.05 < (mask > 0.5).mean() < 0.9


def test_fonts_are_taken_from_a_folder_too(tmp_path):
    sans = next(f for f in font_files() if Path(f).name == "DejaVuSans.ttf")
    (tmp_path / "deep").mkdir()
    shutil.copy(sans, tmp_path / "deep" / "NotoSansThai-Bold.ttf")
    try:
        add_fonts(tmp_path)
        assert [Path(f).name for f in more_fonts()] == ["NotoSansThai-Bold.ttf"]
    finally:
        add_fonts(None)
    assert more_fonts() == ()


def test_the_plate_stands_on_the_motorcycle_and_nothing_hides_it():
    rng = np.random.default_rng(0)
    for _ in range(20):
        thing = motorcycle(rng, has_plate=True)
        (x0, y0), (x1, y1) = thing.corners[0].astype(int), thing.corners[2].astype(int)
        assert x0 >= 0
        assert y0 >= 0
        assert thing.mask[y0:y1, x0:x1].shape == (y1 - y0, x1 - x0)
        assert thing.mask[y0:y1, x0:x1].min() == 1
    assert motorcycle(rng, has_plate=False).corners is None


def test_a_crop_of_a_photo_keeps_its_boxes_on_its_plates():
    picture = np.zeros((300, 400), np.uint8)
    cv2.rectangle(picture, (200, 100), (259, 119), 255, -1)
    photo = Photo(picture, np.array([[200, 100, 260, 120]], np.float32))
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(30):
        part, corners = crop(rng, photo, 128)
        light = part > 128
        for c in corners:
            x0, y0, x1, y1 = np.clip([*c.min(axis=0), *c.max(axis=0)], 0, 128).round().astype(int)
            inside = np.zeros_like(light)
            inside[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = True
            assert not (light & ~inside).any()
            seen += 1
    assert seen > 5


def test_photos_are_trained_on_only_with_a_clear_licence_and_in_even_groups():
    assert is_trained_on("openimages_416/a.jpg", {"tier": "A", "group": 4})
    assert not is_trained_on("openimages_416/a.jpg", {"tier": "A", "group": 5})
    assert not is_trained_on("openimages_416/a.jpg", {"tier": "B", "group": 4})
    assert not is_trained_on("robertlucian_ro/a.jpg", {"tier": "A", "group": 4})
