"""Kept audio is copied where the container can hold it, else encoded again, and stays in sync."""

import dataclasses
from fractions import Fraction

import av
import numpy as np
import pytest
from make_clips import write_clip
from odd_clips import copy_clip, needs

import redact
from redact import Settings, video

CLICK_SECONDS = 0.6

# Codec, container and sample rate of the source.
RECORDED = {
    "G.711 mu-law": ("pcm_mulaw", "mov", 8_000),
    "G.711 A-law": ("pcm_alaw", "mov", 8_000),
    "ADPCM": ("adpcm_ms", "asf", 8_000),
    "ADPCM of QuickTime": ("adpcm_ima_qt", "mov", 8_000),
    "G.722": ("g722", "asf", 16_000),
    "Speex": ("libspeex", "flv", 16_000),
    "Nellymoser": ("nellymoser", "flv", 8_000),
    "WMA": ("wmav2", "asf", 44_100),
    "MP3 of 8 kHz": ("libmp3lame", "matroska", 8_000),
    "Opus": ("libopus", "matroska", 48_000),
    "FLAC": ("flac", "matroska", 48_000),
    "ALAC": ("alac", "matroska", 44_100),
    "MP2": ("mp2", "mpegts", 48_000),
    "AAC": ("aac", "mp4", 16_000),
}


def write_with_click(path, codec, container, rate, *, gap=(0.0, 0.0), seconds=1.0):
    """Write a clip whose sound is silent but for a click; packets within the gap are left out."""
    samples = np.zeros((1, round(rate * seconds)), np.float32)
    click = round(rate * CLICK_SECONDS)
    samples[0, click : click + rate // 50] = 0.9 * np.sin(np.arange(rate // 50) * 5_000 / rate)
    with av.open(str(path), "w", format=container) as out:
        pictures = out.add_stream("libx264", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":
            sound.bit_rate = 64_000
        out.start_encoding()
        for index in range(round(25 * seconds)):
            native = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="bgr24")
            native = native.reformat(format="yuv420p")
            native.pts, native.time_base = index, Fraction(1, 25)
            out.mux(pictures.encode(native))
        out.mux(pictures.encode())
        chunk = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
        chunk.sample_rate, chunk.pts, chunk.time_base = rate, 0, Fraction(1, rate)
        size = sound.codec_context.frame_size or rate // 50
        resampler = av.AudioResampler(sound.format, "mono", rate, frame_size=size)
        pieces = [*resampler.resample(chunk), *resampler.resample(None)]
        packets = [packet for piece in pieces for packet in sound.encode(piece)] + sound.encode()
        for packet in packets:
            if not gap[0] <= packet.pts * packet.time_base < gap[1]:
                out.mux(packet)


def sound_in(path):
    """(codec, packets, seconds from the first frame to the click)."""
    with av.open(str(path)) as container:
        pictures, sound = container.streams.video[0], container.streams.audio[0]
        packets = [p for p in container.demux() if p.size]
        times = [p.pts * p.time_base for p in packets if p.stream_index == pictures.index]
        count = sum(p.stream_index == sound.index for p in packets)
        name = sound.codec_context.name
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[0]):
            values = np.abs(frame.to_ndarray().astype(np.float64)).ravel()
            full = {"s16": 2**15, "s32": 2**31}.get(frame.format.name.rstrip("p"), 1)
            loud = np.flatnonzero(values > 0.2 * full)
            if len(loud):
                at = float(frame.pts * frame.time_base) + loud[0] / frame.sample_rate
                return name, count, at - float(min(times))
    raise AssertionError(f"no click in {path}")


