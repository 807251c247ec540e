"""Made-up street scenes in grey, each with the boxes of its plates."""

from __future__ import annotations

import dataclasses
import itertools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.drawing import (
    Picture,
    between,
    chance,
    font_files,
    log_between,
    paint,
    phrase,
    resized,
    rough,
    shaded,
    slope,
    text_mask,
    word,
)
from redact.training.plates import lookalike, plate

SMALLEST_WIDTH, LARGEST_WIDTH = 14.0, 210.0


@dataclasses.dataclass(frozen=True)
class Scene:
    """A (S, S) uint8 picture, (N, 4) boxes and (N,) flags: False where most of a plate is cut."""

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    is_whole: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class _Thing:
    """A flat drawing, its mask, and the plate's corners on it, (4, 2), if it has one."""

    picture: Picture
    mask: Picture
    corners: NDArray[np.float32] | None
    plate_width: float


def make_scene(rng: np.random.Generator, size: int = 256) -> Scene:
    """One scene, `size` pixels square."""
    canvas = _background(rng, size)
    corners: list[NDArray[np.float32]] = []
    plates = int(rng.choice([0, 1, 2, 3], p=[0.33, 0.42, 0.18, 0.07]))
    others = int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1]))
    most = LARGEST_WIDTH if plates < 2 else LARGEST_WIDTH / 2
    for has_plate in rng.permutation([True] * plates + [False] * others):
        width = log_between(rng, SMALLEST_WIDTH, most)
        make = _car if chance(rng, 0.65) else _bare
        place = _free_place(rng, size, width, corners)
        if place is None:
            continue
        before = canvas.copy()
        found = _stand(rng, canvas, make(rng, bool(has_plate)), width, place)
        corners = [c for c in corners if not _is_hidden(c, before, canvas)]
        if found is not None:
            corners.append(found)
    if chance(rng, 0.2):
        _burn_in_text(rng, canvas)
    _light(rng, canvas, corners)
    if chance(rng, 0.15):
        canvas, corners = _bend(rng, canvas, corners)
    return _labelled(_film(rng, canvas), corners, size)


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
        whole.append(np.prod(cut[2:] - cut[:2]) > 0.5 * np.prod(full[2:] - full[:2]))
    return Scene(
        picture,
        np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        np.asarray(whole, dtype=np.bool_),
    )


# --- backgrounds ------------------------------------------------------------------------------


def _background(rng: np.random.Generator, size: int) -> Picture:
    makers = (_plain, _bricks, _fence, _panels, _shapes, _page, _leaves, _road, _folds)
    picture = makers[int(rng.integers(len(makers)))](rng, size)
    if chance(rng, 0.35):  # one kind beside or below another
        other = makers[int(rng.integers(len(makers)))](rng, size)
        cut = int(size * between(rng, 0.15, 0.85))
        if chance(rng, 0.5):
            picture[cut:] = other[cut:]
        else:
            picture[:, cut:] = other[:, cut:]
    return np.clip(picture, 0, 255)


def _plain(rng: np.random.Generator, size: int) -> Picture:
    return rough(rng, size, size)


