"""Side data: what a decoder returns along with a frame, such as captions or a display matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from av.sidedata.sidedata import SideDataContainer

from redact.video.pixels import has_alpha

# libav's name of the side data: ours, for the report. Others, such as motion vectors, come from
# the decoder and are not stored in the clip.
_NAMES = {
    "A53_CC": "captions",
    "SEI_UNREGISTERED": "user data",
    "S12M_TIMECODE": "time codes",
    "GOP_TIMECODE": "time codes",
    "ICC_PROFILE": "a colour profile",
    "MASTERING_DISPLAY_METADATA": "mastering display metadata",
    "CONTENT_LIGHT_LEVEL": "light levels",
    "DYNAMIC_HDR_PLUS": "dynamic HDR metadata",
    "DYNAMIC_HDR_VIVID": "dynamic HDR metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
    "SPHERICAL": "a spherical mapping",
    "STEREO3D": "a stereo layout",
    "DETECTION_BBOXES": "boxes of a detector",
}


def side_data_of(native: Any) -> Any:
    """The same as `native.side_data` of a PyAV frame, without its reference cycle.

    The attribute's value refers to its frame, and the frame refers to the value. Such a cycle stays
    in memory, 3 MB for a frame in 1080p, until Python's garbage collector finds it.
    """
    container: Any = SideDataContainer
    return container(native)


def describe_side_data(native: Any) -> Iterator[str]:
    """What comes with this frame and is left out of the result, in words for the report."""
    if has_alpha(native):
        yield "transparency"
    for data in side_data_of(native):
        name = data.type.name
        if name in _NAMES:
            yield f"in the frames: {_NAMES[name]}"
