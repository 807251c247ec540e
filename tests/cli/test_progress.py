"""One bar for the whole job: it never goes backwards, and it says what is being done."""

import io

import pytest
import tqdm

from redact.cli.progress import JobProgress
from redact.cli.terminal import ProgressBar, StopFlag, StoppedError

WEIGHTS = {"analyze": 0.5, "render": 0.4, "audit": 0.1}


def fed(calls, weights=WEIGHTS):
    """The fractions after each of the calls (stage, done, total), and the progress at the end."""
    progress = JobProgress(weights)
    fractions = []
    for call in calls:
        progress.update(*call)
        fractions.append(progress.fraction)
    return fractions, progress


def stage(name, total=100):
    return [(name, done, total) for done in range(1, total + 1)]


def test_a_job_fills_the_bar_evenly_by_the_weights_of_its_stages():
    fractions, progress = fed(stage("analyze") + stage("render") + stage("audit"))
    assert fractions == sorted(fractions)
    assert fractions[49] == pytest.approx(0.25, abs=0.04)
    assert fractions[100] == pytest.approx(0.5, abs=0.04)
    assert fractions[200] == pytest.approx(0.9, abs=0.06)
    assert 0.9 < fractions[-1] < 1
    progress.finish()
    assert progress.fraction == 1


def test_rounds_of_repair_extend_the_job_without_going_back():
    repair = stage("render", 20) + stage("audit", 10)
    calls = stage("analyze") + stage("render") + stage("audit") + 4 * repair
    fractions, progress = fed(calls)
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1
    assert len(set(fractions)) == len(fractions), "every frame moves the bar"
    assert progress.label == "audit, round 5"


def test_a_stage_that_counts_again_goes_on_from_where_it_was():
    fractions, progress = fed(stage("analyze") + stage("render") + stage("audit") + stage("audit"))
    assert fractions == sorted(fractions)
    assert len(set(fractions)) == len(fractions)
    assert progress.label == "audit"


@pytest.mark.parametrize("total", [50, 200, None])
def test_a_wrong_or_missing_estimate_does_no_harm(total):
    calls = [("analyze", done, total) for done in range(1, 101)] + stage("render")
    fractions, _ = fed(calls)
    assert fractions == sorted(fractions)
    assert fractions[100] == pytest.approx(0.475, abs=0.01)


def test_stages_that_do_not_come_are_passed_over():
    fractions, _ = fed(stage("analyze") + stage("audit"))
    assert fractions == sorted(fractions)
    assert fractions[100] > 0.8


def test_an_unknown_stage_is_shown_and_does_no_harm():
    fractions, progress = fed(stage("stretch") + stage("analyze") + stage("stretch"))
    assert fractions == sorted(fractions)
    assert "stretch" in progress.label


def test_compiling_is_announced_and_moves_nothing():
    fractions, progress = fed([*stage("analyze"), ("compile", 0, None)])
    assert progress.label == "compiling kernels (first use only)..."
    assert fractions[-1] == fractions[-2]
    progress.update("render", 1, 100)
    assert progress.label == "render"


def test_labels_name_the_stage():
    assert fed(stage("analyze"))[1].label == "analyze"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_one_bar_with_percentage_and_time_left(monkeypatch):
    made = []
    original = tqdm.tqdm

    def recorded(**options):
        made.append(original(**options, file=terminal, mininterval=0))
        return made[-1]

    terminal = Terminal()
    monkeypatch.setattr(tqdm, "tqdm", recorded)
    with ProgressBar(WEIGHTS, StopFlag(), is_shown=True) as bar:
        for call in stage("analyze") + stage("render") + stage("audit") + stage("render"):
            bar(*call)
        bar.finish()
    text = terminal.getvalue()
    assert len(made) == 1
    assert "render, round 2:" in text
    assert "\ranalyze:  21%|" in text
    assert " left" in text
    assert "100%|" in text.rsplit("\r", 1)[-1]


def test_a_bar_that_is_not_shown_still_ends_the_job_after_a_signal():
    stop = StopFlag()
    with ProgressBar(WEIGHTS, stop, is_shown=False) as bar:
        bar("analyze", 1, 100)
        stop.signal_number = 15
        with pytest.raises(StoppedError):
            bar("analyze", 2, 100)
