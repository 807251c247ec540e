"""The search for leaks in a finished clip, and tracks over what it finds."""

from redact.audit.leaks import (
    AuditResult,
    find_leaks,
    find_leaks_in_image,
    is_leak,
)
from redact.audit.repair import cover_leaks, refuse_certain_leaks
from redact.audit.tuning import TUNING

__all__ = [
    "TUNING",
    "AuditResult",
    "cover_leaks",
    "find_leaks",
    "find_leaks_in_image",
    "is_leak",
    "refuse_certain_leaks",
]
