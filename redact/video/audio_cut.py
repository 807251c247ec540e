"""Sound of a part of a clip, and silence where it shall not be heard: exact to the sample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from redact.types import ClipInfo


def kept(
    frames: Iterable[Any], clip: ClipInfo, spans: Sequence[tuple[float, float]]
) -> Iterator[Any]:
    """The audio that a result may hold.

    Args:
        frames: decoded PyAV frames of audio in order, with times by the clock of the clip's video.
        clip: a trimmed one has no sound before its first frame and after its last one.
        spans: (start, stop) in seconds of the clip: elsewhere there is silence. Empty for no
            silence.

    """
    origin = int(clip.pts[0]) * clip.time_base
    stop = math.inf if clip.part is None else origin + length_of(clip)
    for frame in frames:
        start = Fraction(frame.pts * frame.time_base)
        rate = frame.sample_rate
        # The numbers of the first sample in the part and of the one after its last.
        first = 0 if clip.part is None else max(0, math.ceil((origin - start) * rate))
        after = frame.samples
        if not math.isinf(stop):
            after = min(after, math.floor((stop - start) * rate))
        if first >= after:
            continue
        samples = _samples(frame)
        if spans:
            seconds = float(start - origin) + np.arange(frame.samples) / rate
            is_heard = np.zeros(frame.samples, dtype=bool)
            for span_start, span_stop in spans:
                is_heard |= (span_start <= seconds) & (seconds < span_stop)
            # Samples of 8 bits have no sign.
            samples[:, ~is_heard] = 128 if samples.dtype == np.uint8 else 0
        yield _frame(samples[:, first:after], frame, frame.pts + first)


def length_of(clip: ClipInfo) -> Fraction:
    """How long the clip is; the last frame is shown as long as is usual."""
    if len(clip.pts) < 2:
        return 1 / clip.frame_rate
    ticks = int(clip.pts[-1]) - int(clip.pts[0]) + int(np.median(np.diff(clip.pts)))
    return ticks * clip.time_base


def _samples(frame: Any) -> NDArray[Any]:
    """A copy of the samples, (channels, samples)."""
    channels = frame.layout.nb_channels
    data = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    return np.array(data)


def _frame(samples: NDArray[Any], like: Any, pts: int) -> Any:
    """A frame of these samples, (channels, samples), whose pts counts samples."""
    data = samples if like.format.is_planar else samples.T.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(data), format=like.format.name, layout=like.layout.name
    )
    frame.sample_rate = like.sample_rate
    frame.pts, frame.time_base = pts, like.time_base
    return frame
