"""The whole way of a clip, and what is left when something fails half way."""

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from make_clips import SIDE, SquareDetector, brightest, draw, read_back, square_at, write_clip
from make_plans import make_plan

import redact
from redact import audit, output
from redact.audit import leaks
from redact.tracking.tuning import kind_tuning


def test_every_frame_is_covered_and_times_stay(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    pts = write_clip(source, with_audio=True)
    report = redact.redact_clip(source, target, detectors=[SquareDetector()])
    after_pts, pictures = read_back(target)
    assert after_pts == pts
    assert report.frame_count == len(pts)
    assert max(map(brightest, pictures)) < 200
    assert 0.02 < report.covered_ratio < 0.3
    assert report.output_sha256 == redact.video.file_sha256(target)


def test_frames_without_detections_are_covered_too(tmp_path):
    """Blind at the start, for a stretch in the middle, and at the end."""
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    blind = {0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 21, 22, 23}
    settings = redact.Settings(audit=False)
    redact.redact_clip(source, target, settings, detectors=[SquareDetector(blind)])
    assert max(map(brightest, read_back(target)[1])) < 200


def test_pixels_outside_the_cover_are_left_alone(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    redact.redact_clip(source, target, redact.Settings(crf=5), detectors=[SquareDetector()])
    before, after = read_back(source)[1][0].astype(int), read_back(target)[1][0].astype(int)
    assert np.abs(before - after)[:, 160:].mean() < 2


class SquareRecorder(SquareDetector):
    """Also keeps the shapes of the images, and of what it detects."""

    def __init__(self):
        super().__init__()
        self.shown, self.found = set(), []

    def detect(self, image):
        self.shown.add(image.shape[:2])
        detections = super().detect(image)
        self.found += [(round(d.box.width, -1), round(d.box.height, -1)) for d in detections]
        return detections


@pytest.mark.parametrize(
    ("aspect", "rotation", "told", "shape", "box"),
    [
        (2, 0, None, (240, 640), (80, 40)),
        (Fraction(1, 2), 0, None, (480, 320), (40, 80)),
        (2, 90, None, (640, 240), (40, 80)),
        (None, 0, 2.0, (240, 640), (80, 40)),
        (2, 0, 1.0, (240, 320), (40, 40)),
    ],
    ids=["wide", "high", "wide and turned", "told by the user", "corrected by the user"],
)
def test_detectors_see_people_as_they_are(tmp_path, aspect, rotation, told, shape, box):
    """The picture that is covered, its audit and the single image keep the pixels they have."""
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, aspect=aspect, rotation=rotation)
    detector = SquareRecorder()
    settings = redact.Settings(pixel_aspect=told)
    report = redact.redact_clip(source, target, settings, detectors=[detector])
    assert detector.shown == {shape}
    assert set(detector.found) == {box}
    assert report.leaks == ()
    pictures = read_back(target)[1]
    assert pictures[0].shape == (240, 320, 3)
    assert max(map(brightest, pictures)) < 200
    assert report.covered_ratio < 0.1
    assert len(redact.verify(source, settings, detectors=[detector]).detections) > 0


def test_an_image_is_shown_as_the_settings_say():
    image = draw(0, 320, 240)
    detector = SquareRecorder()
    covered = redact.redact_image(image, redact.Settings(pixel_aspect=2), detectors=[detector])
    assert detector.shown == {(240, 640)}
    assert brightest(covered) < 200
    assert np.abs(covered[:, 160:].astype(int) - image[:, 160:]).max() == 0
    (streamed,) = redact.redact_frames(
        [image], redact.Settings(pixel_aspect=2), detectors=[detector]
    )
    assert detector.shown == {(240, 640)}
    assert brightest(streamed) < 200


def test_a_size_of_recorders_that_may_hold_half_of_the_columns_is_told(tmp_path):
    source = tmp_path / "a.mp4"
    write_clip(source, size=(352, 576), frames=2)
    (warning,) = redact.analyze(source, detectors=[SquareDetector()]).clip.warnings
    assert "--pixel-aspect 2" in warning
    told = redact.Settings(pixel_aspect=1.0)
    assert redact.analyze(source, told, detectors=[SquareDetector()]).clip.warnings == ()
    verified = redact.verify(source, detectors=[SquareDetector()])
    assert verified.clip.warnings == (warning,)


@pytest.mark.parametrize("rotation", [90, 270])
def test_a_turned_clip_is_covered_in_the_right_place(tmp_path, rotation):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, rotation=rotation)
    redact.redact_clip(source, target, detectors=[SquareDetector()])
    assert max(map(brightest, read_back(target)[1])) < 200


