"""Things that look like a licence plate and are none, seen straight on.

The network learns from them what not to report. Kinds that earlier versions of it took for plates
are listed several times in `_LOOKALIKES`.
"""

from __future__ import annotations

import cv2
import numpy as np

from redact.training.drawing import (
    DIGITS,
    GreyImage,
    arrow_mask,
    chance,
    font_files,
    glyph_mask,
    letters,
    paint,
    phrase,
    resized,
    shaded,
    slope,
    smooth_noise,
    text_mask,
    uniform,
    word,
)
from redact.training.plates import HEIGHT, tones
from redact.training.scripts import prose_mask


def lookalike(rng: np.random.Generator) -> GreyImage:
    """A sign, lettering, a lamp, a vent or the like: (HEIGHT, W) float32, 0..255."""
    return _LOOKALIKES[int(rng.integers(len(_LOOKALIKES)))](rng, HEIGHT)


def _text_block(rng: np.random.Generator, height: int) -> GreyImage:
    """Several lines of text on a panel."""
    width = int(height * uniform(rng, 0.5, 2.5))
    ground, ink = tones(rng)
    image = shaded(rng, height, width, ground)
    rows = int(rng.integers(3, 7))
    for row in range(rows):
        mask = prose_mask(rng, 4, max(5.0, height / rows * 0.7))
        room = max(3, int(width * uniform(rng, 0.4, 0.95)))
        mask = resized(mask, min(room, mask.shape[1]), mask.shape[0])
        paint(image, mask, width * 0.03, row * height / rows, ink)
    return np.clip(image, 0, 255)


def _bars(rng: np.random.Generator, height: int) -> GreyImage:
    """Parallel bars: a vent, a grille, a bar code, a drain."""
    width = int(height * uniform(rng, 1, 5))
    is_upright = chance(rng, 0.5)
    length = width if is_upright else height
    line = np.zeros(length, dtype=np.float32)
    tones = rng.uniform(0, 255, 2) if chance(rng, 0.6) else rng.uniform(0, 255, 9)
    position, count = 0, 0
    while position < length:
        step = int(uniform(rng, 2, height * 0.25))
        line[position : position + step] = tones[count % len(tones)]
        position, count = position + step, count + 1
    full = np.broadcast_to(line[None] if is_upright else line[:, None], (height, width))
    return np.array(full, dtype=np.float32)


