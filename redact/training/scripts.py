"""Registration numbers and words in many scripts, and the free fonts that have their characters.

A pattern describes a row of a plate character by character: `A` a Latin letter, `#` a digit, `X`
either, `C` a Chinese character, `K` a kana, `H` a Hangul syllable, `R` and `r` an Arabic letter and
digit, `p` a Persian digit, `D` and `d` a Devanagari letter and digit, `B` and `b` a Bengali letter
and digit, `T` a Thai letter. Anything else is a gap, in which a dot or a dash may be drawn.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np

from redact.training.drawing import (
    DIGITS,
    LETTERS,
    GreyImage,
    added_fonts,
    bold_font_files,
    chance,
    font_files,
    glyph_mask,
    phrase,
    pick,
    resized,
    text_mask,
)


def _code_points(first: int, last: int, without: tuple[int, ...] = ()) -> str:
    """All characters from one code point to another, inclusive, except for some."""
    return "".join(chr(code) for code in range(first, last + 1) if code not in without)


_ARABIC_FONTS = (
    *("NotoSansArabic-Bold.ttf", "NotoKufiArabic-Bold.ttf", "NotoNaskhArabic-Bold.ttf"),
    *("NotoSansArabic-Medium.ttf", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
)
_CJK_FONTS = ("NotoSansCJK-Bold.ttc", "NotoSansCJK-Black.ttc", "NotoSansCJK-Medium.ttc")
_DEVANAGARI_FONTS = ("NotoSansDevanagari-Bold.ttf", "NotoSansDevanagari-SemiBold.ttf")
_BENGALI_FONTS = ("NotoSansBengali-Bold.ttf", "NotoSansBengali-SemiBold.ttf")
_THAI_FONTS = ("NotoSansThai-Bold.ttf", "NotoSansThai-SemiBold.ttf")

_ARABIC_LETTERS = "".join(map(chr, (0x627, 0x628, 0x62F, 0x631, 0x633, 0x635, 0x637, 0x639)))
_ARABIC_LETTERS += _code_points(0x641, 0x648)
_CHARACTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "A": (LETTERS, ()),
    "#": (DIGITS, ()),
    "X": (LETTERS + DIGITS * 2, ()),
    "C": (_code_points(0x4E00, 0x9FA0), _CJK_FONTS),
    "K": (_code_points(0x3042, 0x308D)[::2], _CJK_FONTS),
    "H": (_code_points(0xAC00, 0xD788)[::28], _CJK_FONTS),
    "R": (_ARABIC_LETTERS, _ARABIC_FONTS),
    "r": (_code_points(0x660, 0x669), _ARABIC_FONTS),
    "p": (_code_points(0x6F0, 0x6F9), _ARABIC_FONTS),
    "D": (_code_points(0x915, 0x939, (0x929, 0x931, 0x934)), _DEVANAGARI_FONTS),
    "d": (_code_points(0x966, 0x96F), _DEVANAGARI_FONTS),
    "B": (_code_points(0x995, 0x9B9, (0x9A9, 0x9B1, 0x9B3, 0x9B4, 0x9B5)), _BENGALI_FONTS),
    "b": (_code_points(0x9E6, 0x9EF), _BENGALI_FONTS),
    "T": (_code_points(0xE01, 0xE2E), _THAI_FONTS),
}


def _fonts_of(code: str) -> tuple[str, ...]:
    """Paths of the available fonts for one code of a pattern; perhaps none."""
    wanted = _CHARACTERS[code][1]
    if not wanted:
        return bold_font_files()
    return tuple(f for f in (*font_files(), *added_fonts()) if Path(f).name in wanted)


def characters_mask(
    rng: np.random.Generator, pattern: str, height: float, spacing: float
) -> GreyImage:
    """A row of random characters as the pattern describes it, as a mask 0..1.

    height: pixels. spacing: room added between characters, as a share of the height. Scripts
    without a font are drawn as made-up characters.
    """
    rows = max(2, int(height))
    parts: list[GreyImage] = []
    for code, run in itertools.groupby(pattern, key=lambda c: c if c in _CHARACTERS else " "):
        count = len(list(run))
        if code == " ":
            parts.append(_gap(rng, rows))
            continue
        fonts = _fonts_of(code)
        if fonts:
            text = "".join(pick(rng, _CHARACTERS[code][0]) for _ in range(count))
            mask = text_mask(rng, text, height, fonts, spacing=spacing)
        else:
            mask = glyph_mask(rng, count, height)
        space = np.zeros((rows, max(1, int(height * (0.06 + spacing)))), dtype=np.float32)
        parts += [resized(mask, mask.shape[1], rows), space]
    if parts[-1].max() == 0 and len(parts) > 1:
        parts.pop()
    return np.concatenate(parts, axis=1)


def _gap(rng: np.random.Generator, height: int) -> GreyImage:
    """The gap between two groups of characters, some with a dot or a dash in it."""
    gap = np.zeros((height, max(2, height // 4)), dtype=np.float32)
    middle = (gap.shape[1] // 2, height // 2)
    if chance(rng, 0.3):
        cv2.circle(gap, middle, max(1, height // 14), 1.0, -1, cv2.LINE_AA)
    elif chance(rng, 0.3):
        gap[height * 9 // 20 : height * 11 // 20 + 1, 1:-1] = 1
    return gap


_PROSE_CODES = ("C", "C", "R", "D", "B", "T", "K", "H")


def prose_mask(rng: np.random.Generator, max_words: int, height: float) -> GreyImage:
    """One to `max_words` words as a mask 0..1; a quarter of them are not in Latin letters."""
    if chance(rng, 0.75):
        return text_mask(rng, phrase(rng, max_words), height, font_files())
    code = pick(rng, _PROSE_CODES)
    words = [code * int(rng.integers(2, 7)) for _ in range(rng.integers(1, max_words + 1))]
    if chance(rng, 0.2):
        words.append(pick(rng, "#r") * int(rng.integers(1, 5)))
    return characters_mask(rng, " ".join(words), height, 0.0)
