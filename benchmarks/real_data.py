"""Where real clips and labelled images lie."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """The folder that REDACT_DATA names, or the one where developers keep it."""
    return Path(os.environ.get("REDACT_DATA", "../shared/data"))
