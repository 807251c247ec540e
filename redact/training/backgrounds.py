"""What stands behind everything else: walls, roads, leaves, pages of text, photos."""

from __future__ import annotations

import cv2
import numpy as np

from redact.training.drawing import (
    Picture,
    arrow_mask,
    between,
    chance,
    glyph_mask,
    log_between,
    paint,
    resized,
    rough,
    shaded,
    slope,
)
from redact.training.people import people
from redact.training.scripts import prose_mask


def background(rng: np.random.Generator, size: int) -> Picture:
    """A made-up background without a plate, `size` pixels square."""
    makers = (
        _plain,
        _bricks,
        _fence,
        _panels,
        _shapes,
        _page,
        _newspaper,
        _shop_front,
        people,
        people,
        _leaves,
        _road,
        _folds,
        _markings,
        _windows,
        _garage,
        _sky,
        _lattice,
    )
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
        mask = prose_mask(rng, 7, height)
        paint(picture, mask, between(rng, -0.5, 0.5) * size, y, between(rng, 0, 255))
        y += height * between(rng, 1.2, 3)
    return picture


def _newspaper(rng: np.random.Generator, size: int) -> Picture:
    """Columns of small print under head lines, with pictures among them."""
    ground, ink = between(rng, 150, 240), between(rng, 0, 90)
    if chance(rng, 0.2):
        ground, ink = ink, ground
    picture = shaded(rng, size, size, ground)
    wide = log_between(rng, 30, 140)
    lines = [prose_mask(rng, 8, log_between(rng, 5, 14)) for _ in range(6)]
    x = -between(rng, 0, wide)
    while x < size:
        y = -between(rng, 0, 40)
        while y < size:
            kind = rng.random()
            if kind < 0.06:
                tall = wide * between(rng, 0.3, 1)
                block = rough(rng, int(tall) + 1, int(wide) + 1)
                paint(picture, np.ones_like(block), x, y, block)
            elif kind < 0.14:
                tall = log_between(rng, 10, 40)
                head = prose_mask(rng, 3, tall)
                head = resized(head, min(head.shape[1], int(wide)), head.shape[0])
                paint(picture, head, x, y, ink)
            else:
                line = lines[int(rng.integers(len(lines)))]
                tall = float(line.shape[0])
                paint(picture, line[:, : int(wide)], x, y, ink)
            y += tall * 1.35
        x += wide * 1.12
    return picture


def _shop_front(rng: np.random.Generator, size: int) -> Picture:
    """Boards with names over windows, hanging signs, price cards in the windows."""
    picture = _windows(rng, size)
    for _ in range(rng.integers(1, 4)):
        tall = log_between(rng, 12, 60)
        mask = prose_mask(rng, 3, tall * between(rng, 0.4, 0.75))
        wide = mask.shape[1] + tall * between(rng, 0.4, 5)
        ground = between(rng, 0, 255)
        board = shaded(rng, int(tall), int(wide), ground)
        paint(board, mask, (wide - mask.shape[1]) / 2, (tall - mask.shape[0]) / 2, 255 - ground)
        x, y = between(rng, -0.3, 0.7) * size, between(rng, 0, 0.9) * size
        paint(picture, np.ones_like(board), x, y, board)
    for _ in range(rng.integers(0, 6)):
        tall = log_between(rng, 8, 40)
        card = shaded(rng, int(tall), int(tall * between(rng, 0.5, 1.2)), between(rng, 150, 250))
        for row in range(3):
            mask = prose_mask(rng, 2, max(4.0, tall / 5))
            mask = resized(mask, min(mask.shape[1], int(card.shape[1] * 0.9)), mask.shape[0])
            paint(card, mask, 1, (row + 0.3) * tall / 3, between(rng, 0, 90))
        x, y = rng.uniform(0, size, 2).tolist()
        paint(picture, np.ones_like(card), x, y, card)
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


