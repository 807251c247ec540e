"""A fixed camera's view of a textured street, with noise, for tests of motion."""

import numpy as np

WIDTH, HEIGHT = 480, 270


def make_street():
    """A still scene with texture, (HEIGHT, 2 * WIDTH) float, twice as wide as the frame."""
    rng = np.random.default_rng(3)
    coarse = rng.uniform(40, 200, (HEIGHT // 10, 2 * WIDTH // 10))
    return np.kron(coarse, np.ones((10, 10)))


def frame(scene, rng, *, x=None, left=0, gain=1.0, size=40):
    """The scene from column `left` on, with a dark square at `x`, noise and an exposure."""
    image = scene[:, left : left + WIDTH].copy()
    if x is not None:
        image[100 : 100 + size, x : x + size] = 10
    image = image * gain + rng.normal(0, 2, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def crowd(scene, rng, index, *, step=8):
    """Three large people with rough coats who walk side by side through the scene."""
    image = scene[:, :WIDTH].copy()
    coat = np.random.default_rng(5).uniform(0, 255, (200, 50))
    for x in (20 + step * index, 140 + step * index, 280 + step * index):
        seen = image[40:240, x : x + 50]
        seen[:] = coat[:, : seen.shape[1]]
    return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
