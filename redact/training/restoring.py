"""Restore a trainable network from an exported ONNX file.

In the file, batch normalisation is folded into the convolutions. Here the statistics of each
convolution's output are measured on images, and scale and shift of the normalisation are chosen to
cancel it, so that the restored network gives the same output as the file.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from redact.training.network import PlateNet, unfold_input_scaling


def restore(weights: Path, images: NDArray[np.uint8]) -> PlateNet:
    """The network of an ONNX file that `redact.training.loop.export` wrote.

    images: (N, S, S) uint8, of the kind that training will use.

    Raises:
        ValueError: the file has other convolutions than `PlateNet`.

    """
    # Imported here because training from random weights does not need it.
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
            f"{len(places)}); train without --initial-weights, or give an exported plates.onnx"
        )
    following = dict(_followed_by_normalisation(net))
    with torch.no_grad():
        for place, (weight, bias) in zip(places, layers, strict=True):
            place.weight.copy_(torch.from_numpy(weight.copy()))
            norm = following.get(place)
            (place if norm is None else norm).bias.copy_(torch.from_numpy(bias.copy()))
        unfold_input_scaling(net)
        _normalise(net, images)
    return net


def _followed_by_normalisation(net: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    return [
        (one, other)
        for part in net.modules()
        if isinstance(part, nn.Sequential)
        for one, other in itertools.pairwise(part)
        if isinstance(one, nn.Conv2d) and isinstance(other, nn.BatchNorm2d)
    ]


def _normalise(net: PlateNet, images: NDArray[np.uint8]) -> None:
    """Set the statistics of every normalisation from the images, and cancel them, in place."""
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    sums: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def add_moments(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        values = inputs[0].double()
        first, second = sums.get(norm, (torch.zeros(1), torch.zeros(1)))
        dims = (0, 2, 3)
        sums[norm] = (first + values.mean(dims), second + values.square().mean(dims))

    for norm in norms:
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)
    hooks = [norm.register_forward_pre_hook(add_moments) for norm in norms]
    for image in images:
        net(torch.from_numpy(image.astype(np.float32))[None, None])
    for hook in hooks:
        hook.remove()
    for norm in norms:
        first, second = (total / len(images) for total in sums[norm])
        variance = (second - first.square()).clamp(min=1e-6)
        norm.running_mean.copy_(first)
        norm.running_var.copy_(variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias += first.float()
