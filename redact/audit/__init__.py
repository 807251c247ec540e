"""The search for leaks in a finished clip, and tracks over what it finds."""

from redact.audit.leaks import (
    MAX_SNAPSHOTS,
    AuditResult,
    find_leaks,
    find_leaks_in_image,
    is_leak,
)
from redact.audit.repair import MAX_ROUNDS, cover_leaks, refuse_certain_leaks

__all__ = [
    "MAX_ROUNDS",
    "MAX_SNAPSHOTS",
    "AuditResult",
    "cover_leaks",
    "find_leaks",
    "find_leaks_in_image",
    "is_leak",
    "refuse_certain_leaks",
]
