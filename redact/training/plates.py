"""Licence plates of many layouts, drawn flat."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from redact.training.drawing import (
    Picture,
    between,
    chance,
    font_files,
    letters,
    paint,
    pick,
    resized,
    slope,
    smooth_noise,
    text_mask,
    word,
)
from redact.training.scripts import signs_mask

HEIGHT = 64


@dataclasses.dataclass(frozen=True)
class Layout:
    """A family of plates. `aspect` is width over height, `captions` above and below the number.

    patterns: the rows that one plate shows, as `redact.training.scripts` reads them; none: one
    row (or `lines`) of Latin letters and digits.
    """

    aspect: tuple[float, float]
    weight: float
    lines: int = 1
    bands: float = 0.0  # how often a strip with the country's letters stands at the left
    captions: tuple[float, float] = (0.0, 0.0)
    pictures: float = 0.0  # how often scenery is printed behind the number
    patterns: tuple[tuple[str, ...], ...] = ()
    first_row: float = 0.5  # the first row's share of the height, of two
    lattice: float = 0.0  # how often lines part the rows and the groups
    dark: float = 0.3  # how often light letters stand on a dark ground


_ARABIAN = (("rrrr RRR",), ("RRR rrrr",), ("rrr RR",), ("##### R",), ("pp R ppp pp",), ("rrrrr",))
_ARABIAN_ROWS = (
    *(("rrrr RRR", "#### AAA"), ("RRR", "rrrr"), ("rrrr", "####"), ("RR rr", "rrr")),
    *(("RRRR", "#####"), ("pp R", "pp ppp"), ("RRRRR rr", "rrrr")),
)
_INDIAN_ROWS = (("AA ##", "AA ####"), ("AA##A", "####"), ("AA-##", "A-####"))
LAYOUTS = {
    "european": Layout((4.2, 5.1), 0.24, bands=0.75, dark=0.2),
    "north_american": Layout((1.8, 2.2), 0.22, captions=(0.9, 0.5), pictures=0.5),
    "brazilian": Layout((2.8, 3.4), 0.08, captions=(0.9, 0.0)),
    "australian": Layout((2.4, 2.95), 0.05, captions=(0.3, 0.6), pictures=0.3),
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
    "thai": Layout((1.9, 2.4), 0.01, patterns=(("#TT ####", "TTTTTT"), ("TT", "####"))),
    "two_lines": Layout((1.1, 2.4), 0.10, lines=2, bands=0.15, captions=(0.15, 0.0)),
    "chinese_two_lines": Layout(
        (1.5, 2.0), 0.02, patterns=(("CA", "#####"), ("CC", "XXXXX")), first_row=0.36
    ),
    "motorcycle": Layout((0.95, 1.6), 0.05, lines=2, captions=(0.3, 0.0)),
}
OF_MOTORCYCLES = (
    *("motorcycle", "two_lines", "indian_two_lines", "arabian_two_lines", "devanagari"),
    *("chinese_two_lines", "thai", "north_american"),
)
_NAMES = tuple(LAYOUTS)
_WEIGHTS = {name: layout.weight for name, layout in LAYOUTS.items()}


def plate(rng: np.random.Generator, names: Sequence[str] = _NAMES) -> Picture:
    """A plate seen straight on, `HEIGHT` px high, of one of the named layouts."""
    weights = np.array([_WEIGHTS[name] for name in names])
    layout = LAYOUTS[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
    height, width = HEIGHT, int(HEIGHT * between(rng, *layout.aspect))
    ground, ink = tones(rng, layout.dark)
    picture = np.full((height, width), ground, dtype=np.float32) + slope(rng, height, width, 12)
    if chance(rng, layout.pictures):
        _print_scenery(rng, picture)
    if chance(rng, 0.5):
        _draw_rim(rng, picture, ink)
    left, right = width * between(rng, 0.02, 0.07), width * between(rng, 0.93, 0.98)
    top, bottom = height * between(rng, 0.1, 0.2), height * between(rng, 0.8, 0.9)
    if chance(rng, 0.2):  # a small number on much ground
        share = between(rng, 0.03, 0.14)
        left, right = left + share * width, right - share * width
        top, bottom = top + share * height, bottom - share * height
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
    area = (left, top, right, bottom)
    if chance(rng, layout.lattice):
        _draw_lattice(rng, picture, area, ink)
    _write_number(rng, picture, layout, area, (ground, ink))
    _wear(rng, picture)
    return np.clip(picture, 0, 255)


def _draw_rim(rng: np.random.Generator, picture: Picture, ink: float) -> None:
    height, width = picture.shape
    thickness = max(1, int(height * between(rng, 0.02, 0.06)))
    inset = thickness // 2 + int(height * between(rng, 0, 0.03))
    corner = (width - 1 - inset, height - 1 - inset)
    cv2.rectangle(picture, (inset, inset), corner, ink, thickness)


def _draw_lattice(
    rng: np.random.Generator, picture: Picture, area: tuple[float, float, float, float], ink: float
) -> None:
    """A line between the rows, one between letters and digits, as on plates of the Gulf."""
    left, top, right, bottom = (int(v) for v in area)
    thickness = max(1, int(HEIGHT * between(rng, 0.015, 0.04)))
    middle, across = (top + bottom) // 2, int(left + (right - left) * between(rng, 0.4, 0.65))
    if chance(rng, 0.6):
        cv2.line(picture, (left, middle), (right, middle), ink, thickness)
    cv2.line(picture, (across, top), (across, bottom), ink, thickness)


def _number(rng: np.random.Generator, length: int) -> str:
    """The pattern of something that reads like a registration."""
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
    """Grey of the ground and of the ink: mostly dark on light, sometimes the other way."""
    if chance(rng, dark):
        ground = between(rng, 10, 110)
        return ground, min(255.0, ground + between(rng, 60, 170))
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
    rows = _rows(rng, layout)
    edges = np.linspace(top, bottom, len(rows) + 1).tolist()
    if len(rows) == 2:
        edges[1] = top + (bottom - top) * layout.first_row
    for pattern, start, stop in zip(rows, edges, edges[1:], strict=False):
        share = between(rng, 0.8, 1.0) if len(rows) == 1 else between(rng, 0.72, 0.9)
        mask = signs_mask(rng, pattern, max(5.0, (stop - start) * share), spacing)
        if chance(rng, 0.3):
            mask = np.asarray(cv2.dilate(mask, np.ones((2, 2), np.uint8)), dtype=np.float32)
        room = (right - left) * between(rng, 0.8, 1.0)
        if mask.shape[1] > room or chance(rng, 0.6):
            mask = resized(mask, max(3, int(room)), mask.shape[0])
        x = left + (right - left - mask.shape[1]) / 2
        y = start + (stop - start - mask.shape[0]) / 2
        if embossed:
            paint(picture, mask * 0.4, x + 1, y + 1, 255.0 if ink < ground else 0.0)
        paint(picture, mask, x, y, ink)


def _rows(rng: np.random.Generator, layout: Layout) -> tuple[str, ...]:
    """The patterns of the plate's rows."""
    if layout.patterns:
        return layout.patterns[int(rng.integers(len(layout.patterns)))]
    if layout.lines == 1:
        return (_number(rng, int(rng.integers(4, 9))),)
    return tuple(_number(rng, int(rng.integers(2, 6))) for _ in range(layout.lines))


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
