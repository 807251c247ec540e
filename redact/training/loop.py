"""The training loop: goes on where it stopped, writes a log, ends in an ONNX file."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import multiprocessing
import time
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from redact.training.drawing import add_fonts
from redact.training.network import STRIDE, PlateNet, loss, targets, without_level
from redact.training.photos import Photo, load_photos
from redact.training.restoring import restored
from redact.training.scenes import Scene, make_scene

_CHECKPOINT, _LOG, _WEIGHTS = "checkpoint.pt", "log.jsonl", "plates.onnx"
_REPLAYED = 8000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out, but for the order of floating-point sums."""

    steps: int = 24000
    seed: int = 7
    scene_size: int = 256
    fresh_scenes: int = 3
    """New scenes in a batch; the rest are drawn again from the latest ones."""
    batch: int = 8
    learning_rate: float = 2e-3
    warm_up_steps: int = 60
    cooling: float = 0.4
    """Share of the steps, at the end, over which the learning rate falls."""
    weight_decay: float = 1e-3
    averaging: float = 0.998
    exam_scenes: int = 96
    photos: Path | None = None
    """A folder for `redact.training.photos`; without it every background is made up."""
    fonts: Path | None = None
    """A folder of fonts for scripts beyond Latin; without it those are strokes, but for Arabic."""
    start: Path | None = None
    """An ONNX file to go on from; without it training begins with chance weights."""


@dataclasses.dataclass
class Seen:
    """A scene, and how much of the loss its false finds made when it was last learned from."""

    scene: Scene
    false: float = 0.0


def train(folder: Path, recipe: Recipe, *, workers: int = 1, save_every: int = 200) -> Path:
    """Train in `folder`, from its checkpoint when it has one; returns the ONNX file's path.

    folder: gets `checkpoint.pt`, `log.jsonl` (loss, recall on unseen scenes) and `plates.onnx`.
    workers: processes that make scenes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    add_fonts(recipe.fonts)
    net, average, optimizer, step = _start(folder, recipe)
    exam = make_exam(recipe)
    replay: deque[Seen] = deque(maxlen=_REPLAYED)
    rng = np.random.default_rng((recipe.seed, 2, step))
    total, started = 0.0, time.perf_counter()
    # Not forked: torch has threads by now.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _prepare, (recipe,)) as pool:
        for scenes in _fresh_scenes(pool, recipe, step):
            fresh = [Seen(scene) for scene in scenes]
            batch = [*fresh, *_again(rng, replay, recipe.batch - len(fresh))]
            replay.extend(fresh)
            _set_rate(optimizer, recipe, step)
            total += _learn(net, optimizer, batch, rng)
            step += 1
            _follow(average, net, min(recipe.averaging, (step + 1) / (step + 10)))
            if step % save_every == 0 or step == recipe.steps:
                seen = examine(average, exam)
                minutes = (time.perf_counter() - started) / 60
                entry = {"step": step, "loss": total / save_every, "minutes": minutes, **seen}
                _save(folder, net, average, optimizer, step, entry)
                total = 0.0
            if step >= recipe.steps:
                break
    target = folder / _WEIGHTS
    export(average, target)
    return target


def make_exam(recipe: Recipe) -> list[Scene]:
    """Made-up scenes that training never shows."""
    return [
        make_scene(np.random.default_rng((recipe.seed, 1, i)), recipe.scene_size)
        for i in range(recipe.exam_scenes)
    ]


def examine(net: nn.Module, scenes: list[Scene], threshold: float = 0.5) -> dict[str, float]:
    """Share of plates whose middle is found, and false finds per scene, at one threshold."""
    found = wanted = 0
    false = 0.0
    with torch.no_grad():
        for scene in scenes:
            picture = torch.from_numpy(scene.picture.astype(np.float32))[None, None]
            heat = torch.sigmoid(net(picture)[0, 0]).numpy()
            _, spots = cv2.connectedComponents((heat >= threshold).astype(np.uint8))
            taken = {0}
            for box, whole in zip(scene.boxes, scene.is_whole, strict=True):
                x0, y0 = (int(v) for v in box[:2] // STRIDE)
                x1, y1 = (math.ceil(v / STRIDE) for v in box[2:])
                here = set(np.unique(spots[y0:y1, x0:x1]).tolist()) - {0}
                taken |= here
                wanted += bool(whole)
                found += bool(whole) and bool(here)
            false += len(set(np.unique(spots).tolist()) - taken)
    return {"recall": found / max(1, wanted), "false_per_scene": false / len(scenes)}


def export(net: PlateNet, target: Path) -> None:
    """Write the network as ONNX, of any height and width that are multiples of 16."""
    net = without_level(net).to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        # The exporter that torch prefers now needs one more package for the same file.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            net,
            (torch.zeros(1, 1, 256, 320),),
            str(target),
            input_names=["picture"],
            output_names=["maps"],
            dynamic_axes={"picture": {2: "height", 3: "width"}, "maps": {2: "rows", 3: "columns"}},
            opset_version=13,
            dynamo=False,
        )


def make_scenes(seed: int, step: int, count: int, size: int) -> list[Scene]:
    """The fresh scenes of a step, the same for the same arguments."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng((seed, 0, step))
    return [make_scene(rng, size, _photos) for _ in range(count)]


