"""What was done to a clip: a record, which becomes JSON or a page."""

from redact.report.record import Report

__all__ = ["Report"]
