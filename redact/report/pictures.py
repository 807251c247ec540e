"""Pictures for a report's page, all of them from the result, or from the clip under its covers.

The page itself must not show anybody: what the owner left visible and what the audit is in doubt
about is painted over in every picture.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.cover.painter import Cover
from redact.cover.regions import RegionMaker
from redact.geometry import align_even, grow, scaled
from redact.image_files import read_image
from redact.plan import Plan
from redact.report.spans import Span
from redact.report.summary import clip_seconds, counts
from redact.types import Box, Detection, Frame, Track
from redact.views import Presentation

_SHEET_FRAMES, _SHEET_WIDTH = 12, 400
# Cut-outs of the tracks that are there for longest; a page with hundreds would be slow to open.
_MAX_CUT_OUTS, _CUT_OUT_SIDE = 60, 200
# A cut-out is this many times as large as the longer side of what it shows.
_SURROUNDINGS = 4.0
_JPEG_QUALITY = 80
# What is painted over reaches this far around the box, and this long before and after it.
_HIDDEN_MARGIN, _HIDDEN_SECONDS = 0.6, 1.0
_HIDDEN_GREY, _HATCH_GREY, _HATCH_STEP = 118, 150, 9

Images = Iterator[tuple[int, NDArray[np.uint8]]]
"""Frames by their index, upright, as (H, W, 3) uint8 BGR."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SheetPicture:
    """A whole frame of the result."""

    frame_index: int
    covered: dict[str, int]
    """How many of each kind are covered in it."""
    jpeg: str
    """Base64."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pictures:
    """All pictures of a page; JPEGs in base64."""

    sheet: tuple[SheetPicture, ...]
    of_tracks: dict[int, str]
    """By the id of the covered track."""
    of_spans: dict[int, str]
    """By the number of the doubtful span."""


def take_pictures(
    plan: Plan, leaks: Sequence[Detection], spans: Sequence[Span], result: Path
) -> Pictures:
    """Read the frames that the page shows from the result.

    leaks: what the audit is in doubt about, all of which is painted over.
    spans: the same, as places.

    Raises:
        ClipError: the result can't be read.

    """
    return _Photographer(plan, leaks, spans).take(
        lambda indices: _images_of_result(plan, result, indices)
    )


def take_planned_pictures(plan: Plan) -> Pictures:
    """Read the frames that the page of a plan shows from the source, and cover what it covers.

    Raises:
        ClipError: the source can't be read.

    """
    return _Photographer(plan, (), ()).take(lambda indices: _images_of_plan(plan, indices))


class _Photographer:
    """Takes the pictures of one page. Boxes are scaled to square pixels, as the pictures are."""

    def __init__(self, plan: Plan, leaks: Sequence[Detection], spans: Sequence[Span]) -> None:
        self._plan, self._leaks, self._spans = plan, leaks, spans
        clip = plan.clip
        aspect = clip.upright_pixel_aspect(plan.settings.pixel_aspect)
        self._scale = Presentation.of(aspect).scale
        self._hidden_frames = round(_HIDDEN_SECONDS * len(clip.pts) / clip_seconds(clip))
        covered = {track.id for track in plan.covered_tracks}
        self._visible = [track for track in plan.tracks if track.id not in covered]
        self._tracks_at: dict[int, list[Track]] = collections.defaultdict(list)
        for track in sorted(plan.covered_tracks, key=lambda t: -len(t.boxes))[:_MAX_CUT_OUTS]:
            self._tracks_at[track.start_index + len(track.boxes) // 2].append(track)
        self._spans_at: dict[int, list[int]] = collections.defaultdict(list)
        for number, span in enumerate(spans):
            self._spans_at[span.best.frame_index].append(number)
        self._sheet_indices = frozenset(_sheet_indices(plan))

    def take(self, read: Callable[[Collection[int]], Images]) -> Pictures:
        """Take them all; `read` gives the frames with these indices, covered, in order."""
        sheet: list[SheetPicture] = []
        of_tracks: dict[int, str] = {}
        of_spans: dict[int, str] = {}
        indices = self._sheet_indices | self._tracks_at.keys() | self._spans_at.keys()
        for index, image in read(indices) if indices else ():
            image = self._with_square_pixels(image)
            for box in self._hidden_boxes(index):
                _paint_over(image, box)
            if index in self._sheet_indices:
                covered = counts(t for t in self._plan.covered_tracks if t.box_at(index))
                jpeg = _jpeg(image, _SHEET_WIDTH / image.shape[1])
                sheet.append(SheetPicture(frame_index=index, covered=covered, jpeg=jpeg))
            for track in self._tracks_at.get(index, ()):
                box = Box(*track.boxes[index - track.start_index])
                of_tracks[track.id] = _cut_out(image, scaled(box, self._scale))
            for number in self._spans_at.get(index, ()):
                box = scaled(self._spans[number].best.box, self._scale)
                of_spans[number] = _cut_out(image, box)
        return Pictures(sheet=tuple(sheet), of_tracks=of_tracks, of_spans=of_spans)

    def _with_square_pixels(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._scale != (1.0, 1.0):
            width, height = (
                round(side * factor)
                for side, factor in zip(image.shape[1::-1], self._scale, strict=True)
            )
            image = np.asarray(cv2.resize(image, (width, height)), dtype=np.uint8)
        return np.ascontiguousarray(image)

    def _hidden_boxes(self, index: int) -> Iterator[Box]:
        """What is painted over in the pictures of a frame, because the result may show it."""
        nearby = self._hidden_frames
        for track in self._visible:
            if track.start_index - nearby <= index < track.stop_index + nearby:
                row = min(max(index - track.start_index, 0), len(track.boxes) - 1)
                yield grow(scaled(Box(*track.boxes[row]), self._scale), _HIDDEN_MARGIN)
        for leak in self._leaks:
            if abs(leak.frame_index - index) <= nearby:
                yield grow(scaled(leak.box, self._scale), _HIDDEN_MARGIN)


def _images_of_result(plan: Plan, result: Path, indices: Collection[int]) -> Images:
    settings = plan.settings
    if plan.clip.is_still:
        yield 0, read_image(result, max_pixels=settings.max_pixels).pixels
        return
    clip = video.probe(result, max_pixels=settings.max_pixels)
    reader = video.read_selected(
        clip, indices, threads=settings.threads, max_pixels=settings.max_pixels
    )
    with contextlib.closing(reader) as frames:
        for frame in frames:
            yield frame.index, video.to_bgr(frame, clip.rotation_degrees, clip.is_mirrored)


def _images_of_plan(plan: Plan, indices: Collection[int]) -> Images:
    """Frames of the source under their covers; what lies under one is gone from them."""
    clip, settings, regions = plan.clip, plan.settings, RegionMaker(plan)
    if clip.is_still:
        pixels = read_image(clip.path, max_pixels=settings.max_pixels).pixels.copy()
        Cover(settings).image(pixels, regions.at(0))
        yield 0, pixels
        return
    for frame in _source_frames(plan, indices):
        editable = video.make_editable(frame)
        # Another one each time: between frames far apart a tone has nothing to change slowly from.
        Cover(settings).planes(editable, regions.at(frame.index))
        yield frame.index, video.to_bgr(editable, clip.rotation_degrees, clip.is_mirrored)


def _source_frames(plan: Plan, indices: Collection[int]) -> Iterator[Frame]:
    """The source's frames with these indices, in order; every clip that was analyzed has them."""
    settings, last = plan.settings, max(indices)
    reader = video.read_frames(plan.clip, threads=settings.threads, max_pixels=settings.max_pixels)
    with contextlib.closing(reader) as frames:
        for frame in frames:
            if frame.index in indices:
                yield frame
            if frame.index == last:
                return