def _emblem(rng: np.random.Generator, height: int) -> GreyImage:
    """A car maker's round or oval emblem: rings with letters or a figure inside."""
    width = int(height * uniform(rng, 0.9, 1.9))
    image = shaded(rng, height, width, uniform(rng, 0, 255))
    center = (width // 2, height // 2)
    for share in sorted(rng.uniform(0.45, 1.0, int(rng.integers(1, 4))), reverse=True):
        axes = (max(1, int(width / 2 * share) - 1), max(1, int(height / 2 * share) - 1))
        thickness = -1 if chance(rng, 0.7) else int(rng.integers(2, 7))
        cv2.ellipse(image, center, axes, 0, 0, 360, uniform(rng, 0, 255), thickness, cv2.LINE_AA)
    if chance(rng, 0.6):
        text = letters(rng, int(rng.integers(1, 5)))
        mask = text_mask(rng, text, height * uniform(rng, 0.25, 0.5), font_files())
        mask = resized(mask, min(mask.shape[1], int(width * 0.75)), mask.shape[0])
    else:
        mask = glyph_mask(rng, 1, height * uniform(rng, 0.4, 0.75))
    x, y = (width - mask.shape[1]) / 2, (height - mask.shape[0]) / 2
    paint(image, mask, x, y, uniform(rng, 0, 255))
    return np.clip(image, 0, 255)


def _wheel(rng: np.random.Generator, height: int) -> GreyImage:
    """A wheel (tyre, rim, spokes, hub), seen from the front or from an angle."""
    width = int(height * uniform(rng, 0.4, 1.05))
    image = shaded(rng, height, width, uniform(rng, 20, 220))
    center = (width // 2, height // 2)
    axes = np.array([width / 2 - 1, height / 2 - 1])
    outline = (int(axes[0]), int(axes[1]))
    cv2.ellipse(image, center, outline, 0, 0, 360, uniform(rng, 5, 60), -1, cv2.LINE_AA)
    rim = axes * uniform(rng, 0.6, 0.8)
    dark, light = sorted(rng.uniform(20, 240, 2))
    inner = (int(rim[0]), int(rim[1]))
    cv2.ellipse(image, center, inner, 0, 0, 360, float(dark), -1, cv2.LINE_AA)
    spokes, turn = int(rng.integers(4, 13)), uniform(rng, 0, 3)
    for angle in turn + np.arange(spokes) * 2 * np.pi / spokes:
        end = center + rim * (np.cos(angle), np.sin(angle))
        thickness = int(rng.integers(2, 7))
        cv2.line(image, center, (int(end[0]), int(end[1])), float(light), thickness, cv2.LINE_AA)
    hub = (max(1, int(rim[0] * 0.25)), max(1, int(rim[1] * 0.25)))
    cv2.ellipse(image, center, hub, 0, 0, 360, uniform(rng, 20, 240), -1, cv2.LINE_AA)
    return np.clip(image, 0, 255)


def _lamp(rng: np.random.Generator, height: int) -> GreyImage:
    """A lamp that is off: ribbed glass with bulbs and reflectors behind it."""
    width = int(height * uniform(rng, 0.9, 3.5))
    image = shaded(rng, height, width, uniform(rng, 0, 220))
    glass = shaded(rng, height, width, uniform(rng, 20, 255))
    if chance(rng, 0.5):
        pitch = max(2, int(height * uniform(rng, 0.05, 0.2)))
        tone = uniform(rng, -60, 60)
        if chance(rng, 0.7):
            glass[:, ::pitch] += tone
        if chance(rng, 0.4):
            glass[::pitch] += tone
    if chance(rng, 0.4):  # chambers
        for x in np.sort(rng.uniform(0, width, int(rng.integers(1, 4)))).astype(int).tolist():
            glass[:, x:] = np.float32(0.4) * glass[:, x:] + uniform(rng, 0, 150)
    for _ in range(rng.integers(0, 4)):
        _draw_bulb(rng, glass)
    for _ in range(rng.integers(0, 5)):  # reflections on the glass
        x, y = int(uniform(rng, 0, width)), int(uniform(rng, 0, height))
        end = (x + int(rng.normal(0, 0.4) * height), y + int(rng.normal(0, 0.15) * height))
        cv2.line(glass, (x, y), end, uniform(rng, 180, 255), int(rng.integers(1, 6)), cv2.LINE_AA)
    mask = np.zeros((height, width), dtype=np.float32)
    points = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + rng.uniform(-0.35, 0.2, (4, 2))
    if chance(rng, 0.4):
        axes = (width // 2 - 1, height // 2 - 1)
        cv2.ellipse(mask, (width // 2, height // 2), axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    else:
        cv2.fillPoly(mask, [(points * (width, height)).astype(np.int32)], 1.0, cv2.LINE_AA)
    if chance(rng, 0.5):  # the dark gap around the lamp
        wider = np.asarray(cv2.dilate(mask, np.ones((5, 5), np.uint8)), dtype=np.float32)
        paint(image, wider, 0, 0, uniform(rng, 0, 60))
    paint(image, mask, 0, 0, glass)
    return np.clip(image, 0, 255)


def _draw_bulb(rng: np.random.Generator, glass: GreyImage) -> None:
    """Draw a round reflector, in place: concentric discs and a bright spot off the middle."""
    height, width = glass.shape
    center = np.array([uniform(rng, 0.1, 0.9) * width, uniform(rng, 0.25, 0.75) * height])
    radius = height * uniform(rng, 0.15, 0.5)
    first, last = rng.uniform(10, 255, 2)
    tones = np.linspace(first, last, int(rng.integers(2, 6)))
    for tone, share in zip(tones, np.linspace(1, 0.3, len(tones)), strict=True):
        middle = (int(center[0]), int(center[1]))
        cv2.circle(glass, middle, max(1, int(radius * share)), float(tone), -1, cv2.LINE_AA)
    spot = center + rng.uniform(-0.5, 0.5, 2) * radius
    size = max(1, int(radius * uniform(rng, 0.1, 0.4)))
    cv2.circle(glass, (int(spot[0]), int(spot[1])), size, 255.0, -1, cv2.LINE_AA)


def _badge(rng: np.random.Generator, height: int) -> GreyImage:
    """A short word or number on the bare body of a car. A long one would look just like a plate."""
    text = letters(rng, int(rng.integers(1, 4)), DIGITS) if chance(rng, 0.5) else word(rng).title()
    mask = text_mask(rng, text, height * uniform(rng, 0.5, 0.9), font_files())
    ground = uniform(rng, 0, 255)
    image = shaded(rng, height, mask.shape[1] + height // 2, ground)
    if chance(rng, 0.3):
        image += smooth_noise(rng, image.shape[0], image.shape[1], 40) * uniform(rng, 5, 40)
    tone = float(np.clip(ground + (1 if chance(rng, 0.5) else -1) * uniform(rng, 40, 150), 0, 255))
    paint(image, mask, height / 4, (height - mask.shape[0]) / 2, tone)
    return np.clip(image, 0, 255)


def _lettering(rng: np.random.Generator, height: int) -> GreyImage:
    """One long line of text, as on vans and above shops."""
    mask = prose_mask(rng, 6, height * 0.6)
    ground, ink = tones(rng)
    image = shaded(rng, height, mask.shape[1] + height, ground)
    paint(image, mask, height / 2, height * 0.2, ink)
    return np.clip(image, 0, 255)


def _name(rng: np.random.Generator, height: int) -> GreyImage:
    """A name in capitals and small letters, with much empty space around it."""
    text = " ".join(word(rng).title() for _ in range(rng.integers(1, 4)))
    share = uniform(rng, 0.25, 0.5)
    mask = text_mask(rng, text, height * share, font_files())
    ground, ink = tones(rng)
    image = shaded(rng, height, mask.shape[1] + int(height * uniform(rng, 0.2, 2)), ground)
    x, y = (image.shape[1] - mask.shape[1]) / 2, (height - mask.shape[0]) / 2
    paint(image, mask, x, y, ink)
    if chance(rng, 0.4):
        corner = (image.shape[1] - 2, height - 2)
        cv2.rectangle(image, (1, 1), corner, ink, int(rng.integers(1, 5)))
    return np.clip(image, 0, 255)


def _cells(rng: np.random.Generator, height: int) -> GreyImage:
    """A grid of dark and light cells: windows, vents, paving."""
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(2, 10))
    cells = rng.uniform(0, 255, (rows, columns)).astype(np.float32)
    width = int(height * uniform(rng, 1.2, 5))
    image: GreyImage = np.asarray(
        cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.float32
    )
    image[:, :: max(2, width // columns)] = uniform(rng, 0, 255)
    return image


def _panel(rng: np.random.Generator, height: int) -> GreyImage:
    """A blank panel: a reflector, a handle's recess, an empty plate holder."""
    width = int(height * uniform(rng, 1.5, 5))
    image = shaded(rng, height, width, uniform(rng, 0, 255)) + slope(rng, height, width, 40)
    if chance(rng, 0.5):
        edge = int(rng.integers(2, 9))
        cv2.rectangle(image, (2, 2), (width - 3, height - 3), uniform(rng, 0, 255), edge)
    if chance(rng, 0.3):
        radius = int(height * uniform(rng, 0.1, 0.4))
        cv2.circle(image, (width // 2, height // 2), radius, uniform(rng, 0, 255), -1)
    return np.clip(image, 0, 255)


def _round_sign(rng: np.random.Generator, height: int) -> GreyImage:
    """A traffic sign: a disc, triangle, square or octagon with a number or a word on it."""
    image = shaded(rng, height, height, uniform(rng, 20, 230))
    corners = int(rng.choice([3, 4, 8, 40]))
    turn = uniform(rng, 0, 6)
    angles = turn + np.arange(corners) * 2 * np.pi / corners
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for share in (0.5, uniform(rng, 0.35, 0.47)):
        points = (ring * share * height + height / 2).astype(np.int32)
        cv2.fillPoly(image, [points], uniform(rng, 0, 255), cv2.LINE_AA)
    text = letters(rng, 2, DIGITS) if chance(rng, 0.5) else word(rng)[:4].upper()
    mask = text_mask(rng, text, height * uniform(rng, 0.2, 0.4), font_files())
    mask = resized(mask, min(mask.shape[1], int(height * 0.7)), mask.shape[0])
    x, y = (height - mask.shape[1]) / 2, (height - mask.shape[0]) / 2
    paint(image, mask, x, y, uniform(rng, 0, 255))
    return np.clip(image, 0, 255)


def _sticker(rng: np.random.Generator, height: int) -> GreyImage:
    """A bumper sticker, poster or parcel label: lines of text of several sizes, a drawing."""
    width = int(height * uniform(rng, 1.0, 4.0))
    ground, ink = tones(rng)
    image = shaded(rng, height, width, ground)
    y = height * uniform(rng, 0.05, 0.15)
    while y < height * 0.85:
        row_height = height * uniform(rng, 0.1, 0.4)
        mask = prose_mask(rng, 5, max(4.0, row_height))
        mask = resized(mask, min(mask.shape[1], int(width * 0.92)), mask.shape[0])
        paint(image, mask, (width - mask.shape[1]) * uniform(rng, 0.1, 0.9), y, ink)
        y += row_height * uniform(rng, 1.15, 1.8)
    if chance(rng, 0.6):
        middle = (int(uniform(rng, 0, 1) * width), int(uniform(rng, 0.2, 0.8) * height))
        axes = tuple(int(v * height) for v in rng.uniform(0.1, 0.4, 2))
        cv2.ellipse(image, middle, axes, 0, 0, 360, uniform(rng, 0, 255), -1, cv2.LINE_AA)
    return np.clip(image, 0, 255)


def _house_number(rng: np.random.Generator, height: int) -> GreyImage:
    """A house number: one to three digits on a round or square tile, or directly on the wall."""
    text = letters(rng, int(rng.integers(1, 4)), DIGITS)
    mask = text_mask(rng, text, height * uniform(rng, 0.4, 0.75), font_files())
    ground, ink = tones(rng)
    width = max(mask.shape[1] + height // 4, int(height * uniform(rng, 0.8, 1.3)))
    image = shaded(rng, height, width, uniform(rng, 10, 240))
    center, axes = (width // 2, height // 2), (width // 2 - 2, height // 2 - 2)
    if chance(rng, 0.4):
        cv2.ellipse(image, center, axes, 0, 0, 360, ground, -1, cv2.LINE_AA)
    elif chance(rng, 0.6):
        image[2:-2, 2:-2] = ground
    else:
        ink = float(np.clip(np.median(image) + uniform(rng, -150, 150), 0, 255))
    paint(image, mask, (width - mask.shape[1]) / 2, (height - mask.shape[0]) / 2, ink)
    return np.clip(image, 0, 255)


def _tape(rng: np.random.Generator, height: int) -> GreyImage:
    """Barrier tape, a banner, a printed belt: words repeated, some with stripes between them."""
    width = int(height * uniform(rng, 6, 22))
    ground, ink = tones(rng)
    image = shaded(rng, height, width, ground)
    text = " ".join(word(rng).upper() for _ in range(rng.integers(1, 4)))
    mask = text_mask(rng, text, height * uniform(rng, 0.4, 0.85), font_files())
    gap = height * uniform(rng, 0.2, 3.0)
    stripe = height * uniform(rng, 0.3, 0.9) if chance(rng, 0.35) else 0.0
    x = -uniform(rng, 0, 1) * mask.shape[1]
    while x < width:
        paint(image, mask, x, (height - mask.shape[0]) / 2, ink)
        x += mask.shape[1]
        if stripe:
            _draw_stripes(image, x + stripe / 2, x + gap - stripe / 2, stripe, ink)
        x += gap
    if chance(rng, 0.25):
        edge = max(1, int(height * uniform(rng, 0.03, 0.1)))
        image[:edge] = image[-edge:] = ink
    return np.clip(image, 0, 255)


def _draw_stripes(image: GreyImage, start: float, stop: float, breadth: float, ink: float) -> None:
    """Draw slanted stripes from column `start` to column `stop`, in place."""
    height = image.shape[0]
    x = start
    while x + breadth / 2 < stop:
        corners = [(x, height), (x + breadth / 2, height), (x + breadth, 0), (x + breadth / 2, 0)]
        cv2.fillPoly(image, [np.array(corners, dtype=np.int32)], ink, cv2.LINE_AA)
        x += breadth


def _relief(rng: np.random.Generator, height: int) -> GreyImage:
    """A model's name in metal letters on a car, some with a frame around each letter."""
    side = height * uniform(rng, 0.55, 0.95)
    frame = int(rng.integers(4))
    # A long name without frames would look just like a plate.
    count = int(rng.integers(2, 4 if frame == 3 else 6))
    step = side * uniform(rng, 0.85, 1.3)
    body = uniform(rng, 15, 235)
    image = shaded(rng, height, int(step * (count - 1) + side + height * 0.2), body)
    shape: GreyImage = np.zeros_like(image)
    depth = max(1, int(height * uniform(rng, 0.02, 0.06)))
    for i in range(count):
        left, top = height * 0.1 + i * step, (height - side) / 2
        letter = text_mask(rng, letters(rng, 1), side * uniform(rng, 0.45, 0.8), font_files())
        letter = resized(letter, min(letter.shape[1], int(side * 0.8)), letter.shape[0])
        place = (left + (side - letter.shape[1]) / 2, top + (side - letter.shape[0]) / 2)
        paint(shape, letter, *place, 1.0)
        start, stop = (int(left), int(top)), (int(left + side), int(top + side))
        middle = ((start[0] + stop[0]) // 2, (start[1] + stop[1]) // 2)
        if frame == 0:
            cv2.rectangle(shape, start, stop, 1.0, 2 * depth, cv2.LINE_AA)
        elif frame == 1:
            cv2.circle(shape, middle, int(side / 2), 1.0, 2 * depth, cv2.LINE_AA)
        elif frame == 2:
            cv2.rectangle(shape, start, stop, 1.0, -1)
            paint(shape, letter, *place, 0.0)
    metal = float(np.clip(body + uniform(rng, -90, 110), 0, 255))
    paint(image, shape, depth, depth, float(max(0, body - uniform(rng, 40, 150))))
    paint(image, shape, -depth, -depth, float(min(255, body + uniform(rng, 20, 150))))
    paint(image, shape, 0, 0, metal)
    return np.clip(image, 0, 255)


def _way_sign(rng: np.random.Generator, height: int) -> GreyImage:
    """A sign above a door or in a corridor: an arrow or a figure beside one or two lines."""
    width = int(height * uniform(rng, 2.0, 4.5))
    ground, ink = tones(rng, 0.7)
    image = shaded(rng, height, width, ground)
    side = height * uniform(rng, 0.5, 0.8)
    for left in ((height - side) / 2, width - height * 0.5 - side / 2):
        if chance(rng, 0.75):
            figure = glyph_mask(rng, 1, side) if chance(rng, 0.5) else arrow_mask(rng, int(side))
            paint(image, figure, left, (height - side) / 2, ink)
    rows = int(rng.integers(1, 3))
    for row in range(rows):
        mask = prose_mask(rng, 2, max(4.0, height * uniform(rng, 0.25, 0.45) / rows**0.5))
        mask = resized(mask, max(3, min(mask.shape[1], int(width - 2.1 * height))), mask.shape[0])
        y = height * (row + 0.5) / rows - mask.shape[0] / 2
        paint(image, mask, (width - mask.shape[1]) / 2, y, ink)
    return np.clip(image, 0, 255)


def _lit_lamp(rng: np.random.Generator, height: int) -> GreyImage:
    """A lamp that is on: rings of bright points and a glow around them, partly overexposed."""
    width = int(height * uniform(rng, 0.9, 2.8))
    image = shaded(rng, height, width, uniform(rng, 5, 130))
    light: GreyImage = np.zeros_like(image)
    center = np.array([uniform(rng, 0.25, 0.75) * width, uniform(rng, 0.4, 0.6) * height])
    radius = height * uniform(rng, 0.2, 0.42)
    middle = (int(center[0]), int(center[1]))
    if chance(rng, 0.6):
        axes = (int(width * 0.48), int(height * 0.44))
        glass = uniform(rng, 30, 120)
        cv2.ellipse(light, (width // 2, height // 2), axes, 0, 0, 360, glass, -1, cv2.LINE_AA)
    cv2.circle(light, middle, int(radius), uniform(rng, 80, 255), -1, cv2.LINE_AA)
    for ring in np.linspace(1, 0.25, int(rng.integers(1, 5))):
        for angle in np.arange(0, 6.28, uniform(rng, 0.25, 0.8)):
            point = center + radius * ring * np.array([np.cos(angle), np.sin(angle)])
            spot = (int(point[0]), int(point[1]))
            tone = uniform(rng, 120, 300)
            cv2.circle(light, spot, max(1, int(radius * 0.1)), tone, -1, cv2.LINE_AA)
    sigma = height * uniform(rng, 0.01, 0.08)
    light += cv2.GaussianBlur(light, (0, 0), sigmaX=sigma * 3) * uniform(rng, 0.1, 0.7)
    return np.clip(image + light, 0, 255)


def _name_tag(rng: np.random.Generator, height: int) -> GreyImage:
    """A name tag or a race number: a dark head strip, a large word or number, a small line."""
    width = int(height * uniform(rng, 1.0, 2.6))
    ground, ink = tones(rng, 0.15)
    image = shaded(rng, height, width, ground)
    strip = height * uniform(rng, 0.15, 0.35) if chance(rng, 0.6) else 0.0
    if strip:
        image[: int(strip)] = uniform(rng, 10, 150)
        greeting = text_mask(rng, phrase(rng, 2), max(4.0, strip * 0.6), font_files())
        greeting = resized(greeting, min(greeting.shape[1], int(width * 0.9)), greeting.shape[0])
        paint(image, greeting, (width - greeting.shape[1]) / 2, strip * 0.2, ground)
    text = word(rng).title() if chance(rng, 0.7) else letters(rng, int(rng.integers(1, 5)), DIGITS)
    room = height - strip
    mask = text_mask(rng, text, room * uniform(rng, 0.3, 0.6), font_files())
    mask = resized(mask, min(mask.shape[1], int(width * 0.85)), mask.shape[0])
    paint(image, mask, (width - mask.shape[1]) / 2, strip + room * 0.12, ink)
    if chance(rng, 0.6):
        line = text_mask(rng, phrase(rng, 3), max(4.0, room * 0.14), font_files())
        line = resized(line, min(line.shape[1], int(width * 0.8)), line.shape[0])
        paint(image, line, (width - line.shape[1]) / 2, strip + room * 0.78, ink)
    return np.clip(image, 0, 255)


def _clock(rng: np.random.Generator, height: int) -> GreyImage:
    """A clock with hands, or a display with lit digits: a time, a price, a bus line."""
    if chance(rng, 0.5):
        digits = letters(rng, 4, DIGITS)
        text = digits[:2] + (":", ".", " ")[int(rng.integers(3))] + digits[2:]
        mask = text_mask(rng, text, height * uniform(rng, 0.45, 0.8), font_files())
        width = mask.shape[1] + int(height * uniform(rng, 0.2, 1.2))
        image = shaded(rng, height, width, uniform(rng, 5, 60))
        glow = np.asarray(cv2.GaussianBlur(mask, (0, 0), height * 0.06), dtype=np.float32)
        x, y = (width - mask.shape[1]) / 2, (height - mask.shape[0]) / 2
        paint(image, glow * 0.5, x, y, 160.0)
        paint(image, mask, x, y, uniform(rng, 120, 255))
        return np.clip(image, 0, 255)
    image = shaded(rng, height, height, uniform(rng, 20, 230))
    ground, ink = tones(rng)
    middle, radius = height // 2, height * 0.46
    cv2.circle(image, (middle, middle), int(radius), ink, -1, cv2.LINE_AA)
    cv2.circle(image, (middle, middle), int(radius * 0.9), ground, -1, cv2.LINE_AA)
    turn = uniform(rng, 0, 6.28)
    lines = [(angle, 0.7, 0.85, 2) for angle in np.arange(12) * np.pi / 6]
    lines += [(turn, 0.0, 0.75, 2), (turn * 12, 0.0, 0.5, 4)]
    for angle, start, stop, thickness in lines:
        way = np.array([np.sin(angle), -np.cos(angle)]) * radius
        first, last = (tuple(int(v) for v in middle + way * share) for share in (start, stop))
        cv2.line(image, first, last, ink, thickness, cv2.LINE_AA)
    return np.clip(image, 0, 255)


def _door_sign(rng: np.random.Generator, height: int) -> GreyImage:
    """A shop's or a door's sign: one or two short words, most of them within a border."""
    ground, ink = tones(rng, 0.5)
    rows = [word(rng) for _ in range(int(rng.integers(1, 3)))]
    rows = [row.upper() if chance(rng, 0.7) else row.title() for row in rows]
    share = uniform(rng, 0.45, 0.75) / len(rows)
    masks = [text_mask(rng, row, height * share, font_files()) for row in rows]
    width = max(mask.shape[1] for mask in masks) + int(height * uniform(rng, 0.3, 1.2))
    image = shaded(rng, height, width, ground)
    for row, mask in enumerate(masks):
        y = height * (row + 0.5) / len(masks) - mask.shape[0] / 2
        paint(image, mask, (width - mask.shape[1]) / 2, y, ink)
    if chance(rng, 0.7):
        inset = int(rng.integers(1, 6))
        corner = (width - 1 - inset, height - 1 - inset)
        cv2.rectangle(image, (inset, inset), corner, ink, int(rng.integers(1, 4)))
    return np.clip(image, 0, 255)


def _mat(rng: np.random.Generator, height: int) -> GreyImage:
    """A door mat or a carton: a coarse surface with a word and a drawing on it."""
    width = int(height * uniform(rng, 1.2, 2.4))
    ground, ink = tones(rng, 0.7)
    grain = rng.normal(0, uniform(rng, 5, 30), (height // 2 + 1, width // 2 + 1))
    image = shaded(rng, height, width, ground) + resized(
        np.asarray(grain, dtype=np.float32), width, height
    )
    mask = text_mask(rng, word(rng).upper(), height * uniform(rng, 0.2, 0.45), font_files())
    mask = resized(mask, min(mask.shape[1], int(width * 0.85)), mask.shape[0])
    y = (height - mask.shape[0]) * uniform(rng, 0.1, 0.9)
    paint(image, mask * uniform(rng, 0.6, 1.0), (width - mask.shape[1]) / 2, y, ink)
    for _ in range(int(rng.integers(0, 3))):
        figure = glyph_mask(rng, 1, height * uniform(rng, 0.15, 0.4))
        x, y = uniform(rng, 0, 0.85) * width, uniform(rng, 0, 0.7) * height
        paint(image, figure, x, y, ink)
    if chance(rng, 0.5):
        cv2.rectangle(image, (3, 3), (width - 4, height - 4), ink, int(rng.integers(1, 6)))
    return np.clip(image, 0, 255)


_LOOKALIKES = (
    _text_block,
    _lettering,
    _bars,
    _badge,
    _cells,
    _panel,
    _emblem,
    _wheel,
    _lamp,
    _name,
    _round_sign,
    _sticker,
    _sticker,
    _house_number,
    # These are taken for plates most often.
    _lamp,
    _lamp,
    _emblem,
    _wheel,
    _tape,
    _tape,
    _relief,
    _relief,
    _way_sign,
    _lit_lamp,
    _name_tag,
    _name_tag,
    _clock,
    _door_sign,
    _door_sign,
    _mat,
)
