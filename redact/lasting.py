"""Ids that stay while tracks are made anew from more and more of what was seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from redact.geometry import iou_matrix
from redact.types import Track


class StableIds:
    """Gives tracks the ids that they had before, by where they lie in one frame."""

    def __init__(self) -> None:
        self._tracks: tuple[Track, ...] = ()
        self._next_id = 1

    def given(self, tracks: Iterable[Track], index: int) -> tuple[Track, ...]:
        """The tracks with the ids of those given before that overlap them most in that frame.

        Others get ids that were never used.
        """
        self._tracks = tuple(self._renumbered(tracks, index))
        return self._tracks

    def _renumbered(self, tracks: Iterable[Track], index: int) -> Iterator[Track]:
        old = [(track, box) for track in self._tracks if (box := track.box_at(index))]
        for track in tracks:
            box = track.box_at(index)
            number = None
            if box and old:
                overlap = iou_matrix(np.asarray([box]), np.asarray([b for _, b in old]))[0]
                best = int(np.argmax(overlap))
                if overlap[best] > 0 and old[best][0].kind == track.kind:
                    number = old.pop(best)[0].id
            if number is None:
                number = self._next_id
                self._next_id += 1
            yield dataclasses.replace(track, id=number)
