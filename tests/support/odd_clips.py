"""Writes clips in many formats; each frame shows its number as black and white blocks."""

from fractions import Fraction

import av
import numpy as np
import pytest
from make_clips import write_frames

from redact import Settings, video

BITS, BLOCK = 8, 8
WIDTH, HEIGHT = 96, 64


def numbered(index, width=WIDTH, height=HEIGHT):
    """(H, W, 3) BGR: a grey image with a red patch, and its number in the top rows."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[height // 2 :, : width // 2] = (40, 60, 200)
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 230 if index >> bit & 1 else 20
    return image


def number_in(image):
    """The number that `numbered` drew into an upright image."""
    blocks = image[2 : BLOCK - 2, : BITS * BLOCK].mean(axis=(0, 2)).reshape(BITS, BLOCK)
    return sum(1 << bit for bit in range(BITS) if blocks[bit, 2:-2].mean() > 128)


def as_native(index, pixel_format, size=(WIDTH, HEIGHT)):
    """The numbered image as a PyAV frame in a pixel format, in BT.601 or RGB."""
    native = av.VideoFrame.from_ndarray(numbered(index, *size), format="bgr24")
    return native.reformat(format=pixel_format)


def write_numbered(
    path,
    *,
    frames=12,
    size=(WIDTH, HEIGHT),
    codec="libx264",
    pixel_format="yuv420p",
    container=None,
    pts=None,
    time_base=Fraction(1, 12_800),
    rate=25,
    codec_options=None,
    container_options=None,
    gop=None,
    audio=None,
    tune=lambda stream: None,
    first_number=0,
    fields=None,
):
    """Write a clip with numbered frames, and return its pts.

    audio: (codec, seconds) of an audio stream at 48 kHz, or None.
    tune: a function that may change the video stream before it is opened.
    fields: "tff" or "bff" for an interlaced clip; see `_interlaced`.
    """
    step = round(1 / (rate * time_base))
    pts = [step * i for i in range(frames)] if pts is None else pts
    options = {"video_track_timescale": str(time_base.denominator), **(container_options or {})}
    if container not in (None, "mp4", "mov") or path.suffix not in (".mp4", ".mov", ".m4v"):
        del options["video_track_timescale"]
    with av.open(str(path), "w", format=container, options=options) as out:
        video = out.add_stream(codec, rate=rate, options=codec_options or {})
        video.width, video.height = size
        video.pix_fmt = pixel_format
        video.time_base = video.codec_context.time_base = time_base
        if gop:
            video.codec_context.gop_size = gop
        tune(video)
        audio_stream = None
        if audio:
            audio_stream = out.add_stream(audio[0], rate=48_000, layout="mono")
        out.start_encoding()
        packets = []
        for index, at in enumerate(pts):
            native = as_native(first_number + index, pixel_format, size)
            native = _interlaced(native, fields) if fields else native
            native.pts, native.time_base = at, time_base
            packets += video.encode(native)
        packets += video.encode()
        if audio:
            packets += _tone(audio_stream, audio[1], float(pts[0] * time_base))
        packets.sort(key=lambda p: p.dts * p.time_base if p.dts is not None else -1)
        for packet in packets:
            out.mux(packet)
    return list(pts)


def _interlaced(native, fields):
    """The frame, tagged as two fields: "tff" with the top field first, "bff" the bottom one."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        template=None,
        width=native.width,
        height=native.height,
        format=native.format,
        time_base=Fraction(1, 25),
    )
    field, sink = graph.add("setfield", fields), graph.add("buffersink")
    source.link_to(field)
    field.link_to(sink)
    graph.configure()
    graph.push(native)
    return graph.pull()


def _tone(stream, seconds, start):
    """The packets of an audio stream: a click in the middle of silence."""
    samples = np.zeros((1, round(48_000 * seconds)), np.float32)
    middle = samples.shape[1] // 2
    samples[0, middle : middle + 480] = 0.9
    resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000)
    chunk = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
    chunk.sample_rate = 48_000
    fifo, packets, done = av.AudioFifo(), [], round(48_000 * start)
    for piece in [*resampler.resample(chunk), *resampler.resample(None)]:
        piece.pts = None
        fifo.write(piece)
    while (piece := fifo.read(stream.codec_context.frame_size or 960, partial=True)) is not None:
        piece.pts, piece.time_base = done, Fraction(1, 48_000)
        done += piece.samples
        packets += stream.encode(piece)
    return packets + stream.encode()


def times_and_numbers(path):
    """The times in seconds and the numbers of all frames of the first video stream."""
    seconds, numbers = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            seconds.append(None if frame.pts is None else float(frame.pts * stream.time_base))
            numbers.append(number_in(frame.to_ndarray(format="bgr24")))
    return seconds, numbers


def atoms_in(data, start=0, end=None):
    """(kind, start, end) of each atom of an MP4 file, or of each atom inside another one."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size = int.from_bytes(data[start : start + 4])
        yield bytes(data[start + 4 : start + 8]), start, start + size
        start += size


def find_atom(data, *path):
    """(start, end) of the first atom at this path, such as (b"moov", b"trak")."""
    start, end = 0, len(data)
    for depth, kind in enumerate(path):
        inside = start + 8 * bool(depth)
        start, end = next((a, b) for k, a, b in atoms_in(data, inside, end) if k == kind)
    return start, end


def set_edits(path, entries):
    """Put this edit list into the first track of an MP4 file, whose index must be at the end.

    entries: (duration in ticks of the movie's clock, media time, which is -1 for an empty edit).
    """
    data = bytearray(path.read_bytes())
    table = b"".join(
        duration.to_bytes(4) + media.to_bytes(4, signed=True) + b"\0\1\0\0"
        for duration, media in entries
    )
    elst = _atom(b"elst", bytes(4) + len(entries).to_bytes(4) + table)
    start, end = find_atom(data, b"moov", b"trak")
    parts = [bytes(data[a:b]) for kind, a, b in atoms_in(data, start + 8, end) if kind != b"edts"]
    trak = _atom(b"trak", parts[0] + _atom(b"edts", elst) + b"".join(parts[1:]))
    moov, stop = find_atom(data, b"moov")
    inside = bytes(data[moov + 8 : start]) + trak + bytes(data[end:stop])
    path.write_bytes(bytes(data[:moov]) + _atom(b"moov", inside) + bytes(data[stop:]))


def _atom(kind, content):
    return (len(content) + 8).to_bytes(4) + kind + content


def first_frame(path):
    """The first frame, as PyAV decodes it."""
    with av.open(str(path)) as container:
        return next(container.decode(container.streams.video[0]))


def numbers_of(path, half=()):
    """The number in each frame. In the frames of `half`, the blocks are half as large."""
    found = []
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(container.streams.video[0])):
            image = frame.to_ndarray(format="bgr24")
            if index in half:
                image = image.repeat(2, axis=0).repeat(2, axis=1)
            found.append(number_in(image))
    return found


def audio_times(path):
    """The times in seconds of all packets of the first audio stream; empty if there is none."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        packets = container.demux(container.streams.audio[0])
        return [float(p.pts * p.time_base) for p in packets if p.size]


def copy_clip(source, target, **settings):
    """Read a clip twice and write it, as analysis and rendering do; return its `ClipInfo`."""
    clip = video.probe(source)
    with video.read_frames(clip) as reader:
        clip = video.with_pts(clip, [frame.pts for frame in reader], reader.findings)
    write_frames(target, clip, Settings(crf=8, **settings), video.read_frames(clip))
    return clip


def needs(codec):
    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {codec}")
