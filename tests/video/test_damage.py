"""Damaged clips: what can be decoded comes out, covered, and the rest is told, never guessed."""

import json
import random
from fractions import Fraction

import av
import numpy as np
import pytest
from make_clips import SquareDetector, brightest, read_back, write_clip
from odd_clips import copy, first_frame, look, numbers_of, write_numbered

import redact
from redact import Settings, video


def packets(path):
    """(position, size) of each video packet."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(container.streams.video[0]) if p.size]


def scramble(path, which, *, share=1.0, seed=0):
    """Overwrite the insides of those packets, or that share of their bytes, at random."""
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    for position, size in [packets(path)[index] for index in which]:
        for at in range(position + 5, position + size):
            if rng.random() < share:
                data[at] = rng.randrange(256)
    path.write_bytes(data)


def test_a_lost_packet_costs_its_own_frame_and_is_told(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_numbered(source, frames=20, gop=1)
    scramble(source, [4, 11])
    clip = copy(source, target)
    assert look(target)[1] == [n for n in range(20) if n not in (4, 11)]
    assert clip.is_damaged
    assert any("2 packets" in warning for warning in clip.warnings)
    np.testing.assert_allclose(look(target)[0][4], 0.2, atol=2e-3)


@pytest.mark.parametrize("threads", [0, 1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_all_who_read_a_damaged_clip_get_the_same_frames(tmp_path, threads, seed):
    source = tmp_path / "a.mp4"
    write_numbered(source, frames=40, gop=10, codec_options={"bf": "2"})
    scramble(source, random.Random(seed).sample(range(2, 40), 4), share=0.4, seed=seed)
    clip = video.probe(source)
    reader = video.read_frames(clip, threads=threads)
    first = [(frame.pts, int(frame.y.sum()), int(frame.u.sum())) for frame in reader]
    clip = video.with_pts(clip, [pts for pts, _, _ in first], reader.findings)
    assert clip.is_damaged
    again = video.read_frames(clip, threads=1)
    assert [(frame.pts, int(frame.y.sum()), int(frame.u.sum())) for frame in again] == first


def test_a_sound_clip_has_no_warnings(tmp_path):
    source = tmp_path / "a.mp4"
    write_numbered(source, frames=20, gop=5, codec_options={"bf": "2"}, sound=("aac", 0.8))
    clip = copy(source, tmp_path / "b.mp4")
    assert clip.warnings == ()
    assert not clip.is_damaged


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"container_options": {"movflags": "faststart"}}),
        ("a.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
        ("a.mkv", {}),
        ("a.avi", {"codec": "mpeg4", "time_base": Fraction(1, 25)}),
    ],
)
def test_a_clip_that_was_cut_off_ends_there_with_a_warning(tmp_path, name, options):
    source, target = tmp_path / name, tmp_path / "b.mp4"
    write_numbered(source, frames=80, gop=5, **options)
    data = source.read_bytes()
    position, _ = packets(source)[40]
    source.write_bytes(data[: position + 3])
    clip = copy(source, target)
    numbers = look(target)[1]
    assert numbers == list(range(len(numbers)))
    assert 30 <= len(numbers) <= 41
    is_promised = "empty_moov" not in str(options)
    assert any("ends" in warning for warning in clip.warnings) == is_promised


def test_lost_pieces_of_a_transport_stream_are_left_out(tmp_path):
    source, target = tmp_path / "a.ts", tmp_path / "b.mp4"
    write_numbered(source, frames=60, gop=5)
    data = source.read_bytes()
    pieces = [data[at : at + 188] for at in range(0, len(data), 188)]
    kept = [piece for index, piece in enumerate(pieces) if index % 23 != 20]
    source.write_bytes(b"".join(kept))
    clip = copy(source, target)
    assert clip.warnings
    numbers = look(target)[1]
    assert 20 < len(numbers) < 60


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bits_anywhere_in_the_pictures_are_survived(tmp_path, seed):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_numbered(source, frames=30, gop=6)
    data, rng = bytearray(source.read_bytes()), random.Random(seed)
    first, last = packets(source)[1], packets(source)[-1]
    for _ in range(12):
        data[rng.randrange(first[0], last[0])] ^= 1 << rng.randrange(8)
    source.write_bytes(data)
    clip = copy(source, target)
    assert len(look(target)[0]) == len(clip.pts) >= 15


def test_what_is_left_of_a_damaged_clip_is_covered_and_reported(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, gop=1)
    scramble(source, [5, 6, 13])
    settings = Settings(audit=False)
    report = redact.redact_clip(source, target, settings, detectors=[SquareDetector()])
    pictures = read_back(target)[1]
    assert len(pictures) == report.frame_count == 21
    assert max(map(brightest, pictures)) < 200
    report.save_json(tmp_path / "b.json")
    report.save_html(tmp_path / "b.html")
    assert any("3 packets" in w for w in json.loads((tmp_path / "b.json").read_text())["warnings"])
    assert "3 packets" in (tmp_path / "b.html").read_text()


def test_a_plan_keeps_what_is_wrong_with_the_clip(tmp_path):
    source = tmp_path / "a.mp4"
    write_clip(source, gop=1)
    scramble(source, [5])
    plan = redact.analyze(source, detectors=[SquareDetector()])
    plan.save(tmp_path / "plan.json")
    loaded = redact.Plan.load(tmp_path / "plan.json")
    assert loaded.clip.is_damaged
    assert loaded.clip.warnings == plan.clip.warnings != ()
    redact.render(loaded, tmp_path / "b.mp4", detectors=[SquareDetector()])
    assert len(read_back(tmp_path / "b.mp4")[1]) == 23


def test_pictures_of_another_size_are_scaled_to_the_first_and_told(tmp_path):
    source, target = tmp_path / "a.ts", tmp_path / "b.mp4"
    parts = []
    for piece, size in enumerate([(96, 64), (192, 128), (96, 64)]):
        part = tmp_path / f"{piece}.ts"
        pts = [12_800 * (1 + piece) + 512 * i for i in range(6)]
        write_numbered(part, size=size, pts=pts, first_number=6 * piece)
        parts.append(part.read_bytes())
    source.write_bytes(b"".join(parts))
    clip = copy(source, target)
    assert first_frame(target).width == 96
    assert any("6 frames" in warning for warning in clip.warnings)
    assert numbers_of(target, half=range(6, 12)) == list(range(18))


def test_frames_that_refer_to_what_is_not_there_are_left_out_and_told(tmp_path):
    """A recording that begins in the middle of a group of pictures."""
    source, target = tmp_path / "a.ts", tmp_path / "b.mp4"
    write_numbered(source, frames=30, gop=10, codec_options={"bf": "0"})
    position, _ = packets(source)[4]
    source.write_bytes(source.read_bytes()[position:])
    clip = copy(source, target)
    assert look(target)[1] == list(range(10, 30))
    assert any("gave no frame" in warning for warning in clip.warnings)
