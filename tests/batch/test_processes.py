"""Worker processes: ended when they hang, replaced when they die, never two for one clip."""

import os
import signal
from fractions import Fraction

import av
import numpy as np
import psutil
import pytest
from batches import is_done, rows, started, states, wait_for
from portrait import portrait_of_side

import redact
from redact.batch import many
from redact.batch.manifest import NAME, WORK
from redact.batch.processes import ProcessEngine

unix_only = pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")


def redacting(folder, *options, **how):
    """A process of the command over the folder "in" beside its target folder."""
    return started(*options, str(folder.parent / "in"), "-o", str(folder), **how)


def processes(run, **options):
    return run(engine="processes", **{"workers": 2, **options})


def test_two_workers_share_the_clips_and_load_once(run, clips, results):
    clips({f"{n}.mp4": "slow 3" for n in range(8)})
    report = processes(run)
    assert states(report) == {f"{n}.redacted.mp4": "done" for n in range(8)}
    assert len(results()) == 8
    pids = {record.outcome.report["pid"] for record in report.records}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids
    assert report.capacity.workers == 2
    assert report.peak_bytes > 1_000_000


def test_a_worker_that_dies_is_replaced_and_its_clip_tried_again(run, clips, results, tmp_path):
    clips({"1.mp4": f"die-once {tmp_path / 'marker'}", "2.mp4": "die", "3.mp4": "good"})
    report = processes(run, workers=1)
    assert states(report) == {
        "1.redacted.mp4": "done",
        "2.redacted.mp4": "killed",
        "3.redacted.mp4": "done",
    }
    attempts = {record.result: record.attempts for record in report.records}
    assert attempts == {"1.redacted.mp4": 2, "2.redacted.mp4": 2, "3.redacted.mp4": 1}
    assert set(results()) == {"1.redacted.mp4", "3.redacted.mp4"}
    (killed,) = (record for record in report.records if record.state == "killed")
    assert "the worker process died" in killed.reason


class Told(redact.BatchObserver):
    """Remembers what it was told of the analysis."""

    def __init__(self):
        self.analyzed = []

    def progressed(self, worker, job, stage, done, total):
        if stage == "analyze":
            self.analyzed.append((done, total))


def test_a_long_clip_is_divided_among_the_workers(run, clips, results):
    clips({"1.mp4": "long", "2.mp4": "good"})
    told = Told()
    report = processes(run, observer=told)
    assert results() == {"1.redacted.mp4": "part0 part1 part2", "2.redacted.mp4": "GOOD"}
    (record,) = (record for record in report.records if record.result == "1.redacted.mp4")
    assert record.outcome.stage_seconds == {"analyze": 3.0}
    assert record.outcome.seconds == pytest.approx(3.5)
    assert (10, 30) in told.analyzed
    assert (30, 30) in told.analyzed


def test_a_real_long_clip_gets_the_same_plan_from_several_workers(tmp_path):
    """Ten minutes at a frame in four seconds, with a face at the seam between its parts."""
    photo, _ = portrait_of_side(120)
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(1, 4))
        stream.width, stream.height, stream.pix_fmt = 240, 120, "yuv420p"
        for index in range(155):
            image = np.full((120, 240, 3), 100, np.uint8)
            if 65 <= index < 85:
                image[:, index : index + photo.shape[1]] = photo
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(stream.encode())
    settings = redact.Settings(plates=False)
    told = {1: Told(), 2: Told()}
    one, two = (
        redact.redact_many(
            [tmp_path / "a.mp4"],
            tmp_path / f"by {count}",
            settings=settings,
            workers=count,
            observer=told[count],
        ).records[0]
        for count in told
    )
    assert one.state == two.state == "done"
    assert two.outcome.report["tracks"]
    assert one.outcome.plan_sha256 == two.outcome.plan_sha256
    # Frames around the seams count for both parts.
    totals = [max(total for _, total in told[count].analyzed) for count in told]
    assert totals[0] == 155 < totals[1]


def test_what_is_left_at_the_end_gets_the_threads_of_all_workers(run, clips):
    clips({"1.mp4": "long"})
    report = processes(run, settings=redact.Settings(threads=3))
    assert report.capacity.threads == 3
    assert report.records[0].outcome.report["threads"] == 6


def test_one_worker_does_a_long_clip_whole(run, clips, results):
    clips({"1.mp4": "long"})
    processes(run, workers=1)
    assert results() == {"1.redacted.mp4": "LONG"}


def test_only_the_part_of_a_worker_that_died_is_tried_again(run, clips, results, tmp_path):
    clips({"1.mp4": f"long die-once {tmp_path / 'marker'}"})
    report = processes(run)
    assert results() == {"1.redacted.mp4": "part0 part1 part2"}
    assert report.records[0].outcome.seconds == pytest.approx(3.5)


def test_a_clip_whose_parts_can_not_be_read_alone_is_done_whole(run, clips, results):
    clips({"1.mp4": "long doubt"})
    report = processes(run)
    assert results() == {"1.redacted.mp4": "LONG DOUBT"}
    assert report.is_complete


