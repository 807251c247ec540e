"""The training loop: resumes from its checkpoint, writes a log, and exports an ONNX file.

Scenes are made in worker processes while the network learns. Each batch has a few new scenes; the
rest are replayed ones, preferably those in which the network made false detections (hard example
mining); and the places in photographs where it made them are searched for now and then, and shown
more often. What is evaluated and exported is an exponential moving average of the weights.
"""

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
from numpy.typing import NDArray
from torch import nn

from redact.training.drawing import add_fonts
from redact.training.mining import lookalike_places
from redact.training.network import STRIDE, PlateNet, fold_input_scaling, loss, targets
from redact.training.photos import Photo, load_photos
from redact.training.restoring import restore
from redact.training.scenes import Scene, make_scene

_CHECKPOINT, _LOG, _WEIGHTS = "checkpoint.pt", "log.jsonl", "plates.onnx"
_INITIAL = "initial.pt"
_MAX_REPLAYED = 8000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the result, except for the order of floating-point sums."""

    steps: int = 24000
    minutes: float | None = None
    """Time after which training ends, even if fewer steps are done; the learning rate decays to
    that end. The time of earlier runs in the same folder counts."""
    seed: int = 7
    scene_size: int = 256
    fresh_scenes: int = 4
    """New scenes in a batch; the rest are replayed."""
    batch_size: int = 12
    learning_rate: float = 1e-3
    warm_up_steps: int = 60
    decay_share: float = 0.4
    """Share of the steps, at the end, over which the learning rate decays."""
    weight_decay: float = 1e-3
    average_decay: float = 0.998
    """Share of the moving average that is kept in each step."""
    validation_scenes: int = 96
    photos: Path | None = None
    """A folder for `redact.training.photos`; without it every background is drawn."""
    fonts: Path | None = None
    """A folder of fonts for scripts other than Latin and Arabic; without it, made-up characters."""
    initial_weights: Path | None = None
    """An exported ONNX file to start from; without it the weights are random."""
    mining_steps: int = 1500
    """Steps after which the photographs are searched for false detections again."""

    @classmethod
    def for_gpu(cls) -> Recipe:
        """Large batches, and an end after less than nine minutes."""
        return cls(batch_size=128, fresh_scenes=40, minutes=8.5)


@dataclasses.dataclass
class _State:
    """What a checkpoint holds; minutes: how long the training took so far."""

    net: PlateNet
    average: PlateNet
    optimizer: torch.optim.Optimizer
    step: int = 0
    minutes: float = 0.0

    def progress(self, recipe: Recipe) -> float:
        """Share of the training that is done: 1 at its end."""
        by_time = 0.0 if recipe.minutes is None else self.minutes / recipe.minutes
        return min(1.0, max(self.step / recipe.steps, by_time))


@dataclasses.dataclass
class ReplayedScene:
    """A scene, and the loss of its false detections when it was last in a batch."""

    scene: Scene
    false_loss: float = 0.0


def train(folder: Path, recipe: Recipe, *, workers: int = 1, save_every: int = 200) -> Path:
    """Train the network, and resume where an earlier run in the same folder stopped.

    folder: gets `checkpoint.pt`, `log.jsonl` (loss; recall on validation scenes), `plates.onnx`,
        and `initial.pt`, the weights that training started from, for `mixing.py`.
    workers: processes that make scenes. save_every: steps between checkpoints and log entries.

    Returns: the path of the ONNX file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    add_fonts(recipe.fonts)
    photos = () if recipe.photos is None else load_photos(recipe.photos)
    state = _start(folder, recipe, photos)
    validation = make_validation_scenes(recipe)
    replay: deque[ReplayedScene] = deque(maxlen=_MAX_REPLAYED)
    while state.progress(recipe) < 1:
        _train_until_mining(folder, recipe, state, replay, validation, photos, workers, save_every)
    target = folder / _WEIGHTS
    export(state.average, target)
    return target


