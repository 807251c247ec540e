"""Smoothing: places don't lag, sizes hardly change, and margins grow where little is known."""

import dataclasses

import numpy as np
import pytest
import slow_smoother
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.tracking import smoothing
from redact.tracking.cover_margins import margins
from redact.tracking.smoothing import estimate
from redact.tracking.tuning import kind_tuning

FACE, PLATE = kind_tuning("face").smoothing, kind_tuning("plate").smoothing
RATE, SIZE = 20, 40.0


def boxes_at(places, size=SIZE):
    """(N, 4) squares with their centres at (N,) x coordinates and a y of 100."""
    center = np.stack([places, np.full(len(places), 100.0)], axis=1)
    half = np.broadcast_to(np.reshape(size, (-1, 1)) / 2, (len(places), 1))
    return np.concatenate([center - half, center + half], axis=1)


def run(boxes, frames=None, scores=0.9, *, seconds=None, tuning=FACE):
    """The estimate of boxes detected in these frames, by default in all."""
    frames = np.arange(len(boxes)) if frames is None else np.asarray(frames)
    seconds = np.arange(frames[-1] + 1) / RATE if seconds is None else seconds
    scores = np.broadcast_to(np.asarray(scores, dtype=float), len(boxes))
    return estimate(frames, boxes, scores, seconds, tuning, high_score=0.5)


def stop_and_go(seconds, speed):
    """Places of something that stands for a second, moves for two, returns, and stands again."""
    turns = np.clip(seconds - 1, 0, 2) - np.clip(seconds - 3, 0, 2)
    return 100 + speed * turns


@pytest.mark.parametrize("tuning", [FACE, PLATE], ids=["face", "plate"])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_nothing_lags_where_an_object_starts_turns_and_stops(tuning, noise):
    """At three sizes a second; a filter that only looks back is behind by far more."""
    seconds = np.arange(6 * RATE) / RATE
    places = stop_and_go(seconds, 3 * SIZE)
    jitter = np.random.default_rng(1).normal(0, noise * SIZE, len(places)) if noise else 0
    got = run(boxes_at(places + jitter), seconds=seconds, tuning=tuning)
    assert np.abs(got.center[:, 0] - places).max() < (0.15 + noise) * SIZE


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_plate_that_jumps_from_frame_to_frame_is_where_it_was_detected(count):
    """In a time lapse, 200 sizes a second."""
    places = 100 + 10 * SIZE * np.arange(count)
    got = run(boxes_at(places), tuning=PLATE)
    assert np.abs(got.center[:, 0] - places).max() < 0.05 * SIZE


@pytest.mark.parametrize("tuning", [FACE, PLATE], ids=["face", "plate"])
@pytest.mark.parametrize("is_reversed", [False, True], ids=["leaves", "arrives"])
@pytest.mark.parametrize("stands_seconds", [3, 60])
def test_what_stood_for_long_is_covered_when_it_leaves_fast(tuning, is_reversed, stands_seconds):
    """A parked car drives away: that it stood for long doesn't mean that it stands now."""
    seconds = np.arange((stands_seconds + 1) * RATE) / RATE
    places = 100 + 5 * SIZE * np.clip(seconds - stands_seconds, 0, 1)
    noise = np.random.default_rng(1).normal(0, 0.02 * SIZE, len(places))
    places = places[::-1] if is_reversed else places
    got = run(boxes_at(places + noise), seconds=seconds, tuning=tuning)
    off = np.abs(got.center[:, 0] - places)
    assert off.max() < 0.2 * SIZE
    assert (off < margins(got, tuning)[:, 0]).all()


def test_the_past_and_the_future_count_alike():
    seconds = np.arange(6 * RATE) / RATE
    rng = np.random.default_rng(2)
    boxes = boxes_at(stop_and_go(seconds, 60) + rng.normal(0, 2, len(seconds)))
    scores = rng.uniform(0.2, 1, len(seconds))
    middle = np.arange(10, len(seconds) - 10)
    there = run(boxes[middle], middle, scores[middle], seconds=seconds)
    back = run(boxes[middle][::-1], middle, scores[middle][::-1], seconds=seconds)
    np.testing.assert_allclose(back.center[::-1], there.center, atol=0.03 * SIZE)
    np.testing.assert_allclose(back.size[::-1], there.size, rtol=0.02)
    np.testing.assert_allclose(margins(back, FACE)[::-1], margins(there, FACE), rtol=0.05)


