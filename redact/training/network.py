"""The plate network: anchor-free, fully convolutional, grey in, one map of stride 8 out.

After FCOS (Tian et al., 2019): each cell says whether it lies in the heart of a plate and how
far the plate's four edges are. The blocks are depthwise 5x5 convolutions with a shortcut; one
skip joins stride 16 to stride 8.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from redact.training.scenes import Scene

STRIDE = 8
MULTIPLE = 16
"""The input's sides must be multiples of this."""
# Grey 0..255 becomes -2..2.
_GREY_STEP, _MIDDLE = 64.0, 2.0


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):
    """Depthwise then pointwise convolution, added to the input."""

    def __init__(self, channels: int, kernel: int = 5) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, 1, kernel // 2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out."""
        return functional.relu(x + self.body(x))


class Level(nn.Module):
    """Grey 0..255 to -2..2."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) in and out."""
        return x * (1 / _GREY_STEP) - _MIDDLE


class PlateNet(nn.Module):
    """(N, 1, H, W) grey 0..255 to (N, 5, H/8, W/8): logit, log of the distances l t r b over 8."""

    def __init__(self) -> None:
        super().__init__()
        self.level: nn.Module = Level()
        self.stem = nn.Sequential(_conv(1, 8, 2), _conv(8, 24, 2), Block(24, 3), _conv(24, 48, 2))
        self.fine = nn.Sequential(Block(48), Block(48), Block(48))
        self.down = _conv(48, 96, 2)
        self.coarse = nn.Sequential(Block(96), Block(96), Block(96), Block(96))
        self.up = nn.Conv2d(96, 48, 1)
        self.head = nn.Sequential(Block(48), nn.Conv2d(48, 5, 1))
        last = self.head[-1]
        nn.init.normal_(last.weight, 0, 0.01)
        # Few cells are plates, and a plate is wider than high: start from there.
        last.bias.data = torch.tensor([-4.5, 1.0, 0.0, 1.0, 0.0])

    def forward(self, x: Tensor) -> Tensor:
        """Raw maps; `redact.detectors.plates` decodes them."""
        fine = self.fine(self.stem(self.level(x)))
        coarse = self.up(self.coarse(self.down(fine)))
        joined = fine + functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return self.head(joined)


def without_level(net: PlateNet) -> PlateNet:
    """A copy whose first layer takes 0..255 as it is, which saves two passes over the picture.

    What the copy says differs at the picture's very edge, beyond which it sees black, not grey.
    """
    net = copy.deepcopy(net).eval()
    first = net.stem[0]
    with torch.no_grad():
        weights = first[0].weight
        first[1].running_mean += _MIDDLE * weights.sum(dim=(1, 2, 3))
        weights /= _GREY_STEP
    net.level = nn.Identity()
    return net


def put_level_back(net: PlateNet) -> None:
    """Undo `without_level` in the weights of a network that has its level, in place."""
    convolution, norm = net.stem[0][:2]
    with torch.no_grad():
        convolution.weight *= _GREY_STEP
        norm.bias += _MIDDLE * convolution.weight.sum(dim=(1, 2, 3))


def targets(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """What the network should say: hearts (h, w), distances (4, h, w), cells that don't count."""
    cells = scene.picture.shape[0] // STRIDE
    hearts = np.zeros((cells, cells), dtype=np.float32)
    distances = np.zeros((4, cells, cells), dtype=np.float32)
    ignored = np.zeros((cells, cells), dtype=np.bool_)
    centers = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    x, y = np.meshgrid(centers, centers)
    areas = np.prod(scene.boxes[:, 2:] - scene.boxes[:, :2], axis=1)
    for i in np.argsort(-areas):
        x0, y0, x1, y1 = scene.boxes[i]
        inside = (x > x0 - 2) & (x < x1 + 2) & (y > y0 - 2) & (y < y1 + 2)
        ignored |= inside
        if not scene.is_whole[i]:
            continue
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        heart = (np.abs(x - middle_x) <= max(4.01, (x1 - x0) * 0.25)) & (
            np.abs(y - middle_y) <= max(4.01, (y1 - y0) * 0.3)
        )
        heart &= (x > x0) & (x < x1) & (y > y0) & (y < y1)
        if not heart.any():
            row = min(cells - 1, int(middle_y // STRIDE))
            heart[row, min(cells - 1, int(middle_x // STRIDE))] = True
        hearts[heart] = 1
        edges = (x - x0, y - y0, x1 - x, y1 - y)
        for channel, edge in enumerate(edges):
            distances[channel][heart] = edge[heart]
    return hearts, distances, ignored & (hearts < 1)


def loss(
    output: Tensor, hearts: Tensor, distances: Tensor, ignored: Tensor
) -> tuple[Tensor, Tensor]:
    """Focal loss (Lin et al., 2017) on the hearts plus GIoU loss (Rezatofighi et al., 2019).

    Returns the batch's loss, and of each scene the part that false finds make, (N,).
    """
    logits = output[:, 0]
    entropy = functional.binary_cross_entropy_with_logits(logits, hearts, reduction="none")
    chance = torch.sigmoid(logits)
    right = chance * hearts + (1 - chance) * (1 - hearts)
    weight = 0.35 * hearts + 0.65 * (1 - hearts)
    hard = weight * (1 - right) ** 2 * entropy * (~ignored)
    false = (hard.detach() * (1 - hearts)).sum(dim=(1, 2))
    focal = hard.sum() / hearts.sum().clamp(min=1) * 2
    chosen = hearts > 0
    if not bool(chosen.any()):
        return focal, false
    found = torch.exp(output[:, 1:].permute(0, 2, 3, 1)[chosen].clamp(-4, 5)) * STRIDE
    return focal + _giou_loss(found, distances.permute(0, 2, 3, 1)[chosen]), false


def _giou_loss(found: Tensor, true: Tensor) -> Tensor:
    """Both (N, 4) distances l t r b from the same cell, so their boxes always overlap."""
    low, high = torch.minimum(found, true), torch.maximum(found, true)
    both = (low[:, 0] + low[:, 2]).clamp(min=0) * (low[:, 1] + low[:, 3]).clamp(min=0)
    union = _area(found) + _area(true) - both
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    return (1 - both / union + (hull - union) / hull).mean()


def _area(distances: Tensor) -> Tensor:
    return (distances[:, 0] + distances[:, 2]) * (distances[:, 1] + distances[:, 3])
