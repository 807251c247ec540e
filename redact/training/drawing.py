"""Drawing tools for scenes: random values, text, textures, shading. Images are grey, 0..255."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

GreyImage = NDArray[np.float32]
"""(H, W) float32: grey levels 0..255, or a mask 0..1."""

# Packages that contain free fonts: DejaVu (Bitstream Vera licence), Roboto (Apache-2.0),
# Source Sans Pro and Hanken Grotesk (both OFL-1.1).
_FONT_PACKAGES = ("matplotlib", "font_roboto", "font_source_sans_pro", "font_hanken_grotesk")
_UNWANTED = ("Italic", "Oblique", "Thin", "Light", "Size", "NonUni", "LastResort", "cm", "STIX")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"


@functools.cache
def font_files() -> tuple[str, ...]:
    """Paths of the upright fonts that the extra `train` installs.

    Raises:
        FileNotFoundError: no font is installed.

    """
    files: list[str] = []
    for package in _FONT_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        folder = Path(spec.origin).parent
        paths = sorted([*folder.rglob("*.ttf"), *folder.rglob("*.otf")])
        files += [str(f) for f in paths if not any(word in f.name for word in _UNWANTED)]
    if not files:
        raise FileNotFoundError("no fonts to draw plates with; pip install redact-clips[train]")
    return tuple(files)


@functools.cache
def bold_font_files() -> tuple[str, ...]:
    """Paths of the fonts whose strokes are as bold as those on a plate."""
    bold = ("Bold", "Black", "Medium", "Mono")
    return tuple(f for f in font_files() if any(word in Path(f).name for word in bold))


_added_fonts: list[str] = []


def add_fonts(folder: Path | None) -> None:
    """Also use the fonts in this folder, for scripts that the installed ones lack."""
    paths = [] if folder is None else [*folder.rglob("*.tt[fc]"), *folder.rglob("*.otf")]
    _added_fonts[:] = sorted(map(str, paths))


def added_fonts() -> tuple[str, ...]:
    """Paths of the fonts in the folder given to `add_fonts`."""
    return tuple(_added_fonts)


@functools.lru_cache(maxsize=400)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A float from low..high; every value is equally likely."""
    return float(rng.uniform(low, high))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A float from low..high; its logarithm is uniform, so every ratio is equally likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability."""
    return bool(rng.random() < probability)


def pick(rng: np.random.Generator, items: Sequence[str]) -> str:
    """One of the items, each equally likely."""
    return items[int(rng.integers(len(items)))]


def letters(rng: np.random.Generator, count: int, alphabet: str = LETTERS) -> str:
    """A string of `count` random characters of the alphabet."""
    return "".join(pick(rng, alphabet) for _ in range(count))


def word(rng: np.random.Generator) -> str:
    """A made-up word of one to four syllables, mostly in capitals."""
    text = "".join(
        pick(rng, "BCDFGHKLMNPRSTVWZ") + pick(rng, "AEIOU") for _ in range(rng.integers(1, 5))
    )
    text += pick(rng, ["", "", "N", "S", "R", "T"])
    return text if chance(rng, 0.7) else text.title()


def phrase(rng: np.random.Generator, max_words: int = 6) -> str:
    """One to `max_words` made-up words, some of them numbers."""
    parts = [
        letters(rng, int(rng.integers(1, 5)), DIGITS) if chance(rng, 0.15) else word(rng)
        for _ in range(rng.integers(1, max_words + 1))
    ]
    return " ".join(parts)


def text_mask(
    rng: np.random.Generator,
    text: str,
    height: float,
    fonts: Sequence[str],
    *,
    spacing: float = 0.0,
) -> GreyImage:
    """The text as a mask 0..1 without a border, `height` pixels high.

    fonts: paths, one of which is chosen. spacing: room added between letters, as a share of
    `height`.
    """
    size = max(12, int(height * 1.35))
    font = _font(pick(rng, fonts), size)
    step = spacing * height
    widths = [font.getlength(c) + step for c in text] if step else [font.getlength(text)]
    canvas = Image.new("L", (int(sum(widths)) + size, size * 2))
    draw = ImageDraw.Draw(canvas)
    if step:
        x = 2.0
        for letter, width in zip(text, widths, strict=True):
            draw.text((x, 2), letter, fill=255, font=font)
            x += width
    else:
        draw.text((2, 2), text, fill=255, font=font)
    mask: GreyImage = np.asarray(canvas, dtype=np.float32) / np.float32(255)
    return _fit(mask, height)


def glyph_mask(rng: np.random.Generator, count: int, height: float) -> GreyImage:
    """A row of `count` made-up characters as a mask: stands for scripts without a font."""
    size = 48
    canvas: GreyImage = np.zeros((size, int(size * 1.08) * count), dtype=np.float32)
    for i in range(count):
        left = int(size * 1.08) * i + 3
        for _ in range(rng.integers(3, 8)):
            a, b = rng.uniform(0.05, 0.95, (2, 2)) * (size - 6)
            if chance(rng, 0.7):  # most strokes are level or upright
                b[int(rng.integers(2))] = a[int(rng.integers(2))]
            start, stop = (*a, left, 3), (*b, left, 3)
            thickness = int(rng.integers(3, 7))
            if chance(rng, 0.25):
                radius = int(uniform(rng, 5, 16))
                turn = uniform(rng, 0, 360)
                center = (int(start[0]), int(start[1]))
                cv2.ellipse(canvas, center, (radius, radius), turn, 0, 220, 1.0, thickness)
            else:
                ends = (int(start[0]), int(start[1])), (int(stop[0]), int(stop[1]))
                cv2.line(canvas, *ends, 1.0, thickness, cv2.LINE_AA)
    return _fit(canvas, height)


def _fit(mask: GreyImage, height: float) -> GreyImage:
    """The mask without its empty border, scaled to this height."""
    rows, columns = np.nonzero(mask > 0.15)
    if len(rows) < 4:
        return np.ones((max(2, int(height)), max(2, int(height * 2))), dtype=np.float32)
    tight = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    width = max(2, int(tight.shape[1] * height / tight.shape[0]))
    return resized(tight, width, max(2, int(height)))


def resized(image: GreyImage, width: int, height: int) -> GreyImage:
    """The image at another size; pixels are averaged where it shrinks."""
    shrinks = width < image.shape[1] or height < image.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.float32)


def arrow_mask(rng: np.random.Generator, side: int) -> GreyImage:
    """An arrow as on road signs and roads, pointing in one of four directions, as a mask."""
    mask = np.zeros((side + 2, side + 2), dtype=np.float32)
    shaft, head = uniform(rng, 0.08, 0.2), uniform(rng, 0.25, 0.5)
    points = [
        (0.5 - shaft, 1),
        (0.5 - shaft, head),
        (0.5 - head, head),
        (0.5, 0),
        (0.5 + head, head),
        (0.5 + shaft, head),
        (0.5 + shaft, 1),
    ]
    cv2.fillPoly(mask, [(np.array(points) * side).astype(np.int32)], 1.0, cv2.LINE_AA)
    turned = np.rot90(mask, int(rng.integers(4)))
    return np.ascontiguousarray(turned)


def paint(canvas: GreyImage, mask: GreyImage, x: float, y: float, value: float | GreyImage) -> None:
    """Blend `value` into the canvas with the mask as opacity, in place.

    x, y: where the mask's top left corner goes; parts outside the canvas are cut off. value: a grey
    level, or an image of the mask's size.
    """
    left, top = round(x), round(y)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas.shape[1], left + mask.shape[1]), min(canvas.shape[0], top + mask.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    alpha = mask[part]
    new = value[part] if isinstance(value, np.ndarray) else value
    view = canvas[y0:y1, x0:x1]
    view += (new - view) * alpha


def slope(rng: np.random.Generator, height: int, width: int, max_levels: float) -> GreyImage:
    """A linear gradient around 0 that reaches up to `max_levels` grey levels in each direction."""
    down, across = rng.uniform(-max_levels, max_levels, 2)
    rows = np.linspace(-down, down, height, dtype=np.float32)[:, None]
    return np.asarray(rows + np.linspace(-across, across, width, dtype=np.float32)[None])


def smooth_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> GreyImage:
    """Noise of standard deviation 1, smooth over 1/cells of the longer side."""
    longer = max(height, width)
    rows, columns = max(2, cells * height // longer), max(2, cells * width // longer)
    small = rng.normal(0, 1, (rows, columns)).astype(np.float32)
    big = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(big, dtype=np.float32)


def rough(rng: np.random.Generator, height: int, width: int) -> GreyImage:
    """A natural-looking surface: noise of several octaves, computed at half the size."""
    small = (height + 1) // 2, (width + 1) // 2
    total = np.zeros(small, dtype=np.float32)
    weight = 1.0
    for cells in (4, 8, 16, 32, 64, 128)[: int(rng.integers(2, 7))]:
        total += smooth_noise(rng, *small, cells) * np.float32(weight)
        weight *= uniform(rng, 0.4, 0.9)
    strength = uniform(rng, 8, 40) / (float(total.std()) + 1e-3)
    surface = np.clip(total * np.float32(strength) + uniform(rng, 40, 200), 0, 255)
    return resized(surface, width, height)


def shaded(rng: np.random.Generator, height: int, width: int, value: float) -> GreyImage:
    """A surface of one grey level under uneven light."""
    image = np.full((height, width), value, dtype=np.float32) + slope(rng, height, width, 25)
    if chance(rng, 0.5):
        waves = np.sin(np.linspace(0, uniform(rng, 2, 14), height) + uniform(rng, 0, 6))
        image += (uniform(rng, 0, 35) * waves).astype(np.float32)[:, None]
    return image