def _train_until_mining(
    folder: Path,
    recipe: Recipe,
    state: _State,
    replay: deque[ReplayedScene],
    validation: list[Scene],
    photos: tuple[Photo, ...],
    workers: int,
    save_every: int,
) -> None:
    """Search the photos for false detections, and train until that is due again, or to the end."""
    rng = np.random.default_rng((recipe.seed, 2, state.step))
    losses: list[float] = []
    before, started = state.minutes, time.perf_counter()
    places = [lookalike_places(state.average, photo) for photo in photos]
    # Spawned, not forked: torch has started threads by now.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _prepare_worker, (recipe, places)) as pool:
        for scenes in _fresh_scenes(pool, recipe, state.step, workers, is_first=not replay):
            fresh = [ReplayedScene(scene) for scene in scenes]
            batch = [*fresh, *_draw_replayed(rng, replay, recipe.batch_size - len(fresh))]
            replay.extend(fresh)
            _set_learning_rate(state.optimizer, recipe, state)
            losses.append(_training_step(state.net, state.optimizer, batch, rng))
            state.step += 1
            state.minutes = before + (time.perf_counter() - started) / 60
            keep = min(recipe.average_decay, (state.step + 1) / (state.step + 10))
            _update_average(state.average, state.net, keep)
            is_over = state.progress(recipe) >= 1
            if state.step % save_every == 0 or is_over:
                figures = evaluate(state.average, validation)
                entry = {"step": state.step, "loss": float(np.mean(losses)), **figures}
                _save(folder, state, entry | {"minutes": state.minutes})
                losses.clear()
            if is_over or state.step % recipe.mining_steps == 0:
                pool.shutdown(wait=False, cancel_futures=True)
                break


def make_validation_scenes(recipe: Recipe) -> list[Scene]:
    """Scenes that are never trained on."""
    return [
        make_scene(np.random.default_rng((recipe.seed, 1, i)), recipe.scene_size)
        for i in range(recipe.validation_scenes)
    ]


def evaluate(net: nn.Module, scenes: list[Scene], threshold: float = 0.5) -> dict[str, float]:
    """Recall, and false detections per scene, at one score threshold.

    A detection is a connected group of cells with a score at the threshold or above. A plate is
    detected if such a group touches its box; a group that touches no box is a false detection.
    """
    detected = plates = 0
    false = 0.0
    with torch.no_grad():
        for scene in scenes:
            image = torch.from_numpy(scene.image.astype(np.float32))[None, None]
            scores = torch.sigmoid(net(image.to(_device()))[0, 0]).cpu().numpy()
            _, groups = cv2.connectedComponents((scores >= threshold).astype(np.uint8))
            matched = {0}
            for box, is_visible in zip(scene.boxes, scene.is_visible, strict=True):
                x0, y0 = (int(v) for v in box[:2] // STRIDE)
                x1, y1 = (math.ceil(v / STRIDE) for v in box[2:])
                touching = set(np.unique(groups[y0:y1, x0:x1]).tolist()) - {0}
                matched |= touching
                plates += bool(is_visible)
                detected += bool(is_visible) and bool(touching)
            false += len(set(np.unique(groups).tolist()) - matched)
    return {"recall": detected / max(1, plates), "false_per_scene": false / len(scenes)}


def export(net: PlateNet, target: Path) -> None:
    """Write the network as ONNX. It takes any height and width that are multiples of 32."""
    net = fold_input_scaling(net).cpu().to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        # The newer exporter needs one more package to write the same file.
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
    """The new scenes of one step. Equal arguments give equal scenes."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng((seed, 0, step))
    return [make_scene(rng, size, _photos) for _ in range(count)]


_photos: tuple[Photo, ...] = ()
"""Photographs that this worker process uses as backgrounds."""


def _prepare_worker(recipe: Recipe, places: list[NDArray[np.float32]]) -> None:
    """Load fonts and photographs in a worker process; places: false detections in each photo."""
    global _photos
    add_fonts(recipe.fonts)
    photos = () if recipe.photos is None else load_photos(recipe.photos)
    _photos = tuple(
        dataclasses.replace(photo, lookalikes=boxes)
        for photo, boxes in zip(photos, places, strict=True)
    )


def _fresh_scenes(
    pool: ProcessPoolExecutor, recipe: Recipe, first_step: int, workers: int, *, is_first: bool
) -> Iterator[list[Scene]]:
    """The scenes of one step after the other, made several steps ahead.

    is_first: whether there is nothing to replay yet, so that the first steps need whole batches of
        new scenes.
    """
    waiting: deque[Future[list[Scene]]] = deque()
    step = first_step
    whole_batches = 20 if is_first else -1
    while True:
        while len(waiting) < max(8, 2 * workers):
            is_whole = step <= first_step + whole_batches
            count = recipe.batch_size if is_whole else recipe.fresh_scenes
            waiting.append(pool.submit(make_scenes, recipe.seed, step, count, recipe.scene_size))
            step += 1
        yield waiting.popleft().result()


def _draw_replayed(
    rng: np.random.Generator, replay: deque[ReplayedScene], count: int
) -> list[ReplayedScene]:
    """`count` earlier scenes, each the one with more false detections of two random ones."""
    if not replay:
        return []
    pairs = rng.integers(0, len(replay), (count, 2)).tolist()
    return [max(replay[a], replay[b], key=lambda seen: seen.false_loss) for a, b in pairs]


def _training_step(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: list[ReplayedScene],
    rng: np.random.Generator,
) -> float:
    """Update the weights on one batch, with varied brightness; returns the loss."""
    images = []
    for seen in batch:
        image = seen.scene.image.astype(np.float32)
        if rng.random() < 0.3:
            image = np.clip(image * rng.uniform(0.6, 1.3) + rng.uniform(-25, 25), 0, 255)
        images.append(image.astype(np.float32))
    x = torch.from_numpy(np.stack(images)[:, None])
    x = x.to(_device(), memory_format=torch.channels_last)
    parts = zip(*(targets(seen.scene) for seen in batch), strict=True)
    wanted = (torch.from_numpy(np.stack(part)).to(_device()) for part in parts)
    value, false_losses = loss(net(x), *wanted)
    optimizer.zero_grad()
    value.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    for seen, part in zip(batch, false_losses.tolist(), strict=True):
        seen.false_loss = part
    return float(value.detach())


def _device() -> torch.device:
    """A GPU where torch sees one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _set_learning_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, state: _State) -> None:
    """Warm up, stay constant, then decay linearly to a hundredth at the end."""
    warm = min(1.0, (state.step + 1) / recipe.warm_up_steps)
    left = (1 - state.progress(recipe)) / recipe.decay_share
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * warm * min(1.0, max(0.01, left))


