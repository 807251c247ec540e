"""`python -m redact.training.mixing A B FOLDER`: the weights between two trainings of one descent.

Where B went on from A, the weights between them often find more than either (Wortsman et al., 2022,
"Model soups"). Their normalisation is measured anew, on scenes.
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

_BATCHES, _BATCH = 25, 8


def mixed(first: Path, second: Path, share: float) -> PlateNet:
    """The averaged weights of two checkpoints, `share` of the second's and the rest the first's."""
    one, other = (_average(path) for path in (first, second))
    net = PlateNet()
    net.load_state_dict(
        {
            name: value.lerp(other[name], share) if value.dtype.is_floating_point else value
            for name, value in one.items()
        }
    )
    return net


def _average(path: Path) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(path, weights_only=True)["average"]
    return saved


def measure_anew(net: PlateNet, scenes: list[np.ndarray]) -> None:
    """Set the network's normalisation to what it meets in (S, S) uint8 pictures, in place."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the plain mean of all batches
    net.train()
    with torch.no_grad():
        for start in range(0, len(scenes), _BATCH):
            batch = np.stack(scenes[start : start + _BATCH])[:, None].astype(np.float32)
            net(torch.from_numpy(batch))
    net.eval()


def main() -> None:
    """Read the command line, mix, and write `plates.onnx`."""
    parser = argparse.ArgumentParser(prog="python -m redact.training.mixing", description=__doc__)
    parser.add_argument("first", type=Path, help="a checkpoint")
    parser.add_argument("second", type=Path, help="a checkpoint that went on from the first")
    parser.add_argument("folder", type=Path, help="where the weights go")
    parser.add_argument("--share", type=float, default=0.7, help="of the second one")
    parser.add_argument("--shift", type=float, default=0.0, help="added to every score's logit")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--photos", type=Path, help="as in training")
    parser.add_argument("--fonts", type=Path, help="as in training")
    options = parser.parse_args()
    add_fonts(options.fonts)
    photos = load_photos(options.photos) if options.photos else ()
    rng = np.random.default_rng(options.seed)
    net = mixed(options.first, options.second, options.share)
    measure_anew(net, [make_scene(rng, 256, photos).picture for _ in range(_BATCHES * _BATCH)])
    with torch.no_grad():
        net.head[-1].bias[0] += options.shift
    options.folder.mkdir(parents=True, exist_ok=True)
    export(net, options.folder / "plates.onnx")


if __name__ == "__main__":
    main()