@pytest.mark.parametrize("recorded", RECORDED)
def test_sound_to_play_begins_with_the_first_frame(tmp_path, recorded):
    codec, container, rate = RECORDED[recorded]
    needs(codec)
    source = tmp_path / f"a.{container}"
    write_with_click(source, codec, container, rate)
    clip = redact.analyze(source, Settings(audit=False), detectors=[]).clip

    def click_in(samples):
        return np.flatnonzero(np.abs(samples.astype(int)) > 6000)[0] / 16_000

    samples = video.sound_of(clip, 16_000)
    assert samples.dtype == np.int16 and len(samples) == pytest.approx(16_000, abs=16)
    assert click_in(samples) == pytest.approx(sound_in(source)[2], abs=0.045)
    later = dataclasses.replace(clip, pts=clip.pts[5:])
    assert click_in(samples) - click_in(video.sound_of(later, 16_000)) == pytest.approx(
        0.2, abs=1e-3
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("recorded", RECORDED)
def test_sound_of_every_kind_is_kept_in_sync(tmp_path, recorded, suffix):
    codec, container, rate = RECORDED[recorded]
    needs(codec)
    source, target = tmp_path / f"a.{container}", tmp_path / f"b{suffix}"
    write_with_click(source, codec, container, rate)
    clip = video.probe(source)
    notes = video.check_fits(target, clip, Settings(audio="keep"))
    copy_clip(source, target, audio="keep")
    name, packets, at = sound_in(source)
    new_name, new_packets, new_at = sound_in(target)
    assert new_at == pytest.approx(at, abs=0.045)
    if notes:
        assert new_name == ("opus" if suffix == ".webm" else "aac")
        assert "encoded again" in notes[0]
    else:
        assert (new_packets, new_name.rstrip("float")) == (packets, name.rstrip("float")) or (
            recorded == "MP2" and new_packets == packets
        )


@pytest.mark.parametrize(
    ("recorded", "suffix", "is_copied"),
    [
        ("G.711 mu-law", ".mp4", False),
        ("G.711 mu-law", ".mov", True),
        ("MP3 of 8 kHz", ".mp4", False),
        ("MP3 of 8 kHz", ".mkv", True),
        ("Opus", ".mov", False),
        ("Opus", ".webm", True),
        ("FLAC", ".mov", False),
        ("FLAC", ".mp4", True),
        ("ALAC", ".mp4", True),
        ("AAC", ".mp4", True),
        ("AAC", ".webm", False),
    ],
)
def test_sound_is_copied_where_the_container_can_hold_it(tmp_path, recorded, suffix, is_copied):
    codec, container, rate = RECORDED[recorded]
    needs(codec)
    source = tmp_path / f"a.{container}"
    write_with_click(source, codec, container, rate)
    notes = video.check_fits(tmp_path / f"b{suffix}", video.probe(source), Settings(audio="keep"))
    assert (not notes) == is_copied


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_sound_after_a_gap_comes_when_it_came(tmp_path, suffix):
    source, target = tmp_path / "a.mov", tmp_path / f"b{suffix}"
    write_with_click(source, "pcm_mulaw", "mov", 8_000, gap=(0.1, 0.5))
    copy_clip(source, target, audio="keep")
    assert sound_in(target)[2] == pytest.approx(sound_in(source)[2], abs=0.045)


def test_the_report_says_what_became_of_the_sound(tmp_path):
    source = tmp_path / "a.mov"
    write_with_click(source, "pcm_mulaw", "mov", 8_000)
    for suffix, audio, said in ((".mp4", "keep", True), (".mov", "keep", False)):
        settings = Settings(audit=False, audio=audio)
        target = tmp_path / f"b{suffix}"
        report = redact.redact_clip(source, target, settings, detectors=[])
        assert any("pcm_mulaw" in text for text in report.to_dict()["warnings"]) == said


def test_dropped_sound_is_not_looked_at(tmp_path):
    source, target = tmp_path / "a.mov", tmp_path / "b.mp4"
    write_with_click(source, "pcm_mulaw", "mov", 8_000)
    assert video.check_fits(target, video.probe(source), Settings()) == ()
    copy_clip(source, target)
    with av.open(str(target)) as container:
        assert not container.streams.audio


def test_sound_without_a_decoder_is_refused_before_any_work(tmp_path):
    source = tmp_path / "a.mkv"
    write_clip(source, frames=3, with_audio=True)
    source.write_bytes(source.read_bytes().replace(b"A_AAC", b"A_QQQ"))
    with pytest.raises(redact.RedactError, match="sound"):
        redact.redact_clip(
            source,
            tmp_path / "b.mp4",
            Settings(audio="keep"),
            detectors=[],
            progress=lambda *_: pytest.fail("work has started"),
        )
