"""`Settings.encoder`: hardware where an encoder works, x264 where none does."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import av
import pytest

import redact
from redact.video import codecs, hardware, probe
from tests.support.make_clips import read_back, write_clip

_STAND_IN = hardware.HardwareEncoder(
    "yuv420p", lambda crf: {"crf": str(crf), "x265-params": "log-level=none"}
)


@pytest.fixture(autouse=True)
def _forget_trials():
    hardware._works.cache_clear()
    yield
    hardware._works.cache_clear()


def _offer(monkeypatch, **encoders):
    monkeypatch.setattr(hardware, "ENCODERS", MappingProxyType(encoders))


def _made(path):
    write_clip(path)
    return path


def _codec_of(path):
    with av.open(str(path)) as clip:
        return clip.streams.video[0].codec_context.name


def test_x264_is_the_default_even_where_hardware_works(tmp_path, monkeypatch):
    _offer(monkeypatch, libx265=_STAND_IN)
    clip = probe(_made(tmp_path / "a.mp4"))
    settings = redact.Settings()
    assert codecs.codec_for(tmp_path / "b.mp4", clip, settings) == "libx264"


def test_auto_takes_the_first_encoder_that_works(tmp_path, monkeypatch):
    absent = hardware.HardwareEncoder("nv12", lambda crf: {})
    wrong = hardware.HardwareEncoder("no-such-format", lambda crf: {})
    _offer(monkeypatch, h264_none=absent, h264_nvenc=absent, mpeg2video=wrong, libx265=_STAND_IN)
    clip = probe(_made(tmp_path / "a.mp4"))
    auto = redact.Settings(encoder="auto")
    assert codecs.codec_for(tmp_path / "b.mp4", clip, auto) == "libx265"
    assert codecs.codec_for(tmp_path / "b.webm", clip, auto) == "libvpx-vp9"
    _offer(monkeypatch, h264_none=absent, mpeg2video=wrong)
    assert codecs.codec_for(tmp_path / "b.mp4", clip, auto) == "libx264"


def test_what_hardware_cannot_keep_is_left_to_x264(tmp_path, monkeypatch):
    _offer(monkeypatch, libx265=_STAND_IN)
    auto, target = redact.Settings(encoder="auto"), tmp_path / "b.mp4"
    clip = probe(_made(tmp_path / "a.mp4"))
    for other in (
        dataclasses.replace(clip, width=clip.width - 1),
        dataclasses.replace(clip, height=clip.height - 1),
        dataclasses.replace(clip, is_interlaced=True),
    ):
        assert codecs.codec_for(target, other, auto) == "libx264"


def test_a_clip_is_written_by_the_chosen_encoder(tmp_path, monkeypatch):
    _offer(monkeypatch, libx265=_STAND_IN)
    source, target = _made(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    report = redact.redact_clip(source, target, redact.Settings(encoder="auto"))
    assert _codec_of(target) == "hevc"
    assert len(read_back(target)[0]) == report.frame_count == 24


def test_auto_without_hardware_writes_the_same_file_as_x264(tmp_path, monkeypatch):
    _offer(monkeypatch)
    source = _made(tmp_path / "a.mp4")
    files = []
    for encoder in ("x264", "auto"):
        files.append(tmp_path / f"{encoder}.mp4")
        redact.redact_clip(source, files[-1], redact.Settings(encoder=encoder))
    assert files[0].read_bytes() == files[1].read_bytes()


def test_every_encoder_gets_options_for_all_qualities():
    for encoder in hardware.ENCODERS.values():
        sharp, blurred = encoder.options(0), encoder.options(51)
        assert sharp.keys() == blurred.keys()
        assert sharp != blurred
        assert all(isinstance(value, str) for value in {**sharp, **blurred}.values())


def test_a_trial_of_an_encoder_without_its_hardware_raises_nothing():
    for name in hardware.ENCODERS:
        if name in av.codecs_available:
            assert hardware._works(name, 320, 240, 20) in (True, False)
