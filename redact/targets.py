"""Where results go: refused early when that can't be, and never there before they are whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from redact import video
from redact.errors import TargetError


def default_target(source: Path) -> Path:
    """Where the result goes when nobody says: beside the source, `.redacted.mp4` for its suffix."""
    return source.with_name(f"{source.stem}.redacted.mp4")


def check_target(source: Path, target: Path) -> None:
    """Refuse early what would fail late, or harm the source.

    Raises:
        TargetError: the target is a folder, is the source itself, lies in no folder, or has a
            suffix that no container goes by.

    """
    if target.is_dir():
        raise TargetError(f"{str(target)!r} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise TargetError(f"there is no folder {str(target.parent)!r} to write {target.name!r} to")
    if target.exists() and source.exists() and target.samefile(source):
        raise TargetError(f"{str(target)!r} is the source itself; name another file")
    video.check_suffix(target)


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to; it becomes `target` when the block ends well.

    Raises:
        TargetError: the folder can't be written to, or the file can't be given its name.

    """
    unfinished = target.with_name(f".redact-{secrets.token_hex(6)}{target.suffix}")
    try:
        unfinished.touch(mode=0o600, exist_ok=False)
        yield unfinished
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(target)
    except OSError as err:
        raise TargetError(f"can't write {str(target)!r}: {err.strerror or err}") from err
    finally:
        unfinished.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
