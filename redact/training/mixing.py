"""`python -m redact.training.mixing A B FOLDER`: average the weights of two checkpoints.

Where training continued from A to B, an average of both often has a better recall than either
(Wortsman et al., "Model soups", 2022). The averaged network needs other statistics in its batch
normalisation; they are measured on new scenes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from redact.training.drawing import add_fonts
from redact.training.loop import export
from redact.training.network import PlateNet
from redact.training.photos import load_photos
from redact.training.scenes import make_scene

_BATCH_COUNT, _BATCH_SIZE = 25, 8


def mix(first: Path, second: Path, share: float) -> PlateNet:
    """The weighted mean of two checkpoints; `share`, 0..1, is the weight of the second one."""
    one, other = (_averaged_weights(path) for path in (first, second))
    net = PlateNet()
    net.load_state_dict(
        {
            name: value.lerp(other[name], share) if value.dtype.is_floating_point else value
            for name, value in one.items()
        }
    )
    return net


def _averaged_weights(path: Path) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(path, weights_only=True)["average"]
    return saved


def recalibrate_batch_norm(net: PlateNet, scenes: list[np.ndarray]) -> None:
    """Measure the batch normalisation's statistics on (S, S) uint8 images, in place."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the arithmetic mean over all batches
    net.train()
    with torch.no_grad():
        for start in range(0, len(scenes), _BATCH_SIZE):
            batch = np.stack(scenes[start : start + _BATCH_SIZE])[:, None].astype(np.float32)
            net(torch.from_numpy(batch))
    net.eval()


def main() -> None:
    """Read the command line, average the weights, and write `plates.onnx`."""
    parser = argparse.ArgumentParser(prog="python -m redact.training.mixing", description=__doc__)
    parser.add_argument("first", type=Path, help="a checkpoint, or the initial.pt of a training")
    parser.add_argument("second", type=Path, help="a checkpoint of training continued from it")
    parser.add_argument("folder", type=Path, help="where plates.onnx is written")
    parser.add_argument("--share", type=float, default=0.7, help="weight of the second checkpoint")
    parser.add_argument(
        "--shift", type=float, default=0.0, help="added to the logit of every score"
    )
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--photos", type=Path, help="as in training")
    parser.add_argument("--fonts", type=Path, help="as in training")
    options = parser.parse_args()
    add_fonts(options.fonts)
    photos = load_photos(options.photos) if options.photos else ()
    rng = np.random.default_rng(options.seed)
    net = mix(options.first, options.second, options.share)
    recalibrate_batch_norm(
        net, [make_scene(rng, 256, photos).image for _ in range(_BATCH_COUNT * _BATCH_SIZE)]
    )
    with torch.no_grad():
        net.head[-1].bias[0] += options.shift
    options.folder.mkdir(parents=True, exist_ok=True)
    export(net, options.folder / "plates.onnx")


if __name__ == "__main__":
    main()
