"""Licence plates of many layouts, drawn flat, and things that only look like one."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from redact.training.drawing import (
    DIGITS,
    LETTERS,
    Picture,
    between,
    bold_font_files,
    chance,
    font_files,
    glyph_mask,
    letters,
    paint,
    phrase,
    pick,
    resized,
    shaded,
    slope,
    smooth_noise,
    text_mask,
    word,
)

HEIGHT = 64


@dataclasses.dataclass(frozen=True)
class Layout:
    """A family of plates. `aspect` is width over height, `captions` above and below the number."""

    aspect: tuple[float, float]
    weight: float
    lines: int = 1
    bands: float = 0.0  # how often a strip with the country's letters stands at the left
    captions: tuple[float, float] = (0.0, 0.0)
    pictures: float = 0.0  # how often scenery is printed behind the number
    script: float = 0.0  # how often signs without a Latin letter lead the number


LAYOUTS = {
    "european": Layout((4.2, 5.1), 0.27, bands=0.75),
    "north_american": Layout((1.8, 2.2), 0.25, captions=(0.9, 0.5), pictures=0.5),
    "brazilian": Layout((2.8, 3.4), 0.12, captions=(0.9, 0.0)),
    "australian": Layout((2.4, 2.95), 0.06, captions=(0.3, 0.6), pictures=0.3),
    "east_asian": Layout((2.9, 3.3), 0.07, script=0.9),
    "japanese": Layout((1.85, 2.1), 0.04, captions=(1.0, 0.0), script=0.5),
    "indian": Layout((3.8, 4.6), 0.04, bands=0.3),
    "arabian": Layout((1.9, 4.6), 0.05, script=0.7, captions=(0.3, 0.3)),
    "two_lines": Layout((1.1, 2.4), 0.10, lines=2, bands=0.15, captions=(0.15, 0.0)),
}
_NAMES = tuple(LAYOUTS)
_WEIGHTS = np.array([LAYOUTS[name].weight for name in _NAMES])
_WEIGHTS /= _WEIGHTS.sum()


def plate(rng: np.random.Generator) -> Picture:
    """A plate seen straight on, `HEIGHT` px high."""
    layout = LAYOUTS[_NAMES[int(rng.choice(len(_NAMES), p=_WEIGHTS))]]
    height, width = HEIGHT, int(HEIGHT * between(rng, *layout.aspect))
    ground, ink = _tones(rng)
    picture = np.full((height, width), ground, dtype=np.float32) + slope(rng, height, width, 12)
    if chance(rng, layout.pictures):
        _print_scenery(rng, picture)
    if chance(rng, 0.5):
        thickness = max(1, int(height * between(rng, 0.02, 0.06)))
        inset = thickness // 2 + int(height * between(rng, 0, 0.03))
        corner = (width - 1 - inset, height - 1 - inset)
        cv2.rectangle(picture, (inset, inset), corner, ink, thickness)
    left, right = width * between(rng, 0.02, 0.07), width * between(rng, 0.93, 0.98)
    top, bottom = height * between(rng, 0.1, 0.2), height * between(rng, 0.8, 0.9)
    if chance(rng, layout.bands):
        left, right = _add_bands(rng, picture, left, right)
    above, below = (chance(rng, share) for share in layout.captions)
    if above:
        top = height * between(rng, 0.22, 0.34)
        _caption(rng, picture, height * 0.05, top - height * between(rng, 0.08, 0.12), ink)
    if below:
        bottom = height * between(rng, 0.72, 0.8)
        _caption(rng, picture, height * 0.84, height * 0.94, ink)
    if above or below:
        _add_stickers(rng, picture)
    _write_number(rng, picture, layout, (left, top, right, bottom), (ground, ink))
    _wear(rng, picture)
    return np.clip(picture, 0, 255)


def number(rng: np.random.Generator, length: int) -> str:
    """Something that reads like a registration."""
    gap = pick(rng, ["", " ", " ", "-", "\u00b7"])
    head = int(rng.integers(1, 4))
    tail = max(1, length - head)
    match int(rng.integers(4)):
        case 0:
            return letters(rng, head) + gap + letters(rng, tail, DIGITS)
        case 1:
            return letters(rng, 2) + gap + letters(rng, 2, DIGITS) + gap + letters(rng, tail)
        case 2:
            return letters(rng, tail, DIGITS) + gap + letters(rng, head)
        case _:
            return letters(rng, length, LETTERS + DIGITS * 2)


def lookalike(rng: np.random.Generator) -> Picture:
    """A thing that isn't a plate, `HEIGHT` px high: a sign, lettering, a vent, a blank panel."""
    height = HEIGHT
    match int(rng.integers(9)):
        case 6:
            return _emblem(rng, height)
        case 7:
            return _wheel(rng, height)
        case 8:
            return _lamp(rng, height)
        case 0:  # several lines of text
            return _text_block(rng, height, int(height * between(rng, 0.5, 2.5)))
        case 1:  # one long line of lettering
            mask = text_mask(rng, phrase(rng), height * 0.6, font_files())
            ground, ink = _tones(rng)
            picture = shaded(rng, height, mask.shape[1] + height, ground)
            paint(picture, mask, height / 2, height * 0.2, ink)
            return np.clip(picture, 0, 255)
        case 2:  # bars: a vent, a grille, a bar code, a drain
            return _bars(rng, height, int(height * between(rng, 1, 5)))
        case 3:  # a lone short word or number without a ground of its own: a badge, a house number
            return _badge(rng, height)
        case 4:  # rows of dark and light cells: windows, vents, paving
            rows, columns = int(rng.integers(1, 5)), int(rng.integers(2, 10))
            cells = rng.uniform(0, 255, (rows, columns)).astype(np.float32)
            width = int(height * between(rng, 1.2, 5))
            picture = np.asarray(
                cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST),
                dtype=np.float32,
            )
            step = max(2, width // columns)
            picture[:, ::step] = between(rng, 0, 255)
            return picture
        case _:  # a blank panel: a lamp, a reflector, a handle's recess
            width = int(height * between(rng, 1.5, 5))
            picture = shaded(rng, height, width, between(rng, 0, 255)) + slope(
                rng, height, width, 40
            )
            if chance(rng, 0.5):
                edge = int(rng.integers(2, 9))
                cv2.rectangle(picture, (2, 2), (width - 3, height - 3), between(rng, 0, 255), edge)
            if chance(rng, 0.3):
                radius = int(height * between(rng, 0.1, 0.4))
                cv2.circle(picture, (width // 2, height // 2), radius, between(rng, 0, 255), -1)
            return np.clip(picture, 0, 255)


def _tones(rng: np.random.Generator) -> tuple[float, float]:
    """Grey of the ground and of the ink: mostly dark on light, sometimes the other way."""
    if chance(rng, 0.3):
        ground = between(rng, 15, 110)
        return ground, min(255.0, ground + between(rng, 60, 160))
    ground = between(rng, 130, 245)
    return ground, max(5.0, ground - between(rng, 70, 220))


def _print_scenery(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape
    for _ in range(rng.integers(1, 5)):
        mask = np.zeros((height, width), dtype=np.float32)
        center = (int(between(rng, 0, width)), int(between(rng, 0, height)))
        axes = (int(between(rng, 0.1, 0.6) * width), int(between(rng, 0.1, 0.6) * height))
        cv2.ellipse(mask, center, axes, between(rng, 0, 180), 0, 360, 1.0, -1)
        sigma = max(1.0, height * between(rng, 0.01, 0.15))
        picture += cv2.GaussianBlur(mask, (0, 0), sigma) * between(rng, -60, 30)
    if chance(rng, 0.4):
        picture[: int(height * between(rng, 0.12, 0.3))] = between(rng, 40, 220)
    if chance(rng, 0.3):
        picture[int(height * between(rng, 0.72, 0.88)) :] = between(rng, 40, 220)


def _add_bands(
    rng: np.random.Generator, picture: Picture, left: float, right: float
) -> tuple[float, float]:
    height, width = picture.shape
    band = int(min(width * 0.12, height * between(rng, 0.3, 0.45)))
    picture[:, :band] = between(rng, 35, 120)
    code = text_mask(rng, letters(rng, int(rng.integers(1, 3))), height * 0.2, font_files())
    paint(picture, code, band * 0.25, height * 0.62, 230)
    if chance(rng, 0.7):
        center, radius = (band // 2, int(height * 0.3)), max(1, int(band * 0.3))
        cv2.circle(picture, center, radius, 225.0, max(1, int(height * 0.03)))
    if chance(rng, 0.15):
        picture[:, width - band :] = between(rng, 35, 120)
        right = width - band * 1.1
    return max(left, band * 1.15), right


def _caption(
    rng: np.random.Generator, picture: Picture, top: float, bottom: float, ink: float
) -> None:
    text = " ".join(word(rng).upper() for _ in range(rng.integers(1, 3)))
    mask = text_mask(rng, text, max(4.0, bottom - top), font_files())
    width = min(mask.shape[1], int(picture.shape[1] * 0.92))
    tone = ink if chance(rng, 0.6) else between(rng, 0, 255)
    paint(picture, resized(mask, width, mask.shape[0]), (picture.shape[1] - width) / 2, top, tone)


def _add_stickers(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape
    for x, y in ((0.08, 0.12), (0.92, 0.12), (0.08, 0.88), (0.92, 0.88)):
        if chance(rng, 0.25):
            half = int(0.06 * width), int(0.1 * height)
            x0, y0 = max(0, int(x * width) - half[0]), max(0, int(y * height) - half[1])
            tone = between(rng, 30, 240)
            picture[y0 : int(y * height) + half[1], x0 : int(x * width) + half[0]] = tone


def _write_number(
    rng: np.random.Generator,
    picture: Picture,
    layout: Layout,
    area: tuple[float, float, float, float],
    tones: tuple[float, float],
) -> None:
    left, top, right, bottom = area
    ground, ink = tones
    embossed = chance(rng, 0.3)
    spacing = between(rng, 0, 0.2) if chance(rng, 0.6) else 0.0
    line_height = (bottom - top) / layout.lines
    for row in range(layout.lines):
        length = int(rng.integers(4, 9)) if layout.lines == 1 else int(rng.integers(2, 6))
        share = between(rng, 0.8, 1.0) if layout.lines == 1 else between(rng, 0.72, 0.9)
        letter_height = max(5.0, line_height * share)
        if chance(rng, layout.script):
            mask = glyph_mask(rng, int(rng.integers(1, 4)), letter_height)
            rest = text_mask(rng, number(rng, 5), letter_height, bold_font_files(), spacing=spacing)
            gap = np.zeros((max(mask.shape[0], rest.shape[0]), int(letter_height / 4)), np.float32)
            parts = [mask, gap, rest] if chance(rng, 0.8) else [rest, gap, mask]
            tallest = gap.shape[0]
            mask = np.concatenate([resized(p, p.shape[1], tallest) for p in parts], axis=1)
        else:
            text = number(rng, length)
            mask = text_mask(rng, text, letter_height, bold_font_files(), spacing=spacing)
        if chance(rng, 0.3):
            mask = np.asarray(cv2.dilate(mask, np.ones((2, 2), np.uint8)), dtype=np.float32)
        room = (right - left) * between(rng, 0.8, 1.0)
        if mask.shape[1] > room or chance(rng, 0.6):
            mask = resized(mask, max(3, int(room)), mask.shape[0])
        x = left + (right - left - mask.shape[1]) / 2
        y = top + row * line_height + (line_height - mask.shape[0]) / 2
        if embossed:
            paint(picture, mask * 0.4, x + 1, y + 1, 255.0 if ink < ground else 0.0)
        paint(picture, mask, x, y, ink)


def _wear(rng: np.random.Generator, picture: Picture) -> None:
    """Bolts, dirt, uneven light and the shadow of what hangs over the plate."""
    height, width = picture.shape
    if chance(rng, 0.5):
        sides = (0.2, 0.8) if chance(rng, 0.7) else (0.06, 0.94)
        rows = (0.1, 0.9) if chance(rng, 0.4) else (0.1,)
        for x in sides:
            for y in rows:
                center = (int(x * width), int(y * height))
                cv2.circle(picture, center, max(1, int(height * 0.05)), between(rng, 20, 240), -1)
    if chance(rng, 0.35):
        dirt = np.minimum(smooth_noise(rng, height, width, 12), 0)
        picture += dirt * between(rng, 5, 40)
    if chance(rng, 0.3):
        picture += slope(rng, height, width, 50)
    if chance(rng, 0.2):
        a, b = int(height * between(rng, -0.3, 1)), int(height * between(rng, -0.3, 1))
        shadow = np.zeros((height, width), dtype=np.float32)
        cv2.fillPoly(shadow, [np.array([[0, 0], [width, 0], [width, b], [0, a]])], 1.0)
        picture *= 1 - shadow * between(rng, 0.2, 0.65)


def _text_block(rng: np.random.Generator, height: int, width: int) -> Picture:
    ground, ink = _tones(rng)
    picture = shaded(rng, height, width, ground)
    rows = int(rng.integers(3, 7))
    for row in range(rows):
        mask = text_mask(rng, phrase(rng, 4), max(5.0, height / rows * 0.7), font_files())
        room = max(3, int(width * between(rng, 0.4, 0.95)))
        mask = resized(mask, min(room, mask.shape[1]), mask.shape[0])
        paint(picture, mask, width * 0.03, row * height / rows, ink)
    return np.clip(picture, 0, 255)


def _bars(rng: np.random.Generator, height: int, width: int) -> Picture:
    across = chance(rng, 0.5)
    length = width if across else height
    line = np.zeros(length, dtype=np.float32)
    tones = rng.uniform(0, 255, 2) if chance(rng, 0.6) else rng.uniform(0, 255, 9)
    position, turn = 0, 0
    while position < length:
        step = int(between(rng, 2, height * 0.25))
        line[position : position + step] = tones[turn % len(tones)]
        position, turn = position + step, turn + 1
    full = np.broadcast_to(line[None] if across else line[:, None], (height, width))
    return np.array(full, dtype=np.float32)


def _emblem(rng: np.random.Generator, height: int) -> Picture:
    """A maker's round or oval sign, with letters or a figure in its rings."""
    width = int(height * between(rng, 0.9, 1.9))
    picture = shaded(rng, height, width, between(rng, 0, 255))
    center = (width // 2, height // 2)
    for share in sorted(rng.uniform(0.45, 1.0, int(rng.integers(1, 4))), reverse=True):
        axes = (max(1, int(width / 2 * share) - 1), max(1, int(height / 2 * share) - 1))
        thickness = -1 if chance(rng, 0.7) else int(rng.integers(2, 7))
        cv2.ellipse(picture, center, axes, 0, 0, 360, between(rng, 0, 255), thickness, cv2.LINE_AA)
    if chance(rng, 0.6):
        text = letters(rng, int(rng.integers(1, 5)))
        mask = text_mask(rng, text, height * between(rng, 0.25, 0.5), font_files())
        mask = resized(mask, min(mask.shape[1], int(width * 0.75)), mask.shape[0])
    else:
        mask = glyph_mask(rng, 1, height * between(rng, 0.4, 0.75))
    x, y = (width - mask.shape[1]) / 2, (height - mask.shape[0]) / 2
    paint(picture, mask, x, y, between(rng, 0, 255))
    return np.clip(picture, 0, 255)


def _wheel(rng: np.random.Generator, height: int) -> Picture:
    """Tyre, rim and spokes, from the front or at a slant."""
    width = int(height * between(rng, 0.4, 1.05))
    picture = shaded(rng, height, width, between(rng, 20, 220))
    center = (width // 2, height // 2)
    axes = np.array([width / 2 - 1, height / 2 - 1])
    outline = (int(axes[0]), int(axes[1]))
    cv2.ellipse(picture, center, outline, 0, 0, 360, between(rng, 5, 60), -1, cv2.LINE_AA)
    rim = axes * between(rng, 0.6, 0.8)
    dark, light = sorted(rng.uniform(20, 240, 2))
    inner = (int(rim[0]), int(rim[1]))
    cv2.ellipse(picture, center, inner, 0, 0, 360, float(dark), -1, cv2.LINE_AA)
    spokes, turn = int(rng.integers(4, 13)), between(rng, 0, 3)
    for angle in turn + np.arange(spokes) * 2 * np.pi / spokes:
        end = center + rim * (np.cos(angle), np.sin(angle))
        thickness = int(rng.integers(2, 7))
        cv2.line(picture, center, (int(end[0]), int(end[1])), float(light), thickness, cv2.LINE_AA)
    hub = (max(1, int(rim[0] * 0.25)), max(1, int(rim[1] * 0.25)))
    cv2.ellipse(picture, center, hub, 0, 0, 360, between(rng, 20, 240), -1, cv2.LINE_AA)
    return np.clip(picture, 0, 255)


def _lamp(rng: np.random.Generator, height: int) -> Picture:
    """Glass with ribs or bulbs behind it: head lamps, tail lamps, reflectors, door lights."""
    width = int(height * between(rng, 0.9, 3.5))
    picture = shaded(rng, height, width, between(rng, 0, 220))
    glass = shaded(rng, height, width, between(rng, 60, 255))
    if chance(rng, 0.6):
        pitch = max(2, int(height * between(rng, 0.05, 0.2)))
        tone = between(rng, -60, 60)
        if chance(rng, 0.7):
            glass[:, ::pitch] += tone
        if chance(rng, 0.4):
            glass[::pitch] += tone
    for _ in range(rng.integers(0, 4)):
        spot = (int(between(rng, 0.1, 0.9) * width), int(between(rng, 0.2, 0.8) * height))
        radius = max(2, int(height * between(rng, 0.1, 0.4)))
        cv2.circle(glass, spot, radius, between(rng, 20, 255), -1, cv2.LINE_AA)
        cv2.circle(glass, spot, max(1, radius // 2), between(rng, 20, 255), -1, cv2.LINE_AA)
    mask = np.zeros((height, width), dtype=np.float32)
    if chance(rng, 0.6):
        axes = (width // 2 - 1, height // 2 - 1)
        cv2.ellipse(mask, (width // 2, height // 2), axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    else:
        points = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + rng.uniform(-0.2, 0.2, (4, 2))
        cv2.fillPoly(mask, [(points * (width, height)).astype(np.int32)], 1.0, cv2.LINE_AA)
    paint(picture, mask, 0, 0, glass)
    return np.clip(picture, 0, 255)


def _badge(rng: np.random.Generator, height: int) -> Picture:
    # Short, or it would be what a plate is.
    text = letters(rng, int(rng.integers(1, 4)), DIGITS) if chance(rng, 0.5) else word(rng).title()
    mask = text_mask(rng, text, height * between(rng, 0.5, 0.9), font_files())
    ground = between(rng, 0, 255)
    picture = shaded(rng, height, mask.shape[1] + height // 2, ground)
    if chance(rng, 0.3):
        picture += smooth_noise(rng, picture.shape[0], picture.shape[1], 40) * between(rng, 5, 40)
    tone = float(np.clip(ground + (1 if chance(rng, 0.5) else -1) * between(rng, 40, 150), 0, 255))
    paint(picture, mask, height / 4, (height - mask.shape[0]) / 2, tone)
    return np.clip(picture, 0, 255)