def _sheet_indices(plan: Plan) -> Iterator[int]:
    """From each of so many equal parts of the clip, the frame in which most is covered."""
    count = len(plan.clip.pts)
    covered = np.zeros(count, dtype=int)
    for track in plan.covered_tracks:
        covered[track.start_index : track.stop_index] += 1
    edges = np.linspace(0, count, min(count, _SHEET_FRAMES) + 1).astype(int)
    for start, stop in itertools.pairwise(edges.tolist()):
        best = np.flatnonzero(covered[start:stop] == covered[start:stop].max())
        yield start + int(best[len(best) // 2])


def _paint_over(image: NDArray[np.uint8], box: Box) -> None:
    """Fill the box with a hatch that can't be taken for a part of the clip."""
    edges = align_even(box, image.shape[1], image.shape[0])
    if edges is None:
        return
    x0, y0, x1, y1 = edges
    rows, columns = np.ogrid[y0:y1, x0:x1]
    is_line = (rows + columns) // _HATCH_STEP % 2 == 0
    image[y0:y1, x0:x1] = np.where(is_line, _HATCH_GREY, _HIDDEN_GREY)[:, :, None]


def _cut_out(image: NDArray[np.uint8], box: Box) -> str:
    """The square around a box as a base64 JPEG; it is moved inward where the frame ends."""
    height, width = image.shape[:2]
    side = min(max(_SURROUNDINGS * max(box.width, box.height), 48.0), width, height)
    x0 = min(max((box.x0 + box.x1 - side) / 2, 0.0), width - side)
    y0 = min(max((box.y0 + box.y1 - side) / 2, 0.0), height - side)
    x, y, pixels = int(x0), int(y0), int(side)
    return _jpeg(image[y : y + pixels, x : x + pixels], _CUT_OUT_SIDE / pixels)


def _jpeg(image: NDArray[np.uint8], scale: float) -> str:
    """The image as a base64 JPEG, scaled."""
    size = tuple(max(1, round(scale * side)) for side in image.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    is_encoded, data = cv2.imencode(
        ".jpg",
        cv2.resize(image, size, interpolation=how),
        [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY],
    )
    assert is_encoded
    return base64.b64encode(data.tobytes()).decode("ascii")
