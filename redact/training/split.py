"""Which photographs may be trained on, and which are held out to measure on. Loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PHOTO_SETS = ("openimages_416",)
"""Images CC BY 2.0, labels CC BY 4.0, all of Open Images."""


def is_trained_on(name: str, about: Mapping[str, Any]) -> bool:
    """Whether the picture `set/file` is in the half that is trained on.

    about: its entry in `meta.json`: the tier of its licence, and its group of near-duplicates,
    which stays together: even groups are trained on, odd ones held out.
    """
    is_clear = name.split("/")[0] in PHOTO_SETS and about["tier"] == "A"
    return bool(is_clear and about["group"] % 2 == 0)
