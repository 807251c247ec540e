"""How far the cover of a track reaches beyond its box: as far as the box may be off.

Single detections, as in images, have the margins of their kind instead, see `cover/tuning.py`.
What the user adds to both, `Settings.margin_ratio`, is added in `cover/regions.py`.
"""

from __future__ import annotations

import numpy as np

from redact.tracking.smoothing import Estimate, Floats
from redact.tracking.tuning import SmoothingTuning


def margins(estimate: Estimate, tuning: SmoothingTuning) -> Floats:
    """(T, 2) how far a cover has to reach beyond the estimated box on each side, pixels.

    What detectors get wrong in every frame alike, and what the smoother is uncertain of, are
    independent errors: their squares add.
    """
    half = estimate.size / 2
    bias = tuning.bias / (estimate.confidence[:, None] if tuning.bias_by_confidence else 1.0)
    error = np.sqrt(
        (bias * half) ** 2
        + tuning.bias_pixels**2
        + estimate.center_sigma[:, None] ** 2
        + (estimate.size_sigma * half) ** 2
    )
    limit = tuning.max_margin_sizes * np.sqrt(estimate.size.prod(axis=1))[:, None]
    return np.asarray(np.minimum(tuning.sigmas * error, limit) + estimate.reach)
