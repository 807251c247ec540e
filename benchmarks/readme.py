"""Put a benchmark's table where the README has marks for it."""

from __future__ import annotations

from pathlib import Path


def write_table(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- name end -->` in a file.

    Raises:
        ValueError: the file doesn't have both marks.

    """
    first, last = f"<!-- {name} -->", f"<!-- {name} end -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(first)
    _, found_end, after = rest.partition(last)
    if not (found and found_end):
        raise ValueError(f"{str(path)!r} needs the lines {first!r} and {last!r}")
    path.write_text(f"{before}{first}\n\n{text}\n\n{last}{after}", encoding="utf-8")