def _bricks(rng: np.random.Generator, size: int) -> Picture:
    """Bricks, tiles, window grids."""
    picture = rough(rng, size, size) * 0.15 + between(rng, 40, 200)
    height = int(between(rng, 5, 70))
    width = max(4, int(height * between(rng, 0.7, 4)))
    joint = max(1, int(height * between(rng, 0.05, 0.3)))
    tone, spread = between(rng, 20, 235), between(rng, 0, 45)
    shifted = chance(rng, 0.6)
    for row, y in enumerate(range(0, size, height)):
        start = -(width // 2) if shifted and row % 2 else 0
        for x in range(start, size, width):
            picture[y : y + height, max(0, x) : max(0, x + width)] += rng.normal() * spread
            cv2.line(picture, (x, y), (x, y + height), tone, joint)
        cv2.line(picture, (0, y), (size, y), tone, joint)
    return picture


def _fence(rng: np.random.Generator, size: int) -> Picture:
    """Bars, siding, steps, blinds."""
    picture = rough(rng, size, size)
    pitch = max(3, int(between(rng, 3, 40)))
    thickness = max(1, int(pitch * between(rng, 0.2, 0.6)))
    tone = between(rng, 0, 255)
    upright = chance(rng, 0.6)
    for at in range(0, size, pitch):
        ends = ((at, 0), (at, size)) if upright else ((0, at), (size, at))
        cv2.line(picture, *ends, tone, thickness)
    for _ in range(rng.integers(0, 4)):
        at = int(between(rng, 0, size))
        ends = ((0, at), (size, at)) if upright else ((at, 0), (at, size))
        cv2.line(picture, *ends, tone, thickness * 2)
    return picture


def _panels(rng: np.random.Generator, size: int) -> Picture:
    """Walls, doors, boxes, bright doorways."""
    picture = rough(rng, size, size)
    for _ in range(rng.integers(5, 40)):
        x, y = (int(v) for v in rng.integers(0, size, 2))
        width, height = int(log_between(rng, 6, size * 0.7)), int(log_between(rng, 6, size * 0.7))
        part = picture[y : y + height, x : x + width]
        part *= between(rng, 0, 0.4)
        part += between(rng, 0, 230) + slope(rng, part.shape[0], part.shape[1], 30)
    return picture


def _shapes(rng: np.random.Generator, size: int) -> Picture:
    picture = rough(rng, size, size)
    for _ in range(rng.integers(4, 25)):
        spread = rng.normal(0, 1, (int(rng.integers(3, 7)), 2)) * size * between(rng, 0.05, 0.4)
        points = (rng.uniform(-0.2, 1.2, 2) * size + spread).astype(np.int32)
        cv2.fillPoly(picture, [points], between(rng, 0, 255), cv2.LINE_AA)
    return picture


def _page(rng: np.random.Generator, size: int) -> Picture:
    """Posters, shop fronts, notices: text that is no plate."""
    picture = rough(rng, size, size) * 0.1 + between(rng, 0, 230)
    y = 0.0
    while y < size:
        height = log_between(rng, 5, 50)
        mask = text_mask(rng, phrase(rng, 7), height, font_files())
        paint(picture, mask, between(rng, -0.5, 0.5) * size, y, between(rng, 0, 255))
        y += height * between(rng, 1.2, 3)
    return picture


def _leaves(rng: np.random.Generator, size: int) -> Picture:
    """Bushes, grass, gravel."""
    picture = np.full((size, size), between(rng, 30, 150), dtype=np.float32)
    low, high = sorted(rng.uniform(0, 235, 2))
    for _ in range(rng.integers(200, 900)):
        center = tuple(int(v) for v in rng.uniform(0, size, 2))
        axes = (int(between(rng, 1, 9)), int(between(rng, 1, 5)))
        tone = between(rng, float(low), float(high))
        cv2.ellipse(picture, center, axes, between(rng, 0, 180), 0, 360, tone, -1)
    return picture


def _folds(rng: np.random.Generator, size: int) -> Picture:
    """Cloth, hair, fur, bodies: soft shapes with light along their length."""
    picture = rough(rng, size, size)
    for _ in range(rng.integers(4, 16)):
        mask = np.zeros((size, size), dtype=np.float32)
        points = np.cumsum(rng.normal(0, size * 0.12, (6, 2)), axis=0) + rng.uniform(0, size, 2)
        thickness = int(log_between(rng, 2, size * 0.3))
        cv2.polylines(mask, [points.astype(np.int32)], False, 1.0, thickness, cv2.LINE_AA)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), between(rng, 0.6, 6)), dtype=np.float32)
        paint(picture, mask, 0, 0, shaded(rng, size, size, between(rng, 0, 240)))
    return picture


