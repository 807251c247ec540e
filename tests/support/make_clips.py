"""Writes small clips with a moving bright square, and detects that square."""

from fractions import Fraction

import av
import numpy as np

from redact import Box, Detection, video

SIDE = 40


def square_at(index):
    """The top left corner, (x, y), of the bright square in frame `index`."""
    return 40 + 4 * index, 60 + 2 * index


def draw(index, width, height):
    """(H, W, 3) BGR: a dark textured image with a bright square that moves to the lower right."""
    rng = np.random.default_rng(5)
    image = np.full((height, width, 3), 60, np.uint8)
    image += rng.integers(0, 12, (height, width, 1), dtype=np.uint8)
    x, y = square_at(index)
    image[y : y + SIDE, x : x + SIDE] = 240
    image[y + 10 : y + 20, x + 10 : x + 30] = 20
    return image


def write_clip(
    path,
    *,
    frames=24,
    size=(320, 240),
    codec="libx264",
    pixel_format="yuv420p",
    pts=None,
    time_base=Fraction(1, 12800),
    rotation=0,
    flip=False,
    gop=None,
    with_audio=False,
    aspect=None,
    full_range=False,
):
    """Write a clip of the moving square, and return its pts."""
    pts = [512 * i for i in range(frames)] if pts is None else pts
    with av.open(
        str(path), "w", options={"video_track_timescale": str(time_base.denominator)}
    ) as out:
        out.metadata["title"] = "Front door"
        video = out.add_stream(codec, rate=25)
        video.width, video.height = size
        video.pix_fmt = pixel_format
        video.time_base = video.codec_context.time_base = time_base
        if gop:
            video.codec_context.gop_size = gop
        if rotation or flip:
            video.set_display_rotation(rotation, hflip=flip)
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if full_range:
            video.codec_context.color_range = 2
        audio = out.add_stream("aac", rate=16_000, layout="mono") if with_audio else None
        for index, at in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(draw(index, *size), format="bgr24")
            frame = frame.reformat(format=pixel_format)
            frame.pts, frame.time_base = at, time_base
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if audio:
            noise = np.random.default_rng(1).normal(0, 900, (1, 16_000)).astype(np.int16)
            chunk = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            chunk.sample_rate = 16_000
            out.mux(audio.encode(chunk))
            out.mux(audio.encode())
    return list(pts)


def read_back(path):
    """The pts and the images, (H, W, 3) BGR as stored, of the first video stream."""
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.video[0]))
    return [f.pts for f in frames], [f.to_ndarray(format="bgr24") for f in frames]


class SquareDetector:
    """Detects the bright square by its brightness, except in the calls numbered in `blind`."""

    kinds = ("face",)

    def __init__(self, blind=()):
        self.blind, self.scans = set(blind), 0

    def detect(self, image):
        self.scans += 1
        if self.scans - 1 in self.blind:
            return []
        rows, columns = np.nonzero(image.min(axis=2) > 200)
        if len(rows) < 200:
            return []
        box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return [Detection(kind="face", box=box, score=0.9)]


def brightest(image):
    """The 99.9th percentile of brightness, which is above 200 where the square is visible."""
    return float(np.percentile(image.min(axis=2), 99.9))


def write_frames(target, clip, settings, frames):
    """Encode the frames of a clip into a file, and return the clip with their times."""
    pts = []
    with video.EncodedClip(clip, settings, target) as encoded:
        for frame in frames:
            pts.append(frame.pts)
            encoded.add(frame)
        encoded.finish()
        findings = frames.findings if hasattr(frames, "findings") else {}
        clip = video.with_pts(clip, pts, findings)
        video.write_clip(target, encoded, clip, settings)
    return clip