def test_a_detection_that_disagrees_with_all_others_hardly_moves_the_estimate():
    places = 100 + 3.0 * np.arange(60)
    boxes = boxes_at(places)
    boxes[30] += [1.5 * SIZE, 0, 1.5 * SIZE, 0]
    assert np.abs(run(boxes).center[:, 0] - places).max() < 0.05 * SIZE
    boxes = boxes_at(places)
    boxes[30] = boxes_at(places[30:31], 2.5 * SIZE)
    assert np.abs(run(boxes).size / SIZE - 1).max() < 0.05


def test_steady_motion_neither_widens_boxes_nor_moves_them():
    places = 100 + 8.0 * np.arange(60)
    got = run(boxes_at(places))
    np.testing.assert_allclose(got.size, SIZE, rtol=1e-6)
    np.testing.assert_allclose(got.center[3:-3, 0], places[3:-3], atol=0.01 * SIZE)


def test_estimates_are_steadier_than_noisy_detections():
    rng = np.random.default_rng(4)
    boxes = boxes_at(100 + rng.normal(0, 2, 200), SIZE * np.exp(rng.normal(0, 0.07, 200)))
    got = run(boxes)
    assert np.abs(np.diff(got.center[:, 0])).mean() < 0.3 * np.abs(np.diff(boxes[:, 0])).mean()


def test_the_size_changes_slowly_while_single_boxes_jump():
    rng = np.random.default_rng(5)
    sides = SIZE * np.exp(np.linspace(0, 0.7, 200) + rng.normal(0, 0.2, 200))
    got = run(boxes_at(np.full(200, 100.0), sides))
    log_size = np.log(got.size[:, 0] / SIZE)
    assert np.abs(np.diff(log_size)).max() < 0.02
    assert np.abs(log_size - np.linspace(0, 0.7, 200)).max() < 0.2, "it still follows"


def test_a_gap_is_bridged_and_margins_are_widest_in_its_middle():
    frames = np.array([*range(20), *range(40, 60)])
    places = 100 + 3.0 * np.arange(60)
    got = run(boxes_at(places[frames]), frames)
    assert np.abs(got.center[:, 0] - places).max() < 0.05 * SIZE
    width = margins(got, FACE)[:, 0]
    assert (np.diff(width[19:30]) > 0).all() and (np.diff(width[30:41]) < 0).all()
    assert width[30] > 1.2 * width[19]


def test_low_scores_widen_the_margins():
    boxes = boxes_at(100 + 3.0 * np.arange(40))
    low, high = (margins(run(boxes, scores=score), FACE) for score in (0.3, 0.9))
    assert (low > high).all()
    part = np.where(np.arange(40) < 20, 0.9, 0.3)
    mixed = margins(run(boxes, scores=part), FACE)[:, 0]
    assert mixed[:10].max() < mixed[-10:].min()


def test_margins_widen_with_each_thing_that_is_uncertain():
    got = run(boxes_at(np.full(20, 100.0)))
    for tuning in (FACE, PLATE):
        usual = margins(got, tuning)
        less_sure = [
            dataclasses.replace(got, center_sigma=got.center_sigma + 3),
            dataclasses.replace(got, size_sigma=got.size_sigma + 0.2),
            dataclasses.replace(got, reach=got.reach + 5),
        ]
        assert all((margins(other, tuning) > usual + 0.1).all() for other in less_sure)
        unclear = dataclasses.replace(got, confidence=got.confidence / 2)
        is_wider = margins(unclear, tuning) > usual + 1
        assert (is_wider == tuning.bias_by_confidence).all()


