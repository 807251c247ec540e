"""Licence plates of many layouts, drawn flat, and things that only look like one."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from redact.training.drawing import (
    DIGITS,
    LETTERS,
    Picture,
    arabic_fonts,
    between,
    bold_font_files,
    chance,
    font_files,
    glyph_mask,
    letters,
    paint,
    pick,
    resized,
    slope,
    smooth_noise,
    text_mask,
    word,
)

HEIGHT = 64
_ARABIC_LETTERS = (
    "\u0627\u0628\u062f\u0631\u0633\u0635\u0637\u0639\u0641\u0642\u0644\u0645\u0646\u0647\u0648"
)
_ARABIC_DIGITS = "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669"


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
    arabic: float = 0.0  # how often a line of Arabic letters and digits stands above or instead


LAYOUTS = {
    "european": Layout((4.2, 5.1), 0.26, bands=0.75),
    "north_american": Layout((1.8, 2.2), 0.25, captions=(0.9, 0.5), pictures=0.5),
    "brazilian": Layout((2.8, 3.4), 0.10, captions=(0.9, 0.0)),
    "australian": Layout((2.4, 2.95), 0.06, captions=(0.3, 0.6), pictures=0.3),
    "east_asian": Layout((2.9, 3.3), 0.07, script=0.9),
    "japanese": Layout((1.85, 2.1), 0.04, captions=(1.0, 0.0), script=0.5),
    "indian": Layout((3.8, 4.6), 0.04, bands=0.3),
    "arabian": Layout((1.9, 4.6), 0.04, arabic=0.7, captions=(0.3, 0.3), bands=0.2),
    "arabian_two_lines": Layout((1.5, 2.6), 0.03, lines=2, arabic=0.9, bands=0.3),
    "two_lines": Layout((1.1, 2.4), 0.10, lines=2, bands=0.15, captions=(0.15, 0.0)),
    "motorcycle": Layout((0.95, 1.5), 0.05, lines=2, captions=(0.3, 0.0), script=0.15),
}
_NAMES = tuple(LAYOUTS)
_WEIGHTS = np.array([LAYOUTS[name].weight for name in _NAMES])
_WEIGHTS /= _WEIGHTS.sum()


def plate(rng: np.random.Generator) -> Picture:
    """A plate seen straight on, `HEIGHT` px high."""
    layout = LAYOUTS[_NAMES[int(rng.choice(len(_NAMES), p=_WEIGHTS))]]
    height, width = HEIGHT, int(HEIGHT * between(rng, *layout.aspect))
    ground, ink = tones(rng)
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


def arabic_number(rng: np.random.Generator) -> str:
    """Letters as they stand alone, and digits, as on plates of Arabic countries."""
    parts = [letters(rng, int(rng.integers(2, 6)), _ARABIC_DIGITS)]
    if chance(rng, 0.7):
        parts.insert(int(rng.integers(2)), letters(rng, int(rng.integers(1, 4)), _ARABIC_LETTERS))
    return " ".join(parts)


def tones(rng: np.random.Generator) -> tuple[float, float]:
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
        if row == 0 and chance(rng, layout.arabic):
            mask = text_mask(rng, arabic_number(rng), letter_height, arabic_fonts(), spacing=0.15)
        elif chance(rng, layout.script):
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
