"""Readers close their file at once, without waiting for the garbage collector."""

import contextlib
import gc
from pathlib import Path

import pytest
from make_clips import write_clip

from redact import ClipError, Settings, video
from redact.video import decoder

DESCRIPTORS = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="needs /proc/self/fd")


@pytest.fixture
def clip(tmp_path):
    """A clip with B-frames and audio, as `probe` describes it; the garbage collector is off."""
    write_clip(tmp_path / "a.mp4", with_audio=True)
    gc.collect()
    gc.disable()
    yield video.probe(tmp_path / "a.mp4")
    gc.enable()


def is_open(path):
    """Whether this process has the file open."""
    found = set()
    for link in DESCRIPTORS.iterdir():
        with contextlib.suppress(OSError):
            found.add(link.readlink())
    return path in found


def test_probing_leaves_no_file_open(clip):
    assert not is_open(clip.path)


@pytest.mark.parametrize("threads", [0, 1])
def test_a_reader_closes_its_file_after_the_last_frame(clip, threads):
    reader = video.read_frames(clip, threads=threads)
    next(reader)
    assert is_open(clip.path)
    assert len(list(reader)) == 23
    assert not is_open(clip.path)
    reader.close()


@pytest.mark.parametrize("threads", [0, 1])
def test_a_reader_is_a_context_manager_that_closes_its_file(clip, threads):
    with video.read_frames(clip, threads=threads) as reader:
        next(reader)
        assert is_open(clip.path)
    assert not is_open(clip.path)
    assert list(reader) == []


def test_a_reader_that_is_dropped_closes_its_file(clip):
    """The reader and its generator must not refer to each other."""
    for _frame in video.read_frames(clip):
        break
    assert not is_open(clip.path)


def test_a_reader_closes_its_file_when_its_user_fails(clip):
    with pytest.raises(ZeroDivisionError), video.read_frames(clip) as reader:
        _ = next(reader).index / 0
    assert not is_open(clip.path)


def test_a_reader_closes_its_file_when_decoding_fails(clip, monkeypatch):
    def fail(native, index, *rest):
        if index == 3:
            raise ClipError("this frame can't be used")
        return as_frame(native, index, *rest)

    as_frame = decoder.as_frame
    monkeypatch.setattr(decoder, "as_frame", fail)
    reader = video.read_frames(clip)
    with pytest.raises(ClipError, match="this frame"):
        list(reader)
    assert not is_open(clip.path)


def test_a_selection_closes_its_file_when_it_is_complete_closed_or_dropped(clip):
    list(video.read_selected(clip, [0, 5]))
    assert not is_open(clip.path)
    with contextlib.closing(video.read_selected(clip, [0, 5, 9])) as frames:
        next(frames)
        assert is_open(clip.path)
    assert not is_open(clip.path)
    for _frame in video.read_selected(clip, [0, 5, 9]):
        break
    assert not is_open(clip.path)


def test_audio_that_does_not_fit_the_container_leaves_no_file_open(clip, tmp_path):
    assert video.check_fits(tmp_path / "b.webm", clip, Settings(audio="keep"))
    assert not is_open(clip.path)


def test_audio_without_a_decoder_leaves_no_file_open(tmp_path):
    path = tmp_path / "a.mkv"
    write_clip(path, with_audio=True)
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_QQQ"))
    with pytest.raises(ClipError, match="sound"):
        video.check_fits(tmp_path / "b.mkv", video.probe(path), Settings(audio="keep"))
    assert not is_open(path)
