"""Slow twins of the kernels and of the conversions by OpenCV, written independently.

They follow the descriptions of the functions and work in floating point, one pixel at a time where
that is clearer.
"""

import math

import numpy as np


def reduce(plane, x0, y0, x1, y1, rows, columns, channels=1):
    """Return the mean of each of rows x columns parts of the box: (rows, columns, channels).

    Of a part with 128 rows or more only every second row is read, with 192 every third, and so on.
    """
    image = plane.reshape(plane.shape[0], -1, channels).astype(float)[y0:y1, x0:x1]
    cells = np.empty((rows, columns, channels))
    for row in range(rows):
        for column in range(columns):
            a, b = _span(y1 - y0, rows, row)
            c, d = _span(x1 - x0, columns, column)
            cells[row, column] = image[a : b : max(1, (b - a) // 64), c:d].mean(axis=(0, 1))
    return cells


def _span(length, parts, number):
    start, stop = length * number // parts, length * (number + 1) // parts
    if stop <= start:
        start = min(start, length - 1)
        stop = start + 1
    return start, stop


def shrink(image, height, width):
    """Shrink a (H, W, C) image to (height, width, C); each pixel is the mean of its area."""
    result = image.astype(float)
    for axis, size in ((0, height), (1, width)):
        scale = image.shape[axis] / size
        lines = [_mean_between(result, axis, i * scale, (i + 1) * scale) for i in range(size)]
        result = np.stack(lines, axis=axis)
    return result


def _mean_between(image, axis, begin, end):
    at = np.arange(image.shape[axis])
    shares = (np.minimum(at + 1, end) - np.maximum(at, begin)).clip(0)
    return np.tensordot(np.moveaxis(image, axis, -1), shares, 1) / (end - begin)


def bgr(planes, red_share, blue_share, is_full_range):
    """Convert Y, U and V planes to (H, W, 3) blue, green and red, 0..255."""
    y, u, v = (plane.astype(float) for plane in planes)
    u, v = (np.repeat(np.repeat(p - 128, 2, axis=0), 2, axis=1) for p in (u, v))
    u, v = (p[: y.shape[0], : y.shape[1]] for p in (u, v))
    if not is_full_range:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    red, blue = y + 2 * (1 - red_share) * v, y + 2 * (1 - blue_share) * u
    green = (y - red_share * red - blue_share * blue) / (1 - red_share - blue_share)
    return np.stack([blue, green, red], axis=2).clip(0, 255)


def paint(plane, x0, y0, x1, y1, cells, is_smooth, is_ellipse, edge):
    """Return the painted plane as float (H, W, C), and the opacity of each pixel (H, W)."""
    channels = cells.shape[2]
    image = plane.reshape(plane.shape[0], -1, channels).astype(float)
    opacity = np.zeros(image.shape[:2])
    a, b = (x1 - x0) / 2 + 1e-3, (y1 - y0) / 2 + 1e-3
    reach = 1 + edge / min(a, b)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            u, v = abs(x + 0.5 - (x0 + x1) / 2) / a, abs(y + 0.5 - (y0 + y1) / 2) / b
            if is_ellipse:
                far, limit = u**2 + v**2, reach**2
            else:
                far, limit = max(u, v), reach
            if far <= 1:
                opacity[y, x] = 1
            elif far < limit:
                t = (limit - far) / (limit - 1)
                opacity[y, x] = t * t * (3 - 2 * t)
            if opacity[y, x] > 0:
                value = _value(
                    cells, (y + 0.5 - y0) / (y1 - y0), (x + 0.5 - x0) / (x1 - x0), is_smooth
                )
                image[y, x] += (value - image[y, x]) * opacity[y, x]
    return image, opacity


def _value(cells, down, across, is_smooth):
    rows, columns = cells.shape[:2]
    if not is_smooth:
        row = min(max(math.floor(down * rows + 1e-9), 0), rows - 1)
        return cells[row, min(max(math.floor(across * columns + 1e-9), 0), columns - 1)]
    (r0, r1, s), (c0, c1, t) = _around(down, rows), _around(across, columns)
    upper = cells[r0, c0] * (1 - t) + cells[r0, c1] * t
    lower = cells[r1, c0] * (1 - t) + cells[r1, c1] * t
    return upper * (1 - s) + lower * s


def _around(at, count):
    at = min(max(at * count - 0.5, 0), count - 1)
    first = min(int(at), count - 1)
    t = at - first
    return first, min(first + 1, count - 1), t * t * (3 - 2 * t)
