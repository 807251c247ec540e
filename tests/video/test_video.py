"""Reading and writing keep times, shape, orientation and colours, and add nothing."""

import contextlib
import gc
import hashlib
import os
from fractions import Fraction

import av
import numpy as np
import pytest
from make_clips import read_back, write_clip, write_frames

from redact import ClipError, Settings, TargetError, video
from redact.video import muxer as writing


def copy(source, target, settings=None):
    clip = video.probe(source)
    return write_frames(target, clip, settings or Settings(crf=8), video.read_frames(clip))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_uneven_times_are_kept(tmp_path, suffix):
    source, target = tmp_path / "a.mp4", tmp_path / f"b{suffix}"
    pts = write_clip(source, pts=[900, 1500, 1600, 4000, 4001, 9000], time_base=Fraction(1, 10_000))
    copy(source, target)
    with av.open(str(target)) as out:
        stream = out.streams.video[0]
        seconds = [float(f.pts * stream.time_base) for f in out.decode(stream)]
    step = 1e-3 if suffix == ".mkv" else 1e-9
    np.testing.assert_allclose(seconds, np.array(pts) / 10_000, atol=step)


def test_frames_are_kept(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    copy(source, target)
    for before, after in zip(read_back(source)[1], read_back(target)[1], strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2


def count_native_frames():
    return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())


def test_no_frame_stays_in_memory_after_its_use(tmp_path):
    """Reference cycles would keep frames until the garbage collector runs, which fills memory."""
    source = tmp_path / "a.mp4"
    write_clip(source, frames=350, size=(64, 48))
    gc.collect()
    before = count_native_frames()
    gc.disable()
    try:
        for frame in video.read_frames(video.probe(source)):
            last = frame.index
        left = count_native_frames() - before
    finally:
        gc.enable()
    assert last == 349
    assert left <= 1  # the last one


def test_probing_reads_no_more_of_a_clip_than_it_needs(tmp_path, monkeypatch):
    """Hashing reads the whole file, so only those do it who need the hash."""
    write_clip(tmp_path / "a.mp4")
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("the file was hashed"))
    assert video.probe(tmp_path / "a.mp4").sha256 == ""


def test_the_hash_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"abc")
    assert video.file_sha256(tmp_path / "a.bin") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("name", "codec", "expected"),
    [
        ("a.mp4", "libx264", 24),  # stated in the header
        ("a.mkv", "ffv1", 24),  # from duration and rate
        ("a.ts", "mpeg2video", None),
        ("a.h264", "libx264", None),
    ],
)
def test_the_number_of_frames_is_estimated_if_the_container_has_a_header(
    tmp_path, name, codec, expected
):
    times = {"pts": [3600 * i for i in range(24)], "time_base": Fraction(1, 90_000)}
    if codec == "mpeg2video":
        times = {"pts": list(range(24)), "time_base": Fraction(1, 25)}
    write_clip(tmp_path / name, codec=codec, **times)
    assert video.probe(tmp_path / name).frame_count_estimate == expected


@pytest.mark.parametrize("size", [(321, 240), (320, 241), (33, 17)])
def test_odd_sizes_are_kept(tmp_path, size):
    source, target = tmp_path / "a.mkv", tmp_path / "b.mp4"
    write_clip(source, size=size, codec="ffv1", frames=3)
    copy(source, target)
    before, after = read_back(source)[1], read_back(target)[1]
    assert after[0].shape == (size[1], size[0], 3)
    assert np.abs(before[2].astype(int) - after[2]).mean() < 3


