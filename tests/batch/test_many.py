"""Many clips in one process: which are done, what is remembered, and what is done again."""

import dataclasses
import os

import pytest
from batches import rows, states
from make_clips import write_clip

import redact
from redact.batch.manifest import NAME, WORK


def test_every_clip_ends_in_its_state_and_only_whole_results_appear(run, clips, results, tmp_path):
    clips(
        {
            "good.mp4": "good",
            "sub/leak.mp4": "leak",
            "broken.mp4": "unreadable",
            "odd.mp4": "odd",
            "huge.mp4": "huge",
        }
    )
    report = run()
    assert states(report) == {
        "good.redacted.mp4": "done",
        "sub/leak.redacted.mp4": "leak",
        "broken.redacted.mp4": "unreadable",
        "odd.redacted.mp4": "failed",
        "huge.redacted.mp4": "out of memory",
    }
    assert results() == {"good.redacted.mp4": "GOOD"}
    assert not report.is_complete
    assert report.counts["done"] == 1
    reasons = {record.result: record.reason for record in report.records}
    assert reasons["broken.redacted.mp4"] == "not a video at all"
    assert reasons["odd.redacted.mp4"] == "unexpected ZeroDivisionError: odd"
    assert {state for state, owner in rows(tmp_path / "out").values() if owner is None} == set(
        states(report).values()
    )
    assert not (tmp_path / "out" / WORK).exists()


def test_a_second_run_does_only_what_is_not_done(run, clips):
    clips({"good.mp4": "good", "leak.mp4": "leak", "broken.mp4": "unreadable"})
    run()
    again = run()
    kept = {record.result: record.is_kept for record in again.records}
    # A leak stays one; a file that can't be read may be readable by now.
    assert kept == {
        "good.redacted.mp4": True,
        "leak.redacted.mp4": True,
        "broken.redacted.mp4": False,
    }
    assert states(again)["leak.redacted.mp4"] == "leak"


@pytest.mark.parametrize("what", ["content", "settings", "result gone", "result cut", "force"])
def test_a_clip_is_done_again_when_something_changed(run, clips, results, tmp_path, what):
    folder = clips({"a.mp4": "good"})
    run()
    options = {}
    if what == "content":
        (folder / "a.mp4").write_text("best")
        os.utime(folder / "a.mp4", (1, 1))
    if what == "settings":
        options["settings"] = redact.Settings(crf=30)
    if what == "result gone":
        (tmp_path / "out" / "a.redacted.mp4").unlink()
    if what == "result cut":
        (tmp_path / "out" / "a.redacted.mp4").write_text("GO")
    if what == "force":
        options["force"] = True
    (record,) = run(**options).records
    assert not record.is_kept
    assert results() == {"a.redacted.mp4": "BEST" if what == "content" else "GOOD"}


def test_a_clip_of_another_version_is_done_again(run, clips, monkeypatch):
    clips({"a.mp4": "good"})
    run()
    monkeypatch.setattr("redact.batch.many.__version__", "99")
    assert not run().records[0].is_kept


@pytest.mark.parametrize("what", ["touched", "threads"])
def test_a_clip_is_kept_when_nothing_of_importance_changed(run, clips, what):
    folder = clips({"a.mp4": "good"})
    run()
    options = {}
    if what == "touched":
        os.utime(folder / "a.mp4", (1, 1))
    if what == "threads":
        options["settings"] = redact.Settings(threads=7)
    (record,) = run(**options).records
    assert record.is_kept
    assert record.outcome.frame_count == 10


def test_on_error_stop_leaves_the_rest_alone(run, clips):
    clips({"1.mp4": "leak - the largest and so the first", "2.mp4": "good"})
    report = run(on_error="stop")
    assert states(report) == {"1.redacted.mp4": "leak"}
    assert [source.endswith("2.mp4") for source in report.not_tried] == [True]
    assert not report.is_complete


def test_a_full_disk_ends_the_run(run, clips, results):
    clips({"1.mp4": "full - the largest and so the first", "2.mp4": "good"})
    report = run()
    assert states(report) == {"1.redacted.mp4": "unwritable"}
    assert len(report.not_tried) == 1
    reason = report.records[0].reason
    assert "disk full" in reason
    assert WORK not in reason
    assert "1.redacted.mp4" in reason
    assert results() == {}


