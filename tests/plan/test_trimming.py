"""A trimmed result has exactly the frames and sounds that were asked for, covered as well."""

import av
import numpy as np
import pytest
from make_clips import SIDE, SquareDetector, read_back, square_at, write_clip

import redact
from redact import Box, PlanError, Settings, SettingsError, Zone
from redact.plan.trimming import trimmed

RATE = 16_000


class Nothing:
    """Detects nothing."""

    def detect(self, image):
        return []


def write_tones(path, seconds=4, codec="aac", sample_format="fltp"):
    """A clip with a tone of 500 Hz in its first second, 1000 Hz in the next, and so on."""
    write_clip(path.with_suffix(".video.mp4"), frames=25 * seconds, size=(160, 120))
    with (
        av.open(str(path.with_suffix(".video.mp4"))) as source,
        av.open(str(path), "w") as out,
    ):
        picture = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream(codec, rate=RATE, layout="mono")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                out.mux(packet)
        at = np.arange(RATE * seconds)
        tones = np.sin(2 * np.pi * (500 * (at // RATE + 1)) * at / RATE)
        frame = av.AudioFrame.from_ndarray(
            (tones * 9000).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = RATE, 0
        out.mux(sound.encode(frame))
        out.mux(sound.encode())


def loudness(path):
    """{frequency: its share of all sound}, and how long the sound is, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        pieces = [p for f in container.decode(stream) for p in resampler.resample(f)]
    sound = np.concatenate([piece.to_ndarray()[0] for piece in pieces])
    power = np.abs(np.fft.rfft(sound)) ** 2
    step = RATE / len(sound)
    around = {
        f: slice(int((f - 100) / step), int((f + 100) / step)) for f in (500, 1000, 1500, 2000)
    }
    return {f: power[part].sum() / power.sum() for f, part in around.items()}, len(sound) / RATE


@pytest.fixture
def source(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=50)
    return tmp_path / "a.mp4"


def redacted(source, detector=None, **settings):
    target = source.with_name("b.mp4")
    detectors = [detector or Nothing()]
    report = redact.redact_clip(source, target, Settings(**settings), detectors=detectors)
    return report, target


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0.4, 0.8, range(10, 20)),
        (0.39, 0.81, range(10, 21)),
        (0.0, 0.8, range(20)),
        (0.4, None, range(10, 50)),
        (0.4, 99.0, range(10, 50)),
        (0.4, 0.41, range(10, 11)),
    ],
)
def test_the_result_holds_exactly_the_frames_that_were_kept(source, start, stop, expected):
    report, target = redacted(source, start_seconds=start, stop_seconds=stop)
    (pts, images), (_, before) = read_back(target), read_back(source)
    assert report.frame_count == len(images) == len(expected)
    assert pts[0] == 0 and np.diff(pts).tolist() == [512] * (len(expected) - 1)
    for image, index in zip(images, expected, strict=True):
        distances = [np.abs(image[::4, ::4].astype(int) - b[::4, ::4]).mean() for b in before]
        assert int(np.argmin(distances)) == index


def test_times_of_a_variable_rate_are_kept(tmp_path):
    pts = [0, 512, 1024, 4096, 4200, 6000, 9000, 9512]
    write_clip(tmp_path / "a.mp4", frames=8, pts=pts)
    _, target = redacted(tmp_path / "a.mp4", start_seconds=0.08, stop_seconds=0.7)
    assert read_back(target)[0] == [0, 4096 - 1024, 4200 - 1024, 6000 - 1024]


def test_what_is_detected_after_the_cut_is_covered_before_it(source):
    """The detector is blind to the last frames before the cut and to the first ones after it."""
    detector = SquareDetector(blind=range(18, 24))
    report, target = redacted(source, detector, start_seconds=0.8, stop_seconds=1.6)
    assert report.frame_count == 20 and not report.leaks
    for image in read_back(target)[1]:
        assert (image > 200).sum() == 0


def test_tracks_zones_and_times_count_from_the_first_frame(source):
    zone = Zone.from_box(0, 0, 0.2, 0.2, name="window", start_seconds=1.0, stop_seconds=1.4)
    settings = Settings(zones=(zone,), start_seconds=0.8, stop_seconds=1.6)
    plan = redact.analyze(source, settings, detectors=[SquareDetector()])
    assert len(plan.clip.pts) == 50 and plan.tracks[0].start_index == 0
    part = trimmed(plan.keep(1, by="Ann"))
    track = part.tracks[0]
    assert (track.start_index, track.stop_index) == (0, 20)
    x, y = square_at(20)
    assert np.abs(track.boxes[0] - (x, y, x + SIDE, y + SIDE)).max() < 4
    assert (part.zones[0].start_seconds, part.zones[0].stop_seconds) == pytest.approx((0.2, 0.6))
    assert part.clip.seconds[0] == 0 and part.kept == {1}
    assert trimmed(part) is part


def test_decisions_about_tracks_that_are_cut_off_are_gone(source):
    detector = SquareDetector(blind=range(25, 50))
    plan = redact.analyze(source, Settings(extend_seconds=0), detectors=[detector])
    kept = plan.keep(1)
    settings = Settings(extend_seconds=0, start_seconds=1.6)
    part = trimmed(type(plan)(**{**vars(kept), "settings": settings}))
    assert not part.tracks and not part.decisions


def test_a_trimmed_plan_can_be_saved_and_rendered_again(source):
    report, target = redacted(source, SquareDetector(), start_seconds=0.4, stop_seconds=0.8)
    report.plan.save(source.with_name("plan.json"))
    plan = redact.Plan.load(source.with_name("plan.json"))
    assert plan.clip.part == (10, 20)
    again = redact.render(plan, source.with_name("c.mp4"), detectors=[SquareDetector()])
    assert again.frame_count == 10
    assert read_back(source.with_name("c.mp4"))[0] == read_back(target)[0]


def test_a_plan_is_not_rendered_beyond_what_was_analyzed(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=300, size=(64, 48))
    settings = Settings(start_seconds=0.4, stop_seconds=0.8)
    plan = redact.analyze(tmp_path / "a.mp4", settings, detectors=[Nothing()])
    assert plan.clip.analyzed is not None and plan.clip.analyzed[1] < 300
    plan.save(tmp_path / "plan.json")
    plan = redact.Plan.load(tmp_path / "plan.json")
    wider = type(plan)(clip=plan.clip, settings=Settings(), tracks=plan.tracks)
    with pytest.raises(PlanError, match=r"beyond what was analyzed .0:00.0 to"):
        redact.render(wider, tmp_path / "b.mp4", detectors=[Nothing()])
    assert not (tmp_path / "b.mp4").exists()
    narrower = Settings(start_seconds=0.5, stop_seconds=0.6)
    part = type(plan)(clip=plan.clip, settings=narrower, tracks=plan.tracks)
    assert redact.render(part, tmp_path / "b.mp4", detectors=[Nothing()]).frame_count == 2


def test_a_time_without_frames_is_refused_and_nothing_is_written(source):
    with pytest.raises(SettingsError, match=r"no frame from 0:05.0 on; the last frame .* 0:02.0"):
        redacted(source, start_seconds=5.0)
    with pytest.raises(SettingsError, match=r"from 0:00.4 on and before 0:00.4"):
        redacted(source, start_seconds=0.41, stop_seconds=0.42)
    assert not source.with_name("b.mp4").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"start_seconds": -1.0},
        {"start_seconds": 2.0, "stop_seconds": 1.0},
        {"stop_seconds": 0.0},
        {"audio_spans": ((1, 2),)},
        {"audio": "keep", "audio_spans": ((2, 1),)},
        {"audio": "keep", "audio_spans": "1-2"},
        {"audio": "keep", "audio_spans": (1, 2)},
        {"audio": "keep", "audio_spans": ((1, "2"),)},
    ],
)
def test_times_that_make_no_sense_are_refused(values):
    with pytest.raises(SettingsError, match=r"seconds|audio_spans"):
        Settings(**values)


def test_sound_outside_of_the_part_is_gone(tmp_path):
    write_tones(tmp_path / "a.mp4")
    _, target = redacted(tmp_path / "a.mp4", audio="keep", start_seconds=1.0, stop_seconds=3.0)
    share, seconds = loudness(target)
    assert seconds == pytest.approx(2.0, abs=0.13)
    assert share[1000] > 0.4 and share[1500] > 0.4
    assert share[500] < 1e-4 and share[2000] < 1e-4


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_sound_is_heard_in_spans_only(tmp_path, suffix):
    write_tones(tmp_path / "a.mp4")
    target = tmp_path / f"b{suffix}"
    settings = Settings(audio="keep", audio_spans=((1, 2),))
    redact.redact_clip(tmp_path / "a.mp4", target, settings, detectors=[Nothing()])
    share, seconds = loudness(target)
    assert seconds == pytest.approx(4.0, abs=0.13)
    assert share[1000] > 0.98 and max(share[500], share[1500], share[2000]) < 1e-3


@pytest.mark.parametrize(("codec", "suffix"), [("pcm_u8", ".mov"), ("pcm_s16le", ".mkv")])
def test_silence_is_silent_in_every_format(tmp_path, codec, suffix):
    write_tones(tmp_path / f"a{suffix}", codec=codec)
    target = tmp_path / "b.mp4"
    settings = Settings(audio="keep", audio_spans=((2, 3),), start_seconds=1.0)
    redact.redact_clip(tmp_path / f"a{suffix}", target, settings, detectors=[Nothing()])
    share, seconds = loudness(target)
    assert seconds == pytest.approx(3.0, abs=0.13)
    assert share[1500] > 0.98 and max(share[500], share[1000], share[2000]) < 1e-3


def test_a_box_survives_trimming_where_it_was(source):
    report, _ = redacted(source, SquareDetector(), start_seconds=1.0)
    box = report.plan.tracks[0].box_at(0)
    x, y = square_at(25)
    assert all(abs(a - b) < 4 for a, b in zip(box, Box(x, y, x + SIDE, y + SIDE), strict=True))
