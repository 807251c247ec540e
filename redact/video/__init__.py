"""Clips in and out: the only package that knows PyAV.

A clip is one video stream of a real container. Playlists, concat scripts and other formats that
open further files are refused, and no address but a local file is ever opened. What comes out has
the same pictures in the same order at the same times, and nothing else but sound, when it is kept.
"""

from __future__ import annotations

from redact.video.clip_info import probe, with_pts
from redact.video.container import file_sha256, opened, packets_of
from redact.video.decoder import FrameReader, read_frames
from redact.video.encoder import EncodedClip
from redact.video.muxer import check_fits, check_suffix, write_clip
from redact.video.pixels import copied, editable, to_bgr, to_luma
from redact.video.selected import read_chosen

__all__ = [
    "EncodedClip",
    "FrameReader",
    "check_fits",
    "check_suffix",
    "copied",
    "editable",
    "file_sha256",
    "opened",
    "packets_of",
    "probe",
    "read_chosen",
    "read_frames",
    "to_bgr",
    "to_luma",
    "with_pts",
    "write_clip",
]
