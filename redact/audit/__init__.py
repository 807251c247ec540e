"""The search for leaks in a finished clip, and tracks over what it finds."""

from redact.audit.leaks import CERTAIN_SCORE, find_leaks, is_leak, min_face_pixels
from redact.audit.repair import cover_leaks

__all__ = ["CERTAIN_SCORE", "cover_leaks", "find_leaks", "is_leak", "min_face_pixels"]
