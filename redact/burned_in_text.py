"""Burned-in text: names and times that a camera or recorder wrote into the picture.

A camera that stands still shows most things alike in all frames, so being always there is no sign
of text. What is looked for are rows of characters: strokes that are much brighter or darker than
what is beside them, alike in every frame or, where a clock runs, jumping between bright and dark.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.errors import ClipError
from redact.resizing import size_within
from redact.settings import Settings, as_settings
from redact.types import ClipInfo
from redact.zones import Zone, named_zones

Gray = NDArray[np.uint8]
_Line = tuple[int, int, int, int]

# So many frames, spread over the clip, at this size. All values here were chosen by eye, on text
# drawn into real clips.
_SAMPLES, _LONG_SIDE = 48, 1280
# Characters are as high as these shares of the picture.
_MIN_HEIGHT, _MAX_HEIGHT = 0.012, 0.07
# Strokes differ from what is beside them by so many grey levels, and from frame to frame by no more
# than the noise of a codec.
_MIN_CONTRAST, _MAX_NOISE = 60, 24
# A clock's pixels are dark or bright, and seldom between.
_MIN_JUMP, _MIN_SHARE_AT_ENDS, _MIN_SHARE_EACH = 90, 0.9, 0.05
# A line of text is longer than so many of its heights, has about so many strokes in a stretch as
# long as it is high, and this share of it is ink. Its characters stand no farther apart than this
# share of the picture's height.
_MIN_LENGTH, _STROKES_PER_SIZE, _INK, _MAX_GAP = 4.0, (0.7, 5.0), (0.15, 0.75), 0.02
# So much of its ink is there in every frame.
_MIN_STEADY = 0.4
# Burned-in text lies within this share of the picture's height from its upper or lower edge.
_MAX_FROM_EDGE = 0.2
# How far a zone reaches beyond its text, in heights of a line: at the sides, and above and below.
# The last digits of a clock change so often that little of them is seen as strokes.
_PADDING_SIDES, _PADDING = 2.0, 0.5


def find_burned_in_text(
    source: str | os.PathLike[str], settings: Settings | None = None
) -> tuple[Zone, ...]:
    """Zones that cover burned-in names and times, for a person to accept or not.

    Args:
        source: the clip.
        settings: defaults when None; `threads` and `max_pixels` are used.

    Returns:
        A zone with the rule "cover" for each line of text, from the top down. Signs in the scene
        that look like it may be among them, and text without contrast may be missing.

    Raises:
        ClipError: the source can't be read as a clip.

    """
    settings = as_settings(settings)
    clip = video.probe(source, max_pixels=settings.max_pixels)
    samples = np.stack(list(_sampled(clip, settings)))
    boxes = [_padded(line, samples.shape[1:]) for line in find_lines(samples)]
    return named_zones(
        [Zone.from_box(*box, name=f"text {number}") for number, box in enumerate(boxes, 1)]
    )


def find_lines(samples: NDArray[np.uint8]) -> list[_Line]:
    """Lines of text, x0 y0 x1 y1 in pixels, from the top down.

    samples: (N, H, W) grey images of one place.
    """
    height = samples.shape[1]
    low, high = samples.min(axis=0), samples.max(axis=0)
    steady = high - low <= _MAX_NOISE
    jumping = _jumping(samples, low, high)
    lines: list[_Line] = []
    for strokes in (_strokes(low, cv2.MORPH_TOPHAT), _strokes(high, cv2.MORPH_BLACKHAT)):
        lines += _rows_of_characters(strokes & steady, jumping)
    near_edges = [
        line for line in lines if min(line[3], height - line[1]) <= _MAX_FROM_EDGE * height
    ]
    return sorted(_joined(near_edges), key=lambda line: (line[1], line[0]))


def _sampled(clip: ClipInfo, settings: Settings) -> Iterator[Gray]:
    """Grey images of frames spread over the clip, shrunk."""
    limits = {"threads": settings.threads, "max_pixels": settings.max_pixels}
    count = clip.frame_count_estimate or _SAMPLES
    width, height = clip.upright_size
    size = size_within((height, width), _LONG_SIDE)
    step = max(1, count // _SAMPLES)
    taken = 0
    with contextlib.closing(video.read_frames(clip, **limits)) as frames:
        for frame in frames:
            if frame.index % step == 0 and taken < 2 * _SAMPLES:
                taken += 1
                yield video.to_luma(frame, size, clip.rotation_degrees, clip.is_mirrored)
    if not taken:
        raise ClipError(f"{os.fspath(clip.path)!r} has no frame that can be decoded")


def _strokes(image: Gray, operation: int) -> NDArray[np.bool_]:
    """Where an image has strokes that are brighter (top hat) or darker than what is around them."""
    side = max(3, round(_MAX_HEIGHT * image.shape[0] / 4) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    return np.asarray(cv2.morphologyEx(image, operation, kernel) >= _MIN_CONTRAST)


def _jumping(samples: NDArray[np.uint8], low: Gray, high: Gray) -> NDArray[np.bool_]:
    """Where pixels jump between dark and bright, as under a clock's digits."""
    span = (high - low).astype(np.int16)
    third = (span // 3).astype(np.uint8)
    is_low, is_high = samples <= low + third, samples >= high - third
    at_ends = (is_low | is_high).mean(axis=0)
    often = np.minimum(is_low.mean(axis=0), is_high.mean(axis=0)) >= _MIN_SHARE_EACH
    jumping = ((span >= _MIN_JUMP) & (at_ends >= _MIN_SHARE_AT_ENDS) & often).astype(np.uint8)
    # Of what moves through the picture, larger parts jump than there are between strokes.
    side = max(3, round(_MAX_HEIGHT * jumping.shape[0] / 2))
    larger = cv2.morphologyEx(jumping, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return np.asarray((jumping > 0) & (larger == 0))


def _rows_of_characters(steady: NDArray[np.bool_], jumping: NDArray[np.bool_]) -> list[_Line]:
    """Boxes around stretches of strokes that are as high, long and dense as a line of text.

    Most of a clock is steady, too; what jumps alone is a tree in the wind.
    """
    mask = steady | jumping
    height = mask.shape[0]
    reach = max(3, round(_MAX_GAP * height) | 1)
    joined = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    lines = ((x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist())
    return [
        (x0, y0, x1, y1)
        for x0, y0, x1, y1 in lines
        if _is_text(mask, (x0, y0, x1, y1))
        and steady[y0:y1, x0:x1].sum() >= _MIN_STEADY * mask[y0:y1, x0:x1].sum()
    ]


def _is_text(mask: NDArray[np.bool_], line: _Line) -> bool:
    x0, y0, x1, y1 = line
    size, length = y1 - y0, x1 - x0
    if not _MIN_HEIGHT <= size / mask.shape[0] <= _MAX_HEIGHT or length < _MIN_LENGTH * size:
        return False
    ink = mask[y0:y1, x0:x1]
    middle = ink[size // 4 : max(size // 4 + 1, size - size // 4)]
    strokes = (middle[:, 1:] & ~middle[:, :-1]).sum(axis=1).mean() / (length / size)
    least, most = _STROKES_PER_SIZE
    return bool(least <= strokes <= most and _INK[0] <= ink.mean() <= _INK[1])


def _around(boxes: Sequence[_Line]) -> _Line:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _joined(lines: Sequence[_Line]) -> list[_Line]:
    """Lines that overlap, or go on beside each other, as one."""
    result: list[_Line] = []
    for line in sorted(lines):
        for number, other in enumerate(result):
            size = max(line[3] - line[1], other[3] - other[1])
            is_level = min(line[3], other[3]) - max(line[1], other[1]) >= 0.5 * size
            if is_level and line[0] - other[2] <= 2.5 * size:
                result[number] = _around((line, other))
                break
        else:
            result.append(line)
    return result


def _padded(line: _Line, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """A line with room around it, in shares of the picture."""
    height, width = shape
    x0, y0, x1, y1 = line
    beside, above = _PADDING_SIDES * (y1 - y0), _PADDING * (y1 - y0)
    return (
        max(0.0, (x0 - beside) / width),
        max(0.0, (y0 - above) / height),
        min(1.0, (x1 + beside) / width),
        min(1.0, (y1 + above) / height),
    )
