"""Whatever goes wrong in a public function is told as an error of ours, caused by the original."""

import dataclasses
import errno
import os
from fractions import Fraction

import av
import pytest
from make_clips import write_clip
from odd_clips import write_numbered

from redact import ClipError, Settings, TargetError, video
from redact.inspection.contents import inspect_clip
from redact.video import hidden_data


@pytest.fixture
def clip(tmp_path):
    """A clip of 24 frames with audio, its times known."""
    write_clip(tmp_path / "a.mp4", with_audio=True)
    clip = video.probe(tmp_path / "a.mp4")
    with video.read_frames(clip) as reader:
        return video.with_pts(clip, [frame.pts for frame in reader], reader.findings)


def read_packets(path):
    with video.open_container(path) as container:
        return list(video.read_packets(container))


READERS = {
    "probe": video.probe,
    "inspect_clip": inspect_clip,
    "file_sha256": video.file_sha256,
    "open_container": read_packets,
}
NOT_CLIPS = (
    "folder",
    "missing.mp4",
    "empty.mp4",
    "text.mp4",
    "cut.mp4",
    "a.mp4/b.mp4",
    "nul\0.mp4",
)


@pytest.fixture
def not_clip(request, tmp_path, clip):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("Dear neighbour\n" * 100)
    (tmp_path / "cut.mp4").write_bytes(clip.path.read_bytes()[:3000])
    return tmp_path / request.param


@pytest.mark.parametrize("not_clip", NOT_CLIPS, indirect=True, ids=ascii)
@pytest.mark.parametrize("reader", READERS)
def test_a_path_that_is_not_a_clip_raises_a_clip_error_that_names_it(not_clip, reader):
    if reader == "file_sha256" and not_clip.is_file():
        pytest.skip("any file has a hash")
    with pytest.raises(ClipError) as info:
        READERS[reader](not_clip)
    assert repr(str(not_clip)) in str(info.value)


@pytest.mark.parametrize("not_clip", NOT_CLIPS, indirect=True, ids=ascii)
def test_a_clip_that_was_replaced_since_it_was_probed_raises_a_clip_error(not_clip, clip, tmp_path):
    gone = dataclasses.replace(clip, path=not_clip)
    with pytest.raises(ClipError):
        list(video.read_frames(gone))
    with pytest.raises(ClipError):
        list(video.read_selected(gone, [0, 5]))
    with pytest.raises(ClipError):
        video.check_fits(tmp_path / "b.mp4", gone, Settings(audio="keep"))


def test_an_error_while_a_container_is_read_is_a_clip_error(clip):
    with (
        pytest.raises(ClipError, match=r"a\.mp4.*Input/output error") as info,
        video.open_container(clip.path),
    ):
        raise OSError(errno.EIO, "Input/output error")
    assert isinstance(info.value.__cause__, OSError)


def test_selected_frames_that_are_damaged_raise_a_clip_error(clip):
    """An audit must not pass over frames that it could not see."""
    with av.open(str(clip.path)) as container:
        stream = container.streams.video[0]
        places = [(p.pos, p.size) for p in container.demux(stream) if p.size]
    data = bytearray(clip.path.read_bytes())
    for position, size in places[5:]:
        data[position + 5 : position + size] = b"\xff" * (size - 5)
    clip.path.write_bytes(data)
    with pytest.raises(ClipError, match=r"a\.mp4"):
        list(video.read_selected(clip, range(24)))


def test_frames_without_times_can_not_be_selected(tmp_path):
    write_numbered(tmp_path / "a.h264", container="h264", codec_options={"bf": "2"})
    clip = video.probe(tmp_path / "a.h264")
    with pytest.raises(ClipError, match="don't have a time each"):
        list(video.read_selected(clip, [0]))


def test_a_frame_that_the_clip_does_not_have_can_not_be_selected(clip):
    with pytest.raises(ClipError, match="1 of 2 frames"):
        list(video.read_selected(clip, [3, 24]))


def test_a_file_that_vanishes_while_it_is_inspected_raises_a_clip_error(clip, monkeypatch):
    def vanish(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(hidden_data, "find_private_atoms", vanish)
    with pytest.raises(ClipError, match=r"a\.mp4.*No such file"):
        inspect_clip(clip.path)


@pytest.mark.parametrize(("size", "suffix"), [((70_000, 2), ".webm"), ((20_000, 16), ".mp4")])
def test_a_size_that_the_encoder_refuses_is_a_target_error(clip, tmp_path, size, suffix):
    huge = dataclasses.replace(clip, width=size[0], height=size[1])
    with pytest.raises(TargetError, match=f"{size[0]}x{size[1]}") as info:
        video.EncodedClip(huge, Settings(), tmp_path / f"b{suffix}")
    assert isinstance(info.value.__cause__, av.FFmpegError)


def test_a_frame_that_the_encoder_refuses_is_a_target_error(clip, tmp_path, monkeypatch):
    with video.EncodedClip(clip, Settings(), tmp_path / "b.mp4") as encoded:

        def refuse(_frame):
            raise av.error.InvalidDataError(errno.EINVAL, "Invalid data")

        monkeypatch.setattr(encoded._encoder, "encode", refuse)
        with pytest.raises(TargetError, match=r"b\.mp4.*Invalid data"):
            encoded.add(next(video.read_frames(clip)))


@pytest.mark.parametrize("name", ["missing/b.mp4", "folder.mp4", "nul\0.mp4", "x" * 300 + ".mp4"])
def test_a_place_that_cannot_be_written_to_is_a_target_error(clip, tmp_path, name):
    (tmp_path / "folder.mp4").mkdir()
    with video.EncodedClip(clip, Settings(), tmp_path / name) as encoded:
        for frame in video.read_frames(clip):
            encoded.add(frame)
        encoded.finish()
        with pytest.raises(TargetError):
            video.write_clip(tmp_path / name, encoded, clip, Settings())


@pytest.mark.parametrize("pixel_format", ["bayer_rggb8", "xyz12le", "uyvy422", "monow", "pal8"])
def test_rare_pixel_formats_are_converted_or_refused_in_words(tmp_path, pixel_format):
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        for index in range(2):
            native = av.VideoFrame(64, 48, pixel_format)
            native.pts, native.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(native))
        out.mux(stream.encode())
    try:
        frames = list(video.read_frames(video.probe(path)))
    except ClipError as err:
        assert "a.avi" in str(err)
    else:
        assert [frame.y.shape for frame in frames] == [(48, 64)] * 2
