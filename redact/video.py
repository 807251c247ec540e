"""Clips in and out: the only module that knows PyAV.

A clip is one video stream of a real container. Playlists, concat scripts and other formats that
open further files are refused, and no address but a local file is ever opened.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from numpy.typing import NDArray

from redact.errors import ClipError, TargetError
from redact.records import ClipInfo, Frame
from redact.settings import Settings
from redact.sources import check_source, reason, refers_elsewhere, what_else

_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,dhav,mxf,ogg,h264,hevc"
_READ_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
# target suffix: container
_WRITTEN = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_FULL_RANGE = 2
_PLANAR_420 = ("yuv420p", "yuvj420p")
# SEI units: all that x264 has to say about itself, and captions; none is needed to decode.
_STRIP_SEI = "filter_units=remove_types=6"


def probe(path: str | os.PathLike[str], *, max_pixels: int = Settings.max_pixels) -> ClipInfo:
    """What is known of a clip before it is read through; `pts` stays empty.

    Raises:
        ClipError: no such file, no container we read, no video in it, or a picture that has more
            than `max_pixels` pixels.

    """
    path = Path(path)
    check_source(path)
    if refers_elsewhere(path):
        raise ClipError(f"the pictures of {str(path)!r} lie in another file or at an address")
    with _opened(path, max_pixels) as container:
        stream = _video_stream(container, path)
        context = stream.codec_context
        _check_size(context.width, context.height, max_pixels, path)
        context.options = {"max_pixels": str(max_pixels)}
        first = _first_picture(container, stream, path, max_pixels)
        _check_size(first.width, first.height, max_pixels, path)
        return ClipInfo(
            path=path,
            sha256=file_sha256(path),
            width=first.width,
            height=first.height,
            # libav counts anticlockwise.
            rotation_degrees=round(-first.rotation / 90) * 90 % 360,
            time_base=Fraction(stream.time_base),
            pts=np.zeros(0, dtype=np.int64),
            has_audio=bool(container.streams.audio),
            frame_rate=Fraction(stream.average_rate or stream.guessed_rate or 25),
            sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 1),
            color_range=int(first.color_range),
            color_primaries=int(context.color_primaries),
            color_transfer=int(context.color_trc),
            color_matrix=int(context.colorspace),
            dropped=tuple(_describe_rest(container, stream)),
        )


def read_frames(clip: ClipInfo, *, threads: int = 0) -> Generator[Frame]:
    """Every frame in presentation order, its planes writable.

    Times are strictly ascending: a frame that claims an earlier or the same time as the one
    before is put one tick after it, and one without a time follows at the usual distance. Close
    the generator to close the file.

    Raises:
        ClipError: the file is damaged, or its picture changes size half way.

    """
    tick = max(1, round(1 / (clip.frame_rate * clip.time_base)))
    last: int | None = None
    with _opened(clip.path) as container:
        stream = _video_stream(container, clip.path)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        for index, native in enumerate(_decoded(container, stream, clip.path)):
            if (native.width, native.height) != (clip.width, clip.height):
                raise ClipError(
                    f"the picture of {str(clip.path)!r} changes from {clip.width}x{clip.height} "
                    f"to {native.width}x{native.height} at frame {index}; split it there"
                )
            pts = native.pts if native.pts is not None else native.dts
            if pts is None:
                pts = 0 if last is None else last + tick
            if last is not None and pts <= last:
                pts = last + 1
            last = pts
            yield _frame(native, index, pts, clip)


def to_bgr(frame: Frame, rotation_degrees: int = 0) -> NDArray[np.uint8]:
    """The frame as an upright, contiguous (H, W, 3) uint8 BGR picture, a copy.

    rotation_degrees: the clockwise turn that makes the stored picture upright, `ClipInfo`'s.
    """
    native: Any = frame.native
    image: NDArray[np.uint8] = native.to_ndarray(format="bgr24")
    return np.ascontiguousarray(np.rot90(image, -(rotation_degrees // 90)))


def with_pts(clip: ClipInfo, pts: Sequence[int]) -> ClipInfo:
    """The clip with its frames' times filled in.

    Raises:
        ClipError: there are none.

    """
    if not pts:
        raise ClipError(f"{str(clip.path)!r} has no frame that could be decoded")
    return dataclasses.replace(clip, pts=np.asarray(pts, dtype=np.int64))


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The file's SHA-256 as 64 hexadecimal digits.

    Raises:
        ClipError: the file can't be read.

    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise ClipError(f"can't read {os.fspath(path)!r}: {err.strerror or err}") from err


@contextlib.contextmanager
def browsing(path: Path, *, max_pixels: int = Settings.max_pixels) -> Iterator[Any]:
    """The open container of a clip, for who looks into it without decoding.

    Raises:
        ClipError: the file can't be read as a clip, or is damaged where it was read.

    """
    check_source(path)
    with _opened(path, max_pixels) as container:
        try:
            yield container
        except av.FFmpegError as err:
            raise ClipError(f"{str(path)!r} is damaged: {reason(err)}") from err


def check_suffix(target: Path) -> None:
    """Refuse a name that tells no container.

    Raises:
        TargetError: the suffix isn't one of those we write.

    """
    if target.suffix.lower() not in _WRITTEN:
        raise TargetError(
            f"can't write {target.name!r}: its suffix must be one of {', '.join(_WRITTEN)}"
        )


class ClipWriter:
    """Encodes frames as H.264 into a file that keeps the clip's times, turn and colours.

    Use as a context manager: the file is whole once the block has ended without an error. An odd
    width or height is kept by storing the chroma at full size, since H.264 halves even sizes only.
    Nothing is written but pictures and, with `Settings.audio` "keep", the first sound stream's
    packets as they are.

    Raises:
        TargetError: the file can't be written, or the container can't hold the sound.

    """

    def __init__(self, target: Path, clip: ClipInfo, settings: Settings) -> None:
        check_suffix(target)
        self._target, self._clip = target, clip
        self._stack = contextlib.ExitStack()
        with self._stack, self._explained():
            self._output = self._stack.enter_context(_written(target, clip))
            self._stream = _video_output(self._output, clip, settings)
            self._audio = self._stack.enter_context(_AudioCopy(self._output, clip, settings))
            self._output.start_encoding()
            self._strip = BitStreamFilterContext(_STRIP_SEI, self._stream, self._stream)
            self._stack = self._stack.pop_all()

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            # What lies there is thrown away, so how its closing goes doesn't matter.
            with contextlib.suppress(av.FFmpegError):
                self._stack.close()
            return
        with self._stack, self._explained():
            self._mux(self._stream.encode(None))
            self._mux(None)
            self._audio.copy_rest()

    def write(self, frame: Frame) -> None:
        """Encode one frame; call in order of time."""
        native: Any = frame.native
        native.pts = frame.pts
        native.time_base = self._clip.time_base
        native.pict_type = 0
        if native.format.name != self._stream.pix_fmt:
            native = native.reformat(format=self._stream.pix_fmt)
        with self._explained():
            self._mux(self._stream.encode(native))

    def _mux(self, packets: Sequence[av.Packet[Any]] | None) -> None:
        """Write packets, sound first where it is due; None ends the stream."""
        stripped = self._strip.filter(None) if packets is None else []
        for packet in packets or ():
            stripped += self._strip.filter(packet)
        for packet in stripped:
            packet.stream = self._stream
            if packet.dts is not None:
                self._audio.copy_until(float(packet.dts * packet.time_base))
            self._output.mux(packet)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError, ValueError) as err:
            raise TargetError(f"can't write {str(self._target)!r}: {reason(err)}") from err


class _AudioCopy:
    """The first sound stream's packets, copied in step with the pictures; or nothing at all."""

    def __init__(self, output: Any, clip: ClipInfo, settings: Settings) -> None:
        self._output = output
        self._path = clip.path
        self._wanted = settings.audio == "keep" and clip.has_audio
        self._packets: Iterator[Any] = iter(())
        self._held: Any = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> _AudioCopy:
        if self._wanted:
            container = self._stack.enter_context(_opened(self._path))
            source = container.streams.audio[0]
            try:
                self._stream = self._output.add_stream_from_template(source)
            except ValueError as err:
                raise TargetError(
                    f"this container can't hold {source.codec_context.name} sound: {err}; "
                    'write to a .mkv file, or leave the sound out with audio="drop"'
                ) from err
            self._packets = iter(container.demux(source))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def copy_until(self, seconds: float) -> None:
        """Write the packets that are due before that time."""
        while True:
            packet = self._held or next(self._packets, None)
            self._held = None
            if packet is None:
                return
            if packet.dts is None:  # the empty packet at the end
                continue
            if packet.dts * packet.time_base > seconds:
                self._held = packet
                return
            packet.stream = self._stream
            self._output.mux(packet)

    def copy_rest(self) -> None:
        """Write what is left."""
        self.copy_until(float("inf"))


