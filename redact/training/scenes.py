"""Made-up street scenes in grey, each with the boxes of its plates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.backgrounds import background
from redact.training.camera import bend, burn_in_text, film, light
from redact.training.cars import Thing, bare, car
from redact.training.drawing import Picture, between, chance, log_between, resized
from redact.training.motorcycles import motorcycle
from redact.training.photos import Photo, crop, pick_photo

SMALLEST_WIDTH, LARGEST_WIDTH = 14.0, 220.0
PHOTO_SHARE = 0.45
# A label whose picture varies less than this, in grey steps, shows nothing to learn from.
_LEAST_CONTRAST = 5.0


@dataclasses.dataclass(frozen=True)
class Scene:
    """A (S, S) uint8 picture, (N, 4) boxes and (N,) flags: False where most of a plate is cut."""

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    is_whole: NDArray[np.bool_]


def make_scene(rng: np.random.Generator, size: int = 256, photos: Sequence[Photo] = ()) -> Scene:
    """One scene, `size` pixels square; part of them in front of one of the photos, if any."""
    corners: list[NDArray[np.float32]] = []
    if photos and chance(rng, PHOTO_SHARE):
        canvas, corners = crop(rng, pick_photo(rng, photos), size)
        plates = int(rng.choice([0, 1, 2], p=[0.7, 0.2, 0.1]))
        others = int(rng.choice([0, 1, 2], p=[0.8, 0.1, 0.1]))
    else:
        canvas = background(rng, size)
        plates = int(rng.choice([0, 1, 2, 3], p=[0.33, 0.42, 0.18, 0.07]))
        others = int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1]))
    most = LARGEST_WIDTH if plates < 2 else LARGEST_WIDTH / 2
    for has_plate in rng.permutation([True] * plates + [False] * others):
        width = log_between(rng, SMALLEST_WIDTH, most)
        make = (car, bare, motorcycle)[int(rng.choice(3, p=[0.58, 0.30, 0.12]))]
        place = _free_place(rng, size, width, corners)
        if place is None:
            continue
        before = canvas.copy()
        found = _stand(rng, canvas, make(rng, bool(has_plate)), width, place)
        corners = [c for c in corners if not _is_hidden(c, before, canvas)]
        if found is not None:
            corners.append(found)
    if chance(rng, 0.2):
        burn_in_text(rng, canvas)
    light(rng, canvas, corners)
    if chance(rng, 0.15):
        canvas, corners = bend(rng, canvas, corners)
    return _labelled(film(rng, canvas), corners, size)


def _free_place(
    rng: np.random.Generator, size: int, width: float, corners: list[NDArray[np.float32]]
) -> NDArray[np.float64] | None:
    for _ in range(6):
        low, high = (0.02, 0.98) if chance(rng, 0.8) else (0.25, 0.75)
        place = rng.uniform(low, high, 2) * size
        if all(_is_apart(place, width, other) for other in corners):
            return place
    return None


def _is_apart(place: NDArray[np.float64], width: float, other: NDArray[np.float32]) -> bool:
    reach = np.ptp(other[:, 0]) + width
    offset = np.abs(place - other.mean(axis=0))
    return bool(offset[0] > reach * 0.9 or offset[1] > reach * 0.6)


def _is_hidden(corners: NDArray[np.float32], before: Picture, after: Picture) -> bool:
    x0, y0 = np.maximum(corners.min(axis=0), 0).astype(int)
    x1, y1 = np.maximum(corners.max(axis=0), 0).astype(int)
    changed = np.abs(before[y0:y1, x0:x1] - after[y0:y1, x0:x1]) > 4
    return bool(changed.size == 0 or changed.mean() > 0.35)


def _labelled(picture: NDArray[np.uint8], corners: list[NDArray[np.float32]], size: int) -> Scene:
    boxes, whole = [], []
    for c in corners:
        full = np.concatenate([c.min(axis=0), c.max(axis=0)])
        cut = np.clip(full, 0, size)
        if cut[2] - cut[0] < 7 or cut[3] - cut[1] < 3:
            continue
        boxes.append(cut)
        shown = np.prod(cut[2:] - cut[:2]) > 0.4 * np.prod(full[2:] - full[:2])
        whole.append(shown and _is_seen(picture, cut))
    return Scene(
        picture,
        np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        np.asarray(whole, dtype=np.bool_),
    )


def _is_seen(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> bool:
    """Whether anything in the box stands out, once noise finer than its letters is gone."""
    x0, y0, x1, y1 = (int(v) for v in box)
    part = picture[y0 : y1 + 1, x0 : x1 + 1]
    part = part[part.shape[0] // 6 : -(part.shape[0] // 6) or None]
    sigma = max(0.5, (y1 - y0) / 16)
    return float(cv2.GaussianBlur(part, (0, 0), sigma).std()) >= _LEAST_CONTRAST


def _stand(
    rng: np.random.Generator,
    canvas: Picture,
    thing: Thing,
    width: float,
    place: NDArray[np.float64],
) -> NDArray[np.float32] | None:
    """Put a flat thing into the scene, turned in space; returns where its plate came to lie.

    width: the plate's width in pixels, were it seen straight on.
    """
    size = canvas.shape[0]
    yaw = rng.normal(0, 0.28) if chance(rng, 0.5) else rng.normal(0, 0.7)
    yaw = float(np.clip(yaw, -1.22, 1.22))
    pitch = between(rng, -0.1, 0.45) if chance(rng, 0.8) else between(rng, -0.4, 1.0)
    roll = math.radians(_roll(rng))
    height, breadth = thing.picture.shape
    if thing.corners is None:
        middle = np.array([breadth / 2, height / 2])
    else:
        middle = thing.corners.mean(axis=0)
    flat = np.array([[0, 0], [breadth, 0], [breadth, height], [0, height]], dtype=np.float32)
    # Shrink in the plane first, so that a large drawing is averaged, not point-sampled.
    scale = width / thing.plate_width
    picture, mask = thing.picture, thing.mask
    if scale < 0.75:
        small = max(3, int(breadth * scale)), max(3, int(height * scale))
        picture, mask = resized(picture, *small), resized(mask, *small)
    source = flat * ((picture.shape[1] / breadth, picture.shape[0] / height))
    seen = _project((flat - middle) * scale, yaw, pitch, roll, size) + place
    to_scene = cv2.getPerspectiveTransform(source.astype(np.float32), seen.astype(np.float32))
    warped = cv2.warpPerspective(
        picture, to_scene, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpPerspective(mask, to_scene, (size, size), flags=cv2.INTER_LINEAR)
    if chance(rng, 0.6):
        alpha = cv2.GaussianBlur(alpha, (3, 3), 0)
    canvas += (warped - canvas) * alpha
    if thing.corners is None:
        return None
    plate_corners = _project((thing.corners - middle) * scale, yaw, pitch, roll, size) + place
    return np.asarray(plate_corners, dtype=np.float32)


def _roll(rng: np.random.Generator) -> float:
    """Degrees that a thing leans: little mostly, but cameras are tilted and wide lenses bend."""
    kind = rng.random()
    if kind < 0.62:
        return float(rng.normal(0, 4.5))
    return float(rng.normal(0, 14)) if kind < 0.88 else between(rng, -42, 42)


def _project(
    points: NDArray[np.floating], yaw: float, pitch: float, roll: float, size: int
) -> NDArray[np.float64]:
    """(N, 2) points of an upright plane, turned in space and seen through a pinhole camera."""
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
