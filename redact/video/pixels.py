"""Decoded pictures as frames of 8 bit 4:2:0 that can be edited, and as arrays to look at."""

from __future__ import annotations

import dataclasses
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from redact.cover import _kernels
from redact.geometry import Edges, upright_to_stored
from redact.imaging import mirrored, shrunk
from redact.types import Box, ClipInfo, Frame

UNSPECIFIED, LIMITED_RANGE, FULL_RANGE = 0, 1, 2
_BT709, _UNSPECIFIED_MATRIX = 1, 2
# What red and blue have of brightness, by libav's number of the matrix (ITU-T H.273, table 4).
# Without a number it is BT.601's, as players take it; others are read as BT.709, which changes
# colours a little.
_BT601_SHARES = (0.299, 0.114)
_SHARES = {
    _BT709: (0.2126, 0.0722),
    _UNSPECIFIED_MATRIX: _BT601_SHARES,
    4: (0.30, 0.11),
    5: _BT601_SHARES,
    6: _BT601_SHARES,
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
_PLANAR_420 = ("yuv420p", "yuvj420p")
# Codecs of broadcast kind, in which brightness without a tag has the limited range.
_LIMITED_CODECS = ("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "mpeg1video", "mpeg2video")
# Brightness of the limited range, 16 to 235, in the full one.
_FULL_OF_LIMITED = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


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
    native = _blank(old, old.width, old.height)
    y, u, v = _planes(native, *frame.y.shape)
    for plane, source in ((y, frame.y), (u, frame.u), (v, frame.v)):
        plane[...] = source
    return dataclasses.replace(frame, y=y, u=u, v=v, native=native)


def to_bgr(
    frame: Frame,
    rotation_degrees: int = 0,
    is_mirrored: bool = False,
    part: Edges | None = None,
    *,
    shrunk_by: int = 1,
) -> NDArray[np.uint8]:
    """The frame as an upright, contiguous (H, W, 3) uint8 BGR picture, a copy.

    rotation_degrees, is_mirrored: the clockwise turn, and whether left and right change places
    after it, that make the stored picture upright: `ClipInfo`'s.
    part: only what lies within x0 y0 x1 y1, pixels of the upright picture.
    shrunk_by: all of it at one so manieth of its width and height, rounded up.
    """
    planes = [frame.y, frame.u, frame.v]
    if shrunk_by > 1:
        sizes = [[-(-side // shrunk_by) for side in plane.shape] for plane in planes]
        planes = [shrunk(p, *size[::-1]) for p, size in zip(planes, sizes, strict=True)]
    height, width = planes[0].shape
    edges = (0, 0, width, height)
    if part is not None:
        edges = _stored_part(frame, part, rotation_degrees, is_mirrored)
    native: Any = frame.native
    red_share, blue_share = _SHARES.get(int(native.colorspace), _SHARES[_BT709])
    image = _kernels.bgr(
        planes,
        edges,
        is_full_range=_is_full_range(native),
        red_share=red_share,
        blue_share=blue_share,
    )
    return _upright(image, rotation_degrees, is_mirrored)


def to_luma(
    frame: Frame,
    size: tuple[int, int],
    rotation_degrees: int = 0,
    is_mirrored: bool = False,
    part: Edges | None = None,
) -> NDArray[np.uint8]:
    """The frame's brightness, upright: (h, w) uint8 from black, 0, to white, 255.

    size: the width and height, upright, that it is shrunk to.
    rotation_degrees, is_mirrored, part: as for `to_bgr`.
    """
    luma = frame.y
    if part is not None:
        x0, y0, x1, y1 = _stored_part(frame, part, rotation_degrees, is_mirrored)
        luma = luma[y0:y1, x0:x1]
    stored_size = size[::-1] if rotation_degrees % 180 else size
    small = _upright(shrunk(luma, *stored_size), rotation_degrees, is_mirrored)
    return small if _is_full_range(frame.native) else _FULL_OF_LIMITED.take(small)


def _stored_part(frame: Frame, part: Edges, rotation_degrees: int, is_mirrored: bool) -> Edges:
    """A part of the upright picture in pixels of the stored one."""
    height, width = frame.y.shape
    box = upright_to_stored(Box(*part), width, height, rotation_degrees, is_mirrored)
    x0, y0, x1, y1 = (round(v) for v in box)
    return x0, y0, x1, y1


def _upright(
    image: NDArray[np.uint8], rotation_degrees: int, is_mirrored: bool
) -> NDArray[np.uint8]:
    image = np.ascontiguousarray(np.rot90(image, -(rotation_degrees // 90)))
    return mirrored(image) if is_mirrored else image


def _blank(like: Any, width: int, height: int) -> Any:
    """A picture of that size to write on, its colours to be read like those of another one."""
    native = av.VideoFrame(width, height, like.format.name)
    native.colorspace, native.color_range = like.colorspace, like.color_range
    return native


def _is_full_range(native: Any) -> bool:
    return native.format.name == "yuvj420p" or int(native.color_range) == FULL_RANGE


def _is_ordinary(native: Any, clip: ClipInfo) -> bool:
    if native.format.name not in _PLANAR_420 or native.planes[0].line_size < 0:
        return False
    return _is_full_range(native) == (clip.color_range == FULL_RANGE)


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
