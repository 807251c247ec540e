"""Detections and tracklets for tests of tracking."""

import numpy as np

from redact import Box, Detection, Settings
from redact.tracking.tracklet import Tracklet

RATE = 10
SECONDS = np.arange(60) / RATE
EXACT = Settings(extend_seconds=0.0, max_gap_seconds=1.0)


def walk(indices, *, start=(100, 100), step=(3, 0), size=40, score=0.9, kind="face"):
    """Detections of something that moves by `step` pixels a frame."""
    return [
        Detection(
            kind=kind,
            box=Box(
                start[0] + step[0] * i,
                start[1] + step[1] * i,
                start[0] + step[0] * i + size,
                start[1] + step[1] * i + size,
            ),
            score=score,
            frame_index=i,
        )
        for i in indices
    ]


def plate(x0, x1, *, y0=100, y1=120, score=0.6, index=0):
    return Detection(kind="plate", box=Box(x0, y0, x1, y1), score=score, frame_index=index)


def make_tracklet(times, boxes, scores, *, kind="face", rate=100, **fields):
    """A tracklet; frame indices are the times at that rate."""
    return Tracklet(
        kind=kind,
        indices=np.round(np.asarray(times) * rate).astype(int).tolist(),
        times=list(times),
        boxes=list(boxes),
        scores=list(scores),
        velocity=np.zeros(2),
        camera_offset=np.zeros(2),
        **fields,
    )


def random_boxes(count, seed=0):
    """Times of so many boxes in one place, and the boxes, some of which are parts of others."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.4, count))
    low = rng.uniform(100, 110, (count, 2))
    return times, np.concatenate([low, low + rng.uniform(10, 60, (count, 2))], axis=1)
