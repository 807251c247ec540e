"""The search for leaks in a finished clip, and tracks over what it finds."""

from redact.audit.leaks import (
    CERTAIN_SCORE,
    MAX_SNAPSHOTS,
    AuditResult,
    find_leaks,
    find_leaks_in_image,
    is_leak,
)
from redact.audit.repair import cover_leaks

__all__ = [
    "CERTAIN_SCORE",
    "MAX_SNAPSHOTS",
    "AuditResult",
    "cover_leaks",
    "find_leaks",
    "find_leaks_in_image",
    "is_leak",
]
