"""What will be covered in a clip, and what its owner decided about it."""

from redact.plan.plan import Plan

__all__ = ["Plan"]
