"""Make doorbell-camera clips safe to share: find and cover every face and licence plate.

    import redact

    redact.redact_clip("porch.mp4", "porch.safe.mp4")

Names are resolved on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redact.batch.capacity import WorkerLimits
    from redact.batch.driver import BatchObserver
    from redact.batch.many import BatchReport, redact_many
    from redact.batch.records import ClipRecord
    from redact.burned_in_text import find_burned_in_text
    from redact.detectors import Detector
    from redact.errors import (
        ClipError,
        LeakError,
        LedgerError,
        PlanError,
        RedactError,
        SettingsError,
        TargetError,
        WeightsError,
    )
    from redact.images.arrays import redact_image
    from redact.ledger import Ledger
    from redact.manual_tracks import follow
    from redact.pipeline import Verification, analyze, preview, redact_clip, render, verify
    from redact.plan import Plan
    from redact.plan.decisions import Decision
    from redact.profiles import Profile
    from redact.report import Report
    from redact.settings import Settings
    from redact.streaming import redact_frames
    from redact.types import Box, ClipInfo, Detection, Track
    from redact.zones import Zone

__version__ = "0.1.0"

__all__ = [
    "BatchObserver",
    "BatchReport",
    "Box",
    "ClipError",
    "ClipInfo",
    "ClipRecord",
    "Decision",
    "Detection",
    "Detector",
    "LeakError",
    "Ledger",
    "LedgerError",
    "Plan",
    "PlanError",
    "Profile",
    "RedactError",
    "Report",
    "Settings",
    "SettingsError",
    "TargetError",
    "Track",
    "Verification",
    "WeightsError",
    "WorkerLimits",
    "Zone",
    "analyze",
    "find_burned_in_text",
    "follow",
    "preview",
    "redact_clip",
    "redact_frames",
    "redact_image",
    "redact_many",
    "render",
    "verify",
]

_HOMES = {
    "redact.batch.capacity": ("WorkerLimits",),
    "redact.batch.driver": ("BatchObserver",),
    "redact.batch.many": ("BatchReport", "redact_many"),
    "redact.batch.records": ("ClipRecord",),
    "redact.burned_in_text": ("find_burned_in_text",),
    "redact.detectors": ("Detector",),
    "redact.errors": (
        "ClipError",
        "LeakError",
        "LedgerError",
        "PlanError",
        "RedactError",
        "SettingsError",
        "TargetError",
        "WeightsError",
    ),
    "redact.images.arrays": ("redact_image",),
    "redact.ledger": ("Ledger",),
    "redact.manual_tracks": ("follow",),
    "redact.pipeline": ("Verification", "analyze", "preview", "redact_clip", "render", "verify"),
    "redact.plan": ("Plan",),
    "redact.plan.decisions": ("Decision",),
    "redact.profiles": ("Profile",),
    "redact.report": ("Report",),
    "redact.settings": ("Settings",),
    "redact.streaming": ("redact_frames",),
    "redact.types": ("Box", "ClipInfo", "Detection", "Track"),
    "redact.zones": ("Zone",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'redact' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
