"""The plate network: anchor-free and fully convolutional, with one output map of stride 8.

It follows FCOS (Tian et al., 2019): each cell of the map predicts whether it lies near the centre
of a plate, and how far the plate's four edges are. The blocks are depthwise 5x5 convolutions with
a residual connection. What strides 16 and 32 see, the surroundings by which a plate is told from a
sign, is added to the finer maps as in a feature pyramid (Lin et al., 2017).
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
# Grey levels 0..255 become about -2..2.
_GREY_SCALE, _GREY_OFFSET = 64.0, 2.0
# Channels at strides 8, 16 and 32.
_FINE, _COARSE, _CONTEXT = 64, 128, 192


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):
    """A depthwise and a pointwise convolution, added to the input."""

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


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels) for _ in range(count)))


def _doubled(x: Tensor) -> Tensor:
    """(N, C, H, W) at twice the height and width."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class InputScaling(nn.Module):
    """Scale grey levels 0..255 to -2..2."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) in and out."""
        return x * (1 / _GREY_SCALE) - _GREY_OFFSET


class PlateNet(nn.Module):
    """Maps (N, 1, H, W) grey levels 0..255 to (N, 5, H/8, W/8); H and W are multiples of 32.

    The five channels are the logit of the score, and the logarithms of the distances from the
    cell's centre to the left, top, right and bottom edge of the plate, in units of 8 pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.input_scaling: nn.Module = InputScaling()
        self.stem = nn.Sequential(
            _conv(1, 16, 2), _conv(16, 32, 2), Block(32, 3), _conv(32, _FINE, 2)
        )
        self.fine = _blocks(_FINE, 4)
        self.to_coarse = _conv(_FINE, _COARSE, 2)
        self.coarse = _blocks(_COARSE, 6)
        self.to_context = _conv(_COARSE, _CONTEXT, 2)
        self.context = _blocks(_CONTEXT, 4)
        self.from_context = nn.Conv2d(_CONTEXT, _COARSE, 1)
        self.joined = Block(_COARSE)
        self.from_coarse = nn.Conv2d(_COARSE, _FINE, 1)
        self.head = nn.Sequential(*_blocks(_FINE, 2), nn.Conv2d(_FINE, 5, 1))
        last = self.head[-1]
        nn.init.normal_(last.weight, 0, 0.01)
        # Start from what is likely: few cells lie on plates, and plates are wider than high.
        last.bias.data = torch.tensor([-4.5, 1.0, 0.0, 1.0, 0.0])

    def forward(self, x: Tensor) -> Tensor:
        """The raw output; `redact.detectors.plates` decodes it."""
        fine = self.fine(self.stem(self.input_scaling(x)))
        coarse = self.coarse(self.to_coarse(fine))
        context = self.context(self.to_context(coarse))
        coarse = self.joined(coarse + _doubled(self.from_context(context)))
        return self.head(fine + _doubled(self.from_coarse(coarse)))


def fold_input_scaling(net: PlateNet) -> PlateNet:
    """A copy whose first convolution takes 0..255 directly, which saves two passes over the image.

    Its output differs slightly at the border, where the padding now means black instead of grey.
    """
    net = copy.deepcopy(net).eval()
    first = net.stem[0]
    with torch.no_grad():
        weights = first[0].weight
        first[1].running_mean += _GREY_OFFSET * weights.sum(dim=(1, 2, 3))
        weights /= _GREY_SCALE
    net.input_scaling = nn.Identity()
    return net


def unfold_input_scaling(net: PlateNet) -> None:
    """Undo `fold_input_scaling` in the weights of a network that scales its input, in place."""
    convolution, norm = net.stem[0][:2]
    with torch.no_grad():
        convolution.weight *= _GREY_SCALE
        norm.bias += _GREY_OFFSET * convolution.weight.sum(dim=(1, 2, 3))


def targets(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """What the network should predict for a scene of (S, S) pixels, as maps of h = S / 8 cells.

    Returns:
        centers: (h, h), 1 in cells near the centre of a visible plate, else 0.
        distances: (4, h, h), pixels to the left, top, right and bottom edge, in those cells.
        ignored: (h, h), True in cells on or beside a plate that are not near its centre, or whose
            plate is not visible; the score there does not count.

    """
    cells = scene.image.shape[0] // STRIDE
    centers = np.zeros((cells, cells), dtype=np.float32)
    distances = np.zeros((4, cells, cells), dtype=np.float32)
    ignored = np.zeros((cells, cells), dtype=np.bool_)
    middles = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    x, y = np.meshgrid(middles, middles)
    # Large plates first, so that a smaller one in front wins the cells they share.
    areas = np.prod(scene.boxes[:, 2:] - scene.boxes[:, :2], axis=1)
    for i in np.argsort(-areas):
        x0, y0, x1, y1 = scene.boxes[i]
        inside = (x > x0 - 2) & (x < x1 + 2) & (y > y0 - 2) & (y < y1 + 2)
        ignored |= inside
        if not scene.is_visible[i]:
            continue
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        near = (np.abs(x - middle_x) <= max(4.01, (x1 - x0) * 0.25)) & (
            np.abs(y - middle_y) <= max(4.01, (y1 - y0) * 0.3)
        )
        near &= (x > x0) & (x < x1) & (y > y0) & (y < y1)
        if not near.any():
            row = min(cells - 1, int(middle_y // STRIDE))
            near[row, min(cells - 1, int(middle_x // STRIDE))] = True
        centers[near] = 1
        edges = (x - x0, y - y0, x1 - x, y1 - y)
        for channel, edge in enumerate(edges):
            distances[channel][near] = edge[near]
    return centers, distances, ignored & (centers < 1)


def loss(
    output: Tensor, centers: Tensor, distances: Tensor, ignored: Tensor
) -> tuple[Tensor, Tensor]:
    """Focal loss of the scores (Lin et al., 2017) plus GIoU loss of the boxes.

    For GIoU see Rezatofighi et al., 2019.

    output: (N, 5, h, h) as `PlateNet` gives it; the rest as `targets` gives them, stacked.

    Returns: the loss of the batch, and (N,) the part of it due to false detections in each scene.
    """
    logits = output[:, 0]
    entropy = functional.binary_cross_entropy_with_logits(logits, centers, reduction="none")
    score = torch.sigmoid(logits)
    correct = score * centers + (1 - score) * (1 - centers)
    weight = 0.35 * centers + 0.65 * (1 - centers)
    focal = weight * (1 - correct) ** 2 * entropy * (~ignored)
    false = (focal.detach() * (1 - centers)).sum(dim=(1, 2))
    score_loss = focal.sum() / centers.sum().clamp(min=1) * 2
    on_plates = centers > 0
    if not bool(on_plates.any()):
        return score_loss, false
    predicted = torch.exp(output[:, 1:].permute(0, 2, 3, 1)[on_plates].clamp(-4, 5)) * STRIDE
    return score_loss + _giou_loss(predicted, distances.permute(0, 2, 3, 1)[on_plates]), false


def _giou_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean GIoU loss of (N, 4) distances; both count from the same cell, so the boxes overlap."""
    low, high = torch.minimum(predicted, true), torch.maximum(predicted, true)
    both = (low[:, 0] + low[:, 2]).clamp(min=0) * (low[:, 1] + low[:, 3]).clamp(min=0)
    union = _area(predicted) + _area(true) - both
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    return (1 - both / union + (hull - union) / hull).mean()


def _area(distances: Tensor) -> Tensor:
    return (distances[:, 0] + distances[:, 2]) * (distances[:, 1] + distances[:, 3])