def test_a_cover_reaches_no_farther_than_its_limit_and_the_way_beyond_the_ends():
    got = run(boxes_at(np.full(20, 100.0)))
    lost = dataclasses.replace(got, center_sigma=got.center_sigma + 1000, reach=got.reach + 7)
    np.testing.assert_allclose(margins(lost, FACE), FACE.max_margin_sizes * SIZE + 7)


def test_followed_boxes_tell_the_place_but_neither_size_nor_confidence():
    places = 100 + 3.0 * np.arange(40)
    boxes = boxes_at(places, np.where(np.arange(40) % 2, 2 * SIZE, SIZE))
    scores = np.where(np.arange(40) % 2, np.nan, 0.9)
    got = run(boxes, scores=scores)
    np.testing.assert_allclose(got.size, SIZE)
    without = run(boxes[::2], np.arange(0, 40, 2), seconds=np.arange(40) / RATE)
    np.testing.assert_allclose(got.confidence, without.confidence)
    assert (got.center_sigma[1::2] < without.center_sigma[1::2]).all()


@pytest.mark.parametrize("tuning", [FACE, PLATE], ids=["face", "plate"])
def test_beyond_its_ends_a_cover_holds_an_object_that_stopped_and_one_that_moved_on(tuning):
    places = 100 + 5.0 * np.arange(60)
    frames = np.arange(15, 45)
    got = run(boxes_at(places[frames]), frames, seconds=np.arange(60) / RATE, tuning=tuning)
    reached = got.size[:, 0] / 2 + margins(got, tuning)[:, 0]
    low, high = got.center[:, 0] - reached, got.center[:, 0] + reached
    for end, beyond in ((15, range(15)), (44, range(45, 60))):
        for index in beyond:
            for place in (places[end], places[index]):
                assert low[index] <= place - SIZE / 2 and high[index] >= place + SIZE / 2, index


def test_a_face_that_is_narrower_than_a_profile_is_covered_on_both_sides():
    """Its box ends before or behind the ear; which, is not known."""
    boxes = boxes_at(np.full(20, 100.0))
    boxes[:, [0, 2]] = [90, 110]
    narrow = run(boxes)
    assert narrow.size[0] == pytest.approx([FACE.min_aspect_ratio * SIZE, SIZE])
    assert narrow.reach[10] == pytest.approx([(FACE.min_aspect_ratio * SIZE - 20) / 2, 0])
    plate = run(boxes, tuning=PLATE)
    assert plate.size[0] == pytest.approx([20, SIZE]) and not plate.reach[:20].any()


def test_two_boxes_in_one_frame_are_averaged_but_count_as_one():
    """Two detectors that see the same pixels make the same errors."""
    once = boxes_at(100 + 3.0 * np.arange(30))
    apart = np.array([4.0, 0, 4.0, 0])
    twice = np.stack([once - apart, once + apart], axis=1).reshape(-1, 4)
    one = run(once)
    both = run(twice, np.repeat(np.arange(30), 2))
    np.testing.assert_allclose(both.center, one.center, atol=0.01 * SIZE)
    np.testing.assert_allclose(both.center_sigma, one.center_sigma, rtol=0.01)


@pytest.mark.parametrize("score", [0.9, 0.2, np.nan], ids=["high", "low", "followed"])
def test_one_box_gives_an_estimate_with_margins(score):
    box = boxes_at(np.array([100.0]))
    got = run(box, [10], score, seconds=np.arange(21) / RATE)
    np.testing.assert_allclose(got.center, [[100, 100]] * 21, atol=1e-6)
    np.testing.assert_allclose(got.size, SIZE)
    reached = margins(got, FACE)
    assert np.isfinite(reached).all()
    assert (reached > 0).all() and (reached <= FACE.max_margin_sizes * SIZE + 1e-9).all()
    assert (reached[10] <= reached).all()


def test_ten_minutes_of_frames_are_estimated():
    count = 18_000
    rng = np.random.default_rng(6)
    places = 300 + 200 * np.sin(np.arange(count) / 100)
    frames = np.flatnonzero(rng.random(count) < 0.7)
    boxes = boxes_at(places[frames] + rng.normal(0, 1, len(frames)))
    got = run(boxes, frames, rng.uniform(0.2, 1, len(frames)), seconds=np.arange(count) / RATE)
    assert np.abs(got.center[frames[0] : frames[-1], 0] - places[frames[0] : frames[-1]]).max() < 8
    assert np.isfinite(margins(got, FACE)).all()


