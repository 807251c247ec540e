"""Encodes frames one after the other; any span of them can be encoded again."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import av

from redact.errors import TargetError
from redact.settings import Settings
from redact.source_files import reason
from redact.types import ClipInfo, Frame
from redact.video.codecs import codec_for, encoder_rate, set_up
from redact.video.pixels import LIMITED_RANGE
from redact.video.tuning import TUNING


@dataclasses.dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One encoded frame: its index in presentation order, and its bytes."""

    index: int
    is_key: bool
    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class _StoredFrame:
    """Where the bytes of an encoded frame lie in the store."""

    index: int
    is_key: bool
    offset: int
    size: int


class EncodedClip:
    """The frames of a clip as an encoder returns them, not yet in a container.

    The codec is H.264, or VP9 for a .webm file. An odd width or height is kept by storing the
    chroma of H.264 at full size, because half of it would not be an integer. Use it as a context
    manager, or call `close`: what doesn't fit in memory lies in an unnamed file in the target's
    folder.

    Args:
        clip: size, aspect ratio, colours, rate and time base are used; its times may be unknown.
        settings: `encoder`, `crf`, `preset` and `threads` are used.
        target: its suffix selects the codec.

    Raises:
        TargetError: the suffix stands for no container, the encoder refuses this kind of clip, or
            the encoded frames can't be stored.

    """

    def __init__(self, clip: ClipInfo, settings: Settings, target: Path) -> None:
        self._clip, self._settings, self._target = clip, settings, target
        self.codec = codec_for(target, clip, settings)
        """The libav name of the encoder: x264, one in hardware, or VP9's."""
        self._stack = contextlib.ExitStack()
        with self._translate_errors():
            self._encoder: _Encoder | None = _Encoder(clip, settings, self.codec, first_index=0)
        self._store: IO[bytes] = self._stack.enter_context(
            tempfile.SpooledTemporaryFile(  # noqa: SIM115
                TUNING.max_buffer_bytes, dir=str(target.parent)
            )
        )
        self._size = 0
        self._frames: list[_StoredFrame] = []
        self.header = self._encoder.header
        """What the encoder states about all its frames, for the container ("extradata")."""

    def __enter__(self) -> EncodedClip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Discard what was encoded."""
        with contextlib.suppress(OSError):
            self._stack.close()

    def add(self, frame: Frame) -> None:
        """Encode the next frame in presentation order. Its pixels must not change afterwards."""
        if self._encoder is None:
            raise ValueError("no frame can be added after `finish`")
        self._frames += self._encode(self._encoder, frame)

    def finish(self) -> None:
        """End the encoder after the last frame, and store the frames that it held back."""
        if self._encoder is not None:
            self._frames += self._flush(self._encoder)
            self._encoder = None

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[EncodedFrame]:
        """Every frame, in the order in which they are decoded."""
        for stored in self._frames:
            with self._translate_errors():
                self._store.seek(stored.offset)
                data = self._store.read(stored.size)
            if len(data) != stored.size:
                raise TargetError(
                    f"can't write {str(self._target)!r}: its encoded frames can't be read back "
                    "from their temporary file"
                )
            yield EncodedFrame(stored.index, stored.is_key, data)

    @property
    def indices(self) -> list[int]:
        """The indices in presentation order, listed in the order in which frames are decoded."""
        return [stored.index for stored in self._frames]

    def spans(self, changed: Collection[int]) -> list[range]:
        """The spans of frames to `replace` so that all changed frames are encoded again.

        changed: indices of frames. A span starts no later than the first changed frame of a group
        of pictures (GOP), and ends with the group, because later frames refer to earlier ones.
        """
        found: list[range] = []
        for first, stop in itertools.pairwise([*self._group_starts(), len(self._frames)]):
            changed_here = [index for index in changed if first <= index < stop]
            if changed_here:
                start = self._last_cut(first, min(changed_here))
                if found and found[-1].stop == start:
                    found[-1] = range(found[-1].start, stop)
                else:
                    found.append(range(start, stop))
        return found

    def replace(self, span: range, frames: Iterable[Frame]) -> None:
        """Encode the frames of a span from `spans` again."""
        with self._translate_errors():
            encoder = _Encoder(self._clip, self._settings, self.codec, first_index=span.start)
        if encoder.header != self.header:
            raise ValueError("the encoder describes its frames differently from before")
        replacements: list[_StoredFrame] = []
        for frame in frames:
            replacements += self._encode(encoder, frame)
        replacements += self._flush(encoder)
        if len(replacements) != len(span):
            raise ValueError(f"got {len(replacements)} frames to replace the {len(span)} of {span}")
        self._frames[span.start : span.stop] = replacements

    def _group_starts(self) -> list[int]:
        return [stored.index for stored in self._frames if stored.is_key]

    def _last_cut(self, first: int, index: int) -> int:
        """The last frame, from `first` to `index`, at which the stream can be cut.

        All frames that are decoded before it are also shown before it, so they can stay.
        """
        cut = latest = first
        for at in range(first, index + 1):
            if latest == at:
                cut = at
            latest = max(latest, self._frames[at].index + 1)
        return cut

    def _encode(self, encoder: _Encoder, frame: Frame) -> list[_StoredFrame]:
        with self._translate_errors():
            return [self._stored(encoded) for encoded in encoder.encode(frame)]

    def _flush(self, encoder: _Encoder) -> list[_StoredFrame]:
        with self._translate_errors():
            return [self._stored(encoded) for encoded in encoder.finish()]

    def _stored(self, encoded: EncodedFrame) -> _StoredFrame:
        self._store.seek(self._size)
        self._store.write(encoded.data)
        stored = _StoredFrame(encoded.index, encoded.is_key, self._size, len(encoded.data))
        self._size += len(encoded.data)
        return stored

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise errors of the encoder and of the file system in the block as `TargetError`."""
        try:
            yield
        except av.FFmpegError as err:
            raise TargetError(
                f"can't write {str(self._target)!r}: the encoder {self.codec} failed on frames "
                f"with {self._clip.width}x{self._clip.height} pixels ({reason(err)}); try another "
                "suffix, or scale the clip down"
            ) from err
        except OSError as err:
            raise TargetError(f"can't write {str(self._target)!r}: {reason(err)}") from err


