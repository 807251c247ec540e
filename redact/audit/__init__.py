"""The search for leaks in a finished clip."""

from redact.audit.leaks import CERTAIN_SCORE, find_leaks, is_leak
from redact.audit.repair import cover_leaks

__all__ = ["CERTAIN_SCORE", "cover_leaks", "find_leaks", "is_leak"]
