"""Clips of many kinds, each picture numbered by a row of black and white blocks."""

from fractions import Fraction

import av
import numpy as np

BITS, BLOCK = 8, 8
WIDTH, HEIGHT = 96, 64


def numbered(index, width=WIDTH, height=HEIGHT):
    """(H, W, 3) BGR: a grey picture with a red patch, and its number in the top rows."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[height // 2 :, : width // 2] = (40, 60, 200)
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 230 if index >> bit & 1 else 20
    return image


def number_in(image):
    """The number that `numbered` wrote into an upright picture."""
    blocks = image[2 : BLOCK - 2, : BITS * BLOCK].mean(axis=(0, 2)).reshape(BITS, BLOCK)
    return sum(1 << bit for bit in range(BITS) if blocks[bit, 2:-2].mean() > 128)


def as_native(index, pixel_format, size=(WIDTH, HEIGHT)):
    """The numbered picture in a pixel format; in BT.601, or in the matrix of RGB."""
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
    sound=None,
    tune=lambda stream: None,
    first_number=0,
):
    """Write a clip; returns its pts. `tune` may change the stream before it is opened.

    sound: (codec, seconds) of a tone, its sample rate 48 kHz.
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
        audio = None
        if sound:
            audio = out.add_stream(sound[0], rate=48_000, layout="mono")
        out.start_encoding()
        packets = []
        for index, at in enumerate(pts):
            native = as_native(first_number + index, pixel_format, size)
            native.pts, native.time_base = at, time_base
            packets += video.encode(native)
        packets += video.encode()
        if audio:
            packets += _tone(audio, sound[1])
        packets.sort(key=lambda p: p.dts * p.time_base if p.dts is not None else -1)
        for packet in packets:
            out.mux(packet)
    return list(pts)


def _tone(audio, seconds):
    """Packets of a click in the middle of silence."""
    samples = np.zeros((1, round(48_000 * seconds)), np.float32)
    middle = samples.shape[1] // 2
    samples[0, middle : middle + 480] = 0.9
    resampler = av.AudioResampler(format=audio.format, layout="mono", rate=48_000)
    chunk = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
    chunk.sample_rate, chunk.pts, chunk.time_base = 48_000, 0, Fraction(1, 48_000)
    packets = []
    fifo = av.AudioFifo()
    for piece in [*resampler.resample(chunk), *resampler.resample(None)]:
        fifo.write(piece)
    while (piece := fifo.read(audio.codec_context.frame_size or 960, partial=True)) is not None:
        packets += audio.encode(piece)
    return packets + audio.encode()


def look(path):
    """(seconds of each frame, number in each frame) of the first video stream, as PyAV has it."""
    seconds, numbers = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            seconds.append(None if frame.pts is None else float(frame.pts * stream.time_base))
            numbers.append(number_in(frame.to_ndarray(format="bgr24")))
    return seconds, numbers
