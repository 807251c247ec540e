"""Which container and codec a file gets, and how the encoder is set up."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from redact.errors import TargetError
from redact.settings import Settings
from redact.types import ClipInfo
from redact.video import hardware
from redact.video.pixels import FULL_RANGE
from redact.video.tuning import TUNING

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
"""Suffix of the target: libav's name of the container."""

MAX_TICKS_PER_SECOND = 240_000
"""The fastest clock that an MP4 file is written with."""

_SLOW_TICKS_PER_SECOND = 90_000
_MIN_RATE, _MAX_RATE = Fraction(1), Fraction(1000)
_MAX_VP9_CRF = 63
_INTERLACED_FLAGS = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me


def codec_for(target: Path, clip: ClipInfo, settings: Settings) -> str:
    """The name of the encoder for the frames of a clip in a file of this name.

    Raises:
        TargetError: its suffix stands for no container that is written.

    """
    check_suffix(target)
    if target.suffix.lower() == ".webm":
        return "libvpx-vp9"
    in_hardware = (
        hardware.working_encoder(clip, settings.crf) if settings.encoder == "auto" else None
    )
    return in_hardware or "libx264"


def check_suffix(target: Path) -> None:
    """Refuse a file name whose suffix stands for no container that is written.

    Raises:
        TargetError: the suffix is not one of `CONTAINERS`.

    """
    if target.suffix.lower() not in CONTAINERS:
        raise TargetError(
            f"can't write {target.name!r}: its suffix must be one of {', '.join(CONTAINERS)}"
        )


def set_up(context: Any, clip: ClipInfo, settings: Settings, codec: str) -> None:
    """Set everything on a codec context that decides what the encoder makes of frames."""
    context.width, context.height = clip.width, clip.height
    context.pix_fmt = "yuv420p"
    # The times of frames in the file don't depend on the encoder's clock.
    rate = clip.time_base.denominator
    context.time_base = Fraction(
        1, rate if rate <= MAX_TICKS_PER_SECOND else _SLOW_TICKS_PER_SECOND
    )
    context.thread_count = settings.threads
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    context.color_range = clip.color_range
    context.color_primaries = clip.color_primaries
    context.color_trc = clip.color_transfer
    context.colorspace = clip.color_matrix
    if codec == "libx264":
        _set_up_h264(context, clip, settings)
    elif codec in hardware.ENCODERS:
        hardware.set_up(context, codec, settings.crf)
    else:
        context.options = {
            "crf": str(min(_MAX_VP9_CRF, round(settings.crf * TUNING.vp9_crf_ratio))),
            # "good" takes seven times as long for files that are a fifth smaller.
            "deadline": "realtime",
            "cpu-used": "6",
            "row-mt": "1",
        }


def encoder_rate(clip: ClipInfo) -> Fraction:
    """Frames per second for the encoder's rate control; the times of frames don't depend on it."""
    rate = min(max(clip.frame_rate, _MIN_RATE), _MAX_RATE)
    return rate.limit_denominator(1001)


def _set_up_h264(context: Any, clip: ClipInfo, settings: Settings) -> None:
    context.options = {
        "crf": str(settings.crf),
        "preset": settings.preset,
        "a53cc": "0",
        # No frame refers to a B-frame, so that a reader of selected frames has to decode only half
        # as many. Files get up to 2 % larger.
        "b-pyramid": "none",
    }
    is_odd = clip.width % 2 or clip.height % 2
    is_full_range = clip.color_range == FULL_RANGE
    context.pix_fmt = ("yuvj" if is_full_range else "yuv") + ("444p" if is_odd else "420p")
    # H.264 crops interlaced frames in steps of four rows.
    if clip.is_interlaced and not is_odd and clip.height % 4 == 0:
        context.flags |= _INTERLACED_FLAGS
