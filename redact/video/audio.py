"""Audio in sync with the video: copied where the container can hold it, else encoded again."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from redact.errors import ClipError
from redact.settings import Settings
from redact.source_files import reason
from redact.types import ClipInfo
from redact.video import audio_cut
from redact.video.container import open_container, read_packets
from redact.video.timestamps import ClockShifts
from redact.video.tuning import TUNING

# Encoders for audio that a container can't hold as it is, by libav's name of the container.
_ENCODERS = {"webm": "libopus"}
_DEFAULT_ENCODER = "aac"
_ENCODED_NAMES = {"libopus": "Opus", "aac": "AAC"}
# Packets that are written to see whether a container takes them; some refuse the first ones only
# after their header.
_TRIAL_PACKETS = 3


class AudioWriter:
    """Writes the first audio stream of a clip beside its video; nothing if no audio is wanted.

    The same seconds are added to the times of audio as to those of video, see `MonotonicClock`.

    Args:
        output: the open PyAV container that the packets are written to.
        clip: its path is opened a second time, and its `clock_shifts` are applied.
        settings: `audio` and `audio_spans` are used.

    Raises:
        ClipError: the source can't be opened, or there is no decoder for audio that has to be
            encoded again (when the block is entered).

    """

    def __init__(self, output: Any, clip: ClipInfo, settings: Settings) -> None:
        self._output = output
        self._clip, self._settings = clip, settings
        self._is_wanted = settings.audio == "keep" and clip.has_audio
        self._packets: Iterator[Any] = iter(())
        self._waiting: Any = None
        self._stack = contextlib.ExitStack()
        self.start_seconds: Fraction | None = None
        """When audio starts, by the source's clock; None when there is nothing to write."""
        self.note = ""
        """What had to be changed, in words; empty where packets are copied."""

    def __enter__(self) -> AudioWriter:
        if self._is_wanted:
            with contextlib.ExitStack() as stack:
                container = stack.enter_context(
                    open_container(self._clip.path, max_pixels=self._settings.max_pixels)
                )
                source = container.streams.audio[0]
                self.start_seconds = Fraction((source.start_time or 0) * source.time_base)
                packets = _with_ascending_times(read_packets(container, source), self._clip)
                name = self._output.format.name
                is_cut = self._clip.part is not None or bool(self._settings.audio_spans)
                if self._clip.part is not None:
                    self.start_seconds = Fraction(0)
                if not is_cut and _can_copy(self._clip, name, self._settings.max_pixels):
                    self._stream = _add_copied_stream(self._output, source)
                    self._packets = packets
                else:
                    encoder = _ENCODERS.get(name, _DEFAULT_ENCODER)
                    self._stream = _add_encoded_stream(self._output, source, encoder, self._clip)
                    frames = _decoded(packets, source)
                    if is_cut:
                        frames = audio_cut.kept(frames, self._clip, self._settings.audio_spans)
                    else:
                        self.note = (
                            f"sound in {source.codec_context.name} can't be stored in {name}; "
                            f"encoded again as {_ENCODED_NAMES[encoder]}"
                        )
                    self._packets = _encoded(frames, self._stream)
                self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write_until(self, seconds: float, shift_seconds: Fraction) -> None:
        """Write the packets that are due up to this time.

        shift_seconds: added to the times of audio, as it is to those of video.
        """
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = None
            if packet is None:
                return
            if float(packet.dts * packet.time_base + shift_seconds) > seconds:
                self._waiting = packet
                return
            ticks = round(shift_seconds / packet.time_base)
            packet.dts += ticks
            packet.pts += ticks
            packet.stream = self._stream
            self._output.mux(packet)

    def write_rest(self, shift_seconds: Fraction) -> None:
        """Write all packets that are left."""
        self.write_until(float("inf"), shift_seconds)


def sound_of(
    clip: ClipInfo, rate: int, *, max_pixels: int = Settings.max_pixels
) -> NDArray[np.int16]:
    """The first audio stream of a clip, to be played beside its frames.

    Args:
        clip: with the times of all its frames.
        rate: samples a second of what is returned.
        max_pixels: as for `read_frames`.

    Returns: (N,) mono samples from the first frame's time on; silence where there is no sound.

    Raises:
        ClipError: the clip can't be read, or there is no decoder for its audio.

    """
    origin = int(clip.pts[0]) * clip.time_base
    samples = np.zeros(math.ceil(audio_cut.length_of(clip) * rate), dtype=np.int16)
    with open_container(clip.path, max_pixels=max_pixels) as container:
        source = container.streams.audio[0]
        _check_decoder(source, clip)
        packets = _with_ascending_times(read_packets(container, source), clip)
        try:
            for piece in _resampled(_decoded(packets, source), "s16", "mono", rate):
                start = round((piece.pts * piece.time_base - origin) * rate)
                values = piece.to_ndarray().reshape(-1)[max(0, -start) :]
                part = samples[max(0, start) :][: len(values)]
                part[:] = values[: len(part)]
        except (av.FFmpegError, ValueError) as err:
            raise ClipError(f"can't read the sound of {str(clip.path)!r}: {reason(err)}") from err
    return samples