class _Encoder:
    """One encoder, for frames from `first_index` on."""

    def __init__(self, clip: ClipInfo, settings: Settings, codec: str, first_index: int) -> None:
        context: Any = av.CodecContext.create(codec, "w")
        set_up(context, clip, settings, codec)
        context.framerate = encoder_rate(clip)
        context.flags |= av.codec.context.Flags.global_header
        context.open()
        self.header: bytes | None = context.extradata
        self._clip, self._context = clip, context
        self._next_index, self._last_pts = first_index, -1
        self._index_by_pts: dict[int, int] = {}

    def encode(self, frame: Frame) -> Iterator[EncodedFrame]:
        native: Any = frame.native
        context = self._context
        pts = round(frame.pts * self._clip.time_base / context.time_base)
        self._last_pts = pts = pts if not self._index_by_pts else max(pts, self._last_pts + 1)
        self._index_by_pts[pts] = self._next_index
        self._next_index += 1
        native.pts, native.time_base, native.pict_type = pts, context.time_base, 0
        if native.format.name != context.pix_fmt:
            both = self._clip.color_range or LIMITED_RANGE
            native = native.reformat(
                format=context.pix_fmt, src_color_range=both, dst_color_range=both
            )
        return map(self._encoded, context.encode(native))

    def finish(self) -> Iterator[EncodedFrame]:
        return map(self._encoded, self._context.encode(None) if self._index_by_pts else ())

    def _encoded(self, packet: Any) -> EncodedFrame:
        return EncodedFrame(self._index_by_pts[packet.pts], packet.is_keyframe, bytes(packet))
