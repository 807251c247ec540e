"""Licence plates of many countries' layouts, seen straight on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from redact.training.drawing import (
    GreyImage,
    chance,
    font_files,
    letters,
    paint,
    pick,
    resized,
    slope,
    smooth_noise,
    text_mask,
    uniform,
    word,
)
from redact.training.scripts import characters_mask

HEIGHT = 64
"""Height in pixels of drawn plates and look-alikes."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """A family of plates that look alike.

    Attributes:
        aspect: lowest and highest width over height.
        weight: how often the layout is drawn, relative to the others.
        lines: rows of Latin letters and digits, where there are no `patterns`.
        bands: probability of a strip with the country's code at the left.
        captions: probabilities of a line of text above and below the number.
        scenery: probability of a landscape printed behind the number.
        patterns: the possible rows of a plate, in the form of `redact.training.scripts`.
        first_row: share of the height that the first of two rows takes.
        lattice: probability of lines between the rows and the groups of characters.
        dark: probability of light characters on a dark ground.

    """

    aspect: tuple[float, float]
    weight: float
    lines: int = 1
    bands: float = 0.0
    captions: tuple[float, float] = (0.0, 0.0)
    scenery: float = 0.0
    patterns: tuple[tuple[str, ...], ...] = ()
    first_row: float = 0.5
    lattice: float = 0.0
    dark: float = 0.3


_ARABIAN = (("rrrr RRR",), ("RRR rrrr",), ("rrr RR",), ("##### R",), ("pp R ppp pp",), ("rrrrr",))
_ARABIAN_ROWS = (
    *(("rrrr RRR", "#### AAA"), ("RRR", "rrrr"), ("rrrr", "####"), ("RR rr", "rrr")),
    *(("RRRR", "#####"), ("pp R", "pp ppp"), ("RRRRR rr", "rrrr")),
)
_ARABIAN_SQUARE = (
    *(("rrr", "RRR"), ("RR", "rrrr"), ("rrrr", "RRRR"), ("##", "####"), ("rr R", "rrr")),
    *(("RRRR", "rrr", "rr"), ("rrr", "###"), ("R rr", "rrrr"), ("RRRRR", "#####")),
)
_INDIAN_ROWS = (("AA ##", "AA ####"), ("AA##A", "####"), ("AA-##", "A-####"))
LAYOUTS = {
    "european": Layout((4.2, 5.1), 0.24, bands=0.75, dark=0.2),
    "north_american": Layout((1.8, 2.2), 0.22, captions=(0.9, 0.5), scenery=0.5),
    "brazilian": Layout((2.8, 3.4), 0.08, captions=(0.9, 0.0)),
    "australian": Layout((2.4, 2.95), 0.05, captions=(0.3, 0.6), scenery=0.3),
    "chinese": Layout((2.9, 3.4), 0.08, patterns=(("CA #####",), ("CA XXXXX",)), dark=0.7),
    "korean": Layout((2.0, 4.8), 0.03, patterns=(("## H ####",), ("### H ####",))),
    "japanese": Layout(
        (1.8, 2.1), 0.04, patterns=(("CC ###", "K ##-##"),), first_row=0.36, dark=0.25
    ),
    "indian": Layout((3.8, 4.8), 0.05, bands=0.3, patterns=(("AA ## AA ####",), ("AA##A####",))),
    "indian_two_lines": Layout((1.3, 2.2), 0.03, bands=0.2, patterns=_INDIAN_ROWS),
    "devanagari": Layout(
        (1.3, 2.4), 0.02, patterns=(("DD d D", "dddd"), ("DD dd", "D dddd"), ("BBB B", "bb-bbbb"))
    ),
    "arabian": Layout(
        (1.9, 4.8), 0.06, patterns=_ARABIAN, captions=(0.35, 0.1), bands=0.3, lattice=0.3
    ),
    "arabian_two_lines": Layout(
        (1.4, 2.6), 0.06, patterns=_ARABIAN_ROWS, bands=0.3, lattice=0.4, captions=(0.15, 0.0)
    ),
    "arabian_square": Layout(
        (0.9, 1.45), 0.07, patterns=_ARABIAN_SQUARE, captions=(0.25, 0.1), lattice=0.4, dark=0.2
    ),
    "thai": Layout((1.9, 2.4), 0.01, patterns=(("#TT ####", "TTTTTT"), ("TT", "####"))),
    "two_lines": Layout((1.1, 2.4), 0.10, lines=2, bands=0.15, captions=(0.15, 0.0)),
    "chinese_two_lines": Layout(
        (1.5, 2.0), 0.02, patterns=(("CA", "#####"), ("CC", "XXXXX")), first_row=0.36
    ),
    "motorcycle": Layout((0.95, 1.6), 0.05, lines=2, captions=(0.3, 0.0)),
}
MOTORCYCLE_LAYOUTS = (
    *("motorcycle", "two_lines", "indian_two_lines", "arabian_two_lines", "devanagari"),
    *("chinese_two_lines", "thai", "north_american", "arabian_square"),
)
_NAMES = tuple(LAYOUTS)
_WEIGHTS = {name: layout.weight for name, layout in LAYOUTS.items()}


def plate(
    rng: np.random.Generator, names: Sequence[str] = _NAMES, *, ground: float | None = None
) -> GreyImage:
    """A plate of one of the named layouts: (HEIGHT, W) float32, 0..255.

    ground: grey level of the plate where nothing is printed, as of a frameless plate that has the
    colour of the body it is screwed to; None draws one.
    """
    weights = np.array([_WEIGHTS[name] for name in names])
    layout = LAYOUTS[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
    height, width = HEIGHT, int(HEIGHT * uniform(rng, *layout.aspect))
    is_frameless = ground is not None
    drawn, ink = tones(rng, layout.dark)
    if ground is None:
        ground = drawn
    else:
        ink = float(
            np.clip(
                ground + (uniform(rng, 90, 200) if ground < 110 else -uniform(rng, 90, 220)), 0, 255
            )
        )
    image = np.full((height, width), ground, dtype=np.float32) + slope(rng, height, width, 12)
    if not is_frameless and chance(rng, layout.scenery):
        _print_scenery(rng, image)
    if chance(rng, 0.15 if is_frameless else 0.5):
        _draw_rim(rng, image, ink)
    left, right = width * uniform(rng, 0.02, 0.07), width * uniform(rng, 0.93, 0.98)
    top, bottom = height * uniform(rng, 0.1, 0.2), height * uniform(rng, 0.8, 0.9)
    if chance(rng, 0.2):  # a small number with wide margins
        share = uniform(rng, 0.03, 0.14)
        left, right = left + share * width, right - share * width
        top, bottom = top + share * height, bottom - share * height
    if chance(rng, layout.bands):
        left, right = _add_bands(rng, image, left, right)
    above, below = (chance(rng, share) for share in layout.captions)
    if above:
        top = height * uniform(rng, 0.22, 0.34)
        _caption(rng, image, height * 0.05, top - height * uniform(rng, 0.08, 0.12), ink)
    if below:
        bottom = height * uniform(rng, 0.72, 0.8)
        _caption(rng, image, height * 0.84, height * 0.94, ink)
    if above or below:
        _add_stickers(rng, image)
    area = (left, top, right, bottom)
    if chance(rng, layout.lattice):
        _draw_lattice(rng, image, area, ink)
    _write_number(rng, image, layout, area, (ground, ink))
    _wear(rng, image)
    return np.clip(image, 0, 255)


def _draw_rim(rng: np.random.Generator, image: GreyImage, ink: float) -> None:
    height, width = image.shape
    thickness = max(1, int(height * uniform(rng, 0.02, 0.06)))
    inset = thickness // 2 + int(height * uniform(rng, 0, 0.03))
    corner = (width - 1 - inset, height - 1 - inset)
    cv2.rectangle(image, (inset, inset), corner, ink, thickness)


def _draw_lattice(
    rng: np.random.Generator, image: GreyImage, area: tuple[float, float, float, float], ink: float
) -> None:
    """Draw lines between rows and between letters and digits, as on plates of Gulf states."""
    left, top, right, bottom = (int(v) for v in area)
    thickness = max(1, int(HEIGHT * uniform(rng, 0.015, 0.04)))
    middle, across = (top + bottom) // 2, int(left + (right - left) * uniform(rng, 0.4, 0.65))
    if chance(rng, 0.6):
        cv2.line(image, (left, middle), (right, middle), ink, thickness)
    cv2.line(image, (across, top), (across, bottom), ink, thickness)


def _number(rng: np.random.Generator, length: int) -> str:
    """A pattern, as `redact.training.scripts` reads it, of about this many letters and digits."""
    gap = pick(rng, ["", " "])
    head = int(rng.integers(1, 4))
    tail = max(1, length - head)
    match int(rng.integers(4)):
        case 0:
            return "A" * head + gap + "#" * tail
        case 1:
            return "AA" + gap + "##" + gap + "A" * tail
        case 2:
            return "#" * tail + gap + "A" * head
        case _:
            return "X" * length


def tones(rng: np.random.Generator, dark: float = 0.3) -> tuple[float, float]:
    """Grey levels of the ground and of the ink on it; dark: probability of light on dark."""
    if chance(rng, dark):
        ground = uniform(rng, 10, 110)
        return ground, min(255.0, ground + uniform(rng, 60, 170))
    ground = uniform(rng, 130, 245)
    return ground, max(5.0, ground - uniform(rng, 70, 220))


def _print_scenery(rng: np.random.Generator, image: GreyImage) -> None:
    """Draw soft hills and plain strips behind the number, in place."""
    height, width = image.shape
    for _ in range(rng.integers(1, 5)):
        mask = np.zeros((height, width), dtype=np.float32)
        center = (int(uniform(rng, 0, width)), int(uniform(rng, 0, height)))
        axes = (int(uniform(rng, 0.1, 0.6) * width), int(uniform(rng, 0.1, 0.6) * height))
        cv2.ellipse(mask, center, axes, uniform(rng, 0, 180), 0, 360, 1.0, -1)
        sigma = max(1.0, height * uniform(rng, 0.01, 0.15))
        image += cv2.GaussianBlur(mask, (0, 0), sigma) * uniform(rng, -60, 30)
    if chance(rng, 0.4):
        image[: int(height * uniform(rng, 0.12, 0.3))] = uniform(rng, 40, 220)
    if chance(rng, 0.3):
        image[int(height * uniform(rng, 0.72, 0.88)) :] = uniform(rng, 40, 220)


def _add_bands(
    rng: np.random.Generator, image: GreyImage, left: float, right: float
) -> tuple[float, float]:
    """Draw a strip at the left, perhaps one at the right; returns the x range for the number."""
    height, width = image.shape
    band = int(min(width * 0.12, height * uniform(rng, 0.3, 0.45)))
    image[:, :band] = uniform(rng, 35, 120)
    code = text_mask(rng, letters(rng, int(rng.integers(1, 3))), height * 0.2, font_files())
    paint(image, code, band * 0.25, height * 0.62, 230)
    if chance(rng, 0.7):
        center, radius = (band // 2, int(height * 0.3)), max(1, int(band * 0.3))
        cv2.circle(image, center, radius, 225.0, max(1, int(height * 0.03)))
    if chance(rng, 0.15):
        image[:, width - band :] = uniform(rng, 35, 120)
        right = width - band * 1.1
    return max(left, band * 1.15), right


def _caption(
    rng: np.random.Generator, image: GreyImage, top: float, bottom: float, ink: float
) -> None:
    text = " ".join(word(rng).upper() for _ in range(rng.integers(1, 3)))
    mask = text_mask(rng, text, max(4.0, bottom - top), font_files())
    width = min(mask.shape[1], int(image.shape[1] * 0.92))
    tone = ink if chance(rng, 0.6) else uniform(rng, 0, 255)
    paint(image, resized(mask, width, mask.shape[0]), (image.shape[1] - width) / 2, top, tone)


def _add_stickers(rng: np.random.Generator, image: GreyImage) -> None:
    """Draw stickers in some of the corners, in place."""
    height, width = image.shape
    for x, y in ((0.08, 0.12), (0.92, 0.12), (0.08, 0.88), (0.92, 0.88)):
        if chance(rng, 0.25):
            half = int(0.06 * width), int(0.1 * height)
            x0, y0 = max(0, int(x * width) - half[0]), max(0, int(y * height) - half[1])
            tone = uniform(rng, 30, 240)
            image[y0 : int(y * height) + half[1], x0 : int(x * width) + half[0]] = tone


def _write_number(
    rng: np.random.Generator,
    image: GreyImage,
    layout: Layout,
    area: tuple[float, float, float, float],
    tones: tuple[float, float],
) -> None:
    """Write the rows of the number into the area (left, top, right, bottom), in place."""
    left, top, right, bottom = area
    ground, ink = tones
    is_embossed = chance(rng, 0.3)
    spacing = uniform(rng, 0, 0.2) if chance(rng, 0.6) else 0.0
    rows = _rows(rng, layout)
    edges = np.linspace(top, bottom, len(rows) + 1).tolist()
    if len(rows) == 2:
        edges[1] = top + (bottom - top) * layout.first_row
    for pattern, start, stop in zip(rows, edges, edges[1:], strict=False):
        share = uniform(rng, 0.8, 1.0) if len(rows) == 1 else uniform(rng, 0.72, 0.9)
        mask = characters_mask(rng, pattern, max(5.0, (stop - start) * share), spacing)
        if chance(rng, 0.3):
            mask = np.asarray(cv2.dilate(mask, np.ones((2, 2), np.uint8)), dtype=np.float32)
        room = (right - left) * uniform(rng, 0.8, 1.0)
        if mask.shape[1] > room or chance(rng, 0.6):
            mask = resized(mask, max(3, int(room)), mask.shape[0])
        x = left + (right - left - mask.shape[1]) / 2
        y = start + (stop - start - mask.shape[0]) / 2
        if is_embossed:
            paint(image, mask * 0.4, x + 1, y + 1, 255.0 if ink < ground else 0.0)
        paint(image, mask, x, y, ink)


def _rows(rng: np.random.Generator, layout: Layout) -> tuple[str, ...]:
    """The patterns of one plate's rows, from top to bottom."""
    if layout.patterns:
        return layout.patterns[int(rng.integers(len(layout.patterns)))]
    if layout.lines == 1:
        return (_number(rng, int(rng.integers(4, 9))),)
    return tuple(_number(rng, int(rng.integers(2, 6))) for _ in range(layout.lines))


def _wear(rng: np.random.Generator, image: GreyImage) -> None:
    """Add bolts, dirt, uneven light, and the shadow of the car above, in place."""
    height, width = image.shape
    if chance(rng, 0.5):
        sides = (0.2, 0.8) if chance(rng, 0.7) else (0.06, 0.94)
        rows = (0.1, 0.9) if chance(rng, 0.4) else (0.1,)
        for x in sides:
            for y in rows:
                center = (int(x * width), int(y * height))
                cv2.circle(image, center, max(1, int(height * 0.05)), uniform(rng, 20, 240), -1)
    if chance(rng, 0.35):
        dirt = np.minimum(smooth_noise(rng, height, width, 12), 0)
        image += dirt * uniform(rng, 5, 40)
    if chance(rng, 0.3):
        image += slope(rng, height, width, 50)
    if chance(rng, 0.2):
        a, b = int(height * uniform(rng, -0.3, 1)), int(height * uniform(rng, -0.3, 1))
        shadow = np.zeros((height, width), dtype=np.float32)
        cv2.fillPoly(shadow, [np.array([[0, 0], [width, 0], [width, b], [0, a]])], 1.0)
        image *= 1 - shadow * uniform(rng, 0.2, 0.65)
