"""A long clip that several processes analyze gets the plan that one process makes of it."""

import dataclasses
import itertools
import os
import pickle
from pathlib import Path

import av
import numpy as np
import pytest
from make_clips import write_clip
from portrait import portrait_of_side

import redact
from redact import clip_analysis
from redact.analysis import parts, tuning
from redact.analysis.parts import part_count
from redact.job import Job

DATA = Path(os.environ.get("REDACT_DATA", "../shared/data"))
WALK = DATA / "clips" / "intel_one-by-one-person-detection.mp4"
ONE_THREAD = redact.Settings(threads=1)


@pytest.fixture
def parts_of(monkeypatch):
    """A function that sets the length of parts, in seconds, and of what is around them."""

    def set_lengths(seconds, context=9.0):
        short = dataclasses.replace(tuning.TUNING, part_seconds=seconds)
        for module in (clip_analysis, parts):
            monkeypatch.setattr(module, "TUNING", short)
        monkeypatch.setattr(parts, "CONTEXT_SECONDS", context)

    return set_lengths


def plan_of_parts(path, settings):
    """The plan by one analysis a part, whose results go from process to process; None if none."""
    job = Job(settings, None, None)
    clip = clip_analysis.divided(job, path)
    if clip is None:
        return None
    clip = pickle.loads(pickle.dumps(clip))
    seen = [
        pickle.loads(pickle.dumps(clip_analysis.analyze_part(job, clip, number)))
        for number in range(part_count(clip.seconds))
    ]
    return clip_analysis.plan_of_parts(job, clip, seen)


def passing_portrait(path, frames=60):
    """Six seconds, in the middle of which a face moves through the picture."""
    photo, _ = portrait_of_side(120)
    images = np.random.default_rng(1).integers(90, 110, (frames, 240, 480, 3), dtype=np.uint8)
    for index in range(10, 50):
        x = 4 * (index - 10)
        images[index, 60:180, x : x + photo.shape[1]] = photo
    write_images(path, images)


def write_images(path, images):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 12
        for image in images:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(stream.encode())


def test_parts_give_the_plan_of_the_whole(tmp_path, parts_of):
    passing_portrait(tmp_path / "a.mp4")
    parts_of(2.0, context=1.0)
    whole = redact.analyze(tmp_path / "a.mp4", ONE_THREAD)
    (track,) = whole.tracks
    assert track.start_index <= 12
    assert track.stop_index >= 48
    assert plan_of_parts(tmp_path / "a.mp4", ONE_THREAD).to_dict() == whole.to_dict()


@pytest.mark.skipif(not WALK.exists(), reason="set REDACT_DATA to a folder with clips/")
def test_parts_of_a_real_clip_give_the_plan_of_the_whole(tmp_path, parts_of):
    """Of its first 20 seconds; somebody walks through over the seam."""
    path = tmp_path / "a.mp4"
    first_packets(WALK, path, 200)
    parts_of(10.0)
    whole = redact.analyze(path, ONE_THREAD)
    assert any(track.start_index < 100 < track.stop_index for track in whole.tracks)
    assert plan_of_parts(path, ONE_THREAD).to_dict() == whole.to_dict()


def first_packets(source, target, count):
    """Write a clip of the first frames of another one, as they are encoded."""
    with av.open(str(source)) as opened, av.open(str(target), "w") as out:
        video = opened.streams.video[0]
        stream = out.add_stream_from_template(video)
        for packet in itertools.islice(opened.demux(video), count):
            packet.stream = stream
            out.mux(packet)


def test_only_long_clips_that_are_read_whole_are_divided(tmp_path, parts_of):
    write_clip(tmp_path / "a.mp4", frames=50)
    write_clip(tmp_path / "cut.mkv", frames=50, gop=5)
    data = (tmp_path / "cut.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    assert plan_of_parts(tmp_path / "a.mp4", ONE_THREAD) is None
    parts_of(0.5)
    assert plan_of_parts(tmp_path / "a.mp4", ONE_THREAD) is not None
    assert plan_of_parts(tmp_path / "cut.mkv", ONE_THREAD) is None
    trimmed = dataclasses.replace(ONE_THREAD, stop_seconds=1.5)
    assert plan_of_parts(tmp_path / "a.mp4", trimmed) is None


def test_a_camera_that_hangs_sideways_is_left_to_one_process(tmp_path, parts_of):
    photo, _ = portrait_of_side(240)
    images = np.stack([np.rot90(photo)] * 30)
    write_images(tmp_path / "a.mp4", images[:, : images.shape[1] // 2 * 2])
    parts_of(1.0, context=0.5)
    assert plan_of_parts(tmp_path / "a.mp4", redact.Settings(threads=1)) is None
    told = redact.Settings(threads=1, turn_degrees=90)
    plan = plan_of_parts(tmp_path / "a.mp4", told)
    assert plan.to_dict() == redact.analyze(tmp_path / "a.mp4", told).to_dict()
    assert plan.clip.turn_degrees == 90
