"""Where the weights of the detectors are."""

from __future__ import annotations

import os
from pathlib import Path

from redact.errors import WeightsError

_INSTALLED = Path(__file__).parents[1] / "weights"


def find(name: str) -> Path:
    """Path of the weights with the file name `name`.

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
        f"no weights {name!r} in {', '.join(map(str, folders))}; reinstall redact-clips, or set "
        "REDACT_WEIGHTS to a folder that has the file"
    )
