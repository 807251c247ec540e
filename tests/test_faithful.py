"""Any clip in, the same clip out: every frame, in order, at its time, in its shape and colours."""

from fractions import Fraction

import av
import numpy as np
import pytest
from odd_clips import look, write_numbered

from redact import Settings, video


def copy(source, target, **settings):
    """Read and write a clip as the two passes do; returns what is known after the first."""
    clip = video.probe(source)
    with_times = []
    reader = video.read_frames(clip)
    with_times = [frame.pts for frame in reader]
    clip = video.with_pts(clip, with_times, reader.findings)
    with video.ClipWriter(target, clip, Settings(crf=8, **settings)) as writer:
        for frame in video.read_frames(clip):
            writer.write(frame)
    return clip


def assert_same(source, target, *, seconds=None, numbers=None):
    """Same numbers in the same order, same times from the first frame on within 2 ms."""
    before, after = look(source), look(target)
    seconds = before[0] if seconds is None else seconds
    assert after[1] == (before[1] if numbers is None else numbers)
    times = np.array(after[0]) - after[0][0]
    np.testing.assert_allclose(times, np.array(seconds) - seconds[0], atol=2e-3)


def needs(codec):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")


H264 = {"codec": "libx264"}
KINDS = {
    "H.264 with B-frames": ("a.mp4", {**H264, "codec_options": {"bf": "3"}, "gop": 12}),
    "fragmented MP4": (
        "a.mp4",
        {"container_options": {"movflags": "frag_keyframe+empty_moov"}, "gop": 4},
    ),
    "MPEG-TS": ("a.ts", {"container": "mpegts"}),
    "MKV": ("a.mkv", {}),
    "AVI": ("a.avi", {"time_base": Fraction(1, 25), "codec_options": {"bf": "2"}}),
    "AVI with MPEG-4": ("a.avi", {"codec": "mpeg4", "time_base": Fraction(1, 25)}),
    "MOV": ("a.mov", {}),
    "FLV": ("a.flv", {}),
    "Annex B": ("a.h264", {"container": "h264", "codec_options": {"bf": "0"}}),
    "Annex B with B-frames": ("a.264", {"container": "h264", "codec_options": {"bf": "2"}}),
    "HEVC": ("a.mp4", {"codec": "libx265", "codec_options": {"x265-params": "log-level=none"}}),
    "HEVC 10 bit": (
        "a.mkv",
        {
            "codec": "libx265",
            "pixel_format": "yuv420p10le",
            "codec_options": {"x265-params": "log-level=none"},
        },
    ),
    "HEVC Annex B": (
        "a.hevc",
        {
            "codec": "libx265",
            "container": "hevc",
            "codec_options": {"x265-params": "log-level=none:bframes=0"},
        },
    ),
    "VP8": ("a.webm", {"codec": "libvpx", "time_base": Fraction(1, 1000)}),
    "VP9": ("a.webm", {"codec": "libvpx-vp9", "time_base": Fraction(1, 1000)}),
    "AV1": ("a.mp4", {"codec": "libsvtav1", "codec_options": {"preset": "12"}}),
    "MJPEG": ("a.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    "MJPEG 4:2:2": ("a.avi", {"codec": "mjpeg", "pixel_format": "yuvj422p", "time_base": Fraction(1, 25)}),
    "MPEG-2": ("a.mpg", {"codec": "mpeg2video", "time_base": Fraction(1, 25)}),
    "ProRes with transparency": ("a.mov", {"codec": "prores_ks", "pixel_format": "yuva444p10le"}),
    "4:4:4": ("a.mp4", {"pixel_format": "yuv444p"}),
    "4:2:2": ("a.mp4", {"pixel_format": "yuv422p"}),
    "H.264 10 bit": ("a.mp4", {"pixel_format": "yuv420p10le"}),
    "grey": ("a.mp4", {"pixel_format": "gray"}),
    "RGB": ("a.mov", {"codec": "qtrle", "pixel_format": "rgb24"}),
    "RGB in FFV1": ("a.mkv", {"codec": "ffv1", "pixel_format": "bgr0"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_its_frames_and_times(tmp_path, kind):
    name, options = KINDS[kind]
    needs(options.get("codec", "libx264"))
    source, target = tmp_path / name, tmp_path / "b.mp4"
    pts = write_numbered(source, **options)
    copy(source, target)
    step = [at * float(options.get("time_base", Fraction(1, 12_800))) for at in pts]
    assert_same(source, target, seconds=step, numbers=list(range(len(pts))))
