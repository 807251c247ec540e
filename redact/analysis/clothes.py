"""What people wear: a short description of the clothes under a face, taken while a clip is scanned.

The description is about colours only, and of the body, never of the face. It tells whether two
tracks that follow each other can show one person; see `persons.py`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.analysis.tuning import PERSONS, TUNING
from redact.geometry import clamp_to
from redact.tracking.tracklet import Tracklet
from redact.types import Box
from redact.views import View

# The torso in sizes of the face's box: from its middle to each side, and down from its lower edge.
# Narrower than shoulders are, so that little of what is behind the person is in it.
_HALF_WIDTH, _TOP, _BOTTOM = 0.9, 0.3, 2.1
_SIDE_PIXELS = 16
# Lightness and the two colour axes of CIELAB in 8 bits: the width and the lowest value of bins, and
# how many there are. Clothes leave the outer ends of the colour axes empty.
_WIDTHS, _LOWEST, _COUNTS = np.array([24, 8, 8]), np.array([0, 72, 72]), np.array([12, 16, 16])
_STARTS = np.concatenate([[0], np.cumsum(_COUNTS)])


@dataclasses.dataclass(frozen=True, eq=False)
class Look:
    """What somebody wore in one frame."""

    index: int
    """The frame index."""
    seconds: float
    """The frame's presentation time."""
    box: NDArray[np.float64]
    """(4,) where the face was detected."""
    colours: NDArray[np.float64]
    """(2 * 44,) square roots of the shares of colours in the upper and the lower half of the torso;
    the squares add up to 1."""


@dataclasses.dataclass
class Looks:
    """What people wore in a clip, and what else tells whether two of them are one person."""

    looks: list[Look] = dataclasses.field(default_factory=list)
    """In order of frames."""
    cuts: list[int] = dataclasses.field(default_factory=list)
    """The first frame of each further scene."""
    frame_size: tuple[int, int] = (0, 0)
    """(width, height) of the frames, pixels."""


class LooksSampler:
    """Collects the looks of the faces that are detected, a few each second."""

    def __init__(self) -> None:
        self.seen = Looks()
        """What was collected so far."""
        self._last_seconds: dict[Tracklet, float] = {}

    def cut(self, index: int) -> None:
        """Note that another scene begins with this frame."""
        self.seen.cuts.append(index)
        self._last_seconds.clear()

    def sample(self, tracklets: Iterable[Tracklet], index: int, seconds: float, view: View) -> None:
        """Describe the people of those faces that were detected in this frame."""
        self.seen.frame_size = view.shape[1], view.shape[0]
        faces = [tracklet for tracklet in tracklets if tracklet.kind == "face"]
        interval = PERSONS.look_seconds * max(1.0, len(faces) / PERSONS.look_crowd)
        for face in faces:
            elapsed = seconds - self._last_seconds.get(face, -math.inf)
            if elapsed < interval - TUNING.early_seconds:
                continue
            box = face.detected_box_at(index)
            colours = None if box is None else torso_colours(view, box)
            if box is not None and colours is not None:
                self._last_seconds[face] = seconds
                self.seen.looks.append(Look(index, seconds, box, colours))


def torso_colours(view: View, face: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """`Look.colours` of the person with this (4,) face; None if the torso isn't in the frame."""
    x0, _, x1, y1 = face.tolist()
    width, height, middle = x1 - x0, face[3] - face[1], (x0 + x1) / 2
    torso = Box(
        middle - _HALF_WIDTH * width,
        y1 + _TOP * height,
        middle + _HALF_WIDTH * width,
        y1 + _BOTTOM * height,
    )
    frame_height, frame_width = view.shape
    inside = clamp_to(torso, Box(0, 0, frame_width, frame_height))
    edges = tuple(round(edge) for edge in inside)
    is_tiny = min(edges[2] - edges[0], edges[3] - edges[1]) < PERSONS.look_min_side_pixels
    if is_tiny or inside.area < PERSONS.look_min_visible_share * torso.area:
        return None
    part = view.part((edges[0], edges[1], edges[2], edges[3]))
    small = cv2.resize(part, (_SIDE_PIXELS, _SIDE_PIXELS), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.float64)
    counts = _soft_histograms(lab.reshape(2, -1, 3))
    return np.asarray(np.sqrt(counts / counts.sum()))


def difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """How different the `Look.colours` are: the Hellinger distance, 0 for equal ones to 1."""
    return math.sqrt(max(0.0, 1.0 - float(a @ b)))


def _soft_histograms(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P * 44,) histograms of the three channels of each part, one behind the other.

    A value between two bins counts in both, by nearness, so that a slight change of the light
    changes the histogram slightly.

    parts: (P, N, 3) CIELAB colours in 8 bits.
    """
    positions = np.clip((parts - _LOWEST) / _WIDTHS, 0, _COUNTS - 1)
    below = np.minimum(positions.astype(np.intp), _COUNTS - 2)
    share = (positions - below).ravel()
    bins = (_STARTS[:3] + _STARTS[3] * np.arange(len(parts))[:, None, None] + below).ravel()
    length = len(parts) * int(_STARTS[3])
    counts = np.bincount(bins, 1 - share, length) + np.bincount(bins + 1, share, length)
    return np.asarray(counts)
