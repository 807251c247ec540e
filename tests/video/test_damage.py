"""What can be decoded of a damaged clip is kept and covered; what is lost is reported."""

import json
import random
from fractions import Fraction

import av
import numpy as np
import pytest
from make_clips import SquareDetector, brightest, read_back, write_clip
from odd_clips import copy_clip, times_and_numbers, write_numbered

import redact
from redact import Settings, video
from redact.analysis.analyzer import Analyzer
from redact.analysis.scans import ScanSpec
from redact.views import FrameView


def packet_places(path):
    """(byte offset, size) of each video packet."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(container.streams.video[0]) if p.size]


def scramble(path, which, *, share=1.0, seed=0):
    """Overwrite these packets, or a share of their bytes, with random bytes; headers stay."""
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    for position, size in [packet_places(path)[index] for index in which]:
        for at in range(position + 5, position + size):
            if rng.random() < share:
                data[at] = rng.randrange(256)
    path.write_bytes(data)


def test_a_lost_packet_costs_only_its_own_frame_and_is_reported(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_numbered(source, frames=20, gop=1)
    scramble(source, [4, 11])
    clip = copy_clip(source, target)
    assert times_and_numbers(target)[1] == [n for n in range(20) if n not in (4, 11)]
    assert clip.is_damaged
    assert any("2 packets" in warning for warning in clip.warnings)
    np.testing.assert_allclose(times_and_numbers(target)[0][4], 0.2, atol=2e-3)


@pytest.mark.parametrize("threads", [0, 1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_every_reader_of_a_damaged_clip_gets_the_same_frames(tmp_path, threads, seed):
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


def test_an_undamaged_clip_has_no_warnings(tmp_path):
    source = tmp_path / "a.mp4"
    write_numbered(source, frames=20, gop=5, codec_options={"bf": "2"}, audio=("aac", 0.8))
    clip = copy_clip(source, tmp_path / "b.mp4")
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
def test_a_clip_that_was_cut_off_ends_early_with_a_warning(tmp_path, name, options):
    source, target = tmp_path / name, tmp_path / "b.mp4"
    write_numbered(source, frames=80, gop=5, **options)
    data = source.read_bytes()
    position, _ = packet_places(source)[40]
    source.write_bytes(data[: position + 3])
    clip = copy_clip(source, target)
    numbers = times_and_numbers(target)[1]
    assert numbers == list(range(len(numbers)))
    assert 30 <= len(numbers) <= 41
    has_duration = "empty_moov" not in str(options)
    assert any("ends" in warning for warning in clip.warnings) == has_duration


@pytest.mark.parametrize("rate", [1, 2, 3])
def test_few_frames_a_second_that_are_decoded_early_are_not_called_cut_off(tmp_path, rate):
    source = tmp_path / "a.mp4"
    write_numbered(source, frames=10, rate=rate, codec_options={"bf": "3", "b-adapt": "0"})
    assert copy_clip(source, tmp_path / "b.mp4").warnings == ()


def test_frames_of_lost_transport_packets_are_left_out(tmp_path):
    source, target = tmp_path / "a.ts", tmp_path / "b.mp4"
    write_numbered(source, frames=60, gop=5)
    data = source.read_bytes()
    pieces = [data[at : at + 188] for at in range(0, len(data), 188)]
    kept = [piece for index, piece in enumerate(pieces) if index % 23 != 20]
    source.write_bytes(b"".join(kept))
    clip = copy_clip(source, target)
    assert clip.warnings
    numbers = times_and_numbers(target)[1]
    assert 20 < len(numbers) < 60


@pytest.mark.parametrize("seed", range(6))
def test_most_frames_survive_flipped_bits(tmp_path, seed):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_numbered(source, frames=30, gop=6)
    data, rng = bytearray(source.read_bytes()), random.Random(seed)
    first, last = packet_places(source)[1], packet_places(source)[-1]
    for _ in range(12):
        data[rng.randrange(first[0], last[0])] ^= 1 << rng.randrange(8)
    source.write_bytes(data)
    clip = copy_clip(source, target)
    assert len(times_and_numbers(target)[0]) == len(clip.pts) >= 15


def test_the_rest_of_a_damaged_clip_is_covered_and_the_damage_reported(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, gop=1)
    scramble(source, [5, 6, 13])
    settings = Settings(audit=False)
    report = redact.redact_clip(source, target, settings, detectors=[SquareDetector()])
    images = read_back(target)[1]
    assert len(images) == report.frame_count == 21
    assert max(map(brightest, images)) < 200
    report.save_json(tmp_path / "b.json")
    report.save_html(tmp_path / "b.html")
    assert any("3 packets" in w for w in json.loads((tmp_path / "b.json").read_text())["warnings"])
    assert "3 packets" in (tmp_path / "b.html").read_text()


def test_a_plan_keeps_the_warnings_about_its_clip(tmp_path):
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


@pytest.fixture
def growing(tmp_path):
    """A clip of 18 frames, of which those in the middle are twice as wide and high."""
    parts = []
    for piece, size in enumerate([(96, 64), (192, 128), (96, 64)]):
        part = tmp_path / f"{piece}.ts"
        pts = [12_800 * (1 + piece) + 512 * i for i in range(6)]
        write_numbered(part, size=size, pts=pts, first_number=6 * piece)
        parts.append(part.read_bytes())
    source = tmp_path / "a.ts"
    source.write_bytes(b"".join(parts))
    return source


def test_no_frame_may_be_larger_than_the_limit_that_was_set(growing):
    clip = video.probe(growing, max_pixels=100 * 100)
    with video.read_frames(clip, max_pixels=100 * 100) as frames:
        assert sum(1 for _ in frames) < 18
    assert frames.findings["is_damaged"]
    with video.read_frames(clip) as frames:
        assert sum(1 for _ in frames) == 18


def test_verify_looks_at_the_frames_that_the_limit_leaves(growing):
    """All of them: frames that were counted by another limit were taken for later ones."""

    class Recorder:
        def __init__(self):
            self.shown = []

        def detect(self, image):
            self.shown.append(image.copy())
            return []

    recorder = Recorder()
    settings = redact.Settings(max_pixels=100 * 100)
    checked = redact.verify(growing, settings, detectors=[recorder], every_frame=True)
    with video.read_frames(checked.clip, max_pixels=100 * 100) as frames:
        images = [video.to_bgr(frame) for frame in frames]
    assert checked.frames_checked == len(images) == len(recorder.shown) < 18
    for shown, image in zip(recorder.shown, images, strict=True):
        np.testing.assert_array_equal(shown, image)


def test_frames_are_selected_within_the_limit_that_was_set(growing):
    clip = video.probe(growing)
    assert len(list(video.read_selected(clip, range(18)))) == 18
    with pytest.raises(redact.ClipError):
        list(video.read_selected(clip, range(18), max_pixels=100 * 100))


def test_frames_whose_reference_is_missing_are_left_out_and_reported(tmp_path):
    """The recording starts in the middle of a group of pictures."""
    source, target = tmp_path / "a.ts", tmp_path / "b.mp4"
    write_numbered(source, frames=30, gop=10, codec_options={"bf": "0"})
    position, _ = packet_places(source)[4]
    source.write_bytes(source.read_bytes()[position:])
    clip = copy_clip(source, target)
    assert times_and_numbers(target)[1] == list(range(10, 30))
    assert any("gave no frame" in warning for warning in clip.warnings)


def test_frames_are_called_broken_from_the_damage_to_the_next_key_frame(tmp_path):
    source = tmp_path / "a.mp4"
    write_numbered(source, frames=40, gop=10, codec_options={"bf": "0", "sc_threshold": "0"})
    scramble(source, [14], share=0.5)
    clip = copy_clip(source, tmp_path / "b.mp4")
    broken = clip.damaged_frames
    assert broken
    assert 13 <= min(broken) <= 15
    assert 17 <= max(broken) <= 19
    assert any("may show broken blocks" in warning for warning in clip.warnings)


def test_broken_frames_are_looked_at_one_by_one_and_audited(tmp_path):
    """Here a scan is due every half second only, and the last second of a clip is broken."""
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, frames=50, gop=10)
    scramble(source, [26], share=0.5)
    scan = ScanSpec(SquareDetector(), every_seconds=0.5)
    clip = video.probe(source)
    with (
        video.read_frames(clip) as frames,
        Analyzer([scan], Settings()) as analyzer,
    ):
        seen = []
        for frame in frames:
            before = scan.detector.scans
            view = FrameView(frame, clip)
            analyzer.push(frame.index, 0.04 * frame.index, view, closely=frame.is_damaged)
            if scan.detector.scans > before:
                seen.append(frame.index)
        broken = frames.findings["damaged_frames"]
    assert len(broken) >= 3
    assert set(broken) <= set(seen)
    assert len(seen) <= len(broken) + 6
    report = redact.redact_clip(source, target, detectors=[SquareDetector()])
    assert report.plan.clip.damaged_frames == broken
    assert report.audited_frames >= len(broken) + 2
    assert max(map(brightest, read_back(target)[1])) < 200