def _markings(rng: np.random.Generator, size: int) -> Picture:
    """A road's dashes, arrows, letters and stripes, lying flat ahead of the camera."""
    plane: Picture = np.full((size, size), between(rng, 40, 140), dtype=np.float32)
    plane += rough(rng, size, size) * 0.15
    tone = between(rng, 150, 255)
    for _ in range(rng.integers(1, 4)):
        x, wide = between(rng, 0, size), max(1, int(between(rng, 0.01, 0.05) * size))
        dash, gap = between(rng, 0.05, 0.5) * size, between(rng, 0.05, 0.5) * size
        y = -between(rng, 0, dash + gap)
        while y < size:
            end = (int(x) + wide, int(y + dash))
            cv2.rectangle(plane, (int(x), int(y)), end, tone, -1)
            y += dash + gap
    for _ in range(rng.integers(0, 3)):
        mask = glyph_mask(rng, 1, between(rng, 0.1, 0.4) * size)
        if chance(rng, 0.6):
            mask = arrow_mask(rng, int(between(rng, 0.1, 0.4) * size))
        paint(plane, mask, between(rng, 0, 0.9) * size, between(rng, 0, 0.9) * size, tone)
    if chance(rng, 0.25):  # a crossing
        y0, y1 = sorted(rng.uniform(0, size, 2).astype(int).tolist())
        pitch = max(4, int(between(rng, 0.04, 0.15) * size))
        for x in range(0, size, pitch):
            plane[y0:y1, x : x + pitch // 2] = tone
    horizon = between(rng, -0.3, 0.45) * size
    narrow = between(rng, 0.05, 0.7) * size
    lean = rng.normal(0, 0.4) * size
    middle = size / 2
    flat = np.array([[0, 0], [size, 0], [size, size], [0, size]], dtype=np.float32)
    seen = [
        [middle - narrow + lean, horizon],
        [middle + narrow + lean, horizon],
        [size * 1.6, size * 1.05],
        [-size * 0.6, size * 1.05],
    ]
    picture = rough(rng, size, size)
    warp = cv2.getPerspectiveTransform(flat, np.array(seen, dtype=np.float32))
    warped = cv2.warpPerspective(plane, warp, (size, size), borderMode=cv2.BORDER_REPLICATE)
    below = slice(max(0, int(horizon)), size)
    picture[below] = warped[below]
    return picture


def _windows(rng: np.random.Generator, size: int) -> Picture:
    """A front of framed windows, each with bars, a sill, and what shines in it."""
    picture = np.asarray(rough(rng, size, size) * 0.2 + between(rng, 30, 190), dtype=np.float32)
    width = log_between(rng, 10, 120)
    height = width * between(rng, 0.35, 2.2)
    step_x, step_y = width * between(rng, 1.15, 2.5), height * between(rng, 1.2, 2.5)
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    frame_tone, edge = between(rng, 0, 255), max(1, int(width * between(rng, 0.03, 0.12)))
    start_x, start_y = between(rng, -width, width), between(rng, -height, height)
    for y in np.arange(start_y, size, step_y):
        for x in np.arange(start_x, size, step_x):
            x0, y0, x1, y1 = int(x), int(y), int(x + width), int(y + height)
            cv2.rectangle(picture, (x0, y0), (x1, y1), between(rng, 0, 255), -1)
            for i in range(1, columns):
                at = x0 + (x1 - x0) * i // columns
                cv2.line(picture, (at, y0), (at, y1), frame_tone, max(1, edge // 2))
            for i in range(1, rows):
                at = y0 + (y1 - y0) * i // rows
                cv2.line(picture, (x0, at), (x1, at), frame_tone, max(1, edge // 2))
            cv2.rectangle(picture, (x0, y0), (x1, y1), frame_tone, edge)
    return picture


def _garage(rng: np.random.Generator, size: int) -> Picture:
    """A door of raised panels, lit from above, with a handle or a row of small windows."""
    tone = between(rng, 60, 240)
    picture = shaded(rng, size, size, tone)
    height = log_between(rng, 12, 90)
    width = height * between(rng, 1.0, 4.5)
    depth = between(rng, 10, 70) * (1 if chance(rng, 0.7) else -1)
    thick = max(1, int(height * between(rng, 0.03, 0.1)))
    glazed = int(rng.integers(0, 6))
    for row, y in enumerate(np.arange(between(rng, -height, 0), size, height * 1.25)):
        for x in np.arange(between(rng, -width, 0), size, width * 1.12):
            x0, y0, x1, y1 = int(x), int(y), int(x + width), int(y + height)
            if row == glazed:
                cv2.rectangle(picture, (x0, y0), (x1, y1), between(rng, 10, 230), -1)
            cv2.line(picture, (x0, y0), (x1, y0), tone - depth, thick)
            cv2.line(picture, (x0, y0), (x0, y1), tone - depth * 0.7, thick)
            cv2.line(picture, (x0, y1), (x1, y1), tone + depth, thick)
            cv2.line(picture, (x1, y0), (x1, y1), tone + depth * 0.7, thick)
    return picture


def _sky(rng: np.random.Generator, size: int) -> Picture:
    """Bright gaps in dark leaves, between roofs or under a canopy."""
    picture = _leaves(rng, size) * between(rng, 0.3, 0.9)
    bright = between(rng, 160, 255)
    for _ in range(rng.integers(2, 12)):
        mask = np.zeros((size, size), dtype=np.float32)
        spread = np.array([log_between(rng, 4, 60), log_between(rng, 3, 25)])
        points = rng.uniform(0, size, 2) + rng.normal(0, 1, (int(rng.integers(4, 8)), 2)) * spread
        cv2.fillPoly(mask, [points.astype(np.int32)], 1.0, cv2.LINE_AA)
        paint(picture, mask, 0, 0, bright)
        for _ in range(rng.integers(0, 4)):  # twigs and wires across
            a, b = rng.normal(0, 30, (2, 2)) + points.mean(axis=0)
            ends = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
            cv2.line(picture, *ends, between(rng, 0, 90), int(rng.integers(1, 4)))
    return picture


def _lattice(rng: np.random.Generator, size: int) -> Picture:
    """Chain links, meshes, honeycombs, vents: fine grids over something."""
    under = _panels(rng, size) if chance(rng, 0.5) else rough(rng, size, size)
    pitch = log_between(rng, 4, 40)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = 0.785 if chance(rng, 0.6) else 0.0
    u = columns * np.cos(angle) + rows * np.sin(angle)
    v = (rows * np.cos(angle) - columns * np.sin(angle)) * between(rng, 0.6, 1.6)
    share = between(rng, 0.1, 0.45)
    wires = ((u % pitch) < share * pitch) | ((v % pitch) < share * pitch)
    return np.where(wires, np.float32(between(rng, 0, 255)), under).astype(np.float32)
