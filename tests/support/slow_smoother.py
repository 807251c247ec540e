"""A slow twin of the smoother's loops, written from the equations in matrix form.

The equations are those of Rauch, Tung and Striebel, "Maximum likelihood estimates of linear dynamic
systems" (1965), with the white-noise acceleration model of Bar-Shalom, Li and Kirubarajan,
"Estimation with Applications to Tracking and Navigation", section 6.2.
"""

import numpy as np


def smooth(transitions, disturbances, observe, measured, noises, mean, covariance):
    """Return the smoothed states (T, n) and their covariances (T, n, n).

    transitions, disturbances: the (n, n) F and Q of the step that leads to each frame.
    observe: (m, n), what of the state is measured.
    measured: (m,) for each frame, or None where nothing is. noises: the variance of each.
    mean, covariance: (n,) and (n, n) of the state before the first step.
    """
    predicted, filtered = [], []
    for forward, disturbance, value, noise in zip(
        transitions, disturbances, measured, noises, strict=True
    ):
        mean = forward @ mean
        covariance = forward @ covariance @ forward.T + disturbance
        predicted.append((mean, covariance))
        if value is not None:
            expected = observe @ covariance @ observe.T + noise * np.eye(len(observe))
            gain = covariance @ observe.T @ np.linalg.inv(expected)
            mean = mean + gain @ (value - observe @ mean)
            covariance = covariance - gain @ expected @ gain.T
        filtered.append((mean, covariance))
    smoothed = [filtered[-1]]
    for t in range(len(filtered) - 2, -1, -1):
        (mean, covariance), (next_mean, next_covariance) = filtered[t], predicted[t + 1]
        gain = covariance @ transitions[t + 1].T @ np.linalg.inv(next_covariance)
        mean = mean + gain @ (smoothed[-1][0] - next_mean)
        covariance = covariance + gain @ (smoothed[-1][1] - next_covariance) @ gain.T
        smoothed.append((mean, covariance))
    means, covariances = zip(*smoothed[::-1], strict=True)
    return np.array(means), np.array(covariances)


def _motion(step, power):
    """F and Q of x, y and their velocities over a step of time."""
    forward = np.kron([[1, step], [0, 1]], np.eye(2))
    disturbance = np.kron([[step**3 / 3, step**2 / 2], [step**2 / 2, step]], np.eye(2))
    return forward, power * disturbance


def constant_velocity(seconds, values, variances, powers, place_variance, speed_variance):
    """Return (T, 2) places and the (T,) variance of a coordinate.

    Before the first measurement, the motion runs backwards from there.

    variances: (T,), infinite where nothing was measured.
    """
    is_measured = np.isfinite(variances)
    first = int(np.argmax(is_measured))
    steps = np.diff(seconds[first:], prepend=seconds[first])
    models = [_motion(step, power) for step, power in zip(steps, powers[first:], strict=True)]
    means, covariances = smooth(
        *zip(*models, strict=True),
        np.eye(2, 4),
        [
            value if there else None
            for value, there in zip(values[first:], is_measured[first:], strict=True)
        ],
        variances[first:],
        np.concatenate([values[first], [0.0, 0.0]]),
        np.diag([place_variance] * 2 + [speed_variance] * 2),
    )
    places, spreads = list(means[:, :2]), list(covariances[:, 0, 0])
    for t in range(first - 1, -1, -1):
        forward, disturbance = _motion(seconds[first] - seconds[t], powers[first])
        back = np.linalg.inv(forward)
        places.insert(0, (back @ means[0])[:2])
        spreads.insert(0, (back @ (covariances[0] + disturbance) @ back.T)[0, 0])
    return np.array(places), np.array(spreads)


def random_walk(seconds, values, variances, power, first_variance):
    """Return (T,) values that drift, and the variance of each; arguments as above."""
    is_measured = np.isfinite(variances)
    means, covariances = smooth(
        [np.eye(1)] * len(seconds),
        [power * step * np.eye(1) for step in np.diff(seconds, prepend=seconds[0])],
        np.eye(1),
        [np.array([v]) if there else None for v, there in zip(values, is_measured, strict=True)],
        variances,
        values[np.argmax(is_measured)][None],
        first_variance * np.eye(1),
    )
    return means[:, 0], covariances[:, 0, 0]
