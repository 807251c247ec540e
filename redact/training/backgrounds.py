"""Backgrounds without plates: walls, fences, roads, leaves, pages of text, people."""

from __future__ import annotations

import cv2
import numpy as np

from redact.training.drawing import (
    GreyImage,
    arrow_mask,
    chance,
    glyph_mask,
    log_uniform,
    paint,
    resized,
    rough,
    shaded,
    slope,
    uniform,
)
from redact.training.people import people
from redact.training.scripts import prose_mask


def background(rng: np.random.Generator, size: int) -> GreyImage:
    """A drawn background without a plate: (size, size) float32, 0..255."""
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
    image = makers[int(rng.integers(len(makers)))](rng, size)
    if chance(rng, 0.35):  # join two kinds, one beside or below the other
        other = makers[int(rng.integers(len(makers)))](rng, size)
        cut = int(size * uniform(rng, 0.15, 0.85))
        if chance(rng, 0.5):
            image[cut:] = other[cut:]
        else:
            image[:, cut:] = other[:, cut:]
    return np.clip(image, 0, 255)


def _plain(rng: np.random.Generator, size: int) -> GreyImage:
    """A rough surface and nothing else."""
    return rough(rng, size, size)


def _bricks(rng: np.random.Generator, size: int) -> GreyImage:
    """Rows of bricks or tiles with joints between them."""
    image = rough(rng, size, size) * 0.15 + uniform(rng, 40, 200)
    height = int(uniform(rng, 5, 70))
    width = max(4, int(height * uniform(rng, 0.7, 4)))
    joint = max(1, int(height * uniform(rng, 0.05, 0.3)))
    tone, spread = uniform(rng, 20, 235), uniform(rng, 0, 45)
    shifted = chance(rng, 0.6)
    for row, y in enumerate(range(0, size, height)):
        start = -(width // 2) if shifted and row % 2 else 0
        for x in range(start, size, width):
            image[y : y + height, max(0, x) : max(0, x + width)] += rng.normal() * spread
            cv2.line(image, (x, y), (x, y + height), tone, joint)
        cv2.line(image, (0, y), (size, y), tone, joint)
    return image


def _fence(rng: np.random.Generator, size: int) -> GreyImage:
    """Parallel bars: fences, siding, steps, blinds."""
    image = rough(rng, size, size)
    pitch = max(3, int(uniform(rng, 3, 40)))
    thickness = max(1, int(pitch * uniform(rng, 0.2, 0.6)))
    tone = uniform(rng, 0, 255)
    upright = chance(rng, 0.6)
    for at in range(0, size, pitch):
        ends = ((at, 0), (at, size)) if upright else ((0, at), (size, at))
        cv2.line(image, *ends, tone, thickness)
    for _ in range(rng.integers(0, 4)):
        at = int(uniform(rng, 0, size))
        ends = ((0, at), (size, at)) if upright else ((at, 0), (at, size))
        cv2.line(image, *ends, tone, thickness * 2)
    return image


def _panels(rng: np.random.Generator, size: int) -> GreyImage:
    """Overlapping rectangles: walls, doors, boxes, bright doorways."""
    image = rough(rng, size, size)
    for _ in range(rng.integers(5, 40)):
        x, y = (int(v) for v in rng.integers(0, size, 2))
        width, height = int(log_uniform(rng, 6, size * 0.7)), int(log_uniform(rng, 6, size * 0.7))
        part = image[y : y + height, x : x + width]
        part *= uniform(rng, 0, 0.4)
        part += uniform(rng, 0, 230) + slope(rng, part.shape[0], part.shape[1], 30)
    return image


def _shapes(rng: np.random.Generator, size: int) -> GreyImage:
    """Random polygons of one grey level each."""
    image = rough(rng, size, size)
    for _ in range(rng.integers(4, 25)):
        spread = rng.normal(0, 1, (int(rng.integers(3, 7)), 2)) * size * uniform(rng, 0.05, 0.4)
        points = (rng.uniform(-0.2, 1.2, 2) * size + spread).astype(np.int32)
        cv2.fillPoly(image, [points], uniform(rng, 0, 255), cv2.LINE_AA)
    return image


def _page(rng: np.random.Generator, size: int) -> GreyImage:
    """Lines of text as on posters and notices."""
    image = rough(rng, size, size) * 0.1 + uniform(rng, 0, 230)
    y = 0.0
    while y < size:
        height = log_uniform(rng, 5, 50)
        mask = prose_mask(rng, 7, height)
        paint(image, mask, uniform(rng, -0.5, 0.5) * size, y, uniform(rng, 0, 255))
        y += height * uniform(rng, 1.2, 3)
    return image


def _newspaper(rng: np.random.Generator, size: int) -> GreyImage:
    """Columns of small print with headlines and pictures among them."""
    ground, ink = uniform(rng, 150, 240), uniform(rng, 0, 90)
    if chance(rng, 0.2):  # light print on a dark page
        ground, ink = ink, ground
    image = shaded(rng, size, size, ground)
    column = log_uniform(rng, 30, 140)
    lines = [prose_mask(rng, 8, log_uniform(rng, 5, 14)) for _ in range(6)]
    x = -uniform(rng, 0, column)
    while x < size:
        y = -uniform(rng, 0, 40)
        while y < size:
            kind = rng.random()
            if kind < 0.06:
                height = column * uniform(rng, 0.3, 1)
                block = rough(rng, int(height) + 1, int(column) + 1)
                paint(image, np.ones_like(block), x, y, block)
            elif kind < 0.14:
                height = log_uniform(rng, 10, 40)
                headline = prose_mask(rng, 3, height)
                width = min(headline.shape[1], int(column))
                paint(image, resized(headline, width, headline.shape[0]), x, y, ink)
            else:
                line = lines[int(rng.integers(len(lines)))]
                height = float(line.shape[0])
                paint(image, line[:, : int(column)], x, y, ink)
            y += height * 1.35
        x += column * 1.12
    return image


def _shop_front(rng: np.random.Generator, size: int) -> GreyImage:
    """Boards with names above windows, and price cards in the windows."""
    image = _windows(rng, size)
    for _ in range(rng.integers(1, 4)):
        height = log_uniform(rng, 12, 60)
        mask = prose_mask(rng, 3, height * uniform(rng, 0.4, 0.75))
        width = mask.shape[1] + height * uniform(rng, 0.4, 5)
        ground = uniform(rng, 0, 255)
        board = shaded(rng, int(height), int(width), ground)
        center = (width - mask.shape[1]) / 2, (height - mask.shape[0]) / 2
        paint(board, mask, *center, 255 - ground)
        x, y = uniform(rng, -0.3, 0.7) * size, uniform(rng, 0, 0.9) * size
        paint(image, np.ones_like(board), x, y, board)
    for _ in range(rng.integers(0, 6)):
        height = log_uniform(rng, 8, 40)
        width = height * uniform(rng, 0.5, 1.2)
        card = shaded(rng, int(height), int(width), uniform(rng, 150, 250))
        for row in range(3):
            mask = prose_mask(rng, 2, max(4.0, height / 5))
            mask = resized(mask, min(mask.shape[1], int(card.shape[1] * 0.9)), mask.shape[0])
            paint(card, mask, 1, (row + 0.3) * height / 3, uniform(rng, 0, 90))
        x, y = rng.uniform(0, size, 2).tolist()
        paint(image, np.ones_like(card), x, y, card)
    return image


def _leaves(rng: np.random.Generator, size: int) -> GreyImage:
    """Small overlapping ellipses: bushes, grass, gravel."""
    image = np.full((size, size), uniform(rng, 30, 150), dtype=np.float32)
    low, high = sorted(rng.uniform(0, 235, 2))
    for _ in range(rng.integers(200, 900)):
        center = tuple(int(v) for v in rng.uniform(0, size, 2))
        axes = (int(uniform(rng, 1, 9)), int(uniform(rng, 1, 5)))
        tone = uniform(rng, float(low), float(high))
        cv2.ellipse(image, center, axes, uniform(rng, 0, 180), 0, 360, tone, -1)
    return image


def _folds(rng: np.random.Generator, size: int) -> GreyImage:
    """Soft, long shapes, unevenly lit: cloth, hair, fur, bodies."""
    image = rough(rng, size, size)
    for _ in range(rng.integers(4, 16)):
        mask = np.zeros((size, size), dtype=np.float32)
        points = np.cumsum(rng.normal(0, size * 0.12, (6, 2)), axis=0) + rng.uniform(0, size, 2)
        thickness = int(log_uniform(rng, 2, size * 0.3))
        cv2.polylines(mask, [points.astype(np.int32)], False, 1.0, thickness, cv2.LINE_AA)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), uniform(rng, 0.6, 6)), dtype=np.float32)
        paint(image, mask, 0, 0, shaded(rng, size, size, uniform(rng, 0, 240)))
    return image


