"""Training lowers the loss, resumes, exports what the detector runs, and restores it."""

import dataclasses
import json
import warnings

import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install redact-clips[train]")
pytest.importorskip("PIL", reason="pip install redact-clips[train]")

import torch

from redact.detectors.plates import PlateDetector
from redact.training.loop import Recipe, export, train
from redact.training.mixing import mix, recalibrate_batch_norm
from redact.training.network import PlateNet
from redact.training.restoring import restore
from redact.training.scenes import make_scene

TINY = Recipe(
    steps=40, batch_size=8, fresh_scenes=4, scene_size=96, validation_scenes=4, warm_up_steps=4
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which the tiny recipe was trained in two runs."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    train(folder, dataclasses.replace(TINY, steps=20), save_every=10)
    train(folder, TINY, save_every=10)
    return folder


def test_training_lowers_the_loss_and_resumes_where_it_stopped(trained):
    log = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [10, 20, 30, 40]
    assert log[-1]["loss"] < log[0]["loss"]


def test_training_ends_in_time_and_decays_the_learning_rate_to_that_end(tmp_path):
    recipe = dataclasses.replace(TINY, steps=10**6, minutes=0.05, decay_share=1.0)
    train(tmp_path, recipe, save_every=10**6)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert 1 <= saved["step"] < 10**6
    assert 0.05 <= saved["minutes"] < 1
    assert saved["optimizer"]["param_groups"][0]["lr"] < TINY.learning_rate / 2
    train(tmp_path, recipe)  # it is over: nothing more is learned
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == saved["step"]


def test_training_on_photographs_searches_them_for_false_detections_again(tmp_path, photo_folder):
    recipe = dataclasses.replace(TINY, steps=6, mining_steps=3, photos=photo_folder)
    train(tmp_path, recipe, save_every=3)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [3, 6]


def test_the_detector_runs_the_exported_file_on_images_of_any_size(trained, monkeypatch):
    monkeypatch.setenv("REDACT_WEIGHTS", str(trained))
    detector = PlateDetector(threshold=0.0)
    for size in ((9, 13), (64, 64), (90, 333)):
        assert detector.detect(np.zeros((*size, 3), np.uint8))


def test_a_network_is_restored_from_its_file_and_trained_further(tmp_path):
    """In training mode its batch normalisation changes next to nothing, either."""
    torch.manual_seed(1)
    scenes = [make_scene(np.random.default_rng(i), 96).image for i in range(16)]
    net = PlateNet()
    recalibrate_batch_norm(net, scenes)
    export(net, tmp_path / "start.onnx")
    again = restore(tmp_path / "start.onnx", np.stack(scenes))
    batch = torch.from_numpy(np.stack(scenes)[:, None].astype(np.float32))
    with torch.no_grad():
        assert torch.allclose(net(batch), again(batch), atol=1e-3)
        assert torch.allclose(again(batch), again.train()(batch), atol=0.1)
    recipe = dataclasses.replace(
        TINY, steps=1, learning_rate=0.0, initial_weights=tmp_path / "start.onnx"
    )
    train(tmp_path / "further", recipe, save_every=1)
    checkpoint = torch.load(tmp_path / "further" / "checkpoint.pt", weights_only=True)
    assert torch.allclose(
        checkpoint["average"]["from_coarse.weight"], net.from_coarse.weight, atol=1e-6
    )
    # What it started from can be mixed with what came of it.
    start = mix(tmp_path / "further" / "initial.pt", tmp_path / "further" / "checkpoint.pt", 0.0)
    with torch.no_grad():
        assert torch.allclose(net(batch), start.eval()(batch), atol=1e-3)


def test_restoring_a_file_of_another_network_is_an_error(tmp_path):
    other = torch.nn.Conv2d(1, 5, 3)
    names = {"input_names": ["picture"], "output_names": ["maps"], "dynamo": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(other, (torch.zeros(1, 1, 32, 32),), str(tmp_path / "o.onnx"), **names)
    with pytest.raises(ValueError, match="other convolutions"):
        restore(tmp_path / "o.onnx", np.zeros((1, 32, 32), np.uint8))


def test_mixing_averages_the_weights_and_recalibrating_sets_the_statistics(tmp_path):
    torch.manual_seed(0)
    nets = [PlateNet() for _ in range(2)]
    paths = [tmp_path / name for name in ("a.pt", "b.pt")]
    for net, path in zip(nets, paths, strict=True):
        torch.save({"average": net.state_dict()}, path)
    net = mix(*paths, 0.25)
    between = 0.75 * nets[0].from_coarse.weight + 0.25 * nets[1].from_coarse.weight
    assert torch.allclose(net.from_coarse.weight, between, atol=1e-6)
    recalibrate_batch_norm(net, [np.full((32, 32), 128 + 8 * i, np.uint8) for i in range(16)])
    assert not net.training
    assert not torch.equal(net.stem[0][1].running_mean, torch.zeros(16))
