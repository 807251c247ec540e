"""Save the figures of benchmarks, describe the machine, and write tables into Markdown files."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

RESULTS = Path("benchmarks/results")


def machine(*packages: str) -> dict[str, str]:
    """Processor, and versions of Python and of these packages, for which the figures hold."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line), model)
    about = {"processor": f"{model}, {os.cpu_count()} cores", "python": platform.python_version()}
    return about | {name: importlib.metadata.version(name) for name in packages}


def save_json(path: Path, result: Any) -> None:
    """Write the figures as JSON; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def write_between_marks(path: Path, name: str, text: str) -> None:
    """Replace the text between the lines `<!-- NAME -->` and `<!-- NAME end -->` in a file.

    Raises:
        ValueError: the file does not have both marks.

    """
    first, last = f"<!-- {name} -->", f"<!-- {name} end -->"
    before, has_first, rest = path.read_text(encoding="utf-8").partition(first)
    _, has_last, after = rest.partition(last)
    if not (has_first and has_last):
        raise ValueError(f"{str(path)!r} needs the lines {first!r} and {last!r}")
    path.write_text(f"{before}{first}\n\n{text}\n\n{last}{after}", encoding="utf-8")
