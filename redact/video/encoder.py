"""Pictures encoded one after the other, of which any stretch can be encoded anew."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import tempfile
from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av

from redact.errors import TargetError
from redact.settings import Settings
from redact.source_files import reason
from redact.types import ClipInfo, Frame
from redact.video.pixels import FULL_RANGE, LIMITED_RANGE

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
"""Target suffix: libav's name of the container."""

MAX_TICKS_PER_SECOND = 240_000
"""An MP4 clock ticks at most so often a second."""

_LONG_CLOCK = 90_000
_SLOWEST_RATE, _FASTEST_RATE = Fraction(1), Fraction(1000)
# libvpx at 28 is about as sharp as x264 at 20.
_VP9_CRF_SHARE = 1.4
_INTERLACED_FLAGS = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
# What is encoded is held in memory up to so many bytes, then in a file without a name.
_MAX_HELD_BYTES = 2**23


@dataclasses.dataclass(frozen=True, slots=True)
class Encoded:
    """One encoded picture: its place in order of time, and its bytes."""

    number: int
    is_key: bool
    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class _Stored:
    """Where the bytes of an encoded picture lie."""

    number: int
    is_key: bool
    offset: int
    size: int


class EncodedClip:
    """A clip's pictures as an encoder makes them, not yet in a container.

    The codec is H.264, for a .webm file VP9. An odd width or height is kept by storing H.264's
    chroma at full size, since at half size it has even sizes only. Use as a context manager, or
    call `close`: what is too much for memory lies in a file of its own in the target's folder.

    Args:
        clip: size, shape, colours, rate and time base are used; its times need not be known yet.
        settings: `crf`, `preset` and `threads` are used.
        target: the suffix decides on the codec.

    Raises:
        TargetError: what is encoded can't be stored, or the suffix is not one that we write.

    """

    def __init__(self, clip: ClipInfo, settings: Settings, target: Path) -> None:
        self._clip, self._settings, self._target = clip, settings, target
        self._codec = codec_for(target)
        self._stack = contextlib.ExitStack()
        self._store: IO[bytes] = self._stack.enter_context(
            tempfile.SpooledTemporaryFile(_MAX_HELD_BYTES, dir=str(target.parent))  # noqa: SIM115
        )
        self._size = 0
        self._pictures: list[_Stored] = []
        self._run: _Run | None = _Run(clip, settings, self._codec, first=0)
        self.header = self._run.header
        """What the encoder says of all its pictures, for the container."""

    def __enter__(self) -> EncodedClip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Throw away what was encoded."""
        with contextlib.suppress(OSError):
            self._stack.close()

    def add(self, frame: Frame) -> None:
        """Encode the next picture, in order of time. Its pixels must not be changed afterwards."""
        if self._run is None:
            raise ValueError("all pictures were added: this was finished")
        self._pictures += map(self._stored, self._run.encode(frame))

    def finish(self) -> None:
        """All pictures were added: let the encoder give out what it holds back, and end it."""
        if self._run is not None:
            self._pictures += map(self._stored, self._run.finish())
            self._run = None

    def __len__(self) -> int:
        return len(self._pictures)

    def __iter__(self) -> Iterator[Encoded]:
        """Every picture in the order in which they are decoded."""
        for picture in self._pictures:
            with self._explained():
                self._store.seek(picture.offset)
                data = self._store.read(picture.size)
            if len(data) != picture.size:
                raise TargetError(f"can't read back what was encoded for {str(self._target)!r}")
            yield Encoded(picture.number, picture.is_key, data)

    @property
    def numbers(self) -> list[int]:
        """The places in order of time, in the order in which pictures are decoded."""
        return [picture.number for picture in self._pictures]

    def spans(self, changed: Collection[int]) -> list[range]:
        """The stretches of pictures to `replace` so that all those numbers are encoded anew.

        Each begins no later than the first of them in its group of pictures that depend on each
        other, and ends with the group.
        """
        found: list[range] = []
        for first, stop in itertools.pairwise([*self._group_starts(), len(self._pictures)]):
            here = [number for number in changed if first <= number < stop]
            if here:
                start = self._last_cut(first, min(here))
                if found and found[-1].stop == start:
                    found[-1] = range(found[-1].start, stop)
                else:
                    found.append(range(start, stop))
        return found

    def replace(self, span: range, frames: Iterable[Frame]) -> None:
        """Encode the pictures of a stretch from `spans` anew."""
        run = _Run(self._clip, self._settings, self._codec, first=span.start)
        if run.header != self.header:
            raise ValueError("the encoder describes its pictures otherwise than before")
        made: list[_Stored] = []
        for frame in frames:
            made += map(self._stored, run.encode(frame))
        made += map(self._stored, run.finish())
        if len(made) != len(span):
            raise ValueError(f"{len(made)} pictures to replace the {len(span)} of {span}")
        self._pictures[span.start : span.stop] = made

    def _group_starts(self) -> list[int]:
        return [picture.number for picture in self._pictures if picture.is_key]

    def _last_cut(self, first: int, number: int) -> int:
        """Up to where pictures can stay, from `first` on, if that one changes.

        There, all pictures decoded before are also shown before.
        """
        cut = latest = first
        for at in range(first, number + 1):
            if latest == at:
                cut = at
            latest = max(latest, self._pictures[at].number + 1)
        return cut

    def _stored(self, picture: Encoded) -> _Stored:
        with self._explained():
            self._store.seek(self._size)
            self._store.write(picture.data)
        place = _Stored(picture.number, picture.is_key, self._size, len(picture.data))
        self._size += len(picture.data)
        return place

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as err:
            raise TargetError(f"can't write {str(self._target)!r}: {reason(err)}") from err


class _Run:
    """One encoder, for pictures from number `first` on."""

    def __init__(self, clip: ClipInfo, settings: Settings, codec: str, first: int) -> None:
        context: Any = av.CodecContext.create(codec, "w")
        set_up(context, clip, settings, codec)
        context.framerate = encoder_rate(clip)
        context.flags |= av.codec.context.Flags.global_header
        context.open()
        self.header: bytes | None = context.extradata
        self._clip, self._context = clip, context
        self._next, self._last = first, -1
        self._numbers: dict[int, int] = {}

    def encode(self, frame: Frame) -> Iterator[Encoded]:
        native: Any = frame.native
        context = self._context
        now = round(frame.pts * self._clip.time_base / context.time_base)
        self._last = now = now if not self._numbers else max(now, self._last + 1)
        self._numbers[now] = self._next
        self._next += 1
        native.pts, native.time_base, native.pict_type = now, context.time_base, 0
        if native.format.name != context.pix_fmt:
            both = self._clip.color_range or LIMITED_RANGE
            native = native.reformat(
                format=context.pix_fmt, src_color_range=both, dst_color_range=both
            )
        return map(self._encoded, context.encode(native))

    def finish(self) -> Iterator[Encoded]:
        return map(self._encoded, self._context.encode(None) if self._numbers else ())

    def _encoded(self, packet: Any) -> Encoded:
        return Encoded(self._numbers[packet.pts], packet.is_keyframe, bytes(packet))


def codec_for(target: Path) -> str:
    """The encoder for a file of that name.

    Raises:
        TargetError: its suffix tells no container that we write.

    """
    suffix = target.suffix.lower()
    if suffix not in CONTAINERS:
        raise TargetError(
            f"can't write {target.name!r}: its suffix must be one of {', '.join(CONTAINERS)}"
        )
    return "libvpx-vp9" if suffix == ".webm" else "libx264"


def set_up(context: Any, clip: ClipInfo, settings: Settings, codec: str) -> None:
    """Give an encoder all that decides what it makes of pictures."""
    context.width, context.height = clip.width, clip.height
    context.pix_fmt = "yuv420p"
    # The times of pictures in the file don't depend on the encoder's clock.
    rate = clip.time_base.denominator
    context.time_base = Fraction(1, rate if rate <= MAX_TICKS_PER_SECOND else _LONG_CLOCK)
    context.thread_count = settings.threads
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    context.color_range = clip.color_range
    context.color_primaries = clip.color_primaries
    context.color_trc = clip.color_transfer
    context.colorspace = clip.color_matrix
    if codec == "libx264":
        _set_up_h264(context, clip, settings)
    else:
        context.options = {
            "crf": str(min(63, round(settings.crf * _VP9_CRF_SHARE))),
            # "good" is seven times as slow for files a fifth smaller.
            "deadline": "realtime",
            "cpu-used": "6",
            "row-mt": "1",
        }


def encoder_rate(clip: ClipInfo) -> Fraction:
    """Frames a second as the encoder's rate control takes them; times don't depend on it."""
    rate = min(max(clip.frame_rate, _SLOWEST_RATE), _FASTEST_RATE)
    return rate.limit_denominator(1001)


def _set_up_h264(context: Any, clip: ClipInfo, settings: Settings) -> None:
    context.options = {
        "crf": str(settings.crf),
        "preset": settings.preset,
        "a53cc": "0",
        # No picture depends on a B-picture, so that whoever wants a few decodes half as many: files
        # are up to 2 % larger.
        "b-pyramid": "none",
    }
    odd = clip.width % 2 or clip.height % 2
    full = clip.color_range == FULL_RANGE
    context.pix_fmt = ("yuvj" if full else "yuv") + ("444p" if odd else "420p")
    # Half pictures are cropped in steps of four rows.
    if clip.is_interlaced and not odd and clip.height % 4 == 0:
        context.flags |= _INTERLACED_FLAGS