def _road(rng: np.random.Generator, size: int) -> Picture:
    picture = np.full((size, size), between(rng, 80, 200), dtype=np.float32)
    picture[max(0, int(between(rng, -0.2, 0.8) * size)) :] = between(rng, 40, 160)
    picture += rough(rng, size, size) * 0.12
    for _ in range(rng.integers(0, 6)):
        a, b = (rng.uniform(-0.2, 1.2, (2, 2)) * size).astype(int).tolist()
        cv2.line(picture, a, b, between(rng, 0, 255), int(rng.integers(1, 9)))
    return picture


# --- things that stand in the scene -----------------------------------------------------------


def _bare(rng: np.random.Generator, has_plate: bool) -> _Thing:
    """A plate, or something like one, on a patch of surface."""
    flat = plate(rng) if has_plate else lookalike(rng)
    height, width = flat.shape
    edge_x, edge_y = int(width * between(rng, 0, 0.4)), int(height * between(rng, 0, 0.8))
    picture = shaded(rng, height + 2 * edge_y, width + 2 * edge_x, between(rng, 5, 240))
    picture[edge_y : edge_y + height, edge_x : edge_x + width] = flat
    mask = np.full_like(picture, 1.0 if chance(rng, 0.6) else 0.0)
    mask[edge_y : edge_y + height, edge_x : edge_x + width] = 1
    corners = _rectangle(edge_x, edge_y, width, height) if has_plate else None
    return _Thing(picture, mask, corners, width)


def _car(rng: np.random.Generator, has_plate: bool) -> _Thing:
    """The front or rear of a car, with its plate or with the place for one left empty."""
    flat = plate(rng)
    plate_height, plate_width = flat.shape
    long_plate = plate_width > 3.5 * plate_height
    share = between(rng, 2.9, 4.3) if long_plate else between(rng, 3.8, 6.5)
    # Drawn at half the plate's own size: cars are large, and no one looks at them closely.
    plate_height, plate_width = plate_height // 2, max(8, plate_width // 2)
    flat = resized(flat, plate_width, plate_height)
    width = int(plate_width * share)
    height = int(width * between(rng, 0.6, 0.95))
    body = between(rng, 10, 235)
    picture = shaded(rng, height, width, body)
    mask = _silhouette(rng, height, width)
    picture[int(height * 0.92) :] = between(rng, 5, 40)
    _draw_window(rng, picture)
    _draw_seams(rng, picture, body)
    is_front = chance(rng, 0.4)
    for left_side in (True, False):
        _draw_lamp(rng, picture, left_side, is_front)
    if chance(rng, 0.8 if is_front else 0.2):
        _draw_grille(rng, picture)
    if chance(rng, 0.6):
        _put_lookalike(rng, picture, plate_height)
    for _ in range(rng.integers(0, 7)):
        letters = text_mask(
            rng, word(rng), max(5, plate_height * between(rng, 0.2, 0.6)), font_files()
        )
        x, y = width * between(rng, 0.05, 0.8), height * between(rng, 0.38, 0.7)
        paint(picture, letters, x, y, between(rng, 0, 255))
    off_center = rng.normal(0, 0.02) if chance(rng, 0.8) else between(rng, -0.25, 0.25)
    x = int(np.clip(width / 2 - plate_width / 2 + off_center * width, 0, width - plate_width))
    y = int(min(height * between(rng, 0.42, 0.8), height * 0.93 - plate_height))
    _draw_plate_holder(rng, picture, (x, y, plate_width, plate_height), body)
    if not has_plate:
        return _Thing(picture, mask, None, plate_width)
    picture[y : y + plate_height, x : x + plate_width] = flat
    mask[y : y + plate_height, x : x + plate_width] = 1
    _draw_in_front(rng, picture, (x, y, plate_width, plate_height))
    return _Thing(picture, mask, _rectangle(x, y, plate_width, plate_height), plate_width)


