"""Decoded pictures as frames of 8 bit 4:2:0 that can be edited, and as arrays to look at."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from redact.records import ClipInfo, Frame

UNSPECIFIED, LIMITED_RANGE, FULL_RANGE = 0, 1, 2
_BT709, _UNSPECIFIED_MATRIX = 1, 2
# Matrices that swscale knows; others are read as BT.709, which changes colours a little.
_KNOWN_MATRICES = (1, 2, 4, 5, 6, 7, 9)
_PLANAR_420 = ("yuv420p", "yuvj420p")
# Codecs of broadcast kind, in which brightness without a tag has the limited range.
_LIMITED_CODECS = ("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "mpeg1video", "mpeg2video")


class _Own(threading.local):
    """What converts pictures: set up once for each thread, not for each picture anew."""

    def __init__(self) -> None:
        self.converter = VideoReformatter()


_own = _Own()


def is_rgb(native: Any) -> bool:
    """Whether the picture has red, green and blue instead of brightness and colour."""
    return bool(native.format.is_rgb) or native.format.name.startswith("pal8")


def has_alpha(native: Any) -> bool:
    """Whether the picture has a channel of transparency."""
    name = native.format.name
    return name.startswith(("yuva", "gbrap", "ya8", "ya16")) or any(
        part in name for part in ("rgba", "bgra", "argb", "abgr")
    )


def range_of(native: Any, codec: str) -> int:
    """The colour range that frames made of this picture have: libav's number."""
    if is_rgb(native):
        return LIMITED_RANGE
    if native.format.name.startswith("yuvj"):
        return FULL_RANGE
    tagged = int(native.color_range)
    is_grey = native.format.name.startswith(("gray", "ya8", "ya16"))
    if is_grey and tagged == UNSPECIFIED and codec not in _LIMITED_CODECS:
        return FULL_RANGE
    return tagged


def matrix_of(native: Any) -> int:
    """The colour matrix that frames made of this picture have: libav's number."""
    return _BT709 if is_rgb(native) else int(native.colorspace)


def as_frame(native: Any, index: int, pts: int, clip: ClipInfo) -> Frame:
    """The picture as a frame of the clip: its size, its range, 8 bit 4:2:0, planes read-only."""
    has_shape = (native.width, native.height) == (clip.width, clip.height)
    if not has_shape or not _is_ordinary(native, clip):
        native = _converted(native, clip)
    y, u, v = _planes(native, clip.height, clip.width)
    for plane in (y, u, v):
        plane.flags.writeable = False
    return Frame(index=index, pts=pts, y=y, u=u, v=v, native=native)


def editable(frame: Frame) -> Frame:
    """The frame with planes that may be written to: a copy where the decoder still needs it.

    The frame that is given can't be used afterwards.
    """
    native: Any = frame.native
    native.make_writable()
    y, u, v = _planes(native, *frame.y.shape)
    return dataclasses.replace(frame, y=y, u=u, v=v)


def copied(frame: Frame) -> Frame:
    """A frame with the same picture that shares nothing with the one given."""
    old: Any = frame.native
    native: Any = av.VideoFrame(old.width, old.height, old.format.name)
    native.colorspace, native.color_range = old.colorspace, old.color_range
    y, u, v = _planes(native, *frame.y.shape)
    for plane, source in ((y, frame.y), (u, frame.u), (v, frame.v)):
        plane[...] = source
    return dataclasses.replace(frame, y=y, u=u, v=v, native=native)


def to_bgr(frame: Frame, rotation_degrees: int = 0, is_mirrored: bool = False) -> NDArray[np.uint8]:
    """The frame as an upright, contiguous (H, W, 3) uint8 BGR picture, a copy.

    rotation_degrees, is_mirrored: the clockwise turn, and whether left and right change places
    after it, that make the stored picture upright: `ClipInfo`'s.
    """
    native: Any = frame.native
    matrix = None if int(native.colorspace) in _KNOWN_MATRICES else _BT709
    converted = _own.converter.reformat(native, format="bgr24", src_colorspace=matrix, threads=1)
    image = _plane(converted.planes[0], native.height, 3 * native.width)
    image = image.reshape(native.height, native.width, 3)
    image = np.rot90(image, -(rotation_degrees // 90))
    return np.ascontiguousarray(image[:, ::-1] if is_mirrored else image)


def _is_ordinary(native: Any, clip: ClipInfo) -> bool:
    if native.format.name not in _PLANAR_420 or native.planes[0].line_size < 0:
        return False
    is_full = native.format.name == "yuvj420p" or int(native.color_range) == FULL_RANGE
    return is_full == (clip.color_range == FULL_RANGE)


def _converted(native: Any, clip: ClipInfo) -> Any:
    result = _reformatted(native, clip)
    result.colorspace, result.color_range = clip.color_matrix, clip.color_range
    return result


def _reformatted(native: Any, clip: ClipInfo) -> Any:
    name = "yuvj420p" if clip.color_range == FULL_RANGE else "yuv420p"
    wanted = clip.color_range or LIMITED_RANGE
    size = {"width": clip.width, "height": clip.height}
    if is_rgb(native):
        return native.reformat(
            **size,
            format=name,
            src_color_range=FULL_RANGE,
            dst_color_range=wanted,
            dst_colorspace=_BT709,
        )
    own = int(native.color_range) or wanted
    if native.format.name.startswith("yuvj"):
        own = FULL_RANGE
    # Brightness and colour stay what they are; only their resolution and depth change.
    return native.reformat(
        **size,
        format=name,
        src_color_range=own,
        dst_color_range=wanted,
        src_colorspace=_BT709,
        dst_colorspace=_BT709,
    )


def _planes(native: Any, height: int, width: int) -> list[NDArray[np.uint8]]:
    """Y, U and V of a picture with (height, width) pixels."""
    half = -(-height // 2), -(-width // 2)
    shapes = ((height, width), half, half)
    return [_plane(plane, *shape) for plane, shape in zip(native.planes[:3], shapes, strict=True)]


def _plane(plane: Any, height: int, width: int) -> NDArray[np.uint8]:
    rows: NDArray[np.uint8] = np.frombuffer(plane, dtype=np.uint8)
    return rows.reshape(-1, plane.line_size)[:height, :width]