_photos: tuple[Photo, ...] = ()
"""What this process shows behind its scenes."""


def _prepare(recipe: Recipe) -> None:
    """Open in this process what scenes are made of."""
    global _photos
    add_fonts(recipe.fonts)
    _photos = () if recipe.photos is None else load_photos(recipe.photos)


def _fresh_scenes(
    pool: ProcessPoolExecutor, recipe: Recipe, first_step: int
) -> Iterator[list[Scene]]:
    """Scenes of one step after the other, made a few steps ahead."""
    waiting: deque[Future[list[Scene]]] = deque()
    step = first_step
    while True:
        while len(waiting) < 8:
            count = recipe.fresh_scenes if step > first_step + 20 else recipe.batch
            waiting.append(pool.submit(make_scenes, recipe.seed, step, count, recipe.scene_size))
            step += 1
        yield waiting.popleft().result()


def _again(rng: np.random.Generator, replay: deque[Seen], count: int) -> list[Seen]:
    """Scenes to learn from once more: of two drawn, the one with more false finds."""
    if not replay:
        return []
    pairs = rng.integers(0, len(replay), (count, 2)).tolist()
    return [max(replay[a], replay[b], key=lambda seen: seen.false) for a, b in pairs]


def _learn(
    net: nn.Module, optimizer: torch.optim.Optimizer, batch: list[Seen], rng: np.random.Generator
) -> float:
    pictures = []
    for seen in batch:
        picture = seen.scene.picture.astype(np.float32)
        if rng.random() < 0.3:
            picture = np.clip(picture * rng.uniform(0.6, 1.3) + rng.uniform(-25, 25), 0, 255)
        pictures.append(picture.astype(np.float32))
    x = torch.from_numpy(np.stack(pictures)[:, None])
    x = x.contiguous(memory_format=torch.channels_last)
    parts = zip(*(targets(seen.scene) for seen in batch), strict=True)
    value, false = loss(net(x), *(torch.from_numpy(np.stack(part)) for part in parts))
    optimizer.zero_grad()
    value.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    for seen, share in zip(batch, false.tolist(), strict=True):
        seen.false = share
    return float(value.detach())


def _set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """Warm up, stay, then fall in a straight line to a hundredth over the last part."""
    warm = min(1.0, (step + 1) / recipe.warm_up_steps)
    left = (recipe.steps - step) / (recipe.cooling * recipe.steps)
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * warm * min(1.0, max(0.01, left))


def _follow(average: nn.Module, net: nn.Module, keep: float) -> None:
    """Move the averaged weights a little towards the trained ones."""
    with torch.no_grad():
        pairs = zip(average.state_dict().values(), net.state_dict().values(), strict=True)
        for mean, now in pairs:
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)


def _start(folder: Path, recipe: Recipe) -> tuple[PlateNet, PlateNet, torch.optim.Optimizer, int]:
    goes_on = (folder / _CHECKPOINT).exists()
    net = PlateNet() if goes_on or recipe.start is None else _restored(recipe.start, recipe)
    net = net.to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    if not goes_on:
        return net, average, optimizer, 0
    saved: dict[str, Any] = torch.load(folder / _CHECKPOINT, weights_only=True)
    net.load_state_dict(saved["net"])
    average.load_state_dict(saved["average"])
    optimizer.load_state_dict(saved["optimizer"])
    return net, average, optimizer, int(saved["step"])


def _restored(weights: Path, recipe: Recipe) -> PlateNet:
    photos = () if recipe.photos is None else load_photos(recipe.photos)
    rng = np.random.default_rng((recipe.seed, 3))
    scenes = [make_scene(rng, recipe.scene_size, photos) for _ in range(recipe.exam_scenes)]
    return restored(weights, np.stack([scene.picture for scene in scenes])).train()


def _save(
    folder: Path,
    net: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    entry: dict[str, float],
) -> None:
    state = {
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    unfinished = folder / f"{_CHECKPOINT}.part"
    torch.save(state, unfinished)
    unfinished.replace(folder / _CHECKPOINT)
    with (folder / _LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps({k: round(v, 4) for k, v in entry.items()}) + "\n")
