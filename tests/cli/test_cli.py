"""The command: what it writes, says and answers."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from make_clips import write_clip

from redact import Box, Detection, __version__, pipeline
from redact.cli import main

FAST = ["--detector", "fast", "--no-plates", "--no-audit"]


def test_it_writes_beside_the_clip_and_says_so(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4", frames=4)
    assert main([str(tmp_path / "a.mp4"), *FAST]) == 0
    assert (tmp_path / "a.redacted.mp4").is_file()
    assert "4 frames" in capsys.readouterr().out


def test_it_writes_where_it_is_told_with_both_reports(tmp_path, capsys):
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
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, monkeypatch, capsys, arguments, said):
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
        ([], "clip"),
        (["inspect"], "redact inspect: "),
        (["verify", "a.mp4", "b.mp4"], "b.mp4"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(capsys, arguments, said):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert "--help" in err
    assert err.count("\n") == 1


def test_damage_is_told_even_to_the_quiet(tmp_path, capsys):
    write_clip(tmp_path / "a.mkv", frames=60, size=(64, 48))
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) * 3 // 4])
    arguments = [str(tmp_path / "a.mkv"), "--quiet", "--no-faces", "--no-plates", "--no-audit"]
    assert main(arguments) == 0
    err = capsys.readouterr().err
    assert "redact: warning: " in err
    assert "a.mkv" in err
    assert 1 <= err.count("\n") <= 4


class Finder:
    """Takes the place of the detectors."""

    def __init__(self, detections):
        self.detections = detections

    def __call__(self, path, settings, *, progress):
        progress("verify", 1, 1)
        return self.detections


def test_verify_tells_what_shows_by_its_exit_code_and_words(tmp_path, monkeypatch, capsys):
    detection = Detection(kind="plate", box=Box(1.0, 2.0, 3.0, 4.0), score=0.75, frame_index=9)
    monkeypatch.setattr(pipeline, "verify", Finder((detection,)))
    assert main(["verify", "-q", "a.mp4"]) == 1
    assert capsys.readouterr().out == "frame 9: plate, score 0.75\n"
    assert main(["verify", "-q", "--json", "a.mp4"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["box"] == [1.0, 2.0, 3.0, 4.0]
    monkeypatch.setattr(pipeline, "verify", Finder(()))
    assert main(["verify", "-q", "a.mp4"]) == 0
    assert "nothing was found" in capsys.readouterr().out


def test_verify_looks_at_the_clip_itself(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4", frames=2)
    (tmp_path / "s.toml").write_text('detector = "fast"\nplates = false\n')
    options = ["--settings", str(tmp_path / "s.toml"), "--quiet"]
    assert main(["verify", str(tmp_path / "a.mp4"), *options]) == 0
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".mp4"] == ["a.mp4"]


def test_settings_come_from_a_file_and_options_win(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=2)
    (tmp_path / "s.toml").write_text('[redact]\nstyle = "solid"\ncrf = 30\n')
    arguments = ["--settings", str(tmp_path / "s.toml"), "--crf", "25", "--json"]
    assert main([str(tmp_path / "a.mp4"), *arguments, str(tmp_path / "r.json"), *FAST]) == 0
    settings = json.loads((tmp_path / "r.json").read_text())["settings"]
    assert (settings["style"], settings["crf"]) == ("solid", 25)


def test_help_and_version_answer(capsys):
    for option, said in (("--help", "exit codes"), ("--version", __version__)):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0
        assert said in capsys.readouterr().out


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
