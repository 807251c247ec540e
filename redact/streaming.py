"""Single pictures and streams of arrays, for callers that read and write frames themselves."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from redact.analysis.analyzer import Analyzer
from redact.analysis.scan_presets import build_scans
from redact.analysis.scans import ScanSpec
from redact.cover.painter import Cover
from redact.detectors import Detector
from redact.images import Image, _check_image, _regions, _scans
from redact.lasting import StableIds
from redact.settings import Settings
from redact.types import Track
from redact.views import ArrayView


def redact_frames(
    frames: Iterable[Image],
    settings: Settings | None = None,
    *,
    frame_rate: float = 30.0,
    detectors: Sequence[Detector] | None = None,
) -> Iterator[Image]:
    """Cover a stream of pictures, each given out `Settings.lookahead_seconds` late.

    Tracks fill gaps and reach back over the frames still held, so a face is covered before its
    first detection by as much as the look-ahead. Memory is bounded by the look-ahead.

    Args:
        frames: (H, W, 3) uint8 BGR pictures of one size. They are not changed.
        settings: defaults when None.
        frame_rate: pictures per second, to turn the settings' seconds into frames.
        detectors: look with these instead of with the ones in `settings`.

    Yields:
        A covered copy of each picture, in order.

    Raises:
        ValueError: a picture has another shape or dtype, or the rate is not above 0.

    """
    if not frame_rate > 0:
        raise ValueError(f"frame_rate must be above 0, not {frame_rate!r}")
    settings = settings or Settings()
    stream = _Stream(settings, _scans(settings, detectors, build_scans), frame_rate)
    for image in frames:
        _check_image(image)
        stream.push(image)
        if stream.is_full:
            yield stream.pop()
    while stream.held:
        yield stream.pop()


class _Stream:
    """The frames held back, and what was seen in the time around them."""

    def __init__(self, settings: Settings, scans: Sequence[ScanSpec], frame_rate: float) -> None:
        self._settings, self._rate = settings, frame_rate
        self._cover = Cover(settings)
        self._analyzer = Analyzer(scans, settings)
        self.held: collections.deque[Image] = collections.deque()
        self._pushed = self._popped = 0
        self._tracks: tuple[Track, ...] = ()
        self._ids = StableIds()
        self._is_stale = True
        self._lookahead = round(settings.lookahead_seconds * frame_rate)

    @property
    def is_full(self) -> bool:
        return len(self.held) > self._lookahead

    def push(self, image: Image) -> None:
        kept, now = image.copy(), self._pushed / self._rate
        if self._analyzer.is_due(now):
            # The watch keeps pictures for a while, and what is held will be painted on.
            self._analyzer.see(self._pushed, now, ArrayView(image.copy()))
            self._is_stale = True
        self.held.append(kept)
        self._pushed += 1

    def pop(self) -> Image:
        image, index = self.held.popleft(), self._popped
        self._popped += 1
        if self._is_stale:
            self._track(index)
        boxes = [(track.box_at(index), track.kind, track.id) for track in self._tracks]
        here = [(box, kind, number) for box, kind, number in boxes if box is not None]
        self._cover.image(image, _regions(here, image, self._settings))
        return image

    def _track(self, index: int) -> None:
        """Make tracks of what was seen so far; a track keeps the id it had before."""
        extend = self._settings.extend_seconds
        self._analyzer.forget(index / self._rate - extend)
        seconds = np.arange(index, self._pushed + round(extend * self._rate) + 1) / self._rate
        tracks = self._analyzer.tracks(seconds, index)
        self._tracks = self._ids.given(tracks, index)
        self._is_stale = False
