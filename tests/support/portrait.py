"""The visitor's photo from the examples' doorbell scene, for tests that need a real face."""

import functools

import cv2
import doorbell_scene
import numpy as np


@functools.cache
def portrait():
    """(the photo, (1, 4) the box of the face in it). The photo must not be changed."""
    photo, _ = doorbell_scene.cut_out_visitor()
    return photo, np.array([[165.0, 120.0, 365.0, 350.0]])


def portrait_of_side(side):
    """The same shrunk to that height in pixels."""
    photo, face = portrait()
    scale = side / photo.shape[0]
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small, face * scale
