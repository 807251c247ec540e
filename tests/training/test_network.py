"""The plate network: what it should predict for a scene, and its exported form."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install redact-clips[train]")
pytest.importorskip("PIL", reason="pip install redact-clips[train]")

import torch

from redact.training.network import STRIDE, PlateNet, fold_input_scaling, targets
from redact.training.scenes import Scene


def test_folding_the_input_scaling_changes_the_output_at_the_border_only():
    torch.manual_seed(0)
    net = PlateNet().eval()
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 1.5)
        image = torch.rand(1, 1, 640, 640) * 255
        inside = (..., slice(36, 44), slice(36, 44))
        maps, folded = net(image)[inside], fold_input_scaling(net)(image)[inside]
    assert maps.std() > 0.01
    assert torch.allclose(maps, folded, atol=1e-3)


def test_targets_give_the_distances_from_cells_near_the_centre_to_the_edges():
    box = np.array([[24, 32, 88, 52]], np.float32)
    scene = Scene(np.zeros((96, 96), np.uint8), box, np.array([True]))
    centers, distances, ignored = targets(scene)
    rows, columns = np.nonzero(centers)
    assert len(rows)
    x, y = (columns + 0.5) * STRIDE, (rows + 0.5) * STRIDE
    left, top, right, bottom = distances[:, rows, columns]
    boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    assert np.allclose(boxes, box)
    assert not (ignored & (centers > 0)).any()


def test_plates_that_are_not_visible_are_ignored():
    scene = Scene(
        np.zeros((96, 96), np.uint8), np.array([[24, 32, 88, 52]], np.float32), np.array([False])
    )
    centers, _, ignored = targets(scene)
    assert centers.sum() == 0
    assert ignored.any()
