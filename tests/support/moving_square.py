"""A bright square that moves over a textured wall, and a detector that sees it."""

import numpy as np

from redact import Box, Detection, Settings
from redact.analysis.analyzer import Analyzer
from redact.views import ArrayView

WIDTH, HEIGHT, RATE, SIZE = 480, 270, 10, 30
EXACT = Settings(extend_seconds=0.0, max_gap_seconds=1.0)


def square_at(index):
    return 20 + 4 * index, 100


def picture(index, *, empty=False, seed=1):
    rng = np.random.default_rng(seed)
    image = np.kron(rng.integers(60, 160, (27, 48)), np.ones((10, 10)))
    image = np.repeat(image[:, :, None], 3, axis=2)
    if not empty:
        x, y = square_at(index)
        coarse = np.random.default_rng(9).integers(195, 255, (SIZE // 6, SIZE // 6))
        texture = np.kron(coarse, np.ones((6, 6)))
        image[y : y + SIZE, x : x + SIZE] = texture[:, :, None]
    return image.astype(np.uint8)


class Bright:
    """Finds what is bright, like the square; remembers the sizes of what it was shown."""

    kinds = ("face",)

    def __init__(self, blind=(), score=0.9):
        self.blind, self.score = set(blind), score
        self.shown = []

    def detect(self, image):
        self.shown.append(image.shape[:2])
        if len(self.shown) - 1 in self.blind:
            return []
        rows, columns = np.nonzero(image[:, :, 0] > 190)
        if len(rows) < 20:
            return []
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return [Detection(kind="face", box=Box(*map(float, edges)), score=self.score)]


def watched(scans, indices, *, workers=0, draw=picture, settings=EXACT):
    with Analyzer(scans, settings, workers=workers) as analyzer:
        for index in indices:
            analyzer.push(index, index / RATE, ArrayView(draw(index)))
        return analyzer.tracks(np.arange(max(indices) + 1) / RATE)
