"""Where a model's file lies: the user's own folder first, then what was installed."""

from __future__ import annotations

import os
from pathlib import Path

from redact.errors import WeightsError

_INSTALLED = Path(__file__).parents[1] / "weights"


def find(name: str) -> Path:
    """Path of the weights called `name`.

    The folder in the environment variable REDACT_WEIGHTS comes before the installed one.

    Raises:
        WeightsError: neither folder has the file.

    """
    override = os.environ.get("REDACT_WEIGHTS")
    folders = [Path(override), _INSTALLED] if override else [_INSTALLED]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise WeightsError(
        f"no weights {name!r} in {', '.join(map(str, folders))}; "
        "reinstall redact-clips, or name a folder that has the file in REDACT_WEIGHTS"
    )