@pytest.mark.parametrize("decide", [redact.Plan.keep, redact.Plan.allow, redact.Plan.drop])
def test_what_is_kept_or_dropped_stays_visible_and_the_audit_knows(tmp_path, decide):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    plan = redact.analyze(source, detectors=[SquareDetector()])
    assert [track.kind for track in plan.tracks] == ["face"]
    report = redact.render(decide(plan, [1]), target, detectors=[SquareDetector()])
    assert min(map(brightest, read_back(target)[1])) > 200
    assert report.audited_frames > 0 and len(report.plan.tracks) == 1
    assert report.covered_ratio == 0


def test_zones_are_covered_in_a_clip_while_they_exist(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, rotation=90)
    zone = redact.Zone(polygon=((0, 0), (1, 0), (0.5, 0.3)), start_seconds=0.4)
    plan = redact.analyze(source, redact.Settings(zones=(zone,), crf=1), detectors=[])
    report = redact.render(plan, target, detectors=[])
    pairs = zip(upright_frames(source), upright_frames(target), strict=True)
    changes = [np.abs(a.astype(int) - b).max(axis=2) for a, b in pairs]
    assert max(change.mean() for change in changes[:10]) < 2
    for image in upright_frames(target)[10:]:
        steps = np.abs(np.diff(image.astype(int), axis=0))
        assert steps[4:40, 100:140].mean() < 1 < steps[100:].mean()
    assert report.covered_ratio == pytest.approx(0.15 * 14 / 24, rel=0.05)


def upright_frames(path):
    clip = redact.video.probe(path)
    with redact.video.read_frames(clip) as frames:
        return [redact.video.to_bgr(f, clip.rotation_degrees, clip.is_mirrored) for f in frames]