def _put_lookalike(rng: np.random.Generator, picture: Picture, plate_height: int) -> None:
    """A maker's sign in the middle, a wheel or a lamp anywhere, of about a plate's size."""
    height, width = picture.shape
    thing = lookalike(rng)
    size = plate_height * between(rng, 0.6, 2.0)
    small = resized(thing, max(3, int(thing.shape[1] * size / thing.shape[0])), max(3, int(size)))
    x = (width - small.shape[1]) / 2 if chance(rng, 0.4) else between(rng, -0.05, 0.9) * width
    paint(picture, np.ones_like(small), x, height * between(rng, 0.35, 0.75), small)


def _rectangle(x: float, y: float, width: float, height: float) -> NDArray[np.float32]:
    return np.array(
        [[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float32
    )


def _silhouette(rng: np.random.Generator, height: int, width: int) -> Picture:
    mask = np.zeros((height, width), dtype=np.float32)
    roof, shoulder = between(rng, 0.1, 0.25), between(rng, 0, 0.1)
    outline = [
        (roof, 0),
        (1 - roof, 0),
        (1 - shoulder, 0.35),
        (1, 0.5),
        (1, 0.85),
        (0.95, 0.92),
        (0.05, 0.92),
        (0, 0.85),
        (0, 0.5),
        (shoulder, 0.35),
    ]
    points = (np.array(outline) * (width, height)).astype(np.int32)
    cv2.fillPoly(mask, [points], 1.0, cv2.LINE_AA)
    for x in (0.06, 0.8):
        wheel = (int(width * x), int(height * 0.85)), (int(width * (x + 0.14)), height)
        cv2.rectangle(mask, *wheel, 1.0, -1)
    return mask


def _draw_window(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape
    top, bottom = between(rng, 0.03, 0.08), between(rng, 0.28, 0.4)
    upper, lower = between(rng, 0.13, 0.28), between(rng, 0.07, 0.14)
    corners = [(upper, top), (1 - upper, top), (1 - lower, bottom), (lower, bottom)]
    mask = np.zeros_like(picture)
    points = (np.array(corners) * (width, height)).astype(np.int32)
    cv2.fillPoly(mask, [points], 1.0, cv2.LINE_AA)
    tone = between(rng, 10, 120) if chance(rng, 0.8) else between(rng, 120, 230)
    glass = tone + slope(rng, height, width, 50)
    if chance(rng, 0.5):
        glass = glass * 0.7 + rough(rng, height, width) * 0.3
    paint(picture, mask, 0, 0, np.asarray(glass, dtype=np.float32))


def _draw_seams(rng: np.random.Generator, picture: Picture, body: float) -> None:
    height, width = picture.shape
    for _ in range(rng.integers(1, 5)):
        y = int(height * between(rng, 0.4, 0.92))
        tone = float(np.clip(body + between(rng, -90, 60), 0, 255))
        end = (width, y + int(rng.normal(0, 0.01) * height))
        cv2.line(picture, (0, y), end, tone, max(1, int(width * 0.006)))
    if chance(rng, 0.7):  # the bumper
        top, bottom = int(height * between(rng, 0.58, 0.75)), int(height * between(rng, 0.84, 0.93))
        tone = float(np.clip(body + between(rng, -120, 50), 5, 245))
        picture[top:bottom] = shaded(rng, bottom - top, width, tone)
    if chance(rng, 0.35):
        picture[int(height * between(rng, 0.78, 0.86)) :] *= between(rng, 0.2, 0.7)


def _draw_lamp(rng: np.random.Generator, picture: Picture, left_side: bool, is_front: bool) -> None:
    height, width = picture.shape
    lamp_width, lamp_height = width * between(rng, 0.08, 0.24), height * between(rng, 0.06, 0.2)
    x0 = int(width * 0.03 if left_side else width * 0.97 - lamp_width)
    y0 = int(height * between(rng, 0.42, 0.55))
    x1, y1 = int(x0 + lamp_width), int(y0 + lamp_height)
    tone = between(rng, 60, 255) if is_front else between(rng, 30, 160)
    center = ((x0 + x1) // 2, (y0 + y1) // 2)
    if chance(rng, 0.5):
        axes = (max(1, (x1 - x0) // 2), max(1, (y1 - y0) // 2))
        cv2.ellipse(picture, center, axes, 0, 0, 360, tone, -1, cv2.LINE_AA)
    else:
        cv2.rectangle(picture, (x0, y0), (x1, y1), tone, -1)
    if chance(rng, 0.5):  # sections, some ribbed
        edges = np.linspace(x0, x1, int(rng.integers(3, 6))).astype(int)
        for a, b in itertools.pairwise(edges):
            cv2.rectangle(picture, (int(a), y0), (int(b), y1), between(rng, 30, 255), -1)
            if chance(rng, 0.4):
                pitch = max(2, int(lamp_height * 0.15))
                rib = between(rng, 60, 255)
                for x in range(int(a), int(b), pitch):
                    cv2.line(picture, (x, y0), (x, y1), rib, max(1, pitch // 3))
    for _ in range(rng.integers(0, 4)):
        spot = (int(between(rng, x0, x1)), int(between(rng, y0, y1)))
        radius = max(1, int(lamp_height * between(rng, 0.1, 0.3)))
        cv2.circle(picture, spot, radius, between(rng, 100, 255), -1)


def _draw_grille(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape
    x0 = int(width * between(rng, 0.2, 0.38))
    x1 = width - x0
    y0 = int(height * between(rng, 0.42, 0.62))
    y1 = y0 + int(height * between(rng, 0.06, 0.25))
    picture[y0:y1, x0:x1] = between(rng, 5, 70)
    pitch, tone = max(2, int(width * between(rng, 0.008, 0.05))), between(rng, 20, 230)
    if chance(rng, 0.6):
        for y in range(y0, y1, pitch):
            cv2.line(picture, (x0, y), (x1, y), tone, max(1, pitch // 3))
    if chance(rng, 0.5):
        for x in range(x0, x1, pitch):
            cv2.line(picture, (x, y0), (x, y1), tone, max(1, pitch // 3))


def _draw_plate_holder(
    rng: np.random.Generator, picture: Picture, place: tuple[int, int, int, int], body: float
) -> None:
    x, y, width, height = place
    if chance(rng, 0.5):  # the recess around it
        side, over = width * between(rng, 0.03, 0.35), height * between(rng, 0.03, 0.6)
        tone = float(np.clip(body + between(rng, -140, 20), 0, 255))
        start = (int(x - side), int(y - over))
        stop = (int(x + width + side), int(y + height + over * between(rng, 0.2, 1)))
        cv2.rectangle(picture, start, stop, tone, -1)
    if chance(rng, 0.35):  # a frame
        edge = max(1, int(height * between(rng, 0.03, 0.15)))
        tone = between(rng, 0, 60) if chance(rng, 0.5) else between(rng, 150, 255)
        stop = (x + width + edge - 1, y + height + edge * int(rng.integers(1, 3)) - 1)
        cv2.rectangle(picture, (x - edge, y - edge), stop, tone, -1)


def _draw_in_front(
    rng: np.random.Generator, picture: Picture, place: tuple[int, int, int, int]
) -> None:
    """The shadow that falls on a plate, a tow ball or bar in front of it."""
    x, y, width, height = place
    if chance(rng, 0.3):
        deep = max(1, int(height * between(rng, 0.1, 0.5)))
        picture[y : y + deep, x : x + width] *= between(rng, 0.3, 0.85)
    if chance(rng, 0.12):
        start = (int(x + width * between(rng, 0, 1)), y + int(height * between(rng, 0, 0.6)))
        stop = (start[0] + int(rng.normal(0, 0.2) * width), picture.shape[0])
        thickness = max(1, int(width * between(rng, 0.02, 0.08)))
        cv2.line(picture, start, stop, between(rng, 0, 200), thickness)


def _stand(
    rng: np.random.Generator,
    canvas: Picture,
    thing: _Thing,
    width: float,
    place: NDArray[np.float64],
) -> NDArray[np.float32] | None:
    """Put a flat thing into the scene, turned in space; returns where its plate came to lie.

    width: the plate's width in pixels, were it seen straight on.
    """
    size = canvas.shape[0]
    yaw = rng.normal(0, 0.28) if chance(rng, 0.5) else rng.normal(0, 0.7)
    yaw = float(np.clip(yaw, -1.22, 1.22))
    pitch = between(rng, -0.1, 0.45)
    roll = math.radians(rng.normal(0, 4.5) if chance(rng, 0.7) else rng.normal(0, 14))
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


# --- light and camera -------------------------------------------------------------------------


def _burn_in_text(rng: np.random.Generator, canvas: Picture) -> None:
    """A camera's date and time."""
    size = canvas.shape[0]
    n = rng.integers(0, 60, 3)
    stamp = (
        f"20{n[0]:02d}-0{n[1] % 9 + 1}-{n[2] % 28 + 1:02d} {n[1] % 24:02d}:{n[0]:02d}:{n[2]:02d}"
    )
    mask = text_mask(rng, stamp, between(rng, 7, 16), font_files())
    y = 4 if chance(rng, 0.5) else size - 20
    paint(canvas, mask, between(rng, -40, 60), y, 255.0 if chance(rng, 0.8) else 0.0)


def _light(rng: np.random.Generator, canvas: Picture, corners: list[NDArray[np.float32]]) -> None:
    if chance(rng, 0.2):
        _cast_shadow(rng, canvas)
    if chance(rng, 0.25):
        _make_night(rng, canvas, corners)
    if chance(rng, 0.6):
        gamma = math.exp(rng.normal(0, 0.35))
        canvas[:] = 255 * (np.clip(canvas, 0, 255) / 255) ** gamma
    if chance(rng, 0.6):
        canvas[:] = (canvas - 128) * between(rng, 0.4, 1.3) + 128 + between(rng, -35, 35)
    if chance(rng, 0.2):  # haze, a dirty lens
        canvas *= between(rng, 0.5, 0.9)
        canvas += between(rng, 20, 80)


def _cast_shadow(rng: np.random.Generator, canvas: Picture) -> None:
    size = canvas.shape[0]
    mask = np.zeros_like(canvas)
    for _ in range(rng.integers(1, 4)):
        points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2)) * size
        cv2.fillPoly(mask, [points.astype(np.int32)], 1.0)
    if chance(rng, 0.6):
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), between(rng, 0.5, 5)), dtype=np.float32)
    canvas *= 1 - mask * between(rng, 0.25, 0.65)


def _make_night(
    rng: np.random.Generator, canvas: Picture, corners: list[NDArray[np.float32]]
) -> None:
    """Infrared night: a lit circle, plates that throw the light back, lamps that bloom."""
    size = canvas.shape[0]
    canvas *= between(rng, 0.2, 0.8)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    x, y = rng.uniform(0, size, 2)
    reach = 2 * (size * between(rng, 0.5, 1.5)) ** 2
    canvas *= np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / reach)
    for c in corners:
        if chance(rng, 0.75):
            mask = np.zeros_like(canvas)
            cv2.fillPoly(mask, [np.round(c).astype(np.int32)], 1.0)
            bright = np.minimum(255, canvas * between(rng, 1, 5) + between(rng, 0, 50))
            canvas += (bright - canvas) * mask
    glow = np.maximum(0, canvas - 200)
    canvas += cv2.GaussianBlur(glow, (0, 0), between(rng, 2, 8)) * between(rng, 0, 2)
    for _ in range(rng.integers(0, 3)):
        lamp = np.zeros_like(canvas)
        center = tuple(int(v) for v in rng.uniform(0, size, 2))
        cv2.circle(lamp, center, int(between(rng, 2, 14)), 255.0, -1)
        canvas += cv2.GaussianBlur(lamp, (0, 0), between(rng, 2, 16)) * between(rng, 0.5, 1.6)


def _bend(
    rng: np.random.Generator, canvas: Picture, corners: list[NDArray[np.float32]]
) -> tuple[Picture, list[NDArray[np.float32]]]:
    """A wide lens: straight lines bow outwards, as anywhere off the picture's middle."""
    size = canvas.shape[0]
    strength = between(rng, 0.05, 0.3)
    center = rng.uniform(-0.5, 1.5, 2) * size
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    far = ((columns - center[0]) ** 2 + (rows - center[1]) ** 2) / (1.5 * size) ** 2
    grow = (1 + strength * far).astype(np.float32)
    x, y = center[0] + (columns - center[0]) * grow, center[1] + (rows - center[1]) * grow
    # Keep the scene's middle in the middle.
    half = size // 2
    x, y = x - x[half, half] + half, y - y[half, half] + half
    bent = cv2.remap(
        canvas,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    moved = []
    for c in corners:
        mask = np.zeros_like(canvas)
        cv2.fillPoly(mask, [np.round(c).astype(np.int32)], 1.0)
        inside = cv2.remap(mask, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
        found_rows, found_columns = np.nonzero(inside > 0.5)
        if len(found_rows):
            x0, x1 = float(found_columns.min()), float(found_columns.max() + 1)
            y0, y1 = float(found_rows.min()), float(found_rows.max() + 1)
            moved.append(_rectangle(x0, y0, x1 - x0, y1 - y0))
    return np.asarray(bent, dtype=np.float32), moved


def _film(rng: np.random.Generator, canvas: Picture) -> NDArray[np.uint8]:
    """What lens, sensor, sharpening and compression make of the scene."""
    size = canvas.shape[0]
    kind = rng.random()
    if kind < 0.35:
        canvas = _grey(cv2.GaussianBlur(canvas, (0, 0), between(rng, 0.3, 1.6)))
    elif kind < 0.5:
        canvas = _grey(cv2.filter2D(canvas, -1, _motion(rng)))
    elif kind < 0.68:
        shrink = between(rng, 0.4, 0.9)
        small = cv2.resize(canvas, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        how = cv2.INTER_CUBIC if chance(rng, 0.5) else cv2.INTER_LINEAR
        canvas = _grey(cv2.resize(small, (size, size), interpolation=how))
    if chance(rng, 0.25):
        canvas = canvas + (canvas - cv2.GaussianBlur(canvas, (0, 0), 1.2)) * between(rng, 0.3, 1.5)
    if chance(rng, 0.5):
        canvas = canvas + rng.normal(0, between(rng, 1, 10), canvas.shape).astype(np.float32)
    picture = np.clip(canvas, 0, 255).astype(np.uint8)
    if chance(rng, 0.65):
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 93))]
        packed = cv2.imencode(".jpg", picture, quality)[1]
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return picture


def _grey(picture: object) -> Picture:
    return np.asarray(picture, dtype=np.float32)


def _motion(rng: np.random.Generator) -> Picture:
    length = int(rng.integers(2, 9))
    angle = between(rng, 0, math.pi) if chance(rng, 0.4) else rng.normal(0, 0.15)
    kernel = np.zeros((length, length), dtype=np.float32)
    reach = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    ends = [tuple(int(v) for v in length / 2 + sign * reach) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    if kernel.sum() == 0:
        kernel[length // 2, length // 2] = 1
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
