"""Everything that `redact` raises on purpose, as one tree.

RedactError
├── SettingsError     a setting has a value that can't be used (also a ValueError)
├── ClipError         the source can't be read as a clip
├── TargetError       the result can't be written where it was asked for
├── PlanError         a plan doesn't belong to the clip, or names what it doesn't have
├── WeightsError      a model's file is missing or isn't the one expected
└── LeakError         a face or plate is still recognisable in the output
"""

from __future__ import annotations


class RedactError(Exception):
    """Base of every error raised on purpose; catch this to catch them all."""


class SettingsError(RedactError, ValueError):
    """A setting has a value that can't be used."""


class ClipError(RedactError):
    """The source can't be read as a clip."""


class TargetError(RedactError):
    """The result can't be written where it was asked for."""


class PlanError(RedactError):
    """A plan doesn't belong to the clip, or names something it doesn't have."""


class WeightsError(RedactError):
    """A model's file is missing or isn't the one expected."""


class LeakError(RedactError):
    """A face or plate was found outside the covered regions of the output."""
