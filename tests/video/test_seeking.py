"""Reading from the middle gives the frames that reading from the start gives, in every format."""

import contextlib
import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from odd_clips import needs, write_numbered

import redact
from redact import video
from redact.video import seeking


def read_through(path):
    """The clip with the times of its frames, and the luma of each."""
    clip = video.probe(path)
    reader = video.read_frames(clip)
    frames = [(frame.pts, frame.y.copy()) for frame in reader]
    return video.with_pts(clip, [pts for pts, _ in frames], reader.findings), frames


def check(clip, frames, indices):
    for first in indices:
        with contextlib.closing(video.read_from(clip, first)) as reading:
            got = [(f.index, f.pts, f.y.copy()) for f in reading]
        assert [index for index, _, _ in got] == list(range(first, len(frames)))
        for index, pts, luma in got:
            assert pts == frames[index][0]
            np.testing.assert_array_equal(luma, frames[index][1])


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {"codec_options": {"bf": "3", "open_gop": "1"}}),
        ("a.ts", "libx264", {"codec_options": {"bf": "2"}}),
        ("a.avi", "mpeg4", {}),
        ("a.mpg", "mpeg2video", {"time_base": Fraction(1, 25)}),
        ("a.webm", "libvpx-vp9", {}),
        ("a.mp4", "libx265", {"codec_options": {"x265-params": "log-level=error:open-gop=1"}}),
        ("a.mov", "mjpeg", {"pixel_format": "yuvj420p"}),
    ],
)
def test_frames_from_the_middle_are_those_from_the_start(tmp_path, name, codec, options):
    needs(codec)
    write_numbered(tmp_path / name, frames=40, codec=codec, gop=12, **options)
    clip, frames = read_through(tmp_path / name)
    check(clip, frames, (0, 1, 11, 12, 13, 25, 39))


def test_irregular_times_lead_to_the_same_frames(tmp_path):
    pts = [512 * i + (200 if i % 3 else 0) + (90_000 if i > 20 else 0) for i in range(40)]
    write_numbered(tmp_path / "a.mp4", frames=40, pts=pts, gop=10)
    check(*read_through(tmp_path / "a.mp4"), (5, 19, 20, 21, 22, 39))


def test_seeking_decodes_from_a_key_frame_and_not_from_the_start(tmp_path, monkeypatch):
    write_numbered(tmp_path / "a.mp4", frames=40, gop=10)
    clip, _ = read_through(tmp_path / "a.mp4")
    monkeypatch.setattr(seeking, "read_frames", lambda *_, **__: pytest.fail("read from the start"))
    with contextlib.closing(video.read_from(clip, 25)) as frames:
        assert [frame.index for frame in frames] == list(range(25, 40))


@pytest.mark.parametrize(
    "doubt",
    [{"is_damaged": True}, {"clock_shifts": (Fraction(0), Fraction(1, 2))}],
    ids=["damaged", "clock restarts"],
)
def test_a_doubtful_clip_is_read_from_its_start(tmp_path, monkeypatch, doubt):
    write_numbered(tmp_path / "a.mp4", frames=20, gop=5)
    clip, frames = read_through(tmp_path / "a.mp4")
    monkeypatch.setattr(seeking, "_from_key_frame", lambda *_: pytest.fail("it was sought"))
    check(dataclasses.replace(clip, **doubt), frames, (7,))


def test_where_times_in_the_file_do_not_fit_it_is_read_from_the_start(tmp_path):
    write_numbered(tmp_path / "a.mp4", frames=20, gop=5)
    clip, frames = read_through(tmp_path / "a.mp4")
    shifted = dataclasses.replace(clip, pts=clip.pts + 7)
    with contextlib.closing(video.read_from(shifted, 12)) as reading:
        assert [frame.index for frame in reading] == list(range(12, len(frames)))


def test_times_are_told_without_decoding(tmp_path):
    for name, options in (
        ("a.mp4", {"codec_options": {"bf": "3"}}),
        ("a.mkv", {}),
        ("a.ts", {"codec_options": {"bf": "2"}}),
        ("a.avi", {"codec": "mpeg4"}),
        ("b.mp4", {"pts": [512 * i + (200 if i % 3 else 0) for i in range(40)]}),
    ):
        write_numbered(tmp_path / name, frames=40, gop=12, **options)
        clip, _ = read_through(tmp_path / name)
        assert video.frame_times(video.probe(tmp_path / name)) == tuple(clip.pts.tolist())


def test_no_times_are_told_of_a_clip_in_doubt(tmp_path):
    write_numbered(tmp_path / "a.mkv", frames=60, gop=10)
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    assert video.frame_times(video.probe(tmp_path / "cut.mkv")) is None
    # Its pictures are shown in another order than they are stored in, which AVI can't say.
    write_numbered(tmp_path / "a.avi", frames=20, codec_options={"bf": "2"})
    assert video.frame_times(video.probe(tmp_path / "a.avi")) is None


def part(clip, first, stop):
    side_data = set()
    with contextlib.closing(video.read_part(clip, first, stop, side_data)) as frames:
        return [(f.index, f.pts, f.y.copy()) for f in frames], side_data


def test_a_part_has_the_frames_of_the_whole(tmp_path):
    write_numbered(tmp_path / "a.mp4", frames=40, gop=12, codec_options={"bf": "3"})
    clip, frames = read_through(tmp_path / "a.mp4")
    for first, stop in ((0, 40), (0, 5), (13, 25), (39, 40)):
        got, side_data = part(clip, first, stop)
        assert [index for index, _, _ in got] == list(range(first, stop))
        for index, pts, luma in got:
            assert pts == frames[index][0]
            np.testing.assert_array_equal(luma, frames[index][1])
        # x264 describes itself in the first frame.
        assert side_data == ({"in the frames: user data"} if first == 0 else set())


def test_a_part_that_is_not_as_expected_is_refused(tmp_path):
    write_numbered(tmp_path / "a.mp4", frames=20, gop=5)
    clip, _ = read_through(tmp_path / "a.mp4")
    for other in (
        dataclasses.replace(clip, pts=clip.pts + 7),
        dataclasses.replace(clip, width=2 * clip.width),
    ):
        with pytest.raises(redact.ClipError, match="read the whole clip"):
            part(other, 5, 15)
