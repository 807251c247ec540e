"""The command: what it writes, what it says, and its exit codes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from broken import QUICK
from make_clips import write_clip
from make_plans import make_clip, make_plan, make_report

from redact import Box, Detection, LeakError, __version__, pipeline
from redact.cli import main
from redact.pipeline import Verification

FAST = ["--detector", "fast", "--no-plates", "--no-audit"]


def test_the_result_is_written_beside_the_clip_and_named(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4", frames=4)
    assert main([str(tmp_path / "a.mp4"), *FAST]) == 0
    assert (tmp_path / "a.redacted.mp4").is_file()
    assert "4 frames" in capsys.readouterr().out


def test_the_result_and_both_reports_are_written_where_asked(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4", frames=4)
    names = {"-o": "b.mkv", "--report": "b.html", "--json": "b.json"}
    arguments = [text for k, v in names.items() for text in (k, str(tmp_path / v))]
    assert main([str(tmp_path / "a.mp4"), *arguments, "--quiet", *FAST]) == 0
    assert all((tmp_path / name).stat().st_size for name in names.values())
    assert json.loads((tmp_path / "b.json").read_text())["settings"]["detector"] == "fast"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.mp4"], "no such file"),
        (["a.mp4", "-o", "b.gif"], "suffix"),
        (["a.mp4", "--strength", "0.1"], "unsafe"),
        (["a.mp4", "--crf", "99"], "crf"),
        (["a.mp4", "--settings", "gone.toml"], "gone.toml"),
        (["a.mp4", "--settings", "."], "can't read settings from '.'"),
        (["a.mp4", "--settings", "a.mp4"], "can't read settings from 'a.mp4'"),
        (["a.mp4", "--settings", "nul\0"], "can't read settings"),
        (["a.mp4", "-o", "."], "is a folder"),
        (["a.mp4", "-o", "none/b.mp4"], "there is no folder"),
        (["a.mp4", "--no-faces"], "nothing would be covered"),
        (["."], "-o FOLDER"),
        (["a.mp4", "b.mp4"], "-o FOLDER"),
        ([".", "-o", "b.mp4"], "need a folder"),
        (["a.mp4", "gone.mp4", "-o", "out"], "no such file"),
        (["a.mp4", ".", "-o", "out", "--workers", "0"], "workers must lie in"),
        (["a.mp4", ".", "-o", "out", "--deadline", "-1"], "deadline_seconds"),
        (["none/a.mp4"], "no such file"),
    ],
)
def test_a_job_that_cannot_be_done_is_refused_in_one_line(
    tmp_path, monkeypatch, capsys, arguments, said
):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4", frames=2)
    assert main([*arguments, *FAST]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.mp4", "--blur"], "--blur"),
        (["a.mp4", "--style", "foggy"], "foggy"),
        ([], "CLIP"),
        (["a.mp4", "--heads", "some"], "near-tracks"),
        (["a.mp4", "--workers", "2"], "--workers is for several clips"),
        (["a.mp4", "b.mp4", "-o", "c", "--report", "r.html"], "redact many: "),
        (["a.mp4", "b.mp4", "-o", "c", "--keep", "2"], "unrecognized arguments: --keep"),
        (["inspect"], "redact inspect: "),
        (["verify", "a.mp4", "b.mp4"], "b.mp4"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(capsys, arguments, said):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert "--help" in err
    assert err.count("\n") == 1


def test_damage_is_reported_even_with_quiet(tmp_path, capsys):
    write_clip(tmp_path / "a.mkv", frames=60, size=(64, 48))
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) * 3 // 4])
    assert main([str(tmp_path / "a.mkv"), "--quiet", *QUICK]) == 0
    err = capsys.readouterr().err
    assert "redact: warning: " in err
    assert "a.mkv" in err
    assert 1 <= err.count("\n") <= 4


def detection(frame_index, **change_map):
    values = {"kind": "plate", "box": Box(1.0, 2.0, 31.0, 14.0), "score": 0.75}
    return Detection(**{**values, **change_map}, frame_index=frame_index)


LONG_CLIP = make_clip(pts=512 * np.arange(500))  # 30 frames a second


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_possible_leaks_are_reported_with_times_even_with_quiet(
    tmp_path, monkeypatch, capsys, quiet
):
    leaks = tuple(detection(index) for index in range(372, 421))
    plan = make_plan([], pts=LONG_CLIP.pts)
    write_clip(tmp_path / "a.mp4", frames=2, size=(64, 48))
    monkeypatch.setattr(
        pipeline, "redact_clip", lambda *_args, **_kw: make_report(plan, leaks=leaks)
    )
    assert main([str(tmp_path / "a.mp4"), *quiet]) == 0
    out, err = capsys.readouterr()
    assert "may still show a plate, 0:12.4 to 0:14.0, 49 frames" in err
    assert "a.redacted.mp4" in err
    assert err.count("\n") == 1
    assert bool(out) != bool(quiet)


class Verifier:
    """Takes the place of `redact.pipeline.verify`."""

    def __init__(self, *detections):
        self.detections = detections

    def __call__(self, path, settings, *, progress, every_frame):
        progress("verify", 1, 1)
        return Verification(
            clip=LONG_CLIP,
            detections=self.detections,
            frames_checked=500 if every_frame else 172,
            min_face_pixels=16,
        )


def test_verify_prints_a_line_for_everything_that_shows_for_a_while(monkeypatch, capsys):
    plates = [detection(index, score=0.5 + index / 1000) for index in range(372, 421, 4)]
    face = detection(400, kind="face", box=Box(300, 100, 320, 130))
    monkeypatch.setattr(pipeline, "verify", Verifier(*plates, face))
    assert main(["verify", "-q", "a.mp4"]) == 1
    assert capsys.readouterr().out == (
        "plate, 0:12.4 to 0:14.0, 13 frames, at 1,2 (30 x 12 px), best score 0.92\n"
        "face, 0:13.3, 1 frame, at 300,100 (20 x 30 px), score 0.75\n"
        "looked for faces and plates at 16 px and more in 172 of 500 frames\n"
    )


def test_verify_prints_every_detection_as_json(monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "verify", Verifier(detection(372), detection(373)))
    assert main(["verify", "-q", "--json", "a.mp4"]) == 1
    data = json.loads(capsys.readouterr().out)
    found = data["detections"]
    assert [item["frame_index"] for item in found] == [372, 373]
    assert found[0]["box"] == [1.0, 2.0, 31.0, 14.0]
    assert found[0]["time"] == "0:12.4"
    assert (data["frames_checked"], data["frame_count"], data["min_face_pixels"]) == (172, 500, 16)


def test_verify_claims_no_more_than_was_looked_at(monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "verify", Verifier())
    assert main(["verify", "-q", "a.mp4"]) == 0
    said = "nothing found at 16 px and more in 172 of 500 frames looked at\n"
    assert capsys.readouterr().out == said
    assert main(["verify", "-q", "--every-frame", "a.mp4"]) == 0
    assert "500 of 500" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (LeakError("a face shows"), 1, "redact: a face shows\n"),
        (ValueError("odd\nvalue"), 2, "redact: can't go on, unexpected ValueError: odd\\nvalue"),
        (KeyError("pts"), 2, "redact: can't go on, unexpected KeyError: 'pts'"),
        (FileNotFoundError(2, "No such file", "a.mp4"), 2, "can't go on: No such file a.mp4\n"),
        (MemoryError(), 2, "redact: can't go on: MemoryError\n"),
    ],
)
def test_no_error_reaches_the_terminal_as_a_traceback(monkeypatch, capsys, error, code, said):
    def fail(*_args, **_kw):
        raise error

    monkeypatch.setattr(pipeline, "verify", fail)
    assert main(["verify", "a.mp4"]) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_traceback_is_printed_where_it_is_asked_for(monkeypatch, capsys):
    monkeypatch.setenv("REDACT_DEBUG", "1")
    monkeypatch.setattr(pipeline, "verify", None)
    assert main(["verify", "a.mp4"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_verify_writes_nothing(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4", frames=2)
    (tmp_path / "s.toml").write_text('detector = "fast"\nplates = false\n')
    options = ["--settings", str(tmp_path / "s.toml"), "--quiet"]
    assert main(["verify", str(tmp_path / "a.mp4"), *options]) == 0
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".mp4"] == ["a.mp4"]


def test_settings_are_read_from_a_file_and_options_override_it(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=2)
    (tmp_path / "s.toml").write_text('[redact]\nstyle = "solid"\ncrf = 30\n')
    arguments = ["--settings", str(tmp_path / "s.toml"), "--crf", "25", "--json"]
    assert main([str(tmp_path / "a.mp4"), *arguments, str(tmp_path / "r.json"), *FAST]) == 0
    settings = json.loads((tmp_path / "r.json").read_text())["settings"]
    assert (settings["style"], settings["crf"]) == ("solid", 25)


@pytest.mark.parametrize("value", ["all-moving", "all moving"])
def test_heads_are_chosen_without_quotes_and_the_old_names_still_work(tmp_path, value):
    write_clip(tmp_path / "a.mp4", frames=2)
    arguments = ["--heads", value, "--json", str(tmp_path / "r.json"), *QUICK]
    assert main([str(tmp_path / "a.mp4"), *arguments]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["settings"]["heads"] == "all-moving"


def test_help_and_version_are_printed(capsys):
    for option, said in (("--help", "exit codes"), ("--version", __version__)):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0
        assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        *([], ["analyze"], ["render"], ["inspect"], ["verify"], ["ledger"], ["ledger", "add"]),
        *(["many"], ["watch"]),
    ],
)
def test_the_help_fits_a_screen(monkeypatch, capsys, command):
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40
    assert any(line.startswith("  redact ") for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.skipif(os.name == "nt", reason="signals are sent another way there")
def test_an_interrupted_run_leaves_nothing(doorbell, tmp_path):
    target = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "redact", str(doorbell), "-o", str(target)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not list(tmp_path.iterdir()) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "nothing was written" in err
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_clip_is_written_with_sound_in_spans(tmp_path, monkeypatch):
    write_clip(tmp_path / "a.mp4", frames=50, with_audio=True)
    monkeypatch.chdir(tmp_path)
    spans = ["--audio", "0:00.5-0:00.6,0:00.7-1"]
    assert main(["a.mp4", "-q", "--from", "0:00.4", "--to", ".8", "--json", "r.json", *spans]) == 0
    data = json.loads((tmp_path / "r.json").read_text())
    assert (data["frame_count"], data["part"]) == (10, ["0:00.4", "0:00.8"])
    assert data["settings"]["audio_spans"] == [pytest.approx([0.1, 0.2]), pytest.approx([0.3, 0.6])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "soon"], "'soon' is not a time"),
        (["--from", "9"], "there is no frame from 0:09.0 on"),
        (["--audio", "1-2-3"], "must be drop, keep or times such as"),
    ],
)
def test_times_that_cannot_be_used_are_told(tmp_path, monkeypatch, capsys, arguments, message):
    write_clip(tmp_path / "a.mp4")
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):
        assert main(["a.mp4", "-q", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
