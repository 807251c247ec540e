"""Which clips a batch has, and what their results are called."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from redact.errors import ClipError, TargetError
from redact.source_files import reason

_SUFFIXES = """
    .3g2 .3gp .264 .265 .asf .avi .flv .h264 .h265 .hevc .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts
    .mxf .ogg .ogv .ts .webm .wmv
"""
IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)
SUFFIXES = frozenset(_SUFFIXES.split()) | IMAGE_SUFFIXES
"""Suffixes by which clips and images are found in a folder. One that is named itself may have any.
"""

_MARK = ".redacted"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """A clip to redact."""

    source: str
    """Absolute path or address."""
    result: str
    """Name of the result in the target folder, with forward slashes."""
    size: int
    """Bytes of the source."""
    mtime_ns: int
    """When the source was last changed, in nanoseconds since 1970."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What is in the sources of a batch."""

    jobs: tuple[Job, ...]
    """Each clip once, in the order of the sources, sorted within a folder."""
    problems: tuple[str, ...] = ()
    """Folders that can't be listed, in words."""
    skipped_count: int = 0
    """How many files in folders are results of `redact`."""


def find_jobs(sources: Sequence[str | os.PathLike[str]]) -> Found:
    """Find the clips: files as they are named, and whatever looks like a clip below folders.

    Results are called as the sources below the deepest folder that holds all of them. Links are
    followed, but no folder is entered twice. Results of `redact` below a folder are left out.

    Raises:
        ClipError: a source doesn't exist, or there is no clip in any of them.
        TargetError: two clips' results would have the same name.

    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources must be a list of clips and folders, not {sources!r}")
    paths = [Path(os.path.abspath(source)) for source in sources]  # noqa: PTH100
    for path, named in zip(paths, sources, strict=True):
        if not os.path.lexists(path):
            raise ClipError(f"no such file or folder: {os.fspath(named)!r}")
    root = _common_folder(paths)
    problems: list[str] = []
    jobs: dict[str, Job] = {}
    seen: set[str] = set()
    skipped_count = 0
    for path in paths:
        for clip in clips_below(path, problems) if path.is_dir() else (path,):
            if path != clip and is_result(clip):
                skipped_count += 1
                continue
            real = os.path.realpath(clip)
            if real in seen:
                continue
            seen.add(real)
            job = job_for(clip, root)
            other = jobs.setdefault(os.path.normcase(job.result), job)
            if other is not job:
                raise TargetError(
                    f"{other.source!r} and {job.source!r} would both become {job.result!r}; "
                    "give them different names, or use two target folders"
                )
    if not jobs and not problems:
        raise ClipError(f"there is no video file in {', '.join(map(repr, map(str, sources)))}")
    return Found(jobs=tuple(jobs.values()), problems=tuple(problems), skipped_count=skipped_count)


def is_address(source: object) -> bool:
    """Whether a source or target is an address and not a path."""
    return isinstance(source, str) and "://" in source


def clips_below(folder: Path, problems: list[str] | None = None) -> Iterator[Path]:
    """Files below a folder that look like clips by their suffix, sorted; links are followed.

    problems: gets a line about each folder that can't be listed.
    """

    def note(err: OSError) -> None:
        if problems is not None:
            problems.append(f"can't list the folder {str(err.filename)!r}: {reason(err)}")

    entered: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=note):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()  # A link leads back to where the walk has been.
            continue
        entered.add((status.st_dev, status.st_ino))
        # Hidden folders hold thumbnails, trash and our own unfinished work.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:  # noqa: PTH122
                yield Path(place, name)


def is_result(path: str | os.PathLike[str]) -> bool:
    """Whether a file is called like a result of `redact`."""
    return os.path.splitext(path)[0].lower().endswith(_MARK)  # noqa: PTH122


def job_for(clip: Path, root: Path) -> Job:
    """The job for a clip, whose result is called as the clip below `root`."""
    try:
        status = clip.stat()
        size, mtime_ns = status.st_size, status.st_mtime_ns
    except OSError:
        size = mtime_ns = 0  # A dangling link: whoever opens it will say what is wrong.
    return Job(
        source=str(clip),
        result=result_name(clip.relative_to(root).as_posix(), is_image=_is_image(clip)),
        size=size,
        mtime_ns=mtime_ns,
    )


def result_name(name: str, *, is_image: bool = False) -> str:
    """What the result of a clip is called: "a.mp4" gives "a.redacted.mp4".

    An image keeps its suffix, "a.redacted.jpg". Any other suffix stays in the name,
    "a.avi.redacted.mp4", because a folder may also have an "a.mp4".
    """
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    if is_image:
        return f"{stem}{_MARK}{suffix}"
    return f"{stem if suffix.lower() == '.mp4' else name}{_MARK}.mp4"


def _is_image(clip: Path) -> bool:
    """Whether a file is an image; an animation is a clip."""
    if clip.suffix.lower() not in IMAGE_SUFFIXES:
        return False
    from redact.image_files import is_image_file

    try:
        return is_image_file(clip)
    except ClipError:
        return True  # Whoever opens it will say what is wrong.


def _common_folder(paths: Sequence[Path]) -> Path:
    """The deepest folder that holds all of these files and folders."""
    if not paths:
        raise ClipError("there is nothing to redact; name clips or folders")
    folders = [path if path.is_dir() else path.parent for path in paths]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as err:
        raise TargetError(
            "the sources lie on different drives, so that their results can't keep their places; "
            "run the command once for each drive"
        ) from err
