"""What PyInstaller has to know to put `redact` into a program of its own.

PyInstaller asks for this folder by the entry point "pyinstaller40" of the installed package, and
runs the hook in it.
"""

from __future__ import annotations

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """The folders with hooks."""
    return [str(Path(__file__).parent)]