def test_an_error_in_a_part_ends_the_clip_once(run, clips, results, tmp_path):
    clips({"1.mp4": "long odd", "2.mp4": "good"})
    report = processes(run)
    assert states(report) == {"1.redacted.mp4": "failed", "2.redacted.mp4": "done"}
    assert results() == {"2.redacted.mp4": "GOOD"}
    assert len(report.records) == 2
    assert not (tmp_path / "out" / WORK).exists()


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"deadline_seconds": 1.5}, "longer than 1.5 s"), ({"stall_seconds": 1.5}, "nothing went on")],
)
def test_a_clip_that_hangs_is_ended_and_told(run, clips, results, limits, said):
    clips({"1.mp4": "hang", "2.mp4": "good"})
    report = processes(run, workers=1, limits=redact.WorkerLimits(**limits))
    assert states(report) == {"1.redacted.mp4": "timeout", "2.redacted.mp4": "done"}
    assert said in next(r.reason for r in report.records if r.state == "timeout")
    assert set(results()) == {"2.redacted.mp4"}


def test_a_worker_that_takes_too_much_memory_is_ended(run, clips, results):
    clips({"1.mp4": "eat 600000000", "2.mp4": "good"})
    limits = redact.WorkerLimits(memory_bytes=400_000_000)
    report = processes(run, workers=1, limits=limits)
    assert states(report) == {"1.redacted.mp4": "out of memory", "2.redacted.mp4": "done"}
    refused = next(record for record in report.records if record.state == "out of memory")
    assert "may take 0.4 GB" in refused.reason
    assert report.peak_bytes > 400_000_000


def test_workers_are_replaced_after_a_number_of_clips(run, clips):
    clips({f"{n}.mp4": "good" for n in range(5)})
    report = processes(run, workers=1, limits=redact.WorkerLimits(clips_per_worker=2))
    pids = [record.outcome.report["pid"] for record in report.records]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [2, 2, 1]


def test_workers_that_cannot_start_end_the_run_with_a_hint(clips, run, monkeypatch, tmp_path):
    clips({"1.mp4": "good"})
    monkeypatch.setattr(many, "REDACT_TASK", "no_such_module:act")
    with pytest.raises(redact.RedactError, match="__main__"):
        processes(run, workers=1)
    assert rows(tmp_path / "out") == {}


def test_workers_end_with_an_interrupted_run(run, clips, results, monkeypatch):
    clips({"1.mp4": "slow 1000", "2.mp4": "hang"})
    engines = []
    made = ProcessEngine.__init__

    def recorded(self, *values, **options):
        made(self, *values, **options)
        engines.append(self)

    monkeypatch.setattr(ProcessEngine, "__init__", recorded)
    pids = []

    class Stopper(redact.BatchObserver):
        def progressed(self, _worker, _job, _stage, done, _total):
            if done > 5:
                pids.extend(engines[0].process_ids)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes(run, observer=Stopper())
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert results() == {}


@unix_only
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_command_stops_on_a_signal_and_goes_on_later(clips, tmp_path, name):
    folder = clips({"1.mp4": "slow 400", "2.mp4": "good"})
    number = getattr(signal, name)
    # The whole group gets it, as from a terminal.
    with redacting(tmp_path / "out", "--workers", "2", start_new_session=True) as process:
        wait_for(lambda: is_done(tmp_path / "out", "2.redacted.mp4"))
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err == "redact: interrupted, 1 clips are done; the same command goes on from there\n"
    assert not (tmp_path / "out" / WORK).exists()
    (folder / "1.mp4").write_text("good")
    with redacting(tmp_path / "out") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "2 done (1 of them before)" in out


@unix_only
def test_nothing_is_lost_when_the_parent_is_killed_outright(clips, tmp_path):
    folder = clips({"1.mp4": "slow 400", "2.mp4": "good"})
    with redacting(tmp_path / "out", "--workers", "2") as process:
        wait_for(lambda: is_done(tmp_path / "out", "2.redacted.mp4"))
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    # Workers notice that their parent is gone.
    assert not psutil.wait_procs(workers, timeout=30)[1]
    assert not (tmp_path / "out" / "1.redacted.mp4").exists()
    (folder / "1.mp4").write_text("good")
    with redacting(tmp_path / "out", "--json-lines") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.count('"state": "done"') == 2
    assert out.count('"is_kept": true') == 1
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"1.redacted.mp4", "2.redacted.mp4", NAME}


def test_two_processes_on_one_target_folder_share_the_work(clips, tmp_path):
    clips({f"{n}.mp4": "slow 4" for n in range(12)})
    options = ["--engine", "serial", "--json-lines"]
    with (
        redacting(tmp_path / "out", *options) as one,
        redacting(tmp_path / "out", *options) as other,
    ):
        outs = [process.communicate(timeout=90) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], outs
    lines = [line for out, _ in outs for line in out.splitlines()]
    # Each tells of all clips, and each clip was done by one of them.
    assert len(lines) == 24
    assert sum('"is_kept": true' in line for line in lines) == 12
    done = rows(tmp_path / "out")
    assert len(done) == 12
    assert set(done.values()) == {("done", None)}


def test_refused_clips_are_named_and_the_exit_code_is_one(clips, tmp_path):
    clips({"1.mp4": "leak", "2.mp4": "good"})
    with redacting(tmp_path / "out", "--metrics", str(tmp_path / "m.prom")) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "1 done, 1 leak in " in out
    (line,) = err.splitlines()
    assert line.startswith("redact: leak: ")
    assert "1.mp4" in line
    metrics = (tmp_path / "m.prom").read_text()
    assert 'redact_clips{state="leak"} 1\n' in metrics
    assert "redact_frames 10\n" in metrics
    assert "mp4" not in metrics
    assert str(tmp_path) not in metrics
