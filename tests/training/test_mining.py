"""Mining: what the network takes for a plate, where none is."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install redact-clips[train]")

import torch

from redact.training.mining import lookalike_places
from redact.training.photos import Photo


class SeesTwo(torch.nn.Module):
    """A network that sees a plate of 40 by 16 pixels around two cells."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        assert x.shape[2] % 32 == x.shape[3] % 32 == 0
        maps = torch.zeros(1, 5, x.shape[2] // 8, x.shape[3] // 8)
        maps[:, 0] = -9.0
        maps[0, 0, 3, 5], maps[0, 0, 6, 12] = 2.0, 1.0
        maps[:, [1, 3]], maps[:, [2, 4]] = float(np.log(2.5)), 0.0
        return maps


def test_only_places_away_from_plates_and_from_what_is_ignored_are_reported():
    nothing = np.zeros((0, 4), np.float32)
    image = np.zeros((90, 130), np.uint8)
    first, second = [24, 20, 64, 36], [80, 44, 120, 60]
    places = lookalike_places(SeesTwo(), Photo(image, nothing))
    np.testing.assert_allclose(places, [first, second], atol=0.01)
    labelled = np.array([[60, 30, 70, 40]], np.float32)
    np.testing.assert_allclose(lookalike_places(SeesTwo(), Photo(image, labelled)), [second])
    places = lookalike_places(SeesTwo(), Photo(image, nothing, ignored=labelled))
    np.testing.assert_allclose(places, [second])
