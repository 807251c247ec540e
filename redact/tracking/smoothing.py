"""From what was seen of each thing to tracks without holes: support, fill, extend, smooth.

The whole clip is known, so gaps are filled from both sides and every track is carried on beyond
its ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SMOOTH_SECONDS = 0.1


def smooth_boxes(boxes: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steadier boxes that contain the ones given.

    Centres are averaged over a short window, so that steady motion stays what it is; half sizes,
    and what still sticks out of the box around the averaged centre, are enveloped from above.
    """
    if len(boxes) < 3:
        return boxes
    step = float(np.median(np.diff(times)))
    radius = min(5, len(boxes) - 1, round(_SMOOTH_SECONDS / step)) if step > 0 else 0
    if radius == 0:
        return boxes
    low, high = boxes[:, :2], boxes[:, 2:]
    middle = (low + high) / 2
    # Beyond the ends the way is thought to go on as it was there.
    before = 2 * middle[0] - middle[radius:0:-1]
    after = 2 * middle[-1] - middle[-2 : -radius - 2 : -1]
    led_on = np.concatenate([before, middle, after])
    center = _windows(led_on, radius)[:, radius : radius + len(boxes)].mean(axis=0)
    half = np.tile(_upper_envelope((high - low) / 2, radius), 2)
    outward = np.array([-1.0, -1.0, 1.0, 1.0])
    kept = np.tile(center, 2) + outward * half
    missing = _upper_envelope(np.maximum(outward * (boxes - kept), 0.0), radius)
    return kept + outward * missing


def _upper_envelope(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """A smooth curve that never lies below (T, K) values.

    A running maximum, then a running mean of the same window: each mean is over maxima that saw
    the centre.
    """
    highest = _windows(values, radius).max(axis=0)
    return np.asarray(_windows(highest, radius).mean(axis=0))


def _windows(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """(2 * radius + 1, T, K) out of (T, K): what lies around each; the ends go on as they are."""
    steps = np.arange(-radius, radius + 1)[:, None] + np.arange(len(values))
    return np.take(values, steps, axis=0, mode="clip")
