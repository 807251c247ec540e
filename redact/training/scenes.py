"""Drawn street scenes in grey, each with the boxes of its plates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.backgrounds import background
from redact.training.camera import burn_in_text, capture, change_lighting, distort_lens
from redact.training.cars import FlatObject, car, surface_patch
from redact.training.drawing import GreyImage, chance, log_uniform, resized, uniform
from redact.training.motorcycles import motorcycle, scooter_front
from redact.training.photos import Photo, crop, pick_photo

MIN_PLATE_WIDTH, MAX_PLATE_WIDTH = 14.0, 220.0
"""Pixels of a plate in the scene, if it is seen straight on."""
PHOTO_SHARE = 0.65
"""Share of the scenes that have a photograph behind them, where there are photographs."""
# Plates whose grey levels have a lower standard deviation than this show nothing to learn from.
_MIN_CONTRAST = 5.0
_OBJECTS = (car, surface_patch, motorcycle, scooter_front)
_OBJECT_SHARES = (0.54, 0.28, 0.10, 0.08)


@dataclasses.dataclass(frozen=True)
class Scene:
    """One scene.

    image: (S, S) uint8 grey levels. boxes: (N, 4) x0 y0 x1 y1 of its plates, cut at the edge.
    is_visible: (N,) False where most of a plate lies outside the image or it has no contrast.
    Training ignores such plates: they count neither as plates nor as background.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    is_visible: NDArray[np.bool_]


def make_scene(rng: np.random.Generator, size: int = 256, photos: Sequence[Photo] = ()) -> Scene:
    """One scene, `size` pixels square, with plates and look-alikes in front of a background.

    photos: photographs for backgrounds; without any, every background is drawn.
    """
    corners: list[NDArray[np.float32]] = []
    ignored: list[NDArray[np.float32]] = []
    is_photo = bool(photos) and chance(rng, PHOTO_SHARE)
    if is_photo:
        canvas, corners, ignored = crop(rng, pick_photo(rng, photos), size)
        plates = int(rng.choice([0, 1, 2], p=[0.8, 0.15, 0.05]))
        others = int(rng.choice([0, 1, 2], p=[0.8, 0.1, 0.1]))
    else:
        canvas = background(rng, size)
        plates = int(rng.choice([0, 1, 2, 3], p=[0.33, 0.42, 0.18, 0.07]))
        others = int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1]))
    max_width = MAX_PLATE_WIDTH if plates < 2 else MAX_PLATE_WIDTH / 2
    for has_plate in rng.permutation([True] * plates + [False] * others):
        width = log_uniform(rng, MIN_PLATE_WIDTH, max_width)
        make = _OBJECTS[int(rng.choice(len(_OBJECTS), p=_OBJECT_SHARES))]
        place = _free_position(rng, size, width, [*corners, *ignored])
        if place is None:
            continue
        before = canvas.copy()
        new_corners = _place_object(rng, canvas, make(rng, bool(has_plate)), width, place)
        corners = [c for c in corners if not _is_overdrawn(c, before, canvas)]
        if new_corners is not None:
            corners.append(new_corners)
    if chance(rng, 0.2):
        burn_in_text(rng, canvas)
    # A photograph already has the light, the lens and the noise of a camera.
    if not is_photo or chance(rng, 0.5):
        change_lighting(rng, canvas, corners)
    if not is_photo and chance(rng, 0.15):
        canvas, corners = distort_lens(rng, canvas, corners)
    if is_photo and chance(rng, 0.4):
        image = np.clip(canvas, 0, 255).astype(np.uint8)
    else:
        image = capture(rng, canvas)
    return _label(image, corners, ignored, size)


def _free_position(
    rng: np.random.Generator, size: int, width: float, corners: list[NDArray[np.float32]]
) -> NDArray[np.float64] | None:
    """A random position that keeps its distance from all plates; None after six failed attempts."""
    for _ in range(6):
        low, high = (0.02, 0.98) if chance(rng, 0.8) else (0.25, 0.75)
        place = rng.uniform(low, high, 2) * size
        if all(_is_apart(place, width, other) for other in corners):
            return place
    return None


def _is_apart(place: NDArray[np.float64], width: float, other: NDArray[np.float32]) -> bool:
    widths = np.ptp(other[:, 0]) + width
    offset = np.abs(place - other.mean(axis=0))
    return bool(offset[0] > widths * 0.9 or offset[1] > widths * 0.6)


def _is_overdrawn(corners: NDArray[np.float32], before: GreyImage, after: GreyImage) -> bool:
    """Whether the object drawn last covers more than 35 % of this plate."""
    x0, y0 = np.maximum(corners.min(axis=0), 0).astype(int)
    x1, y1 = np.maximum(corners.max(axis=0), 0).astype(int)
    changed = np.abs(before[y0:y1, x0:x1] - after[y0:y1, x0:x1]) > 4
    return bool(changed.size == 0 or changed.mean() > 0.35)


