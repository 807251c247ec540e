"""Reads and writes clips; this is the only package that imports PyAV.

A clip is one video stream in a real container. Playlists, concat scripts and other formats that
open further files are refused, and nothing but local files is ever opened. A written clip has the
same frames in the same order at the same times, and nothing else except audio, if that is kept.
"""

from __future__ import annotations

from redact.video.audio import sound_of
from redact.video.clip_info import probe, with_pts
from redact.video.codecs import check_suffix
from redact.video.container import file_sha256, open_container, read_packets
from redact.video.decoder import FrameReader, read_frames, read_selected
from redact.video.encoder import EncodedClip
from redact.video.muxer import check_fits, write_clip
from redact.video.pixels import copy_frame, make_editable, to_bgr, to_luma
from redact.video.seeking import frame_times, read_from, read_part

__all__ = [
    "EncodedClip",
    "FrameReader",
    "check_fits",
    "check_suffix",
    "copy_frame",
    "file_sha256",
    "frame_times",
    "make_editable",
    "open_container",
    "probe",
    "read_frames",
    "read_from",
    "read_packets",
    "read_part",
    "read_selected",
    "sound_of",
    "to_bgr",
    "to_luma",
    "with_pts",
    "write_clip",
]
