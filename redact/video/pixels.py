"""Converts decoded frames to 8 bit 4:2:0 planes that can be edited, and to arrays for detectors.

A *native* frame is a PyAV `VideoFrame`. Numbers of colour ranges, primaries and matrices are those
of libav, which follow ITU-T H.273.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from redact.errors import ClipError
from redact.geometry import Edges, upright_to_stored
from redact.resizing import mirrored, shrunk, turned
from redact.source_files import reason
from redact.types import Box, ClipInfo, Frame

UNSPECIFIED, LIMITED_RANGE, FULL_RANGE = 0, 1, 2
_BT709, _UNSPECIFIED_MATRIX = 1, 2
# The weights of red and blue in luma, by the number of the colour matrix (ITU-T H.273, table 4). A
# clip without a number is read as BT.601, as players do. Other numbers are read as BT.709, which
# changes colours slightly.
_BT601_WEIGHTS = (0.299, 0.114)
_LUMA_WEIGHTS = {
    _BT709: (0.2126, 0.0722),
    _UNSPECIFIED_MATRIX: _BT601_WEIGHTS,
    4: (0.30, 0.11),
    5: _BT601_WEIGHTS,
    6: _BT601_WEIGHTS,
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
_PLANAR_420 = ("yuv420p", "yuvj420p")
# Codecs from broadcasting, in which untagged luma has the limited range.
_LIMITED_CODECS = ("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "mpeg1video", "mpeg2video")
# Luma in the full range for each value of the limited one, 16 to 235.
_LIMITED_TO_FULL = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


def is_rgb(native: Any) -> bool:
    """Whether the frame is stored as red, green and blue instead of luma and chroma."""
    return bool(native.format.is_rgb) or native.format.name.startswith("pal8")


def has_alpha(native: Any) -> bool:
    """Whether the frame has an alpha channel."""
    name = native.format.name
    return name.startswith(("yuva", "gbrap", "ya8", "ya16")) or any(
        part in name for part in ("rgba", "bgra", "argb", "abgr")
    )


def range_of(native: Any, codec: str) -> int:
    """The number of the colour range that `as_frame` gives this frame; `codec` is its decoder's."""
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
    """The number of the colour matrix that `as_frame` gives this frame."""
    return _BT709 if is_rgb(native) else int(native.colorspace)


def as_frame(native: Any, index: int, pts: int, clip: ClipInfo) -> Frame:
    """The native frame as a `Frame` of the clip, with the clip's size and colour range.

    A picture of another size is scaled to fit and surrounded by black: as large as it can be
    without being cut or stretched. Pixels are converted to 8 bit 4:2:0 if necessary. The planes are
    read-only, because the decoder still refers to them.

    Raises:
        ClipError: libav can't convert its pixel format.

    """
    if not _needs_no_conversion(native, clip):
        native = _converted(native, clip)
    y, u, v = _planes(native, clip.height, clip.width)
    for plane in (y, u, v):
        plane.flags.writeable = False
    return Frame(index=index, pts=pts, y=y, u=u, v=v, native=native)


def make_editable(frame: Frame) -> Frame:
    """The frame with writable planes; they are copied if the decoder still refers to them.

    The frame that was passed in must not be used afterwards.
    """
    native: Any = frame.native
    native.make_writable()
    y, u, v = _planes(native, *frame.y.shape)
    return dataclasses.replace(frame, y=y, u=u, v=v)


