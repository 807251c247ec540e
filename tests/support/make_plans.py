"""Plans, tracks and reports for tests, without a clip behind them."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from redact import ClipInfo, Plan, Report, Settings, Track
from redact.types import Frame


def make_clip(**change_map):
    """What is known about a clip of 30 frames at 30 frames/s, with these fields changed."""
    values = {
        "path": Path("door.mp4"),
        "sha256": "0" * 64,
        "width": 640,
        "height": 360,
        "rotation_degrees": 0,
        "time_base": Fraction(1, 15360),
        "pts": np.arange(30, dtype=np.int64) * 512,
        "has_audio": False,
        "frame_rate": Fraction(30),
        "sample_aspect_ratio": Fraction(1),
        "color_range": 1,
        "color_primaries": 1,
        "color_transfer": 1,
        "color_matrix": 1,
        "dropped": ("audio: aac",),
    }
    return ClipInfo(**{**values, **change_map})


def make_track(number, boxes, *, kind="face", start=0):
    """A track with these (T, 4) boxes that was detected at both ends and filled in between."""
    boxes = np.asarray(boxes, np.float32)
    scores = np.full(len(boxes), 0.9, np.float32)
    scores[1:-1] = np.nan
    return Track(id=number, kind=kind, start_index=start, boxes=boxes, scores=scores)


def make_plan(tracks, **change_map):
    """A plan for `make_clip(**change_map)`."""
    return Plan(clip=make_clip(**change_map), settings=Settings(), tracks=tuple(tracks))


def make_report(plan, **change_map):
    """A report of an audit that looked at 10 frames and found nothing, with fields changed."""
    values = {
        "plan": plan,
        "output": Path("door.redacted.mp4"),
        "output_sha256": "1" * 64,
        "frame_count": len(plan.clip.pts),
        "covered_ratio": 0.05,
        "leaks": (),
        "audited_frames": 10,
        "min_face_pixels": 16,
        "stage_seconds": {"analyze": 2.0, "render": 1.0, "audit": 0.5},
    }
    return Report(**{**values, **change_map})


def make_frame(grey):
    """A frame of that luma without colour, its rows padded as a decoder's are."""
    height, width = grey.shape
    half = (-(-height // 2), -(-width // 2))
    y = np.zeros((height, width + 24), np.uint8)[:, :width]
    y[:] = grey
    u, v = (np.full((half[0], half[1] + 8), 128, np.uint8)[:, : half[1]] for _ in range(2))
    return Frame(index=0, pts=0, y=y, u=u, v=v)
