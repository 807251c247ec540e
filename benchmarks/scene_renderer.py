"""The stage: a still as the world, a camera that looks at it, and who moves in front of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cutouts import Cutout, car, person, still, unlabelled
from redact.geometry import clamp_to
from redact.types import Box

_EXPOSURES = 5
_MIN_SIDE = 4
Keys = Sequence[tuple[float, ...]]


@dataclasses.dataclass(frozen=True)
class Actor:
    """A cut-out that moves. keys: (second, x, y, height) of the face or plate.

    x is a share of the world's width, y and height are shares of its height.
    """

    name: str
    keys: Keys
    steps_per_second: float = 1.8


@dataclasses.dataclass(frozen=True)
class Scene:
    """What happens. Places are shares of the world's width and height.

    camera: (second, centre x, centre y, width). posts: (x0, y0, x1, y1) of what stands in front
    of the actors, painted. walls: the same, but of the world itself. light: (second, gain).
    blur: share of the frame's time that the shutter is open. lost: share of frames dropped.
    """

    world: str
    size: tuple[int, int]
    seconds: float
    rate: int = 15
    camera: Keys = ((0, 0.5, 0.5, 1),)
    shake: float = 0.0
    actors: tuple[Actor, ...] = ()
    posts: tuple[tuple[float, ...], ...] = ()
    walls: tuple[tuple[float, ...], ...] = ()
    light: Keys = ((0, 1),)
    gamma: float = 1.0
    infrared: bool = False
    noise: float = 1.5
    blur: float = 0.0
    lost: float = 0.0
    crf: int = 23


class Stage:
    """A scene with its pictures loaded, to be looked at at any time."""

    def __init__(self, scene: Scene, data: Path, rng: np.random.Generator) -> None:
        self._scene = scene
        image, boxes, kind = still(data, scene.world)
        self._high, self._wide = image.shape[:2]
        posts = [_absolute(area, self._wide, self._high) for area in scene.posts]
        self._world = image.copy()
        for area in posts:
            _paint_post(self._world, area, rng)
        self._front = posts + [_absolute(area, self._wide, self._high) for area in scene.walls]
        labelled = [(kind, box) for box in boxes if box.height >= _MIN_SIDE]
        self._in_world = [
            (f"{word} {i}", kind, box)
            for word, known in (("still", labelled), ("unlabelled", unlabelled(scene.world)))
            for i, (kind, box) in enumerate(known)
        ]
        self._levels = _levels(self._world.astype(np.float32))
        self._cutouts = [self._load(data, actor) for actor in scene.actors]
        self._sprites = [_levels(cutout.image) for cutout in self._cutouts]
        self._phases = rng.uniform(0, 6.28, (len(scene.actors), 2))
        self._shake = _wobble(rng, scene)
        self._noise = np.random.default_rng(rng.integers(2**32))

    @staticmethod
    def _load(data: Path, actor: Actor) -> Cutout:
        return (car if actor.name.startswith("plates/") else person)(data, actor.name)

    def shot(self, at: float) -> tuple[NDArray[np.uint8], list[tuple[str, str, Box, float]]]:
        """(H, W, 3) uint8 BGR, and (id, kind, box, share seen) of all whose box touches it."""
        scene = self._scene
        count = _EXPOSURES if scene.blur else 1
        open_for = scene.blur / scene.rate
        moments = [at + open_for * ((i + 0.5) / count - 0.5) for i in range(count)]
        exposed = [self._exposed(moment) for moment in moments]
        _, owner, boxes = exposed[count // 2]
        picture = np.mean([one for one, _, _ in exposed], axis=0)
        picture = 255 * np.clip(picture / 255, 0, 1) ** scene.gamma * _at(scene.light, at)[0]
        if scene.infrared:
            picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
        picture += self._noise.normal(0, scene.noise, (*picture.shape[:2], 1))
        known = [
            (who, kind, box, share_seen(owner, number, box, kind))
            for who, kind, number, box in boxes
            if box.height >= _MIN_SIDE and clamp_to(box, Box(0, 0, *scene.size)).area > 0
        ]
        return np.clip(picture, 0, 255).astype(np.uint8), known

    def _exposed(self, at: float) -> tuple[NDArray[np.float32], NDArray[np.int16], list]:
        """The picture, whose each pixel is (-1 the world, -2 in front of it), and all boxes."""
        size = self._scene.size
        view = self._view(at)
        picture = _warped(self._levels, view, size, cv2.BORDER_REFLECT_101)
        owner = np.full((size[1], size[0]), -1, np.int16)
        boxes = [(who, kind, -1, _moved(box, view)) for who, kind, box in self._in_world]
        plain = picture.copy()
        for number, (actor, cutout) in enumerate(
            zip(self._scene.actors, self._cutouts, strict=True)
        ):
            place = self._place(number, actor, cutout, at)
            if place is None:
                continue
            matrix = _after(view, place)
            part = _touched(cutout.image.shape, matrix, size)
            if part:
                moved = matrix - [[0, 0, part[1].start], [0, 0, part[0].start]]
                inner = (part[1].stop - part[1].start, part[0].stop - part[0].start)
                layer = _warped(self._sprites[number], moved, inner, cv2.BORDER_CONSTANT)
                picture[part] = picture[part] * (1 - layer[..., 3:]) + layer[..., :3]
                owner[part][layer[..., 3] > 0.5] = number
            boxes.append((f"actor {number}", cutout.kind, number, _moved(cutout.box, matrix)))
        for area in self._front:
            x0, y0, x1, y1 = (round(v) for v in _moved(area, view))
            part = np.s_[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
            picture[part] = plain[part]
            owner[part] = np.where(owner[part] >= 0, -2, owner[part])
        return picture, owner, boxes

    def _view(self, at: float) -> NDArray[np.float64]:
        """World to picture, (2, 3)."""
        cx, cy, width = _at(self._scene.camera, at)
        scale = self._scene.size[0] / (width * self._wide)
        dx, dy, angle = (np.interp(at, *wobble) for wobble in self._shake)
        matrix = cv2.getRotationMatrix2D((cx * self._wide, cy * self._high), angle, scale)
        matrix[:, 2] += np.array(self._scene.size) / 2 - (cx * self._wide, cy * self._high)
        matrix[:, 2] += dx, dy
        return matrix

    def _place(
        self, number: int, actor: Actor, cutout: Cutout, at: float
    ) -> NDArray[np.float64] | None:
        """Cut-out to world, (2, 3); None while it isn't on stage."""
        if not actor.keys[0][0] <= at <= actor.keys[-1][0]:
            return None
        x, y, height = _at(actor.keys, at)
        height *= self._high
        walk, sway = self._phases[number] + 6.28 * actor.steps_per_second * at * np.array([1, 0.5])
        box, steps = cutout.box, float(cutout.kind == "face")
        middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        scale = height / box.height
        matrix = cv2.getRotationMatrix2D(middle, steps * 3 * np.sin(sway), scale)
        place = (
            x * self._wide + steps * 0.06 * height * np.sin(sway),
            y * self._high + steps * 0.05 * height * np.sin(walk),
        )
        matrix[:, 2] += np.array(place) - middle
        return matrix


