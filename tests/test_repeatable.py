"""The same clip and settings give the same plan and the same result, however busy the machine is.

Plans and covers depend on the clip and the settings alone: not on how many threads there are, and
not on which of them ends first. A pseudo-random delay in every scan stands for a busy machine.

The encoder adds one dependency. With another number of threads, x264 and libvpx compress frames
differently (by 0.6 grey steps on average on the doorbell scene), but with the same number alike. So
the same file is promised for the same `Settings.threads`, and with its default, 0, on machines with
equally many cores. A lossless encoding (`crf=0`) shows that the frames that reach the encoder are
the same with any number of threads. Other versions of the libraries, and processors with other
instructions, may round differently; nothing is promised across those.
"""

import dataclasses
import random
import time

import numpy as np
import pytest
from make_clips import SquareDetector, read_back, write_clip

import redact
from redact import Settings
from redact.analysis.scan_presets import DetectorSpec


class Delayed:
    """A detector that takes longer by up to 20 ms, differently in each call and with each seed."""

    def __init__(self, detector, seed):
        self._detector, self._random = detector, random.Random(seed)

    def detect(self, *arguments):
        detections = self._detector.detect(*arguments)
        time.sleep(self._random.uniform(0, 0.02))
        return detections

    def __getattr__(self, name):
        return getattr(self._detector, name)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Path of one second of the doorbell scene."""
    import doorbell_scene

    path = tmp_path_factory.mktemp("scene") / "doorbell.mp4"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doorbell_scene, "SECONDS", 1)
        doorbell_scene.write_scene(path)
    return path


@pytest.fixture
def delay(monkeypatch):
    """A function that delays every detector that is built from now on, with random numbers."""
    build = DetectorSpec.build

    def set_seed(seed):
        monkeypatch.setattr(
            DetectorSpec, "build", lambda spec, threads: Delayed(build(spec, threads), seed)
        )

    return set_seed


def tracks_of(plan):
    """Everything about the tracks of a plan, the arrays bit by bit."""
    return [
        (t.id, t.kind, t.start_index, t.boxes.tobytes(), t.scores.tobytes()) for t in plan.tracks
    ]


def assert_same_images(results):
    """Every clip has the frames of the first one, pixel by pixel."""
    first, *others = [read_back(path) for path in results]
    for pts, images in others:
        assert pts == first[0]
        for number, (image, expected) in enumerate(zip(images, first[1], strict=True)):
            assert np.array_equal(image, expected), f"frame {number}"


def test_plans_and_covers_are_the_same_with_any_threads_and_delays(tmp_path, scene, delay):
    plans, results = [], []
    for seed, threads in enumerate((1, 2, 4)):
        delay(seed)
        results.append(tmp_path / f"{threads}.mp4")
        settings = Settings(threads=threads, crf=0)
        plans.append(redact.redact_clip(scene, results[-1], settings).plan)
    assert {track.kind for track in plans[0].tracks} == {"face", "plate"}
    for plan in plans[1:]:
        assert tracks_of(plan) == tracks_of(plans[0]), plan.settings.threads
    assert_same_images(results)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_results_are_the_same_files_with_equal_threads_and_any_delays(
    tmp_path, scene, delay, suffix
):
    plan = redact.analyze(scene, Settings(threads=2))
    reports = []
    for seed in range(3):
        delay(seed)
        reports.append(redact.render(plan, tmp_path / f"{seed}{suffix}"))
    assert len({report.output_sha256 for report in reports}) == 1
    assert_same_images([report.output for report in reports])


def test_what_the_audit_covers_is_the_same_with_any_threads_and_delays(tmp_path, scene, delay):
    """The plan covers nothing at first, so that all of it comes from the audit."""
    analyzed = redact.analyze(scene)
    reports = []
    for seed, threads in enumerate((1, 3)):
        delay(seed)
        settings = Settings(threads=threads, crf=0)
        empty = dataclasses.replace(analyzed, settings=settings, tracks=())
        reports.append(redact.render(empty, tmp_path / f"{threads}.mp4"))
    assert "face" in {track.kind for track in reports[0].plan.tracks}
    assert tracks_of(reports[1].plan) == tracks_of(reports[0].plan)
    assert reports[1].leaks == reports[0].leaks
    assert_same_images([report.output for report in reports])


def test_detectors_of_the_users_own_give_the_same_result_however_slow_they_are(tmp_path):
    """They run in the caller's thread, beside the threads that decode and encode."""
    write_clip(tmp_path / "a.mp4")
    plans, results = [], []
    for seed, threads in enumerate((1, 2, 4)):
        detector = Delayed(SquareDetector(blind={0, 1, 9, 10, 11, 12, 23}), seed)
        results.append(tmp_path / f"{threads}.mp4")
        settings = Settings(threads=threads, crf=0)
        report = redact.redact_clip(tmp_path / "a.mp4", results[-1], settings, detectors=[detector])
        plans.append(report.plan)
    assert [track.kind for track in plans[0].tracks] == ["face"]
    for plan in plans[1:]:
        assert tracks_of(plan) == tracks_of(plans[0])
    assert_same_images(results)


def test_streams_are_covered_alike_with_any_threads_and_delays(scene, delay):
    images = read_back(scene)[1]
    settings = Settings(threads=1, lookahead_seconds=0.4)
    expected = list(redact.redact_frames(images, settings, frame_rate=15))
    assert not np.array_equal(expected, images)
    for seed, threads in enumerate((2, 4)):
        delay(seed)
        settings = dataclasses.replace(settings, threads=threads)
        covered = redact.redact_frames(images, settings, frame_rate=15)
        for number, (image, same) in enumerate(zip(covered, expected, strict=True)):
            assert np.array_equal(image, same), f"frame {number} with {threads} threads"
