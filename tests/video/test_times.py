"""Frame times strictly ascend, whatever a file says."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_plans import make_clip

from redact.video.timestamps import ClockShifts, MissingPts, MonotonicClock, fine_time_base


def clock(**change_map):
    return MonotonicClock(
        make_clip(time_base=Fraction(1, 1000), frame_rate=Fraction(25)), **change_map
    )


def run(times, *, wraps=False):
    one = clock(wraps=wraps)
    return [one.next_pts(pts) for pts in times], one.shifts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([5, 45, 90], [5, 45, 90]),
        ([0, 40, 40, 40, 80], [0, 40, 41, 42, 80]),
        ([0, 40, 35, 80], [0, 40, 41, 80]),
        ([None, None, None], [0, 40, 80]),
        ([0, None, 80], [0, 40, 80]),
        ([None, None, 4, 44], [0, 40, 80, 120]),
        ([9_000, 9_040, 0, 40], [9_000, 9_040, 9_080, 9_120]),
        ([0, 40, 7_200_000], [0, 40, 7_200_000]),
        ([-80, -40, 0], [-80, -40, 0]),
        ([0, 2**60, 80], [0, 40, 80]),
    ],
)
def test_times_ascend(given, expected):
    assert run(given)[0] == expected


def test_a_jump_of_half_a_day_is_a_restart_if_the_clock_wraps():
    jump = [0, 40, 60_000_000, 60_000_040]
    assert run(jump, wraps=True)[0] == [0, 40, 80, 120]
    assert run(jump, wraps=False)[0] == jump


@given(st.lists(st.none() | st.integers(-(2**62), 2**62), max_size=40), st.booleans())
def test_times_ascend_whatever_a_file_says(times, wraps):
    result, _ = run(times, wraps=wraps)
    assert all(a < b for a, b in itertools.pairwise(result))


def test_another_stream_is_shifted_where_the_video_is():
    _, added = run([9_000, 9_040, 0, 40])
    shifts = ClockShifts(added)
    moved = [at + float(shifts.shift_at(Fraction(at))) for at in (9, 9.04, 0, 0.04)]
    assert moved == pytest.approx([9, 9.04, 9.08, 9.12])


def test_missing_times_are_the_decoding_times_in_order():
    missing = MissingPts()
    for dts in range(4):
        missing.packet_sent(dts)
    assert [missing.frame_pts(None) for _ in range(4)] == [0, 1, 2, 3]


def test_missing_times_are_delayed_like_the_last_known_one():
    missing = MissingPts()
    for dts in (10, 20, 30):
        missing.packet_sent(dts)
    assert [missing.frame_pts(pts) for pts in (25, None, None)] == [25, 35, 45]


def test_long_ticks_are_divided_so_that_one_tick_is_not_visible():
    assert fine_time_base(Fraction(1, 12_800)) == Fraction(1, 12_800)
    for coarse in (Fraction(1, 25), Fraction(1001, 30_000)):
        fine = fine_time_base(coarse)
        assert fine <= Fraction(1, 10_000)
        assert (coarse / fine).denominator == 1