def _road(rng: np.random.Generator, size: int) -> GreyImage:
    """A plain road under a plain sky, with a few lines across both."""
    image = np.full((size, size), uniform(rng, 80, 200), dtype=np.float32)
    image[max(0, int(uniform(rng, -0.2, 0.8) * size)) :] = uniform(rng, 40, 160)
    image += rough(rng, size, size) * 0.12
    for _ in range(rng.integers(0, 6)):
        a, b = (rng.uniform(-0.2, 1.2, (2, 2)) * size).astype(int).tolist()
        cv2.line(image, a, b, uniform(rng, 0, 255), int(rng.integers(1, 9)))
    return image


def _markings(rng: np.random.Generator, size: int) -> GreyImage:
    """Road markings (dashes, arrows, characters, crossings) on a plane seen in perspective."""
    plane: GreyImage = np.full((size, size), uniform(rng, 40, 140), dtype=np.float32)
    plane += rough(rng, size, size) * 0.15
    tone = uniform(rng, 150, 255)
    for _ in range(rng.integers(1, 4)):
        x, width = uniform(rng, 0, size), max(1, int(uniform(rng, 0.01, 0.05) * size))
        dash, gap = uniform(rng, 0.05, 0.5) * size, uniform(rng, 0.05, 0.5) * size
        y = -uniform(rng, 0, dash + gap)
        while y < size:
            end = (int(x) + width, int(y + dash))
            cv2.rectangle(plane, (int(x), int(y)), end, tone, -1)
            y += dash + gap
    for _ in range(rng.integers(0, 3)):
        mask = glyph_mask(rng, 1, uniform(rng, 0.1, 0.4) * size)
        if chance(rng, 0.6):
            mask = arrow_mask(rng, int(uniform(rng, 0.1, 0.4) * size))
        paint(plane, mask, uniform(rng, 0, 0.9) * size, uniform(rng, 0, 0.9) * size, tone)
    if chance(rng, 0.25):  # a pedestrian crossing
        y0, y1 = sorted(rng.uniform(0, size, 2).astype(int).tolist())
        pitch = max(4, int(uniform(rng, 0.04, 0.15) * size))
        for x in range(0, size, pitch):
            plane[y0:y1, x : x + pitch // 2] = tone
    horizon = uniform(rng, -0.3, 0.45) * size
    half_width = uniform(rng, 0.05, 0.7) * size
    lean = rng.normal(0, 0.4) * size
    middle = size / 2
    flat = np.array([[0, 0], [size, 0], [size, size], [0, size]], dtype=np.float32)
    seen = [
        [middle - half_width + lean, horizon],
        [middle + half_width + lean, horizon],
        [size * 1.6, size * 1.05],
        [-size * 0.6, size * 1.05],
    ]
    image = rough(rng, size, size)
    warp = cv2.getPerspectiveTransform(flat, np.array(seen, dtype=np.float32))
    warped = cv2.warpPerspective(plane, warp, (size, size), borderMode=cv2.BORDER_REPLICATE)
    below = slice(max(0, int(horizon)), size)
    image[below] = warped[below]
    return image


def _windows(rng: np.random.Generator, size: int) -> GreyImage:
    """A house front with rows of framed windows, each divided by bars."""
    image = np.asarray(rough(rng, size, size) * 0.2 + uniform(rng, 30, 190), dtype=np.float32)
    width = log_uniform(rng, 10, 120)
    height = width * uniform(rng, 0.35, 2.2)
    step_x, step_y = width * uniform(rng, 1.15, 2.5), height * uniform(rng, 1.2, 2.5)
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    frame_tone, edge = uniform(rng, 0, 255), max(1, int(width * uniform(rng, 0.03, 0.12)))
    start_x, start_y = uniform(rng, -width, width), uniform(rng, -height, height)
    for y in np.arange(start_y, size, step_y):
        for x in np.arange(start_x, size, step_x):
            x0, y0, x1, y1 = int(x), int(y), int(x + width), int(y + height)
            cv2.rectangle(image, (x0, y0), (x1, y1), uniform(rng, 0, 255), -1)
            for i in range(1, columns):
                at = x0 + (x1 - x0) * i // columns
                cv2.line(image, (at, y0), (at, y1), frame_tone, max(1, edge // 2))
            for i in range(1, rows):
                at = y0 + (y1 - y0) * i // rows
                cv2.line(image, (x0, at), (x1, at), frame_tone, max(1, edge // 2))
            cv2.rectangle(image, (x0, y0), (x1, y1), frame_tone, edge)
    return image


def _garage(rng: np.random.Generator, size: int) -> GreyImage:
    """A garage door of raised panels, lit from above, perhaps with a row of small windows."""
    tone = uniform(rng, 60, 240)
    image = shaded(rng, size, size, tone)
    height = log_uniform(rng, 12, 90)
    width = height * uniform(rng, 1.0, 4.5)
    depth = uniform(rng, 10, 70) * (1 if chance(rng, 0.7) else -1)
    thickness = max(1, int(height * uniform(rng, 0.03, 0.1)))
    window_row = int(rng.integers(0, 6))  # often a row that the image does not reach
    for row, y in enumerate(np.arange(uniform(rng, -height, 0), size, height * 1.25)):
        for x in np.arange(uniform(rng, -width, 0), size, width * 1.12):
            x0, y0, x1, y1 = int(x), int(y), int(x + width), int(y + height)
            if row == window_row:
                cv2.rectangle(image, (x0, y0), (x1, y1), uniform(rng, 10, 230), -1)
            cv2.line(image, (x0, y0), (x1, y0), tone - depth, thickness)
            cv2.line(image, (x0, y0), (x0, y1), tone - depth * 0.7, thickness)
            cv2.line(image, (x0, y1), (x1, y1), tone + depth, thickness)
            cv2.line(image, (x1, y0), (x1, y1), tone + depth * 0.7, thickness)
    return image


def _sky(rng: np.random.Generator, size: int) -> GreyImage:
    """Bright sky through gaps in dark leaves, between roofs or under a canopy."""
    image = _leaves(rng, size) * uniform(rng, 0.3, 0.9)
    bright = uniform(rng, 160, 255)
    for _ in range(rng.integers(2, 12)):
        mask = np.zeros((size, size), dtype=np.float32)
        spread = np.array([log_uniform(rng, 4, 60), log_uniform(rng, 3, 25)])
        points = rng.uniform(0, size, 2) + rng.normal(0, 1, (int(rng.integers(4, 8)), 2)) * spread
        cv2.fillPoly(mask, [points.astype(np.int32)], 1.0, cv2.LINE_AA)
        paint(image, mask, 0, 0, bright)
        for _ in range(rng.integers(0, 4)):  # twigs and wires across
            a, b = rng.normal(0, 30, (2, 2)) + points.mean(axis=0)
            ends = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
            cv2.line(image, *ends, uniform(rng, 0, 90), int(rng.integers(1, 4)))
    return image


def _lattice(rng: np.random.Generator, size: int) -> GreyImage:
    """A fine grid in front of another background: chain links, meshes, vents."""
    under = _panels(rng, size) if chance(rng, 0.5) else rough(rng, size, size)
    pitch = log_uniform(rng, 4, 40)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = 0.785 if chance(rng, 0.6) else 0.0
    u = columns * np.cos(angle) + rows * np.sin(angle)
    v = (rows * np.cos(angle) - columns * np.sin(angle)) * uniform(rng, 0.6, 1.6)
    share = uniform(rng, 0.1, 0.45)
    wires = ((u % pitch) < share * pitch) | ((v % pitch) < share * pitch)
    return np.where(wires, np.float32(uniform(rng, 0, 255)), under).astype(np.float32)
