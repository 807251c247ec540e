"""The background: what a fixed camera sees when nobody is there."""

import numpy as np
from noisy_street import crowd, frame

from redact.motion.background import Background


def test_ghosts_of_people_become_background_and_the_people_do_not(street):
    rng = np.random.default_rng(0)
    frames = [crowd(street, rng, index, step=10).astype(np.float32) for index in range(16)]
    background = Background(frames[0], 0.0)
    for index, image in enumerate(frames[1:-1], 1):
        background.learn(image, index * 0.1, background.moving(image))
    before = background.moving(frames[-1])
    after = background.forget_ghosts(frames[-1])
    ghost, person = (slice(50, 230), slice(22, 60)), (slice(50, 230), slice(174, 216))
    assert before[ghost].mean() > 0.5 and after[ghost].mean() < 0.02
    assert before[person].mean() > 0.5 and after[person].mean() > 0.5


def test_nothing_becomes_background_while_the_camera_moves(street):
    rng = np.random.default_rng(0)
    frames = [frame(street, rng, left=9 * i).astype(np.float32) for i in range(3)]
    background = Background(frames[0], 0.0)
    background.learn(frames[1], 0.1, background.moving(frames[1]))
    assert background.forget_ghosts(frames[2]) is None


def test_a_ghost_becomes_background_and_somebody_who_stands_there_does_not(street):
    """Both have not changed recently; only the ghost's outline is missing in the frame."""
    rng, wall = np.random.default_rng(0), 120 + street / 20
    first = frame(wall, rng, x=50, size=60).astype(np.float32)
    background = Background(first, 0.0)
    for index in range(1, 12):
        image = frame(wall, rng, x=300, size=60).astype(np.float32)
        moving = background.moving(image)
        left = background.without_ghosts(image, moving)
        background.learn(image, index * 0.1, left)
    ghost, person = (slice(105, 155), slice(55, 105)), (slice(105, 155), slice(305, 355))
    assert moving[person].all() and left[person].all()
    assert not left[ghost].any()