def _label(
    image: NDArray[np.uint8],
    corners: list[NDArray[np.float32]],
    ignored: list[NDArray[np.float32]],
    size: int,
) -> Scene:
    """The scene with its boxes; plates of which hardly anything shows are not visible."""
    boxes, is_visible = [], []
    for i, c in enumerate([*corners, *ignored]):
        full = np.concatenate([c.min(axis=0), c.max(axis=0)])
        cut = np.clip(full, 0, size)
        width, height = cut[2] - cut[0], cut[3] - cut[1]
        if width < 2 or height < 2:
            continue
        boxes.append(cut)
        is_inside = width * height > 0.35 * np.prod(full[2:] - full[:2])
        is_large = width >= 8 and height >= 3
        is_visible.append(i < len(corners) and is_inside and is_large and _has_contrast(image, cut))
    return Scene(
        image,
        np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        np.asarray(is_visible, dtype=np.bool_),
    )


def _has_contrast(image: NDArray[np.uint8], box: NDArray[np.float32]) -> bool:
    """Whether the box has contrast after blurring away noise that is finer than its letters."""
    x0, y0, x1, y1 = (int(v) for v in box)
    part = image[y0 : y1 + 1, x0 : x1 + 1]
    part = part[part.shape[0] // 6 : -(part.shape[0] // 6) or None]
    sigma = max(0.5, (y1 - y0) / 16)
    return float(cv2.GaussianBlur(part, (0, 0), sigma).std()) >= _MIN_CONTRAST


def _place_object(
    rng: np.random.Generator,
    canvas: GreyImage,
    thing: FlatObject,
    width: float,
    place: NDArray[np.float64],
) -> NDArray[np.float32] | None:
    """Draw a flat object into the scene, rotated in space, in place; returns its plate's corners.

    width: pixels of the plate if it were seen straight on. place: (2,) x, y of the plate's middle.
    """
    size = canvas.shape[0]
    yaw = rng.normal(0, 0.28) if chance(rng, 0.5) else rng.normal(0, 0.7)
    yaw = float(np.clip(yaw, -1.22, 1.22))
    pitch = uniform(rng, -0.1, 0.45) if chance(rng, 0.8) else uniform(rng, -0.4, 1.0)
    roll = math.radians(_random_roll(rng))
    height, breadth = thing.image.shape
    if thing.corners is None:
        middle = np.array([breadth / 2, height / 2])
    else:
        middle = thing.corners.mean(axis=0)
    flat = np.array([[0, 0], [breadth, 0], [breadth, height], [0, height]], dtype=np.float32)
    # Shrink first, because the perspective warp samples points and would alias a large drawing.
    scale = width / thing.plate_width
    image, mask = thing.image, thing.mask
    if scale < 0.75:
        small = max(3, int(breadth * scale)), max(3, int(height * scale))
        image, mask = resized(image, *small), resized(mask, *small)
    source = flat * ((image.shape[1] / breadth, image.shape[0] / height))
    projected = _project((flat - middle) * scale, yaw, pitch, roll, size) + place
    to_scene = cv2.getPerspectiveTransform(source.astype(np.float32), projected.astype(np.float32))
    warped = cv2.warpPerspective(
        image, to_scene, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpPerspective(mask, to_scene, (size, size), flags=cv2.INTER_LINEAR)
    if chance(rng, 0.6):
        alpha = cv2.GaussianBlur(alpha, (3, 3), 0)
    canvas += (warped - canvas) * alpha
    if thing.corners is None:
        return None
    plate_corners = _project((thing.corners - middle) * scale, yaw, pitch, roll, size) + place
    return np.asarray(plate_corners, dtype=np.float32)


def _random_roll(rng: np.random.Generator) -> float:
    """Degrees of roll: mostly few, but cameras are tilted and wide-angle lenses distort."""
    kind = rng.random()
    if kind < 0.62:
        return float(rng.normal(0, 4.5))
    return float(rng.normal(0, 14)) if kind < 0.88 else uniform(rng, -42, 42)


def _project(
    points: NDArray[np.floating], yaw: float, pitch: float, roll: float, size: int
) -> NDArray[np.float64]:
    """Project (N, 2) points of an upright plane, rotated in space, through a pinhole camera.

    yaw, pitch, roll: radians. Returns (N, 2) pixels relative to the plane's origin.
    """
    x, y = points[:, 0] * math.cos(yaw), points[:, 1].astype(np.float64)
    depth = points[:, 0] * math.sin(yaw)
    y, depth = (
        y * math.cos(pitch) - depth * math.sin(pitch),
        y * math.sin(pitch) + depth * math.cos(pitch),
    )
    distance = 2.5 * size
    closer = distance / np.maximum(distance + depth, 0.4 * distance)
    x, y = x * closer, y * closer
    return np.stack(
        [x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)], axis=1
    )