@pytest.mark.parametrize("pixel_format", ["yuv422p", "yuv444p", "yuv420p10le"])
def test_other_pixel_formats_become_8_bit_420(tmp_path, pixel_format):
    source, target = tmp_path / "a.mkv", tmp_path / "b.mp4"
    write_clip(source, codec="ffv1", pixel_format=pixel_format, frames=3)
    clip = copy(source, target)
    frame = next(video.read_frames(clip))
    assert frame.y.shape == (240, 320)
    assert frame.u.shape == frame.v.shape == (120, 160)
    assert np.abs(read_back(source)[1][0].astype(int) - read_back(target)[1][0]).mean() < 3


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_the_rotation_is_kept_and_images_are_upright(tmp_path, rotation):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, frames=3, rotation=rotation)
    clip = copy(source, target)
    assert clip.rotation_degrees == -rotation % 360
    assert video.probe(target).rotation_degrees == clip.rotation_degrees
    upright = video.to_bgr(next(video.read_frames(clip)), clip.rotation_degrees)
    stored = read_back(source)[1][0]
    expected = np.rot90(stored, rotation // 90)
    assert upright.flags.c_contiguous
    assert upright.shape == expected.shape
    # libav rounds differently.
    assert np.abs(upright.astype(int) - expected).max() <= 3


def test_sample_aspect_ratio_and_colour_range_are_kept(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, aspect=Fraction(4, 3), pixel_format="yuvj420p", full_range=True, frames=3)
    copy(source, target)
    before, after = video.probe(source), video.probe(target)
    assert after.sample_aspect_ratio == Fraction(4, 3)
    assert after.color_range == before.color_range == 2
    assert np.abs(read_back(source)[1][0].astype(int) - read_back(target)[1][0]).mean() < 2


def test_edited_planes_are_what_is_encoded(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, frames=3)
    clip = video.probe(source)

    def blackened():
        for decoded in video.read_frames(clip):
            with pytest.raises(ValueError, match="read-only"):
                decoded.y[:] = 16
            frame = video.make_editable(decoded)
            frame.y[:], frame.u[:], frame.v[:] = 16, 128, 128
            assert video.to_bgr(frame).max() < 4
            yield frame

    write_frames(target, clip, Settings(), blackened())
    assert max(int(image.max()) for image in read_back(target)[1]) < 8


def test_an_edit_does_not_change_frames_decoded_later(tmp_path):
    source = tmp_path / "a.mp4"
    write_clip(source, frames=12)
    clip = video.probe(source)
    untouched = [frame.y.copy() for frame in video.read_frames(clip)]
    edited = []
    for frame in video.read_frames(clip):
        edited.append(frame.y.copy())
        video.make_editable(frame).y[:] = 16
    assert all((a == b).all() for a, b in zip(untouched, edited, strict=True))


def test_only_video_is_written(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, with_audio=True)
    clip = copy(source, target)
    assert clip.has_audio
    assert any("title" in item for item in clip.dropped)
    assert any(item.startswith("audio") for item in clip.dropped)
    with av.open(str(target)) as out:
        assert [s.type for s in out.streams] == ["video"]
        assert "title" not in out.metadata
        assert "encoder" not in out.metadata
    written = target.read_bytes()
    assert b"x264" not in written
    assert b"Lavf" not in written


def test_kept_audio_has_the_same_packets_and_times(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, with_audio=True)
    copy(source, target, Settings(audio="keep"))
    packets = []
    for path in (source, target):
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            packets.append(
                [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(stream) if p.size]
            )
    assert packets[0] == packets[1]


def test_a_file_that_is_not_a_clip_is_refused(tmp_path):
    cases = {"gone.mp4": None, "text.mp4": b"hello\n" * 500, "empty.mp4": b""}
    for name, content in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ClipError, match=name):
            video.probe(path)
    with pytest.raises(ClipError, match="is a folder"):
        video.probe(tmp_path)


def test_a_list_of_other_files_is_refused(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=3)
    lists = {
        "list.ffconcat": "ffconcat version 1.0\nfile a.mp4\n",
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n",
        "list.mp4": "ffconcat version 1.0\nfile a.mp4\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ClipError, match=r"looks like a (play)?list"):
            video.probe(tmp_path / name)


def test_a_clip_without_its_end_is_refused(tmp_path):
    source = tmp_path / "a.mp4"
    write_clip(source, frames=60)
    (tmp_path / "cut.mp4").write_bytes(source.read_bytes()[:2000])
    with pytest.raises(ClipError, match=r"cut\.mp4"):
        list(video.read_frames(video.probe(tmp_path / "cut.mp4")))


def test_audio_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16_000, layout="mono")
        chunk = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
        chunk.sample_rate = 16_000
        out.mux(stream.encode(chunk))
        out.mux(stream.encode())
    with pytest.raises(ClipError, match="no video stream"):
        video.probe(path)


def test_a_frame_that_is_too_large_is_refused(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=2)
    with pytest.raises(ClipError, match="320x240"):
        video.probe(tmp_path / "a.mp4", max_pixels=320 * 240 - 1)


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(TargetError, match=r"\.mp4"):
        video.check_suffix(tmp_path / "a.gif")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_file_that_loses_its_end_on_closing_is_refused(tmp_path, monkeypatch, suffix):
    write_clip(tmp_path / "a.mp4")
    open_output = writing._open_output

    @contextlib.contextmanager
    def cut_when_closed(target, *rest):
        with open_output(target, *rest) as output:
            yield output
        os.truncate(target, target.stat().st_size * 2 // 3)

    monkeypatch.setattr(writing, "_open_output", cut_when_closed)
    with pytest.raises(TargetError, match=f"b{suffix}"):
        copy(tmp_path / "a.mp4", tmp_path / f"b{suffix}")
