"""A copy of the original that shows whether it was changed, as a legal demand needs it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from redact import video
from redact.errors import TargetError
from redact.output import staged, write_text


def write_sealed_copy(source: Path, target: Path) -> str:
    """Copy the original byte for byte, and return the copy's SHA-256.

    The copy is read again and compared, made read-only, and gets a file with its hash beside it,
    which `sha256sum --check` reads. A seal in the file (C2PA) stays as it is.

    Raises:
        ClipError: the source can't be read.
        TargetError: the copy can't be written, or differs from the source.

    """
    expected = video.file_sha256(source)
    hash_file = target.with_name(f"{target.name}.sha256")
    with staged(target) as unfinished:
        shutil.copyfile(source, unfinished)
        if (actual := video.file_sha256(unfinished)) != expected:
            raise TargetError(
                f"{str(target)!r} has the SHA-256 {actual}, not {expected}; try again"
            )
        write_text(hash_file, f"{expected}  {target.name}\n")
    for path in (target, hash_file):
        with contextlib.suppress(OSError):
            path.chmod(0o444)
    return expected