def _update_average(average: nn.Module, net: nn.Module, keep: float) -> None:
    """Update the exponential moving average of the weights, in place."""
    with torch.no_grad():
        pairs = zip(average.state_dict().values(), net.state_dict().values(), strict=True)
        for mean, now in pairs:
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)


def _start(folder: Path, recipe: Recipe, photos: tuple[Photo, ...]) -> _State:
    """Network, averaged network, optimizer and step: from the checkpoint, or new."""
    is_resumed = (folder / _CHECKPOINT).exists()
    if is_resumed or recipe.initial_weights is None:
        net = PlateNet()
    else:
        net = _restored_network(recipe.initial_weights, recipe, photos)
        torch.save({"average": net.state_dict()}, folder / _INITIAL)
    net = net.to(_device(), memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    state = _State(net, average, optimizer)
    if is_resumed:
        saved: dict[str, Any] = torch.load(
            folder / _CHECKPOINT, weights_only=True, map_location=_device()
        )
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        state.step, state.minutes = int(saved["step"]), float(saved["minutes"])
    return state


def _restored_network(weights: Path, recipe: Recipe, photos: tuple[Photo, ...]) -> PlateNet:
    """The network of an exported file, its normalisation measured on scenes of this recipe."""
    rng = np.random.default_rng((recipe.seed, 3))
    scenes = [make_scene(rng, recipe.scene_size, photos) for _ in range(recipe.validation_scenes)]
    return restore(weights, np.stack([scene.image for scene in scenes])).train()


def _save(folder: Path, state: _State, entry: dict[str, float]) -> None:
    """Replace the checkpoint in one step and append the entry to the log."""
    saved = {
        "net": state.net.state_dict(),
        "average": state.average.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "step": state.step,
        "minutes": state.minutes,
    }
    unfinished = folder / f"{_CHECKPOINT}.part"
    torch.save(saved, unfinished)
    unfinished.replace(folder / _CHECKPOINT)
    with (folder / _LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps({k: round(v, 4) for k, v in entry.items()}) + "\n")