def _at(keys: Keys, at: float) -> list[float]:
    table = np.asarray(keys, dtype=np.float64)
    return [float(np.interp(at, table[:, 0], column)) for column in table.T[1:]]


def _absolute(area: Sequence[float], wide: int, high: int) -> Box:
    return Box(area[0] * wide, area[1] * high, area[2] * wide, area[3] * high)


def _paint_post(world: NDArray[np.uint8], area: Box, rng: np.random.Generator) -> None:
    """A round post, lit from one side, with a rough surface."""
    x0, y0, x1, y1 = (max(0, round(v)) for v in area)
    part = world[y0:y1, x0:x1]
    shade = 60 + 80 * np.sin(np.linspace(0.4, 2.9, part.shape[1]))[None, :, None]
    rough = cv2.GaussianBlur(rng.normal(0, 25, part.shape[:2]), (0, 0), 1.5)[..., None]
    part[:] = np.clip(shade + rough + np.array([0, 6, 14]), 0, 255)


def _wobble(rng: np.random.Generator, scene: Scene) -> list[tuple[NDArray[np.float64], ...]]:
    """Times and values of the camera's unrest: two in pixels, one in degrees."""
    times = np.arange(-1, scene.seconds + 1, 1 / 12)
    drift = rng.normal(0, 1, (3, len(times)))
    smooth = cv2.GaussianBlur(drift, (0, 0), sigmaX=1.0, sigmaY=0.01)
    return [(times, scene.shake * k * row) for k, row in zip((1.6, 1.6, 0.1), smooth, strict=True)]


def _levels(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The picture at full, half, quarter size and so on."""
    levels = [image]
    while min(levels[-1].shape[:2]) > 16:
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return levels


def _warped(
    levels: list[NDArray[np.float32]],
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    border: int,
) -> NDArray[np.float32]:
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    step = min(len(levels) - 1, max(0, int(np.floor(np.log2(1 / scale) + 0.3))))
    level = levels[step]
    shrink = [level.shape[1] / levels[0].shape[1], level.shape[0] / levels[0].shape[0]]
    own = matrix.copy()
    own[:, 2] += own[:, :2] @ (np.array([0.5, 0.5]) / shrink - 0.5)  # pixel centres
    own[:, :2] /= shrink
    return cv2.warpAffine(level, own, size, flags=cv2.INTER_LINEAR, borderMode=border)


def _touched(
    shape: tuple[int, ...], matrix: NDArray[np.float64], size: tuple[int, int]
) -> tuple[slice, slice] | None:
    """Rows and columns of the picture that something of this shape may draw to."""
    height, width = shape[:2]
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    x0, y0 = np.maximum(np.floor(corners.min(axis=1)) - 1, 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=1)) + 2, size).astype(int)
    return np.s_[y0:y1, x0:x1] if x0 < x1 and y0 < y1 else None


def _after(second: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    return second @ np.vstack([first, [0, 0, 1]])


def _moved(box: Box, matrix: NDArray[np.float64]) -> Box:
    """The box about its moved centre; a small turn leaves its sides as they are."""
    cx, cy = matrix @ ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, 1)
    scale = np.hypot(matrix[0, 0], matrix[1, 0]) / 2
    w, h = box.width * scale, box.height * scale
    return Box(float(cx - w), float(cy - h), float(cx + w), float(cy + h))


def share_seen(owner: NDArray[np.signedinteger], number: int, box: Box, kind: str) -> float:
    """Share of the box (a face's ellipse) that is in the picture and in front."""
    x0, y0, x1, y1 = (round(v) for v in box)
    rows, columns = np.mgrid[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    if kind == "face":
        y, x = (
            (rows - (y0 + y1 - 1) / 2) / (y1 - y0 + 1),
            (columns - (x0 + x1 - 1) / 2) / (x1 - x0 + 1),
        )
        chosen = y**2 + x**2 <= 0.25
        rows, columns = rows[chosen], columns[chosen]
    within = (rows >= 0) & (rows < owner.shape[0]) & (columns >= 0) & (columns < owner.shape[1])
    rows, columns = rows[within], columns[within]
    return float((owner[rows, columns] == number).sum() / max(1, within.size))