def copy_frame(frame: Frame) -> Frame:
    """A copy of the frame that shares no memory with it."""
    original: Any = frame.native
    native = _empty_like(original)
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
    downscale: int = 1,
) -> NDArray[np.uint8]:
    """The frame as an upright image: (H, W, 3) uint8 BGR, contiguous, and a copy.

    rotation_degrees, is_mirrored: what makes the stored frame upright, from `ClipInfo`.
    part: convert only this part, x0 y0 x1 y1 in pixels of the upright frame.
    downscale: convert the whole frame, with width and height divided by this number and rounded up.
    """
    planes = [frame.y, frame.u, frame.v]
    if downscale > 1:
        sizes = [[-(-side // downscale) for side in plane.shape] for plane in planes]
        planes = [shrunk(p, *size[::-1]) for p, size in zip(planes, sizes, strict=True)]
    height, width = planes[0].shape
    edges = (0, 0, width, height)
    if part is not None:
        edges = _stored_part(frame, part, rotation_degrees, is_mirrored)
    native: Any = frame.native
    matrix = _matrix_to_bgr(int(native.colorspace), _is_full_range(native))
    image = _planes_to_bgr(planes, edges, matrix)
    return _upright(image, rotation_degrees, is_mirrored)


def to_luma(
    frame: Frame,
    size: tuple[int, int],
    rotation_degrees: int = 0,
    is_mirrored: bool = False,
    part: Edges | None = None,
) -> NDArray[np.uint8]:
    """The frame's luma as an upright image: (h, w) uint8, from 0 for black to 255 for white.

    size: width and height of the result; it must not be larger than the frame or the part.
    rotation_degrees, is_mirrored, part: as for `to_bgr`.
    """
    luma = frame.y
    if part is not None:
        x0, y0, x1, y1 = _stored_part(frame, part, rotation_degrees, is_mirrored)
        luma = luma[y0:y1, x0:x1]
    stored_size = size[::-1] if rotation_degrees % 180 else size
    small = _upright(shrunk(luma, *stored_size), rotation_degrees, is_mirrored)
    return small if _is_full_range(frame.native) else _LIMITED_TO_FULL.take(small)


def _planes_to_bgr(
    planes: Sequence[NDArray[np.uint8]], part: Edges, matrix: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Convert a part of Y, U and V planes to (h, w, 3) BGR.

    Each pixel of U and V stands for two by two of Y, so a pixel's colour is the same whether a part
    of the frame or all of it is converted.
    """
    x0, y0, x1, y1 = part
    channels = [planes[0][y0:y1, x0:x1]]
    for plane in planes[1:]:
        chroma = plane[y0 // 2 : (y1 + 1) // 2, x0 // 2 : (x1 + 1) // 2]
        # Times 257, a byte becomes two equal ones. OpenCV takes nine times as long for this.
        doubled = (chroma * np.uint16(257)).view(np.uint8).repeat(2, axis=0)
        channels.append(doubled[y0 % 2 :, x0 % 2 :][: y1 - y0, : x1 - x0])
    return np.asarray(cv2.transform(cv2.merge(channels), matrix), dtype=np.uint8)


@functools.cache
def _matrix_to_bgr(color_matrix: int, is_full_range: bool) -> NDArray[np.float64]:
    """Return the (3, 4) matrix from Y, U and V to B, G and R, all 0..255.

    Source: ITU-T H.273, equations 38 to 60.
    """
    red, blue = _LUMA_WEIGHTS.get(color_matrix, _LUMA_WEIGHTS[_BT709])
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if is_full_range else (255 / 219, 255 / 224, 16.0)
    blue_of_u, red_of_v = 2 * (1 - blue) * chroma, 2 * (1 - red) * chroma
    scales = np.array(
        [
            [luma, blue_of_u, 0.0],
            [luma, -blue_of_u * blue / green, -red_of_v * red / green],
            [luma, 0.0, red_of_v],
        ]
    )
    return np.column_stack([scales, scales @ [-black, -128.0, -128.0]])


def _stored_part(frame: Frame, part: Edges, rotation_degrees: int, is_mirrored: bool) -> Edges:
    """A part of the upright frame in pixels of the stored one."""
    height, width = frame.y.shape
    box = upright_to_stored(Box(*part), width, height, rotation_degrees, is_mirrored)
    x0, y0, x1, y1 = (round(v) for v in box)
    return x0, y0, x1, y1


def _upright(
    image: NDArray[np.uint8], rotation_degrees: int, is_mirrored: bool
) -> NDArray[np.uint8]:
    image = turned(image, rotation_degrees)
    return mirrored(image) if is_mirrored else image


def _empty_like(native: Any) -> Any:
    """A native frame with uninitialised pixels and the other one's size, format and colour tags."""
    empty = av.VideoFrame(native.width, native.height, native.format.name)
    empty.colorspace, empty.color_range = native.colorspace, native.color_range
    return empty


def _is_full_range(native: Any) -> bool:
    return native.format.name == "yuvj420p" or int(native.color_range) == FULL_RANGE


def _needs_no_conversion(native: Any, clip: ClipInfo) -> bool:
    """Whether the planes can be used as they are. Some decoders store rows bottom-up."""
    if not _has_size(native, clip):
        return False
    if native.format.name not in _PLANAR_420 or native.planes[0].line_size < 0:
        return False
    return _is_full_range(native) == (clip.color_range == FULL_RANGE)


def _converted(native: Any, clip: ClipInfo) -> Any:
    try:
        result = _reformatted(native, clip)
    except (av.FFmpegError, ValueError) as err:
        raise ClipError(
            f"can't convert the frames of {str(clip.path)!r} from the pixel format "
            f"{native.format.name} ({reason(err)}); convert the clip to H.264"
        ) from err
    result.colorspace, result.color_range = clip.color_matrix, clip.color_range
    return result if _has_size(result, clip) else _surrounded(result, clip)


def _has_size(native: Any, clip: ClipInfo) -> bool:
    return (native.width, native.height) == (clip.width, clip.height)


def _fitted_size(native: Any, clip: ClipInfo) -> dict[str, int]:
    """The largest size of the picture's shape that fits into the clip's."""
    factor = min(clip.width / native.width, clip.height / native.height)
    return {
        "width": max(1, round(factor * native.width)),
        "height": max(1, round(factor * native.height)),
    }


def _surrounded(native: Any, clip: ClipInfo) -> Any:
    """The picture in the middle of a black frame of the clip's size."""
    result = av.VideoFrame(clip.width, clip.height, native.format.name)
    result.colorspace, result.color_range = native.colorspace, native.color_range
    # In pixels of the chroma planes, each of which stands for two by two of luma.
    left, top = (clip.width - native.width) // 4, (clip.height - native.height) // 4
    pictures = _planes(native, native.height, native.width)
    black = 0 if clip.color_range == FULL_RANGE else 16
    for plane, picture, value, step in zip(
        _planes(result, clip.height, clip.width),
        pictures,
        (black, 128, 128),
        (2, 1, 1),
        strict=True,
    ):
        plane[...] = value
        y, x = top * step, left * step
        plane[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return result


def _reformatted(native: Any, clip: ClipInfo) -> Any:
    name = "yuvj420p" if clip.color_range == FULL_RANGE else "yuv420p"
    wanted = clip.color_range or LIMITED_RANGE
    size = _fitted_size(native, clip)
    if is_rgb(native):
        return native.reformat(
            **size,
            format=name,
            src_color_range=FULL_RANGE,
            dst_color_range=wanted,
            dst_colorspace=_BT709,
        )
    source_range = int(native.color_range) or wanted
    if native.format.name.startswith("yuvj"):
        source_range = FULL_RANGE
    # The same matrix on both sides: only the resolution and depth change, colours stay as they are.
    return native.reformat(
        **size,
        format=name,
        src_color_range=source_range,
        dst_color_range=wanted,
        src_colorspace=_BT709,
        dst_colorspace=_BT709,
    )


def _planes(native: Any, height: int, width: int) -> list[NDArray[np.uint8]]:
    """Views of the planes Y, U and V of a native frame with (height, width) pixels."""
    half = -(-height // 2), -(-width // 2)
    shapes = ((height, width), half, half)
    return [_plane(plane, *shape) for plane, shape in zip(native.planes[:3], shapes, strict=True)]


def _plane(plane: Any, height: int, width: int) -> NDArray[np.uint8]:
    # Rows are padded: each has `line_size` bytes.
    rows: NDArray[np.uint8] = np.frombuffer(plane, dtype=np.uint8)
    return rows.reshape(-1, plane.line_size)[:height, :width]
