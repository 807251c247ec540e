"""The benchmark of many clips: what its table says of given figures."""

import pytest

from benchmarks import batch


def runs(seconds, core_seconds, clip_seconds, peak_bytes=0):
    """Three rounds with these figures in the middle one."""
    return [
        {
            "seconds": factor * seconds,
            "core_seconds": factor * core_seconds,
            "clip_seconds": factor * clip_seconds,
            "peak_bytes": peak_bytes,
        }
        for factor in (0.5, 1, 1.5)
    ]


RESULT = {
    "machine": {"processor": "made up"},
    "clips": 10,
    "clip": "scene of 4 s",
    "hand_out_milliseconds": 2.0,
    "runs": {
        "a process for each clip": runs(60, 90, 6),
        "plain loop": runs(42, 40, 4),
        "1 worker of 1 thread": runs(40, 42, 4, 500_000_000),
        "1 worker of 2 threads": runs(30, 44, 3, 550_000_000),
        "2 workers of 1 thread": runs(20, 43.2, 4, 500_000_000),
    },
}


def test_the_table_has_a_row_for_each_way_and_its_ratios():
    text = batch.markdown_table(RESULT, 1_000_000)
    assert "| 2 workers of 1 thread | 30.0 | 4.32 | 4.00 | 500 |" in text
    assert "| plain loop | 14.3 | 4.00 | 4.00 | - |" in text
    assert "Two workers of one thread do 2.00 times as much as one" in text
    assert "1.50 times as much as one of two threads" in text
    assert "a clip in a running worker takes 0.67 of a process of its own" in text
    assert "one worker takes 1.05 of the core-seconds of a plain loop" in text


def test_the_paper_figures_follow_from_the_core_seconds():
    text = batch.markdown_table(RESULT, 1_000_000)
    # 4.32 core-seconds a clip: 50 cores all day, 72 that are busy 70 % of it.
    assert "1,200 core-hours: 72 cores" in text
    assert "in 3 machines of 32 cores with 0.5 GB" in text
    assert "1,800,000 an hour" in text


def test_ways_that_were_not_run_are_left_out():
    text = batch.markdown_table({**RESULT, "runs": {"plain loop": runs(42, 40, 4)}}, 1000)
    assert "Two workers" not in text
    assert "On paper" not in text


def test_giving_out_clips_takes_a_measurable_time():
    assert batch.hand_out_milliseconds(20) > 0


def test_a_benchmark_needs_known_ways():
    with pytest.raises(SystemExit):
        batch.main(["--ways", "magic"])
