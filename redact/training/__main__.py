"""`python -m redact.training FOLDER`: train the plate network, or resume training it.

With a GPU that torch sees, it trains with large batches for nine minutes; on a processor it needs
hours.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

import cv2
import torch

from redact.training.loop import Recipe, train


def main() -> None:
    """Read the command line and train."""
    default = Recipe.for_gpu() if torch.cuda.is_available() else Recipe()
    parser = argparse.ArgumentParser(prog="python -m redact.training", description=__doc__)
    add = parser.add_argument
    add("folder", type=Path, help="where checkpoint, log and weights are written")
    add("--steps", type=int, default=default.steps, help="batches to learn from")
    add("--minutes", type=float, default=default.minutes, help="end after this time at the latest")
    add("--learning-rate", type=float, default=default.learning_rate)
    add(
        "--decay-share",
        type=float,
        default=default.decay_share,
        help="share of the steps, at the end, over which the learning rate decays",
    )
    add("--initial-weights", type=Path, help="an exported plates.onnx to start from")
    add("--seed", type=int, default=default.seed)
    add("--threads", type=int, default=1, help="threads of the network")
    workers = max(1, (os.cpu_count() or 1) - 1)
    add("--workers", type=int, default=workers, help="processes that make scenes")
    add("--photos", type=Path, help="a folder of photographs to train on, too")
    add("--fonts", type=Path, help="a folder with Noto fonts, for more scripts")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    recipe = dataclasses.replace(
        default,
        steps=options.steps,
        minutes=options.minutes,
        decay_share=options.decay_share,
        learning_rate=options.learning_rate,
        initial_weights=options.initial_weights,
        seed=options.seed,
        photos=options.photos,
        fonts=options.fonts,
    )
    print(train(options.folder, recipe, workers=options.workers))


if __name__ == "__main__":
    main()