@st.composite
def measurements(draw):
    """Frames, boxes, scores and times, however odd."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 60))
    rate = draw(st.sampled_from([0.1, 1.0, 30.0, 1000.0]))
    steps = rng.uniform(0, 2, count) * (rng.random(count) < draw(st.sampled_from([0.1, 0.6, 1])))
    seconds = np.cumsum(steps) / rate
    frames = np.sort(rng.integers(0, count, draw(st.integers(1, 80))))
    spread = draw(st.sampled_from([0.0, 1.0, 3000.0]))
    low = rng.normal(100, spread, (len(frames), 2))
    sides = draw(st.sampled_from([1e-3, 1.0, 40.0, 4000.0]))
    boxes = np.concatenate([low, low + rng.uniform(0.1, 2, (len(frames), 2)) * sides], axis=1)
    scores = np.where(
        rng.random(len(frames)) < draw(st.sampled_from([0.0, 0.5, 1.0])),
        np.nan,
        rng.uniform(0, 1, len(frames)),
    )
    return frames, boxes, scores, seconds


@settings(max_examples=150, deadline=None)
@given(measurements(), st.sampled_from([FACE, PLATE]))
def test_an_estimate_is_always_finite_and_its_margins_are_never_negative(measured, tuning):
    frames, boxes, scores, seconds = measured
    got = estimate(frames, boxes, scores, seconds, tuning, high_score=0.5)
    for field in dataclasses.fields(got):
        values = getattr(got, field.name)
        assert len(values) == len(seconds)
        assert np.isfinite(values).all(), field.name
    assert (got.size > 0).all()
    assert (got.confidence > 0).all() and (got.confidence <= 1).all()
    reached = margins(got, tuning)
    assert reached.shape == (len(seconds), 2)
    assert np.isfinite(reached).all() and (reached >= 0).all()


@st.composite
def random_frames(draw):
    """Times, values, variances (infinite where nothing was measured) and powers of T frames."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 40))
    seconds = np.cumsum(rng.uniform(0, 0.5, count) * (rng.random(count) < 0.9))
    is_measured = rng.random(count) < draw(st.sampled_from([0.1, 0.5, 1.0]))
    is_measured[rng.integers(count)] = True
    variances = np.where(is_measured, rng.uniform(0.5, 30, count), np.inf)
    values = np.where(is_measured[:, None], rng.normal(0, 50, (count, 2)), 0.0)
    return seconds, values, variances, rng.uniform(10, 3000, count)


@settings(max_examples=60, deadline=None)
@given(random_frames())
def test_places_are_those_of_the_smoother_in_matrix_form(frames):
    seconds, values, variances, powers = frames
    prior = 1600.0, 14_400.0
    is_measured = np.isfinite(variances)
    first = int(np.argmax(is_measured))
    since = (values[first:] for values in (seconds, values, variances, is_measured, powers))
    states = smoothing._constant_velocity(*since, *prior)
    before = smoothing._states_before(states[0], seconds[first] - seconds[:first], powers[first])
    got = np.concatenate([before, states[:, [0, 1, 4]]])
    places, spreads = slow_smoother.constant_velocity(seconds, values, variances, powers, *prior)
    np.testing.assert_allclose(got[:, :2], places, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(got[:, 2], spreads, rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(random_frames(), st.floats(1e-4, 10))
def test_sizes_are_those_of_the_smoother_in_matrix_form(frames, power):
    seconds, values, variances, _ = frames
    got, spread = smoothing._random_walk(
        seconds, values[:, 0], variances, np.isfinite(variances), power
    )
    expected, variance = slow_smoother.random_walk(
        seconds, values[:, 0], variances, power, smoothing._SIZE_UNKNOWN**2
    )
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(spread, variance, rtol=1e-6)
