"""`python -m redact.training FOLDER`: train the plate network, or go on training it."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import torch

from redact.training.loop import Recipe, train


def main() -> None:
    """Read the command line and train."""
    usual = Recipe()
    parser = argparse.ArgumentParser(prog="python -m redact.training", description=__doc__)
    parser.add_argument("folder", type=Path, help="where checkpoint, log and weights go")
    parser.add_argument("--steps", type=int, default=usual.steps)
    parser.add_argument("--cooling", type=float, default=usual.cooling)
    parser.add_argument("--rate", type=float, default=usual.learning_rate, help="of learning")
    parser.add_argument("--start", type=Path, help="an ONNX file to go on from")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--threads", type=int, default=1, help="threads of the network")
    parser.add_argument("--workers", type=int, default=1, help="processes that make scenes")
    parser.add_argument("--photos", type=Path, help="a folder of photographs to train on too")
    parser.add_argument("--fonts", type=Path, help="a folder with Noto fonts, for more scripts")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    recipe = Recipe(
        steps=options.steps,
        cooling=options.cooling,
        learning_rate=options.rate,
        start=options.start,
        seed=options.seed,
        photos=options.photos,
        fonts=options.fonts,
    )
    print(train(options.folder, recipe, workers=options.workers))


if __name__ == "__main__":
    main()
