"""A network that can be trained on, from the ONNX file that training ended in.

The file has no normalisation left: it is part of each convolution. What a convolution gives is
measured anew on pictures, and the normalisation set so that the network says what it said.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from redact.training.network import PlateNet, put_level_back


def restored(weights: Path, pictures: NDArray[np.uint8]) -> PlateNet:
    """The network of an ONNX file that `redact.training.loop.export` wrote.

    pictures: (N, S, S) uint8, as training will show them.

    Raises:
        ValueError: the file's convolutions aren't those of `PlateNet`.

    """
    # The extra `train` brings it; mixing and training from the start don't need it loaded.
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(weights)).graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    layers = [[values[i] for i in node.input[1:]] for node in graph.node if node.op_type == "Conv"]
    net = PlateNet().eval()
    places = [part for part in net.modules() if isinstance(part, nn.Conv2d)]
    shapes = [tuple(layer[0].shape) for layer in layers]
    if shapes != [tuple(place.weight.shape) for place in places]:
        raise ValueError(
            f"{str(weights)!r} has other convolutions than this network ({len(shapes)} of "
            f"{len(places)}); train from the start, without --start"
        )
    following = dict(_followed_by_normalisation(net))
    with torch.no_grad():
        for place, (weight, bias) in zip(places, layers, strict=True):
            place.weight.copy_(torch.from_numpy(weight.copy()))
            norm = following.get(place)
            (place if norm is None else norm).bias.copy_(torch.from_numpy(bias.copy()))
        put_level_back(net)
        _normalise(net, pictures)
    return net


def _followed_by_normalisation(net: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    return [
        (one, other)
        for part in net.modules()
        if isinstance(part, nn.Sequential)
        for one, other in itertools.pairwise(part)
        if isinstance(one, nn.Conv2d) and isinstance(other, nn.BatchNorm2d)
    ]


def _normalise(net: PlateNet, pictures: NDArray[np.uint8]) -> None:
    """Give every normalisation its inputs' mean and variance, and undo them by scale and shift."""
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    sums: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def note(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        values = inputs[0].double()
        first, second = sums.get(norm, (torch.zeros(1), torch.zeros(1)))
        dims = (0, 2, 3)
        sums[norm] = (first + values.mean(dims), second + values.square().mean(dims))

    for norm in norms:
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)
    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    for picture in pictures:
        net(torch.from_numpy(picture.astype(np.float32))[None, None])
    for hook in hooks:
        hook.remove()
    for norm in norms:
        first, second = (total / len(pictures) for total in sums[norm])
        variance = (second - first.square()).clamp(min=1e-6)
        norm.running_mean.copy_(first)
        norm.running_var.copy_(variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias += first.float()
