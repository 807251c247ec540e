"""Where results are written: bad targets are refused early, and files appear only when complete.

This module imports no video library, so that plans and reports can be saved cheaply.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from redact.errors import TargetError
from redact.source_files import as_path, check_source, reason


def default_target(source: Path) -> Path:
    """The target when none is given: beside the source, with the suffix `.redacted.mp4`.

    That of an image file keeps its own suffix instead, if that tells its format.

    Raises:
        ClipError: the source is an image that can't be read.
        TargetError: the source has no file name.

    """
    if not source.name:
        raise TargetError(
            f"{str(source)!r} has no file name to derive the result's name from; name a video file"
        )
    from redact.image_files import is_image_file, result_suffix

    suffix = result_suffix(source) if is_image_file(source) else ".mp4"
    return source.with_name(f"{source.stem}.redacted{suffix}")


def check_target(source: Path, target: Path) -> None:
    """Refuse a target for the clip that would fail late or harm the source.

    Raises:
        ClipError: there is no such source.
        TargetError: the target is a folder or a device, is the source itself (perhaps under
            another name), lies in a folder that does not exist, or has a suffix that stands for
            no container.

    """
    from redact.image_files import check_image_target, is_image_file
    from redact.video import check_suffix

    check_place(source, target)
    if is_image_file(source):
        check_image_target(target)
    else:
        check_suffix(target)


def check_place(source: Path, target: Path) -> None:
    """Do what `check_target` does, for a file with any suffix, such as a report.

    Raises:
        ClipError: there is no such source.
        TargetError: as for `check_target`.

    """
    check_source(source)
    _check_is_replaceable(target)
    try:
        if target.exists() and target.samefile(source):
            raise TargetError(f"{str(target)!r} is the source itself; name another file")
    except OSError as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err


def check_apart(targets: Sequence[Path]) -> None:
    """Refuse to write two results to the same file.

    Raises:
        TargetError: two of the targets are the same file.

    """
    seen = set()
    for target in targets:
        place = os.path.realpath(target)
        if place in seen:
            raise TargetError(
                f"{str(target)!r} is asked for twice; give each result a file of its own"
            )
        seen.add(place)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a small UTF-8 text file; the file appears, or is replaced, only when it is complete.

    Characters that UTF-8 can't hold (they come from file names with undecodable bytes) are written
    as backslash escapes.

    Raises:
        TargetError: the file can't be written there; what was there before is unchanged.

    """
    data = text.encode("utf-8", errors="backslashreplace")
    with staged(as_path(path, "path")) as unfinished:
        unfinished.write_bytes(data)


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`, which replaces `target` when the block succeeds.

    Only the user can read the temporary file. When the block fails, the file is deleted and
    `target` stays as it was.

    Raises:
        TargetError: the target is not a file, its folder can't be written to, or writing failed.

    """
    _check_is_replaceable(target)
    unfinished = target.with_name(f".redact-{secrets.token_hex(6)}{target.suffix}")
    try:
        mode = _mode_of_new_file(unfinished)
        unfinished.touch(mode=0o600, exist_ok=False)
        yield unfinished
        unfinished.chmod(mode)
        _sync(unfinished)
        unfinished.replace(target)
    except TargetError as err:
        # Code inside the block knows only the temporary name, which means nothing to the user.
        message = str(err).replace(repr(str(unfinished)), repr(str(target)))
        raise TargetError(message) from err
    except OSError as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _check_is_replaceable(target: Path) -> None:
    """Refuse what a rename must not replace: a folder, a device, a name in a missing folder."""
    try:
        if target.is_dir():
            raise TargetError(f"{str(target)!r} is a folder; name a file in it")
        if not target.parent.is_dir():
            raise TargetError(
                f"there is no folder {str(target.parent)!r} to write {target.name!r} to"
            )
        if target.exists() and not target.is_file():
            raise TargetError(
                f"{str(target)!r} is not an ordinary file and can't be replaced; name another file"
            )
        # Before Python 3.13, the calls above hide errors such as a name that is too long.
        target.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err


def _mode_of_new_file(path: Path) -> int:
    """The permission bits that a new file at this path gets; the path is free again afterwards.

    The bits are read from an empty file, because the umask can only be read by changing it for the
    whole process, which is not safe beside other threads. A folder's default access list counts
    this way, too.
    """
    path.touch(exist_ok=False)
    try:
        return stat.S_IMODE(path.stat().st_mode)
    finally:
        path.unlink()


def _sync(path: Path) -> None:
    """Flush the file to the disk, because a full disk may be reported only then."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
