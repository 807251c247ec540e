"""What the terminal shows of many clips."""

import io
import json
import sys

import pytest
import tqdm

from redact.batch.records import Outcome, new_record
from redact.batch.sources import Job
from redact.cli.common import STAGE_WEIGHTS
from redact.cli.many_display import ManyDisplay
from redact.cli.terminal import StopFlag, StoppedError

JOBS = tuple(
    Job(source=f"/in/{n}.mp4", result=f"{n}.redacted.mp4", size=100, mtime_ns=1) for n in range(4)
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    original = tqdm.tqdm
    monkeypatch.setattr(
        tqdm, "tqdm", lambda **o: original(**o, file=terminal, mininterval=0, ncols=100)
    )
    return terminal


def display(stop=None, **options):
    options = {"is_shown": True, "has_json_lines": False, **options}
    return ManyDisplay(stop or StopFlag(), STAGE_WEIGHTS, **options)


def ended(job, state="done"):
    return new_record(job, "key", "1", Outcome(state=state))


def test_one_bar_for_all_clips_and_a_line_for_each_worker(terminal):
    with display() as shown:
        shown.found(JOBS)
        shown.progressed(0, JOBS[0], "analyze", 50, 100)
        shown.progressed(1, JOBS[1], "analyze", 100, 100)
        shown.ended(ended(JOBS[0]))
        shown.ended(ended(JOBS[1], "leak"))
    text = terminal.getvalue()
    assert "0 of 4 clips:" in text
    assert "1 of 4 clips:  37%" in text or "1 of 4 clips:  36%" in text
    assert "2 of 4 clips, 1 refused:  50%" in text
    assert "  1:  21% analyze 0.mp4" in text
    assert "  2:  43% analyze 1.mp4" in text
    assert " left" in text


def test_clips_that_are_kept_do_not_count_as_work(terminal):
    import dataclasses

    with display() as shown:
        shown.found(JOBS)
        shown.ended(dataclasses.replace(ended(JOBS[0]), is_kept=True))
        shown.ended(ended(JOBS[1]))
    assert "2 of 4 clips:  33%" in terminal.getvalue()


def test_nothing_is_drawn_where_it_is_not_wanted(terminal):
    with display(is_shown=False) as shown:
        shown.found(JOBS)
        shown.progressed(0, JOBS[0], "analyze", 50, 100)
        shown.ended(ended(JOBS[0]))
    assert terminal.getvalue() == ""


def test_a_line_of_json_for_each_clip(capsys):
    with display(is_shown=False, has_json_lines=True) as shown:
        shown.found(JOBS)
        shown.ended(ended(JOBS[0]))
        shown.ended(ended(JOBS[1], "leak"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["state"] for line in lines] == ["done", "leak"]
    assert lines[0]["source"] == "/in/0.mp4"


def test_a_signal_ends_the_run():
    stop = StopFlag()
    shown = display(stop, is_shown=False)
    shown.tick()
    stop.signal_number = 15
    with pytest.raises(StoppedError):
        shown.tick()