def strip_vorbis_comments(headers: bytes) -> bytes:
    """Vorbis headers with an empty comment header, which may hold a title, a place or a device.

    headers: the three packets of the Vorbis I specification, section 4.2, as libav keeps them, with
    Xiph lacing as in Matroska: their number less one, the sizes of the first two, then the packets.

    Raises:
        ValueError: the bytes are something else.

    """
    if headers[:1] != b"\2" or headers.count(b"vorbis") < 3:
        raise ValueError("the Vorbis headers are not three laced packets")
    sizes, at = [], 1
    for _ in range(2):
        size = 0
        while headers[at] == 255:
            size, at = size + 255, at + 1
        sizes.append(size + headers[at])
        at += 1
    identification, setup = headers[at : at + sizes[0]], headers[at + sum(sizes) :]
    # Packet type 3, an empty vendor string, no comments, and the framing bit.
    comments = b"\3vorbis" + bytes(8) + b"\1"
    lacing = b"".join(
        b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
        for packet in (identification, comments)
    )
    return b"\2" + lacing + identification + comments + setup


def _can_copy(clip: ClipInfo, container_name: str, max_pixels: int) -> bool:
    """Whether a container takes the header and the first packets of the clip's audio.

    What a container can hold depends on more than the codec, such as the sample rate, and libav
    tells some of it only when the header or a packet is written.
    """
    with open_container(clip.path, max_pixels=max_pixels) as container:
        source = container.streams.audio[0]
        if source.codec_context is None:
            return False
        packets = list(itertools.islice(read_packets(container, source), _TRIAL_PACKETS))
        try:
            with av.open(io.BytesIO(), "w", format=container_name) as trial:
                stream = _add_copied_stream(trial, source)
                trial.start_encoding()
                for packet in _with_ascending_times(iter(packets), clip):
                    packet.stream = stream
                    trial.mux(packet)
        except (av.FFmpegError, ValueError, IndexError):
            return False
    return True


def _add_copied_stream(output: Any, source: Any) -> Any:
    """A stream of the output for packets of the source's stream, without its comments.

    Raises:
        av.FFmpegError, ValueError, IndexError: the container can't hold it.

    """
    stream = output.add_stream_from_template(source)
    if source.codec_context.name == "vorbis":
        context = stream.codec_context
        context.extradata = strip_vorbis_comments(context.extradata or b"")
    return stream


def _add_encoded_stream(output: Any, source: Any, encoder: str, clip: ClipInfo) -> Any:
    """A stream of the output whose encoder takes what the source's decoder returns."""
    _check_decoder(source, clip)
    context = source.codec_context
    rates = av.Codec(encoder, "w").audio_rates or [context.sample_rate]
    # No sound is lost at the next higher rate.
    higher = [rate for rate in rates if rate >= context.sample_rate]
    layout = "mono" if context.layout.nb_channels == 1 else "stereo"
    stream = output.add_stream(encoder, rate=min(higher, default=max(rates)), layout=layout)
    stream.bit_rate = TUNING.audio_bits_per_channel * stream.codec_context.layout.nb_channels
    return stream


def _check_decoder(source: Any, clip: ClipInfo) -> None:
    if source.codec_context is None:
        raise ClipError(
            f"the codec of the sound in {str(clip.path)!r} is unknown, so it can't be kept; leave "
            'it out with audio="drop"'
        )


def _encoded(frames: Iterator[Any], stream: Any) -> Iterator[Any]:
    """The frames as packets, at the times at which they were."""
    context = stream.codec_context
    is_empty = True
    for piece in _resampled(
        frames, context.format, context.layout, context.sample_rate, context.frame_size or None
    ):
        is_empty = False
        yield from stream.encode(piece)
    if not is_empty:
        yield from stream.encode(None)


def _resampled(
    frames: Iterator[Any], format_: Any, layout: Any, rate: int, frame_size: int | None = None
) -> Iterator[Any]:
    """The frames in another format, with the times at which they were."""
    resampler: Any = None
    for frame in frames:
        resampler = resampler or av.AudioResampler(
            format=format_, layout=layout, rate=rate, frame_size=frame_size
        )
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def _decoded(packets: Iterator[Any], source: Any) -> Iterator[Any]:
    """The frames of the packets. One without a time follows the last one, and so does one that is
    a little early; one that is far too early is left out, so that sound doesn't lag ever more.
    """
    end: Fraction | None = None
    for packet in itertools.chain(packets, (None,)):
        for frame in _decode(source, packet):
            start = end or Fraction(0)
            if frame.pts is not None:
                start = Fraction(frame.pts * frame.time_base)
            if end is not None and start < end:
                if end - start > TUNING.max_audio_lag_seconds:
                    continue
                start = end
            frame.time_base = Fraction(1, frame.sample_rate)
            frame.pts = round(start * frame.sample_rate)
            end = Fraction(frame.pts + frame.samples, frame.sample_rate)
            yield frame


def _decode(source: Any, packet: Any) -> list[Any]:
    """The frames of a packet; none where it is damaged. None returns what the decoder holds."""
    try:
        return list(source.codec_context.decode(packet))
    except (av.FFmpegError, EOFError):
        return []


def _with_ascending_times(packets: Iterator[Any], clip: ClipInfo) -> Iterator[Any]:
    """The packets, each with a decoding and presentation time after that of the last one.

    The last one gets a duration where it has none: an MP4 file would end before it.
    """
    shifts, last = ClockShifts(clip.clock_shifts), None
    usual = 0
    for packet, following in itertools.pairwise(itertools.chain(packets, (None,))):
        # Containers round times to a millisecond, or to the length of an audio sample.
        min_step = math.ceil(TUNING.min_audio_step_seconds / packet.time_base)
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            dts = 0 if last is None else last + (packet.duration or min_step)
        else:
            dts += round(shifts.shift_at(dts * packet.time_base) / packet.time_base)
        if last is not None and dts < last + min_step:
            dts = last + min_step
        usual = usual if last is None else dts - last
        if following is None and not packet.duration:
            packet.duration = usual
        packet.dts = packet.pts = last = dts
        yield packet
