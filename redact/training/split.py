"""Which photographs are trained on and which are held out. Imports only the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PHOTO_SETS = ("openimages_416",)
"""Sets that may be trained on: Open Images (images CC BY 2.0, labels CC BY 4.0)."""


def is_trained_on(name: str, about: Mapping[str, Any]) -> bool:
    """Whether the image `set/file` is in the half that is trained on.

    Near-duplicates stay together: even groups are trained on, odd groups are held out.

    about: the image's entry in `meta.json`, with the tier of its licence and its group of
    near-duplicates.
    """
    is_clear = name.split("/")[0] in PHOTO_SETS and about["tier"] == "A"
    return bool(is_clear and about["group"] % 2 == 0)
