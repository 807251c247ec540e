"""Save a frame of a clip before and after redaction, side by side."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray


def save_side_by_side(before: Path, after: Path, target: Path, *, seconds: float = 2.5) -> None:
    """Save the frames of two clips at the same time, or their last frames, as one JPEG file."""
    pair = [frame_at(path, seconds) for path in (before, after)]
    gap = np.full((pair[0].shape[0], 12, 3), 255, dtype=np.uint8)
    joined = np.concatenate([pair[0], gap, pair[1]], axis=1)
    cv2.imwrite(str(target), joined, [cv2.IMWRITE_JPEG_QUALITY, 82])


def frame_at(path: Path, seconds: float) -> NDArray[np.uint8]:
    """The first frame at this time or later, or else the last one, as (H, W, 3) BGR."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= seconds:
                break
        return frame.to_ndarray(format="bgr24")
