"""The exceptions that `redact` raises on purpose, as one tree.

RedactError
├── SettingsError     a setting has a value that can't be used (also a ValueError)
├── ClipError         the source can't be read as a clip
├── TargetError       the result can't be written where it was asked for
├── PlanError         a plan is malformed, or doesn't belong to the clip
├── LedgerError       a ledger can't be read or written, or is damaged
├── WeightsError      a model's file is missing or is not the expected one
└── LeakError         a face or plate is still recognisable in the output

An argument of the wrong type raises a `TypeError`.
"""

from __future__ import annotations


class RedactError(Exception):
    """The base of all the errors below: catch this to catch them all."""


class SettingsError(RedactError, ValueError):
    """A setting has a value that can't be used."""


class ClipError(RedactError):
    """The source can't be read as a clip."""


class TargetError(RedactError):
    """The result can't be written where it was asked for."""


class PlanError(RedactError):
    """A plan is malformed, doesn't belong to the clip, or lacks a track that was named."""


class LedgerError(RedactError):
    """A ledger can't be read or written, or is damaged."""


class WeightsError(RedactError):
    """A model's file is missing or is not the expected one."""


class LeakError(RedactError):
    """A face or plate was found outside the covered regions of the output."""