def test_what_is_detected_in_a_zone_to_ignore_is_neither_covered_nor_a_leak(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    poster = redact.Zone.from_box(0, 0, 1, 1, rule="ignore", stop_seconds=0.4)
    settings = redact.Settings(zones=(poster,), extend_seconds=0)
    report = redact.redact_clip(source, target, settings, detectors=[SquareDetector()])
    shown = [brightest(image) > 200 for image in read_back(target)[1]]
    assert shown == [True] * 10 + [False] * 14
    (track,) = report.plan.tracks
    assert track.start_index == 10
    everywhere = redact.Settings(zones=(redact.Zone.from_box(0, 0, 1, 1, rule="ignore"),))
    assert not redact.verify(source, everywhere, detectors=[SquareDetector()]).detections
    covered = redact.Settings(zones=(redact.Zone.from_box(0, 0, 1, 1),))
    assert redact.verify(source, covered, detectors=[SquareDetector()]).detections


def test_a_plan_that_was_saved_and_loaded_gives_the_same_frames(tmp_path):
    """Bit by bit: with crf 0, the encoder loses nothing of what was covered."""
    source, folder = tmp_path / "a.mp4", tmp_path / "plans"
    folder.mkdir()
    write_clip(source)
    noisy = JumpingDetector()
    plan = redact.analyze(source, redact.Settings(crf=0), detectors=[noisy])
    plan = plan.cover([(0.5, 0.5), (0.9, 0.6), (0.7, 0.9)], start=0.2).cover((0, 0, 31.3, 20.7))
    plan.save(folder / "plan.json")
    loaded = redact.Plan.load(folder / "plan.json")
    results = [tmp_path / "b.mp4", tmp_path / "c.mp4"]
    for decided, target in zip((plan, loaded), results, strict=True):
        redact.render(decided, target, detectors=[SquareDetector()])
    (pts, images), (same_pts, same_images) = map(read_back, results)
    assert pts == same_pts and max(map(brightest, images)) < 200
    np.testing.assert_array_equal(images, same_images)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_zone_to_ignore_is_in_the_picture_as_it_is_shown(tmp_path, turn):
    """However the frames are turned for detectors. The square stays in the right half, upright."""
    write_clip(tmp_path / "a.mp4", rotation=180)
    for x, count in ((0, 1), (0.5, 0)):
        zone = redact.Zone.from_box(x, 0, x + 0.5, 1, rule="ignore")
        settings = redact.Settings(zones=(zone,), turn_degrees=turn)
        plan = redact.analyze(tmp_path / "a.mp4", settings, detectors=[SquareDetector()])
        assert len(plan.tracks) == count


class JumpingDetector(SquareDetector):
    """Its boxes are off by a little, each time by another one."""

    def detect(self, image):
        rng = np.random.default_rng(self.scans)
        return [
            dataclasses.replace(d, box=redact.Box(*(np.array(d.box) + rng.uniform(-1, 1, 4))))
            for d in super().detect(image)
        ]


def test_a_plan_fits_its_own_clip_only(tmp_path):
    write_clip(tmp_path / "a.mp4")
    write_clip(tmp_path / "other.mp4", frames=10)
    plan = redact.analyze(tmp_path / "a.mp4", detectors=[SquareDetector()])
    with pytest.raises(redact.PlanError, match="analyze it again"):
        redact.render(plan, tmp_path / "b.mp4", source=tmp_path / "other.mp4")
    assert not (tmp_path / "b.mp4").exists()


@pytest.mark.parametrize(
    ("field", "value"), [("width", 640), ("rotation_degrees", 90), ("is_mirrored", True)]
)
def test_a_plan_whose_clip_was_edited_is_refused(tmp_path, field, value):
    """The covers would lie somewhere else."""
    write_clip(tmp_path / "a.mp4", frames=6)
    plan = redact.analyze(tmp_path / "a.mp4", detectors=[SquareDetector()])
    edited = dataclasses.replace(plan, clip=dataclasses.replace(plan.clip, **{field: value}))
    with pytest.raises(redact.PlanError, match=field):
        redact.render(edited, tmp_path / "b.mp4", detectors=[])
    assert not (tmp_path / "b.mp4").exists()


@pytest.mark.parametrize("wrong", [None, 5, b"a.mp4", np.zeros((900, 900)), ["a.mp4"]])
def test_what_is_no_path_is_refused_by_the_name_of_the_argument(tmp_path, wrong):
    write_clip(tmp_path / "a.mp4", frames=6)
    plan = redact.analyze(tmp_path / "a.mp4", detectors=[])
    refused = [
        ("source", lambda: redact.redact_clip(wrong, tmp_path / "b.mp4")),
        ("source", lambda: redact.analyze(wrong)),
        ("target", lambda: redact.render(plan, wrong)),
        ("path", lambda: redact.verify(wrong)),
        ("path", lambda: plan.save(wrong)),
        ("path", lambda: redact.Plan.load(wrong)),
    ]
    for name, call in refused:
        with pytest.raises(TypeError, match=f"^{name} must be a path, .{{1,80}}$"):
            call()


@pytest.mark.parametrize("plan", [None, {}, "plan.json"])
def test_what_is_no_plan_is_refused_by_its_type(tmp_path, plan):
    with pytest.raises(TypeError, match=r"Plan\.load"):
        redact.render(plan, tmp_path / "b.mp4")


def test_a_strength_that_leaks_is_refused_before_any_work(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=6)
    detector = SquareDetector()
    settings = redact.Settings(strength=0.25)
    with pytest.raises(redact.SettingsError, match="weaker"):
        redact.redact_clip(
            tmp_path / "a.mp4", tmp_path / "b.mp4", settings, detectors=[detector], progress=fail
        )


def fail(*_):
    raise AssertionError("work was begun")


class Shrunk:
    """Detects faces of 40 px and more, and says so."""

    kinds = ("face",)

    def detect(self, image):
        return []

    def min_face_pixels(self, height, width):
        return 39.2


def test_the_report_and_verify_tell_how_small_a_face_the_scans_can_detect(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=6)
    report = redact.redact_clip(tmp_path / "a.mp4", tmp_path / "b.mp4", detectors=[Shrunk()])
    verification = redact.verify(tmp_path / "b.mp4", detectors=[Shrunk()])
    assert report.min_face_pixels == verification.min_face_pixels == 40
    assert report.audited_frames >= 2
    assert verification.frames_checked >= 2
    assert len(verification.clip.pts) == 6


class CrashError(Exception):
    """Stands for anything that goes wrong."""


@pytest.mark.parametrize("stage", ["analyze", "render", "audit"])
def test_a_failure_at_any_stage_leaves_the_folder_as_it_was(tmp_path, stage):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    target.write_bytes(b"what was there before")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def fail(at, done, _total):
        if at == stage and done >= 1:
            raise CrashError

    with pytest.raises(CrashError):
        redact.redact_clip(source, target, detectors=[SquareDetector()], progress=fail)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_what_the_audit_detects_is_covered_before_the_result_appears(tmp_path):
    """A detector that is blind all through the first pass sees the square in the output."""
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    report = redact.redact_clip(source, target, detectors=[SquareDetector(blind=range(24))])
    assert max(map(brightest, read_back(target)[1])) < 200
    assert report.leaks == ()


@pytest.mark.parametrize(
    ("count", "whole"),
    [(210, {0, 30, 90, 150, 209}), (49, {0, 30, 48}), (48, set(range(48))), (1, {0})],
)
def test_the_audit_scans_between_the_scans_of_the_analysis(count, whole):
    """Those come every two seconds from the first frame on; the clip has 30 frames a second.

    Clips of few frames may be a time lapse, and are scanned frame by frame.
    """
    plan = make_plan([], pts=np.arange(count, dtype=np.int64) * 512)
    tasks = leaks._tasks(plan, [], audit.TUNING.every_seconds)
    assert {index for index, task in tasks.items() if task.whole} == whole


@pytest.mark.parametrize("kind", ["face", "plate"])
def test_a_confirmed_leak_is_covered_whatever_its_score(kind):
    box = redact.Box(100, 50, 160, 80)
    leak = redact.Detection(kind=kind, box=box, score=kind_tuning(kind).high_score, frame_index=10)
    covered = audit.cover_leaks(make_plan([]), [leak])
    assert [track.box_at(10) is not None for track in covered.covered_tracks] == [True]


class Everywhere:
    """Detects a face in another place on each call, so that no cover ever satisfies it."""

    kinds = ("face",)

    def __init__(self):
        self.scans = 0

    def detect(self, image):
        self.scans += 1
        rng = np.random.default_rng(self.scans)
        x, y = rng.uniform(0, 280), rng.uniform(0, 200)
        return [redact.Detection(kind="face", box=redact.Box(x, y, x + 40, y + 40), score=0.9)]


class Doubtful(Everywhere):
    """The same with a low score."""

    def detect(self, image):
        return [dataclasses.replace(d, score=0.55) for d in super().detect(image)]


def test_doubtful_leaks_that_no_round_ends_are_reported(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=30)
    plan = redact.analyze(tmp_path / "a.mp4", detectors=[])
    report = redact.render(plan, tmp_path / "b.mp4", detectors=[Doubtful()])
    assert report.leaks
    report.save_html(tmp_path / "b.html")
    assert "doubtful" in (tmp_path / "b.html").read_text()


def test_a_result_that_never_satisfies_the_audit_is_not_given_out(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=12)
    plan = redact.analyze(tmp_path / "a.mp4", detectors=[])
    with pytest.raises(redact.LeakError, match="nothing was written"):
        redact.render(plan, tmp_path / "b.mp4", detectors=[Everywhere()])
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_verify_looks_at_every_frame_if_asked(tmp_path):
    """The square shows in one frame only, between those that are looked at by default."""
    source = tmp_path / "a.mp4"
    write_clip(source, frames=60)

    class Flash(SquareDetector):
        def detect(self, image):
            found = super().detect(image)
            at = min(range(60), key=lambda i: abs(square_at(i)[0] - found[0].box.x0))
            return found if at == 5 else []

    assert redact.verify(source, detectors=[Flash()]).detections == ()
    verification = redact.verify(source, detectors=[Flash()], every_frame=True)
    assert verification.frames_checked == 60
    assert [d.frame_index for d in verification.detections] == [5]


def test_verify_tells_covered_clips_from_uncovered_ones(tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    redact.redact_clip(source, target, detectors=[SquareDetector()])
    detections = redact.verify(source, detectors=[SquareDetector()])
    assert {detection.kind for detection in detections} == {"face"}
    indices = [detection.frame_index for detection in detections]
    assert indices == sorted(set(indices))
    x, y = square_at(indices[0])
    assert detections[0].box == pytest.approx((x, y, x + SIDE, y + SIDE), abs=4)
    assert redact.verify(target, detectors=[SquareDetector()]).detections == ()


def test_the_source_is_never_the_target(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=2)
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
    for name in ("a.mp4", "link.mp4"):
        with pytest.raises(redact.TargetError, match="source itself"):
            redact.redact_clip(tmp_path / "a.mp4", tmp_path / name, detectors=[])


def test_impossible_targets_are_refused_before_any_work(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=2)
    for target in (tmp_path, tmp_path / "none" / "b.mp4", tmp_path / "b.gif"):
        with pytest.raises(redact.TargetError):
            redact.redact_clip(tmp_path / "a.mp4", target, detectors=[])


def test_by_default_the_result_lies_beside_the_source(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=3)
    report = redact.redact_clip(tmp_path / "a.mp4", detectors=[SquareDetector()])
    assert report.output == tmp_path / "a.redacted.mp4"
    assert report.output.is_file()


def test_a_real_face_and_a_real_plate_are_covered_in_every_frame(doorbell, tmp_path):
    """With the detectors that come along: look for both again, in every frame of the result."""
    from redact.detectors.centerface import CenterFaceDetector

    target = tmp_path / "safe.mp4"
    report = redact.redact_clip(doorbell, target)
    kinds = sorted(track.kind for track in report.plan.covered_tracks)
    assert kinds == ["face", "plate"], "name tag, ribbons and cap are no plates"
    before, after = read_back(doorbell)[1], read_back(target)[1]
    assert len(before) == len(after) == report.frame_count
    faces = CenterFaceDetector((None, 480), threshold=0.6)
    assert all(faces.detect(image) for image in before[::6])
    assert not any(faces.detect(image) for image in after[::6])
    # The plate's letters are strong edges; under the cover there are none.
    part = np.s_[362:382, 680:765]
    assert min(image[part].std(axis=(0, 1)).max() for image in before) > 30
    assert max(image[part].std(axis=(0, 1)).max() for image in after) < 8


def test_the_report_tells_what_was_done(tmp_path):
    write_clip(tmp_path / "a.mp4", with_audio=True)
    report = redact.redact_clip(
        tmp_path / "a.mp4", tmp_path / "b.mp4", detectors=[SquareDetector()]
    )
    report.save_json(tmp_path / "b.json")
    report.save_html(tmp_path / "b.html")
    data = json.loads((tmp_path / "b.json").read_text())
    assert data["frame_count"] == 24
    assert data["leaks"] == []
    assert data["output"]["sha256"] == report.output_sha256
    assert any("title" in item for item in data["removed"])
    page = (tmp_path / "b.html").read_text()
    assert report.output_sha256 in page
    assert "data:image/jpeg;base64," in page
    assert "<script" not in page
    assert str(tmp_path) not in page


def test_images_in_the_report_are_covered(tmp_path):
    write_clip(tmp_path / "a.mp4")
    report = redact.redact_clip(
        tmp_path / "a.mp4", tmp_path / "b.mp4", detectors=[SquareDetector()]
    )
    import base64
    import re

    import cv2

    report.save_html(tmp_path / "b.html")
    pictures = re.findall(r"base64,([^\"]+)", (tmp_path / "b.html").read_text())
    assert pictures
    for text in pictures:
        data = np.frombuffer(base64.b64decode(text), np.uint8)
        assert brightest(cv2.imdecode(data, cv2.IMREAD_COLOR)) < 200


def test_progress_counts_every_frame_of_every_stage(tmp_path):
    write_clip(tmp_path / "a.mp4")
    seen = {}
    redact.redact_clip(
        tmp_path / "a.mp4",
        tmp_path / "b.mp4",
        detectors=[SquareDetector()],
        progress=lambda stage, done, total: seen.setdefault(stage, []).append((done, total)),
    )
    assert [done for done, _ in seen["analyze"]] == list(range(1, 25))
    assert seen["render"][-1] == (24, 24)
    assert seen["audit"][-1][0] == seen["audit"][-1][1]


def test_the_result_has_one_video_stream_and_no_audio(tmp_path):
    write_clip(tmp_path / "a.mp4", with_audio=True)
    redact.redact_clip(tmp_path / "a.mp4", tmp_path / "b.mp4", detectors=[SquareDetector()])
    with av.open(str(tmp_path / "b.mp4")) as out:
        assert [stream.type for stream in out.streams] == ["video"]


def test_the_square_is_where_the_tests_think(tmp_path):
    """Guards the other tests: uncovered, the square shows in every frame."""
    write_clip(tmp_path / "a.mp4")
    for index, image in enumerate(read_back(tmp_path / "a.mp4")[1]):
        x, y = square_at(index)
        assert brightest(image) > 200
        assert image[y + 2 : y + 8, x + 2 : x + SIDE - 2].min() > 200


def test_default_target_keeps_the_folder():
    assert dataclasses.is_dataclass(redact.Settings)
    assert str(output.default_target(Path("x/y.mov"))) in (
        "x/y.redacted.mp4",
        "x\\y.redacted.mp4",
    )
