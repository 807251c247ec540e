"""Streams of images: each comes out covered, a fixed time after it went in.

A clip can be read twice, so everything about it is known before its first frame is covered. A
stream can't: `LiveAnalyzer` holds its frames back for a while, and what is decided about a frame
when it comes out is final.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import math
import numbers
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from redact.analysis.analyzer import Analyzer
from redact.analysis.scan_presets import build_scans
from redact.cover.painter import Cover
from redact.cover.regions import regions_of, zone_regions
from redact.detectors import Detector
from redact.geometry import iou_matrix
from redact.images.arrays import Image, check_image
from redact.job import Job
from redact.settings import Settings, as_settings
from redact.types import Region, Track
from redact.views import ArrayView, Presentation
from redact.zones import Zone


def redact_frames(
    frames: Iterable[Image],
    settings: Settings | None = None,
    *,
    frame_rate: float = 30.0,
    detectors: Sequence[Detector] | None = None,
) -> Iterator[Image]:
    """Cover a stream of images, each of which comes out `Settings.lookahead_seconds` late.

    Tracks fill gaps and reach back over the frames still held, so a face is covered before its
    first detection by as much as the look-ahead. Memory is bounded by the look-ahead.

    Args:
        frames: (H, W, 3) uint8 BGR images of one size. They are not changed.
        settings: defaults when None.
        frame_rate: images per second, which turns the settings' seconds into frames.
        detectors: run these instead of the ones that `settings` names.

    Yields:
        A covered copy of each image, in order.

    Raises:
        TypeError: an image is not an array, or another argument has the wrong type.
        ValueError: an image has another shape or dtype than it should, or than the first one, or
            the rate is not above 0.

    """
    if not isinstance(frames, Iterable):
        raise TypeError(f"frames must be images, one after the other, not {frames!r}")
    if isinstance(frame_rate, bool) or not isinstance(frame_rate, numbers.Real):
        raise TypeError(f"frame_rate must be a number, not {frame_rate!r}")
    if not 0 < frame_rate < math.inf:
        raise ValueError(f"frame_rate must be above 0 and finite, not {frame_rate!r}")
    settings = as_settings(settings)
    # A turn that is found late is of no use: what has come out can't be covered again.
    settings = dataclasses.replace(settings, turn_degrees=settings.turn_degrees or 0)
    job = Job(settings, detectors, None)
    cover = Cover(job.settings)
    with job.scans(build_scans) as scans, contextlib.ExitStack() as stack:
        seen_as = Presentation.of(job.settings.pixel_aspect or 1.0, settings.turn_degrees or 0)
        analyzer = stack.enter_context(
            Analyzer(scans, job.settings, seen_as=seen_as, workers=job.workers)
        )
        live = LiveAnalyzer(analyzer, job.settings, frame_rate)
        zones: list[tuple[Zone, Region]] = []
        for settled in live.settled(frames):
            image = settled.image.copy()
            size = (image.shape[1], image.shape[0])
            regions = regions_of(settled.tracks, settled.index, size, job.settings)
            zones = zones or zone_regions(job.settings.zones, size)
            seconds = settled.index / frame_rate
            regions += [region for zone, region in zones if zone.is_active(seconds)]
            cover.image(image, regions)
            yield image


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettledFrame:
    """A frame about which nothing changes any more."""

    index: int
    image: Image
    """(H, W, 3) uint8 BGR. The analyzer still looks at it: copy it before you paint on it."""
    tracks: tuple[Track, ...]
    """What is to be covered in it, and perhaps tracks that lie elsewhere in time."""


class LiveAnalyzer:
    """Owns the delay between frames that go in and settled frames that come out.

    Args:
        analyzer: gets every frame, and makes the tracks.
        settings: `lookahead_seconds` and `extend_seconds` are used.
        frame_rate: images per second.

    """

    def __init__(self, analyzer: Analyzer, settings: Settings, frame_rate: float) -> None:
        self._analyzer, self._rate = analyzer, frame_rate
        self._extend_seconds = settings.extend_seconds
        self._max_held = round(settings.lookahead_seconds * frame_rate)
        self._held: collections.deque[Image] = collections.deque()
        self._shape: tuple[int, ...] = ()
        self._next_index = 0
        self._tracks: tuple[Track, ...] = ()
        self._tracked_until = -1
        self._ids = _StableIds()

    def settled(self, frames: Iterable[Image]) -> Iterator[SettledFrame]:
        """Each frame, once it is settled; the last ones when there are no more.

        Raises:
            TypeError, ValueError: as for `redact_frames`.

        """
        for image in frames:
            self._push(image)
            if len(self._held) > self._max_held:
                yield self._pop()
        self._analyzer.finish()
        self._tracked_until = -1
        while self._held:
            yield self._pop()

    def _push(self, image: Image) -> None:
        check_image(image)
        self._shape = self._shape or image.shape
        if image.shape != self._shape:
            raise ValueError(
                f"frame {self._next_index} has the shape {image.shape}, those before it "
                f"{self._shape}; all frames of a stream have one size: start another stream"
            )
        # The caller may reuse the array.
        image = image.copy()
        self._analyzer.push(self._next_index, self._next_index / self._rate, ArrayView(image))
        self._held.append(image)
        self._next_index += 1

    def _pop(self) -> SettledFrame:
        index = self._next_index - len(self._held)
        self._update_tracks(index)
        return SettledFrame(index=index, image=self._held.popleft(), tracks=self._tracks)

    def _update_tracks(self, index: int) -> None:
        """Make tracks of what was detected so far, from that frame on."""
        if self._tracked_until == self._analyzer.last_index >= 0:
            return
        self._tracked_until = self._analyzer.last_index
        self._analyzer.forget(index / self._rate - self._extend_seconds)
        stop = self._next_index + round(self._extend_seconds * self._rate) + 1
        tracks = self._analyzer.tracks(np.arange(index, stop) / self._rate, index)
        self._tracks = self._ids.assign(tracks, index)


class _StableIds:
    """Tracks are made again from more and more detections; each keeps the id that it had."""

    def __init__(self) -> None:
        self._tracks: tuple[Track, ...] = ()
        self._next_id = 1

    def assign(self, tracks: Iterable[Track], index: int) -> tuple[Track, ...]:
        """Give tracks the ids of those assigned before that overlap them most in that frame.

        Tracks that overlap none get ids that were never used.
        """
        self._tracks = tuple(self._renumbered(tracks, index))
        return self._tracks

    def _renumbered(self, tracks: Iterable[Track], index: int) -> Iterator[Track]:
        old = [(track, box) for track in self._tracks if (box := track.box_at(index))]
        for track in tracks:
            box = track.box_at(index)
            id_ = None
            if box and old:
                overlap = iou_matrix(np.asarray([box]), np.asarray([b for _, b in old]))[0]
                best = int(np.argmax(overlap))
                if overlap[best] > 0 and old[best][0].kind == track.kind:
                    id_ = old.pop(best)[0].id
            if id_ is None:
                id_ = self._next_id
                self._next_id += 1
            yield dataclasses.replace(track, id=id_)
