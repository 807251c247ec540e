"""Where a face or plate is in every frame, how large, and how certain that is.

The place of an object is smoothed by a Kalman filter that runs forward and a correction that runs
backward through the clip (Rauch, Tung and Striebel, "Maximum likelihood estimates of linear dynamic
systems", AIAA Journal 3(8), 1965). Every frame is estimated from what was seen before and after it,
so nothing lags when the object starts, turns or stops. The place moves at a constant velocity that
changes by random accelerations. Width and height are constant but for a slow random drift, since a
head or a plate is rigid. Detections with a high score count more. Detections that disagree with the
others count less: errors are taken to follow Student's t distribution rather than a normal one,
which is fitted by reweighting (Lange, Little and Taylor, "Robust statistical modeling using the t
distribution", JASA 84, 1989).

The smoother also tells how uncertain each frame is: more in gaps, in fast turns, where only
low-confidence detections are, and beyond the first and last detection. Covers reach farther exactly
there, see `cover_margins.py`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from redact.tracking.tuning import SmoothingTuning

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Before anything is seen: a size may be any, in natural logarithms, and a velocity this many sizes
# per second, or as many as measurements show.
_SIZE_UNKNOWN, _SPEED_UNKNOWN = 1.0, 3.0
# What is nearby in time: the mean places of so many spans before and after (chosen).
_SPAN_SECONDS, _NEAR_SPANS = 0.5, 3
# Student's t with so few degrees of freedom has the long tails that detectors' errors have. Of the
# rounds of reweighting, the first is the plain smoother; a fourth to sixth move one centre in a
# hundred by more than 3 % of its size.
_DEGREES_OF_FREEDOM, _ROUNDS = 4.0, 3
# Scores scatter by so much from frame to frame, and what they scatter about changes by so much in a
# second (chosen). A turned head or a hand lowers some: higher ones count three times as much.
_SCORE_NOISE, _SCORE_DRIFT, _SCORE_QUANTILE, _MIN_CONFIDENCE = 0.15, 0.1, 0.75, 0.15


@dataclasses.dataclass(frozen=True)
class Estimate:
    """One object in T successive frames; pixels unless said otherwise.

    center: (T, 2). size: (T, 2) width and height. center_sigma: (T,) standard deviation of each
    coordinate. size_sigma: (T, 2) that of width and height, natural logarithm. reach: (T, 2) how
    much farther it may be from `center` along each axis: beyond its ends and on a profile's side.
    confidence: (T,) the detections' scores, smoothed, 0..1.
    """

    center: Floats
    size: Floats
    center_sigma: Floats
    size_sigma: Floats
    reach: Floats
    confidence: Floats


def estimate(
    frames: NDArray[np.intp],
    boxes: Floats,
    scores: Floats,
    seconds: Floats,
    tuning: SmoothingTuning,
    *,
    high_score: float,
) -> Estimate:
    """Place and size in every frame, from measurements in some.

    Args:
        frames: (N,) index into `seconds` of each measurement, ascending. A frame may have several,
            of two tracklets on the same face.
        boxes: (N, 4) x0, y0, x1, y1 in pixels.
        scores: (N,) detections' scores; NaN: followed by template, not detected.
        seconds: (T,) presentation time of each frame, ascending.
        tuning: of the object's kind.
        high_score: detections with at least this score have the noise `_high`, others `_low`.

    """
    is_found = np.isfinite(scores)
    is_high = np.nan_to_num(scores) >= high_score
    has_size = is_found if is_found.any() else ~is_found
    noise = np.where(is_high, tuning.size_noise_high, tuning.size_noise_low)[has_size]
    sides = np.log(np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0))[has_size]
    size, size_sigma = np.empty((len(seconds), 2)), np.empty((len(seconds), 2))
    for axis in (0, 1):
        side = _smooth_level(
            frames[has_size],
            sides[:, axis],
            noise,
            seconds,
            tuning.size_drift,
            tuning.size_quantile,
        )
        size[:, axis], size_sigma[:, axis] = np.exp(side[0]), side[1]

    scale = np.sqrt(size.prod(axis=1))
    noise = np.where(is_high, tuning.place_noise_high, tuning.place_noise_low)
    noise = np.where(is_found, noise, tuning.place_noise_followed) * scale[frames]
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    center, sigma = _smooth_place(frames, centers, noise, seconds, scale, tuning)

    reach = _cover_both_ways(center, int(frames[0]), int(frames[-1]))
    if tuning.min_aspect_ratio is not None:
        missing = np.maximum(tuning.min_aspect_ratio * size[:, 1] - size[:, 0], 0.0)
        size[:, 0] += missing
        reach[:, 0] += missing / 2
    confidence = _smooth_confidence(frames[is_found], scores[is_found], seconds)
    return Estimate(center, size, sigma, size_sigma, reach, confidence)


def _cover_both_ways(center: Floats, first: int, last: int) -> Floats:
    """(T, 2) half the way that was added beyond the first and last measured frame.

    There it either stopped or moved on. The centre, edited in place, is put halfway, and what is
    returned reaches both.
    """
    reach = np.zeros_like(center)
    for beyond, end in ((slice(None, first), first), (slice(last + 1, None), last)):
        way = (center[beyond] - center[end]) / 2
        center[beyond] -= way
        reach[beyond] = np.abs(way)
    return reach


def _smooth_confidence(frames: NDArray[np.intp], scores: Floats, seconds: Floats) -> Floats:
    """(T,) how clearly a thing is seen about that time: scores scatter, the higher ones tell."""
    if len(scores) == 0:
        return np.full(len(seconds), _MIN_CONFIDENCE)
    noise = np.full(len(scores), _SCORE_NOISE)
    level, _ = _smooth_level(frames, scores, noise, seconds, _SCORE_DRIFT, _SCORE_QUANTILE)
    return np.clip(level, _MIN_CONFIDENCE, 1.0)


def _smooth_level(
    frames: NDArray[np.intp],
    values: Floats,
    noise: Floats,
    seconds: Floats,
    drift: float,
    quantile: float,
) -> tuple[Floats, Floats]:
    """(T,) a value that drifts slowly, and its standard deviation."""
    measured, variance = _per_frame(frames, values[:, None], noise, len(seconds))
    is_measured = np.isfinite(variance)
    weighed = variance
    for _ in range(_ROUNDS):
        level, spread = _random_walk(seconds, measured[:, 0], weighed, is_measured, drift**2)
        off = measured[:, 0] - level
        lean = np.where(off > 0, quantile, 1 - quantile)
        weighed = _student(variance, off**2) * 0.5 / lean
    return level, np.sqrt(spread)


def _smooth_place(
    frames: NDArray[np.intp],
    values: Floats,
    noise: Floats,
    seconds: Floats,
    scale: Floats,
    tuning: SmoothingTuning,
) -> tuple[Floats, Floats]:
    """(T, 2) the smoothed centres, and (T,) their standard deviation."""
    measured, variance = _per_frame(frames, values, noise, len(seconds))
    is_measured = np.isfinite(variance)
    weighed = variance
    first = int(frames[0])
    start = float(np.median(scale)) ** 2
    share = _motion_share(frames, values, scale, seconds, tuning)
    power = (tuning.acceleration * share * scale) ** 2
    speed = _SPEED_UNKNOWN
    if tuning.is_fast:
        speed = max(speed, _speed(frames, values, scale, seconds))
    for _ in range(_ROUNDS):
        states = _constant_velocity(
            seconds[first:],
            measured[first:],
            weighed[first:],
            is_measured[first:],
            power[first:],
            start,
            start * speed**2,
        )
        before = _states_before(states[0], seconds[first] - seconds[:first], float(power[first]))
        center, spread = np.split(np.concatenate([before, states[:, [0, 1, 4]]]), [2], axis=1)
        spread = np.maximum(spread[:, 0], 0.0)
        weighed = _student(variance, ((measured - center) ** 2).mean(axis=1))
    return center, np.sqrt(spread)


def _speed(frames: NDArray[np.intp], centers: Floats, scale: Floats, seconds: Floats) -> float:
    """The median speed between measurements, sizes per second; 0 where only one frame has any."""
    elapsed = np.diff(seconds[frames])
    way = np.linalg.norm(np.diff(centers, axis=0), axis=1)
    is_later = elapsed > 0
    if not is_later.any():
        return 0.0
    return float(np.median(way[is_later] / elapsed[is_later]) / np.median(scale))


def _states_before(state: Floats, back: Floats, power: float) -> Floats:
    """(N, 3) place and its variance, (N,) seconds before a state of `_constant_velocity`."""
    x, y, u, v, a, b, c = state
    variance = a - 2 * back * b + back**2 * c + power * back**3 / 3
    return np.stack([x - back * u, y - back * v, variance], axis=1)


def _motion_share(
    frames: NDArray[np.intp],
    centers: Floats,
    scale: Floats,
    seconds: Floats,
    tuning: SmoothingTuning,
) -> Floats:
    """(T,) how much an object moved, 0..1: all along, or about that time if that is more.

    All along, the outermost tenth of its places is left out. Something that stood for long and then
    leaves lies in there.
    """
    size = float(np.median(scale))
    low, high = np.percentile(centers, (5, 95), axis=0)
    moved = float(np.linalg.norm(high - low))
    # Means of short spans, in which noise and single outliers cancel out.
    spans, number = np.unique(np.floor(seconds[frames] / _SPAN_SECONDS), return_inverse=True)
    sums = [np.bincount(number, centers[:, axis]) for axis in (0, 1)]
    means = np.stack(sums, axis=1) / np.bincount(number)[:, None]
    near = np.lib.stride_tricks.sliding_window_view(
        np.pad(means, ((_NEAR_SPANS, _NEAR_SPANS), (0, 0)), mode="edge"), 2 * _NEAR_SPANS + 1, 0
    )
    moved_near = np.linalg.norm(np.ptp(near, axis=2), axis=1)
    at = np.searchsorted(spans, np.floor(seconds / _SPAN_SECONDS)).clip(max=len(spans) - 1)
    moved_sizes = np.maximum(moved, moved_near[at]) / size
    share = moved_sizes / tuning.full_motion_sizes
    return np.asarray(np.clip(share, tuning.min_motion_share, 1.0))


def _student(variance: Floats, squared: Floats) -> Floats:
    """(T,) variances, larger where the (T,) squared residuals are larger than they say."""
    ratio = np.divide(squared, variance, out=np.zeros_like(variance), where=np.isfinite(variance))
    return variance * (_DEGREES_OF_FREEDOM + ratio) / (_DEGREES_OF_FREEDOM + 1)


def _per_frame(
    frames: NDArray[np.intp], values: Floats, noise: Floats, count: int
) -> tuple[Floats, Floats]:
    """(T, D) one value a frame, zero where there is none, and its (T,) variance, there infinite.

    Two measurements of one frame are averaged by precision, but count as one: detectors that see
    the same pixels make the same errors.
    """
    precision = 1 / noise**2
    total = np.bincount(frames, precision, count)
    mean = [
        np.bincount(frames, precision * values[:, axis], count) / np.where(total > 0, total, 1)
        for axis in range(values.shape[1])
    ]
    variance = np.full(count, np.inf)
    np.minimum.at(variance, frames, noise**2)
    return np.stack(mean, axis=1), variance


def _random_walk(
    seconds: Floats, values: Floats, variances: Floats, is_measured: Flags, power: float
) -> tuple[Floats, Floats]:
    """(T,) smoothed values and their variances; the level changes by `power` in a second."""
    steps = np.diff(seconds, prepend=seconds[0]).tolist()
    x = float(values[np.argmax(is_measured)])
    p = _SIZE_UNKNOWN**2
    measured = zip(steps, values.tolist(), variances.tolist(), is_measured.tolist(), strict=True)
    levels, spreads, priors = [], [], []
    for step, value, variance, is_there in measured:
        p += power * step
        priors.append(p)
        if is_there:
            gain = p / (p + variance)
            x += gain * (value - x)
            p -= gain * p
        levels.append(x)
        spreads.append(p)
    for t in range(len(levels) - 2, -1, -1):
        gain = spreads[t] / priors[t + 1]
        levels[t] += gain * (levels[t + 1] - levels[t])
        spreads[t] += gain * gain * (spreads[t + 1] - priors[t + 1])
    return np.array(levels), np.array(spreads)


def _constant_velocity(
    seconds: Floats,
    values: Floats,
    variances: Floats,
    is_measured: Flags,
    powers: Floats,
    place_variance: float,
    speed_variance: float,
) -> Floats:
    """(T, 7) smoothed x, y, their velocities, and the variances a, b, c; measured in the first.

    powers: (T,) how much the variance of the velocity grows in a second. Both coordinates have the
    same variances: [[a, b], [b, c]] of place and velocity.
    """
    steps = np.diff(seconds, prepend=seconds[0]).tolist()
    (x, y), u, v = values[0].tolist(), 0.0, 0.0
    a, b, c = place_variance, 0.0, speed_variance
    states, priors = [], []
    for step, power, (x1, y1), variance, is_there in zip(
        steps,
        powers.tolist(),
        values.tolist(),
        variances.tolist(),
        is_measured.tolist(),
        strict=True,
    ):
        x, y = x + step * u, y + step * v
        a += step * (2 * b + step * c) + power * step**3 / 3
        b += step * c + power * step**2 / 2
        c += power * step
        priors.append((x, y, u, v, a, b, c))
        if is_there:
            gain, turn = a / (a + variance), b / (a + variance)
            dx, dy = x1 - x, y1 - y
            x, y, u, v = x + gain * dx, y + gain * dy, u + turn * dx, v + turn * dy
            a, b, c = a - gain * a, b - gain * b, c - turn * b
        states.append((x, y, u, v, a, b, c))
    smooth = [(x, y, u, v, a, b, c)]
    for t in range(len(states) - 2, -1, -1):
        xp, yp, up, vp, ap, bp, cp = priors[t + 1]
        xf, yf, uf, vf, af, bf, cf = states[t]
        step, determinant = steps[t + 1], ap * cp - bp * bp
        # The gain [[g, h], [k, m]] is P F' inverse(P of the prediction).
        g = ((af + step * bf) * cp - bf * bp) / determinant
        h = (bf * ap - (af + step * bf) * bp) / determinant
        k = ((bf + step * cf) * cp - cf * bp) / determinant
        m = (cf * ap - (bf + step * cf) * bp) / determinant
        dx, dy, du, dv = x - xp, y - yp, u - up, v - vp
        x, y, u, v = (
            xf + g * dx + h * du,
            yf + g * dy + h * dv,
            uf + k * dx + m * du,
            vf + k * dy + m * dv,
        )
        da, db, dc = a - ap, b - bp, c - cp
        a = af + g * g * da + 2 * g * h * db + h * h * dc
        b = bf + g * k * da + (g * m + h * k) * db + h * m * dc
        c = cf + k * k * da + 2 * k * m * db + m * m * dc
        smooth.append((x, y, u, v, a, b, c))
    return np.array(smooth[::-1])
