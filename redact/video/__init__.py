"""Clips in and out: the only package that knows PyAV.

A clip is one video stream of a real container. Playlists, concat scripts and other formats that
open further files are refused, and no address but a local file is ever opened. What comes out has
the same pictures in the same order at the same times, and nothing else but sound, when it is kept.
"""

from __future__ import annotations

from redact.video.choosing import read_chosen
from redact.video.encoding import EncodedClip
from redact.video.opening import file_sha256, opened, packets_of
from redact.video.pictures import copied, editable, to_bgr, to_luma
from redact.video.probing import probe, with_pts
from redact.video.reading import FrameReader, read_frames
from redact.video.writing import check_fits, check_suffix, write_clip

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
