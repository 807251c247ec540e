"""Pictures for the page: frames by index, and thumbnails of tracks. They never reach a disk.

Browsers can't play every clip that `redact` reads, and none tells reliably which frame it shows. So
frames are decoded here and sent one by one.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.cover.painter import Cover
from redact.cover.regions import RegionMaker
from redact.geometry import clamp_to
from redact.image_files import read_image
from redact.plan import Plan
from redact.resizing import turned
from redact.settings import Settings
from redact.types import Box, ClipInfo, Frame, Track

Image = NDArray[np.uint8]

_MAX_SIDE_PIXELS = 1280
_THUMBNAIL_PIXELS = 192
_JPEG_QUALITY, _THUMBNAIL_QUALITY = 80, 85
_MAX_CACHE_BYTES = 128 << 20
# Frames up to this far ahead are reached by decoding on, others by seeking.
_MAX_SKIPPED_FRAMES = 60
_THUMBNAILS_OF_TRACK = 2


class FrameStore:
    """The frames of a clip as JPEGs that a page can show. Threads may share it.

    Args:
        plan: its clip and settings are used.

    """

    def __init__(self, plan: Plan) -> None:
        self._clip, self._settings = plan.clip, plan.settings
        self._size = shown_size(plan)
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._cached_bytes = 0
        self._frames: Generator[Frame] | None = None
        self._next_index = 0
        self._version = -1
        self._regions: RegionMaker | None = None
        self._cover: Cover | None = None

    def jpeg(self, index: int, plan: Plan | None = None, version: int = 0) -> bytes:
        """A frame as JPEG, upright, with square pixels, perhaps shrunk.

        Args:
            index: of the frame.
            plan: cover what it covers; None shows the clear frame.
            version: another number for each plan.

        Raises:
            ClipError: the clip can't be read any more.
            IndexError: the clip has no such frame.

        """
        if not 0 <= index < len(self._clip.pts):
            raise IndexError(f"no frame {index}; the clip has {len(self._clip.pts)}")
        version = -1 if plan is None else version
        with self._lock:
            if self._clip.is_still and (index, version) not in self._cache:
                self._keep((index, version), self._still_as_jpeg(plan))
            while (data := self._cache.get((index, version))) is None:
                self._decode_one(index, plan, version)
            self._cache.move_to_end((index, version))
            return data

    def close(self) -> None:
        """Close the clip and drop all pictures."""
        with self._lock:
            self._stop_reading()
            self._cache.clear()
            self._cached_bytes = 0

    def _decode_one(self, index: int, plan: Plan | None, version: int) -> None:
        """Decode the next frame on the way to `index`. What comes before it is kept, too.

        The page asks for several frames ahead, and they may arrive here in another order.
        """
        is_near = self._next_index <= index < self._next_index + _MAX_SKIPPED_FRAMES
        if self._frames is None or not is_near or version != self._version:
            self._stop_reading()
            self._frames = _read_from(self._clip, self._settings, index)
            self._next_index, self._version = index, version
            self._regions = None if plan is None else RegionMaker(plan)
            self._cover = None if plan is None else Cover(plan.settings)
        try:
            frame = next(self._frames)
        except StopIteration:
            self._stop_reading()
            raise IndexError(f"frame {index} can't be decoded") from None
        except BaseException:
            self._stop_reading()
            raise
        self._next_index = frame.index + 1
        self._keep((frame.index, version), self._as_jpeg(frame))

    def _still_as_jpeg(self, plan: Plan | None) -> bytes:
        image = _read_still(self._clip, self._settings)
        if plan is not None:
            Cover(plan.settings).image(image, RegionMaker(plan).at(0))
        return self._shrunk(image)

    def _as_jpeg(self, frame: Frame) -> bytes:
        if self._regions is not None and self._cover is not None:
            frame = video.make_editable(frame)
            self._cover.planes(frame, self._regions.at(frame.index))
        clip = self._clip
        pairs = zip(clip.upright_size, self._size, strict=True)
        shrinking = max(1, min(stored // shown for stored, shown in pairs))
        image = video.to_bgr(frame, clip.rotation_degrees, clip.is_mirrored, downscale=shrinking)
        return self._shrunk(image)

    def _shrunk(self, image: Image) -> bytes:
        if image.shape[1::-1] != self._size:
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA))
        return encoded(image, _JPEG_QUALITY)

    def _keep(self, key: tuple[int, int], data: bytes) -> None:
        self._cached_bytes += len(data) - len(self._cache.pop(key, b""))
        self._cache[key] = data
        while self._cached_bytes > _MAX_CACHE_BYTES and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= len(dropped)

    def _stop_reading(self) -> None:
        if self._frames is not None:
            self._frames.close()
        self._frames = None


class Thumbnails:
    """Clear pictures of tracks, made in the background in one reading of the clip.

    Args:
        plan: its clip and settings are used.

    """

    def __init__(self, plan: Plan) -> None:
        self._clip, self._settings = plan.clip, plan.settings
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="thumbnails")
        self._pictures: dict[tuple[int, int], Future[bytes]] = {}
        self._is_closed = False

    def add(self, tracks: Iterable[Track]) -> None:
        """Begin to make the thumbnails of these tracks."""
        wanted: dict[int, list[tuple[Track, Future[bytes]]]] = {}
        for track in tracks:
            for number, index in enumerate(best_frames(track)):
                picture: Future[bytes] = Future()
                self._pictures[track.id, number] = picture
                wanted.setdefault(index, []).append((track, picture))
        if wanted:
            self._pool.submit(self._make, wanted)

    def jpeg(self, track_id: int, number: int) -> bytes:
        """The numbered picture of a track as JPEG; waits until it is made.

        Raises:
            KeyError: there is no such picture.
            ClipError: the clip can't be read any more.

        """
        return self._pictures[track_id, number].result()

    def close(self) -> None:
        """Make no more pictures, and drop those there are."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for picture in self._pictures.values():
            picture.cancel()
        self._pictures.clear()

    def _make(self, wanted: dict[int, list[tuple[Track, Future[bytes]]]]) -> None:
        try:
            for index, image in self._images(sorted(wanted)):
                for track, picture in wanted[index]:
                    if picture.set_running_or_notify_cancel():
                        picture.set_result(self._cut_out(image, track, index))
        except Exception as err:
            for pictures in wanted.values():
                for _, picture in pictures:
                    if not picture.done():
                        picture.set_exception(err)

    def _images(self, indices: Sequence[int]) -> Generator[tuple[int, Image]]:
        """The frames with these indices, in order, from one reading that begins at the first."""
        clip = self._clip
        if clip.is_still:
            yield 0, _read_still(clip, self._settings)
            return
        with contextlib.closing(_read_from(clip, self._settings, indices[0])) as frames:
            for frame in frames:
                if frame.index in indices:
                    yield frame.index, video.to_bgr(frame, clip.rotation_degrees, clip.is_mirrored)
                if frame.index == indices[-1] or self._is_closed:
                    return

    def _cut_out(self, image: Image, track: Track, index: int) -> bytes:
        """The square around a track's box, with square pixels, turned as people stand in it."""
        box = track.box_at(index)
        assert box is not None
        height, width = image.shape[:2]
        aspect = self._clip.upright_pixel_aspect(self._settings.pixel_aspect)
        side = 1.7 * max(box.width * aspect, box.height, 24.0)
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        around = clamp_to(
            Box(x - side / aspect / 2, y - side / 2, x + side / aspect / 2, y + side / 2),
            Box(0, 0, width, height),
        )
        x0, y0, x1, y1 = map(round, around)
        if x1 <= x0 or y1 <= y0:
            x0, y0, x1, y1 = 0, 0, width, height
        part = image[y0:y1, x0:x1]
        scale = _THUMBNAIL_PIXELS / max((x1 - x0) * aspect, y1 - y0)
        size = max(1, round(scale * aspect * (x1 - x0))), max(1, round(scale * (y1 - y0)))
        small = turned(np.asarray(cv2.resize(part, size), np.uint8), self._clip.turn_degrees)
        return encoded(small, _THUMBNAIL_QUALITY)


