"""Render made scenes: a still is the world, and people and cars move between it and a camera."""

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

_EXPOSURE_COUNT = 5
_MIN_BOX_HEIGHT = 4
Keys = Sequence[tuple[float, ...]]


@dataclasses.dataclass(frozen=True)
class Actor:
    """A moving cut-out.

    name: a still, as for `benchmarks.cutouts.still`. keys: (second, x, y, height) of the face or
    plate; x is a share of the world's width, y and height are shares of its height.
    """

    name: str
    keys: Keys
    steps_per_second: float = 1.8


@dataclasses.dataclass(frozen=True)
class Scene:
    """What a clip shows. Positions are shares of the world's width and height.

    world: a still, as for `benchmarks.cutouts.still`. size: (width, height) of the clip. camera:
    (second, centre x, centre y, width). shake: pixels. posts: (x0, y0, x1, y1) of painted posts in
    front of the actors. walls: the same, of parts of the still that are in front of the actors.
    light: (second, gain). blur: share of the frame interval in which the shutter is open. lost:
    share of frames dropped.
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


class SceneRenderer:
    """Renders a scene at any time; images are loaded once.

    data: the folder of labelled stills.
    """

    def __init__(self, scene: Scene, data: Path, rng: np.random.Generator) -> None:
        self._scene = scene
        image, boxes, kind = still(data, scene.world)
        self._high, self._wide = image.shape[:2]
        posts = [_to_pixels(area, self._wide, self._high) for area in scene.posts]
        self._world = image.copy()
        for area in posts:
            _paint_post(self._world, area, rng)
        self._front = posts + [_to_pixels(area, self._wide, self._high) for area in scene.walls]
        labelled = [(kind, box) for box in boxes if box.height >= _MIN_BOX_HEIGHT]
        self._in_world = [
            (f"{word} {i}", kind, box)
            for word, known in (("still", labelled), ("unlabelled", unlabelled(scene.world)))
            for i, (kind, box) in enumerate(known)
        ]
        self._pyramid = _pyramid(self._world.astype(np.float32))
        self._cutouts = [self._load(data, actor) for actor in scene.actors]
        self._sprites = [_pyramid(cutout.image) for cutout in self._cutouts]
        self._phases = rng.uniform(0, 6.28, (len(scene.actors), 2))
        self._shake = _camera_shake(rng, scene)
        self._noise = np.random.default_rng(rng.integers(2**32))

    @staticmethod
    def _load(data: Path, actor: Actor) -> Cutout:
        return (car if actor.name.startswith("plates/") else person)(data, actor.name)

    def render(self, at: float) -> tuple[NDArray[np.uint8], list[tuple[str, str, Box, float]]]:
        """(H, W, 3) uint8 BGR at a second, and (id, kind, box, visible share) of objects in it."""
        scene = self._scene
        count = _EXPOSURE_COUNT if scene.blur else 1
        open_for = scene.blur / scene.rate
        moments = [at + open_for * ((i + 0.5) / count - 0.5) for i in range(count)]
        exposed = [self._render_instant(moment) for moment in moments]
        _, owner, boxes = exposed[count // 2]
        image = np.mean([one for one, _, _ in exposed], axis=0)
        image = 255 * np.clip(image / 255, 0, 1) ** scene.gamma * _interpolated(scene.light, at)[0]
        if scene.infrared:
            image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
        image += self._noise.normal(0, scene.noise, (*image.shape[:2], 1))
        known = [
            (name, kind, box, visible_share(owner, number, box, kind))
            for name, kind, number, box in boxes
            if box.height >= _MIN_BOX_HEIGHT and clamp_to(box, Box(0, 0, *scene.size)).area > 0
        ]
        return np.clip(image, 0, 255).astype(np.uint8), known

    def _render_instant(self, at: float) -> tuple[NDArray[np.float32], NDArray[np.int16], list]:
        """The image at one instant, which actor each pixel shows, and all boxes.

        A pixel's actor is -1 where it shows the world and -2 where a post or wall hides an actor.
        """
        size = self._scene.size
        view = self._view(at)
        image = _warped(self._pyramid, view, size, cv2.BORDER_REFLECT_101)
        owner = np.full((size[1], size[0]), -1, np.int16)
        boxes = [(name, kind, -1, _transformed(box, view)) for name, kind, box in self._in_world]
        plain = image.copy()
        for number, (actor, cutout) in enumerate(
            zip(self._scene.actors, self._cutouts, strict=True)
        ):
            place = self._place(number, actor, cutout, at)
            if place is None:
                continue
            matrix = _composed(view, place)
            part = _affected_part(cutout.image.shape, matrix, size)
            if part:
                moved = matrix - [[0, 0, part[1].start], [0, 0, part[0].start]]
                inner = (part[1].stop - part[1].start, part[0].stop - part[0].start)
                layer = _warped(self._sprites[number], moved, inner, cv2.BORDER_CONSTANT)
                image[part] = image[part] * (1 - layer[..., 3:]) + layer[..., :3]
                owner[part][layer[..., 3] > 0.5] = number
            boxes.append((f"actor {number}", cutout.kind, number, _transformed(cutout.box, matrix)))
        for area in self._front:
            x0, y0, x1, y1 = (round(v) for v in _transformed(area, view))
            part = np.s_[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
            image[part] = plain[part]
            owner[part] = np.where(owner[part] >= 0, -2, owner[part])
        return image, owner, boxes

    def _view(self, at: float) -> NDArray[np.float64]:
        """The (2, 3) transform from the world to the image."""
        cx, cy, width = _interpolated(self._scene.camera, at)
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
        x, y, height = _interpolated(actor.keys, at)
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


def _interpolated(keys: Keys, at: float) -> list[float]:
    table = np.asarray(keys, dtype=np.float64)
    return [float(np.interp(at, table[:, 0], column)) for column in table.T[1:]]


def _to_pixels(area: Sequence[float], wide: int, high: int) -> Box:
    return Box(area[0] * wide, area[1] * high, area[2] * wide, area[3] * high)


def _paint_post(world: NDArray[np.uint8], area: Box, rng: np.random.Generator) -> None:
    """Paint a round post with a rough surface, lit from one side, in place."""
    x0, y0, x1, y1 = (max(0, round(v)) for v in area)
    part = world[y0:y1, x0:x1]
    shade = 60 + 80 * np.sin(np.linspace(0.4, 2.9, part.shape[1]))[None, :, None]
    rough = cv2.GaussianBlur(rng.normal(0, 25, part.shape[:2]), (0, 0), 1.5)[..., None]
    part[:] = np.clip(shade + rough + np.array([0, 6, 14]), 0, 255)


def _camera_shake(rng: np.random.Generator, scene: Scene) -> list[tuple[NDArray[np.float64], ...]]:
    """Times and values of the camera's shake: x and y in pixels, rotation in degrees."""
    times = np.arange(-1, scene.seconds + 1, 1 / 12)
    drift = rng.normal(0, 1, (3, len(times)))
    smooth = cv2.GaussianBlur(drift, (0, 0), sigmaX=1.0, sigmaY=0.01)
    return [(times, scene.shake * k * row) for k, row in zip((1.6, 1.6, 0.1), smooth, strict=True)]


def _pyramid(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The image at full size, half size, quarter size and so on."""
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


def _affected_part(
    shape: tuple[int, ...], matrix: NDArray[np.float64], size: tuple[int, int]
) -> tuple[slice, slice] | None:
    """Rows and columns of the image that an object of this shape may draw to, or None."""
    height, width = shape[:2]
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    x0, y0 = np.maximum(np.floor(corners.min(axis=1)) - 1, 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=1)) + 2, size).astype(int)
    return np.s_[y0:y1, x0:x1] if x0 < x1 and y0 < y1 else None


def _composed(second: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    return second @ np.vstack([first, [0, 0, 1]])


def _transformed(box: Box, matrix: NDArray[np.float64]) -> Box:
    """The box moved and scaled; rotation is ignored, because it is small."""
    cx, cy = matrix @ ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, 1)
    scale = np.hypot(matrix[0, 0], matrix[1, 0]) / 2
    w, h = box.width * scale, box.height * scale
    return Box(float(cx - w), float(cy - h), float(cx + w), float(cy + h))


def visible_share(owner: NDArray[np.signedinteger], number: int, box: Box, kind: str) -> float:
    """Share of the box that is inside the image and not occluded; of a face, its ellipse counts."""
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