@contextlib.contextmanager
def _opened(path: Path, max_pixels: int = Settings.max_pixels) -> Iterator[Any]:
    """The container of a local file, and libav's errors as ours."""
    try:
        # "file:" keeps a name like "concat:a" or "http://..." from being more than a name.
        container = av.open(
            f"file:{path.absolute()}",
            container_options=_READ_OPTIONS,
            # Opening decodes pictures already.
            options={"max_pixels": str(max_pixels)},
            metadata_errors="backslashreplace",
        )
    except (av.FFmpegError, OSError, ValueError) as err:
        if other := what_else(path):
            raise ClipError(f"{str(path)!r} is no clip but {other}") from err
        raise ClipError(
            f"can't read {str(path)!r} as a video ({reason(err)}); known containers: {_CONTAINERS}"
        ) from err
    with container:
        yield container


def _video_stream(container: Any, path: Path) -> Any:
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if stream.codec_context is None:
                raise ClipError(f"no decoder for the video in {str(path)!r}")
            return stream
    raise ClipError(f"{str(path)!r} has no video stream")


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    try:
        yield from container.decode(stream)
    except av.FFmpegError as err:
        raise ClipError(f"{str(path)!r} is damaged: {reason(err)}") from err


def _first_picture(container: Any, stream: Any, path: Path, max_pixels: int) -> Any:
    # A decoder doesn't say whether it is the size or the rest of a picture that it can't use.
    error = ClipError(
        f"{str(path)!r} has a video stream but no picture that can be decoded: they are damaged, "
        f"missing, or larger than max_pixels={max_pixels}"
    )
    try:
        first = next(_decoded(container, stream, path), None)
    except ClipError as err:
        raise error from err
    if first is None:
        raise error
    return first


