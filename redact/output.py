"""Where results go: refused early when that can't be, and never there before they are whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from redact import video
from redact.errors import TargetError
from redact.source_files import check_source, reason


def default_target(source: Path) -> Path:
    """Where the result goes when nobody says: beside the source, `.redacted.mp4` for its suffix.

    Raises:
        TargetError: the source has no name.

    """
    if not source.name:
        raise TargetError(f"{str(source)!r} names no file to write a result beside")
    return source.with_name(f"{source.stem}.redacted.mp4")


def check_target(source: Path, target: Path) -> None:
    """Refuse early what would fail late, or harm the source.

    Raises:
        ClipError: there is no such source.
        TargetError: the target is a folder or a device, is the source itself (perhaps by another
            name), lies in no folder, or has a suffix that no container goes by.

    """
    check_place(source, target)
    video.check_suffix(target)


def check_place(source: Path, target: Path) -> None:
    """`check_target` for a file of any suffix: a report beside the result.

    Raises:
        ClipError: there is no such source.
        TargetError: as for `check_target`.

    """
    check_source(source)
    try:
        if target.is_dir():
            raise TargetError(f"{str(target)!r} is a folder; name a file in it")
        if not target.parent.is_dir():
            raise TargetError(
                f"there is no folder {str(target.parent)!r} to write {target.name!r} to"
            )
        if target.exists() and not target.is_file():
            raise TargetError(f"{str(target)!r} is no file that could be replaced; name another")
        if target.exists() and target.samefile(source):
            raise TargetError(f"{str(target)!r} is the source itself; name another file")
        target.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err


def check_apart(targets: Sequence[Path]) -> None:
    """Refuse to write two results to one file.

    Raises:
        TargetError: two of them are the same.

    """
    seen = {}
    for target in targets:
        place = os.path.realpath(target)
        if place in seen:
            raise TargetError(f"{str(target)!r} is asked for twice; name a file for each")
        seen[place] = target


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
        _sync(unfinished)
        unfinished.replace(target)
    except TargetError as err:
        # Who writes there knows the temporary name only.
        message = str(err).replace(repr(str(unfinished)), repr(str(target)))
        raise TargetError(message) from err
    except OSError as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the bytes on the disk: one that is full may say so only now."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