def shown_size(plan: Plan) -> tuple[int, int]:
    """(width, height) of the frames that the page shows, with square pixels."""
    width, height = plan.clip.upright_size
    shown_width = width * plan.clip.upright_pixel_aspect(plan.settings.pixel_aspect)
    scale = min(1.0, _MAX_SIDE_PIXELS / max(shown_width, height))
    return max(1, round(scale * shown_width)), max(1, round(scale * height))


def best_frames(track: Track) -> list[int]:
    """The frames in which a track shows best: one in each part of it, sharp and near."""
    heights = track.boxes[:, 3] - track.boxes[:, 1]
    worth = np.nan_to_num(track.scores, nan=0.0) * np.sqrt(np.maximum(heights, 0))
    parts = np.array_split(np.arange(len(worth)), min(_THUMBNAILS_OF_TRACK, len(worth)))
    best = {int(part[np.argmax(worth[part])]) for part in parts if worth[part].max() > 0}
    return [track.start_index + at for at in sorted(best or {len(worth) // 2})]


def encoded(image: Image, quality: int) -> bytes:
    """An (H, W, 3) uint8 BGR image as JPEG."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return data.tobytes()


def _read_still(clip: ClipInfo, settings: Settings) -> Image:
    return read_image(clip.path, max_pixels=settings.max_pixels).pixels.copy()


def _read_from(clip: ClipInfo, settings: Settings, index: int) -> Generator[Frame]:
    return video.read_from(clip, index, threads=settings.threads, max_pixels=settings.max_pixels)