def _check_size(width: int, height: int, max_pixels: int, path: Path) -> None:
    if width * height > max_pixels:
        raise ClipError(
            f"a picture of {str(path)!r} has {width}x{height} pixels, more than max_pixels="
            f"{max_pixels}"
        )


def _describe_rest(container: Any, used: Any) -> Iterator[str]:
    """What the source holds beside its pictures, for the report."""
    for stream in container.streams:
        if stream.index != used.index:
            codec = stream.codec_context.name if stream.codec_context else "unknown"
            yield f"{stream.type} stream {stream.index} ({codec})"
        for key in stream.metadata:
            yield f"metadata of stream {stream.index}: {key}"
    for key in container.metadata:
        yield f"metadata: {key}"
    if container.chapters():
        yield "chapters"


def _frame(native: Any, index: int, pts: int, clip: ClipInfo) -> Frame:
    if native.format.name not in _PLANAR_420 or native.planes[0].line_size < 0:
        full = clip.color_range == _FULL_RANGE
        native = native.reformat(
            format="yuvj420p" if full else "yuv420p",
            src_color_range=clip.color_range or 1,
            dst_color_range=clip.color_range or 1,
        )
    native.make_writable()
    height, width = clip.height, clip.width
    y = _plane(native.planes[0], height, width)
    u, v = (_plane(plane, -(-height // 2), -(-width // 2)) for plane in native.planes[1:3])
    return Frame(index=index, pts=pts, y=y, u=u, v=v, native=native)


def _plane(plane: Any, height: int, width: int) -> NDArray[np.uint8]:
    rows: NDArray[np.uint8] = np.frombuffer(plane, dtype=np.uint8)
    return rows.reshape(-1, plane.line_size)[:height, :width]


@contextlib.contextmanager
def _written(target: Path, clip: ClipInfo) -> Iterator[Any]:
    container_name = _WRITTEN[target.suffix.lower()]
    options = {"fflags": "+bitexact"}
    if container_name != "matroska":
        options["movflags"] = "+faststart"
        # Of itself the muxer would choose another, finer clock.
        options["video_track_timescale"] = str(clip.time_base.denominator)
    container = av.open(f"file:{target.absolute()}", "w", format=container_name, options=options)
    with container:
        yield container


def _video_output(output: Any, clip: ClipInfo, settings: Settings) -> Any:
    stream = output.add_stream(
        "libx264",
        rate=clip.frame_rate,
        options={"crf": str(settings.crf), "preset": settings.preset, "a53cc": "0"},
    )
    stream.width, stream.height = clip.width, clip.height
    odd = clip.width % 2 or clip.height % 2
    name = "444p" if odd else "420p"
    full = clip.color_range == _FULL_RANGE
    stream.pix_fmt = ("yuvj" if full else "yuv") + name
    stream.time_base = clip.time_base
    context = stream.codec_context
    context.time_base = clip.time_base
    context.thread_count = settings.threads
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    context.color_range = clip.color_range
    context.color_primaries = clip.color_primaries
    context.color_trc = clip.color_transfer
    context.colorspace = clip.color_matrix
    if clip.rotation_degrees:
        stream.set_display_rotation(-clip.rotation_degrees)
    return stream
