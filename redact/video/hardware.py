"""Encoders of H.264 in hardware: which one works here, and how it is set up."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import av

from redact.types import ClipInfo
from redact.video.tuning import TUNING

_TRIED_FRAMES = 3
_RATE = Fraction(30)


@dataclasses.dataclass(frozen=True, eq=False)
class HardwareEncoder:
    """How an encoder is set up so that its pictures are about as sharp as x264's.

    pix_fmt: the libav name of the pixel format that it takes.
    options: from x264's constant rate factor, the encoder's options.
    """

    pix_fmt: str
    options: Callable[[int], Mapping[str, str]]


# In the order in which they are tried. All of them work without B-frames, which hardware orders in
# ways of its own.
ENCODERS: Mapping[str, HardwareEncoder] = MappingProxyType(
    {
        "h264_videotoolbox": HardwareEncoder(
            "nv12",
            # A share of the best quality, in libav's units of 1 / 118 of a percent. Macs without
            # Apple's own chip refuse it.
            lambda crf: {
                "flags": "+qscale",
                "global_quality": str(
                    round((100 - TUNING.videotoolbox_percent_per_crf * crf) * 118)
                ),
            },
        ),
        "h264_nvenc": HardwareEncoder(
            "nv12", lambda crf: {"rc": "vbr", "cq": str(max(1, crf)), "preset": "p4"}
        ),
        "h264_qsv": HardwareEncoder("nv12", lambda crf: {"global_quality": str(max(1, crf))}),
        "h264_amf": HardwareEncoder(
            "nv12", lambda crf: {"rc": "cqp", "qp_i": str(crf), "qp_p": str(crf)}
        ),
    }
)


def working_encoder(clip: ClipInfo, crf: int) -> str | None:
    """The first encoder in hardware that takes frames like the clip's; None where none does.

    Interlaced clips, and those with an odd width or height, are left to x264, which keeps them so.
    """
    if clip.is_interlaced or clip.width % 2 or clip.height % 2:
        return None
    names = (name for name in ENCODERS if name in av.codecs_available)
    return next((name for name in names if _works(name, clip.width, clip.height, crf)), None)


def set_up(context: Any, codec: str, crf: int) -> None:
    """Set what is special to the encoder on a codec context."""
    context.pix_fmt = ENCODERS[codec].pix_fmt
    context.max_b_frames = 0
    context.options = dict(ENCODERS[codec].options(crf))


@functools.cache
def _works(codec: str, width: int, height: int, crf: int) -> bool:
    """Whether the encoder turns grey frames into packets, and describes them alike twice.

    The wheels of PyAV have encoders for hardware that most machines lack.
    """
    try:
        headers = [_header_of_trial(codec, width, height, crf) for _ in range(2)]
    except (av.FFmpegError, OSError, ValueError):
        return False
    return headers[0] is not None and headers[0] == headers[1]


def _header_of_trial(codec: str, width: int, height: int, crf: int) -> bytes | None:
    """What the encoder states about its frames; None where it loses some."""
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height = width, height
    context.framerate, context.time_base = _RATE, 1 / _RATE
    set_up(context, codec, crf)
    context.flags |= av.codec.context.Flags.global_header
    context.open()
    packets = []
    for index in range(_TRIED_FRAMES):
        frame = av.VideoFrame(width, height, context.pix_fmt)
        for plane in frame.planes:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts, frame.time_base = index, context.time_base
        packets += context.encode(frame)
    packets += context.encode(None)
    is_whole = [packet.pts for packet in packets] == list(range(_TRIED_FRAMES))
    header: bytes | None = context.extradata
    return header if is_whole and packets[0].is_keyframe else None