def test_a_result_that_cannot_get_its_place_fails_alone(run, clips, results, tmp_path):
    clips({"1.mp4": "good", "2.mp4": "good"})
    (tmp_path / "out" / "1.redacted.mp4" / "in the way").mkdir(parents=True)
    report = run()
    assert states(report) == {"1.redacted.mp4": "unwritable", "2.redacted.mp4": "done"}
    assert results() == {"2.redacted.mp4": "GOOD"}


@pytest.mark.parametrize("target", ["in", "in/out", "."])
def test_the_target_may_lie_in_the_source_or_around_it(run, clips, tmp_path, target):
    clips({"a.mp4": "good", "sub/b.mp4": "good"})
    assert states(run(target=tmp_path / target)) == {
        "a.redacted.mp4": "done",
        "sub/b.redacted.mp4": "done",
    }
    again = run(target=tmp_path / target)
    assert [record.is_kept for record in again.records] == [True, True]


def test_an_interrupted_run_leaves_nothing_half_written(run, clips, results, tmp_path):
    clips({"1.mp4": "slow 5", "2.mp4": "good"})

    class Stopper(redact.BatchObserver):
        def progressed(self, *_):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(observer=Stopper())
    assert results() == {}
    assert rows(tmp_path / "out") == {}
    assert run().is_complete


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(500)])
def test_a_manifest_that_is_none_is_refused_and_left_alone(run, clips, tmp_path, content):
    clips({"a.mp4": "good"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_bytes(content)
    with pytest.raises(redact.TargetError, match=NAME):
        run()
    assert (tmp_path / "out" / NAME).read_bytes() == content


def test_a_target_that_is_a_file_is_refused(run, clips, tmp_path):
    clips({"a.mp4": "good"})
    (tmp_path / "out").write_text("a file")
    with pytest.raises(redact.TargetError, match="is not a folder"):
        run()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"engine": "magic"}, redact.SettingsError),
        ({"on_error": "cry"}, redact.SettingsError),
        ({"engine": "processes", "workers": 0}, redact.SettingsError),
        ({"settings": {"crf": 30}}, TypeError),
        ({"settings": redact.Settings(strength=0.1)}, redact.SettingsError),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(run, clips, tmp_path, options, error):
    clips({"a.mp4": "good"})
    with pytest.raises(error):
        run(**options)
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_no_text_is_kept_as_a_result(run, clips, tmp_path):
    folder = clips({})
    name = os.fsdecode(b"caf\xe9.mp4")
    try:
        (folder / name).write_text("good")
    except (OSError, UnicodeError):
        pytest.skip("this file system wants names that are text")
    assert run().is_complete
    assert run().records[0].is_kept
    assert (tmp_path / "out" / os.fsdecode(b"caf\xe9.redacted.mp4")).read_text() == "GOOD"


def test_records_are_plain_json_and_tell_what_a_clip_took(run, clips):
    clips({"a.mp4": "good"})
    values = run().records[0].to_dict()
    assert values["state"] == "done"
    assert values["stage_seconds"] == {"analyze": 0.25, "render": 0.5}
    assert "report" not in values
    assert len(values["source_sha256"]) == len(values["settings_sha256"]) == 64


def test_real_clips_become_the_same_as_by_redact_clip(tmp_path):
    """The pipeline itself, with broken files beside a good one."""
    folder = tmp_path / "in"
    folder.mkdir()
    write_clip(folder / "good.mp4", frames=6, size=(64, 48))
    (folder / "cut.mp4").write_bytes((folder / "good.mp4").read_bytes()[:600])
    (folder / "empty.mp4").touch()
    with (folder / "sparse.mp4").open("wb") as file:
        file.truncate(10**10)
    settings = redact.Settings(detector="fast", plates=False, threads=1)
    report = redact.redact_many([folder], tmp_path / "out", settings=settings, engine="serial")
    found = {record.result: record for record in report.records}
    good = found.pop("good.redacted.mp4")
    assert {record.state for record in found.values()} == {"unreadable"}
    alone = redact.redact_clip(folder / "good.mp4", tmp_path / "alone.mp4", settings)
    assert good.outcome.result_sha256 == alone.output_sha256
    assert (tmp_path / "out" / "good.redacted.mp4").read_bytes() == (
        tmp_path / "alone.mp4"
    ).read_bytes()
    assert good.outcome.source_sha256 == alone.plan.clip.sha256
    assert good.outcome.frame_count == 6
    assert good.outcome.report["output"]["name"] == "good.redacted.mp4"
    assert dataclasses.asdict(settings)["threads"] == 1
