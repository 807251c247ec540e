"""Sum up the scores of many outputs: shares of leaked frames, runs and tracks; and print tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.leak_scoring import Score, ShownObject

# Lower bounds of the size classes in pixels: heights of faces, widths of plates.
BUCKETS = {"face": (0, 12, 16, 32, 64, 128), "plate": (0, 24, 48, 96)}
# Totals leave out smaller objects, by which nobody can be recognised.
MIN_SIZES = {"face": 16, "plate": 24}
# A track leaks for long if it does in more than this many frames at this size or larger.
MAX_SHORT_LEAK_FRAMES, LARGE_PIXELS = 2, 32


def summary(scores: Sequence[Score]) -> dict:
    """Shares and counts over all outputs of one tool, as values that JSON can hold."""
    objects = [one for each in scores for one in each.objects]
    result: dict = {}
    for kind, lows in BUCKETS.items():
        ours = [one for one in objects if one.kind == kind]
        large = [one for one in ours if one.size >= MIN_SIZES[kind]]
        result[kind] = _counts(large) | {
            "buckets": {
                f"{low}-{high - 1}" if high < 10**6 else f"{low}+": _counts(
                    [one for one in ours if low <= one.size < high]
                )
                for low, high in zip(lows, (*lows[1:], 10**6), strict=True)
            }
        }
        result[kind] |= _tracks(ours, MIN_SIZES[kind])
    over = [share for each in scores for share in each.over_covered]
    result["over_covered"] = float(np.mean(over)) if over else 0.0
    return result


def _counts(objects: Sequence[ShownObject]) -> dict:
    leaked = sum(one.leaked for one in objects)
    return {
        "frames": len(objects),
        "leaked": leaked,
        "share": leaked / len(objects) if objects else None,
    }


def _tracks(objects: Sequence[ShownObject], min_size: float) -> dict:
    """How many objects leak, and the longest run of leaked frames."""
    tracks: dict[tuple[str, str], list[ShownObject]] = defaultdict(list)
    for one in objects:
        if one.size >= min_size:
            tracks[one.clip, one.id].append(one)
    longest = 0
    for track in tracks.values():
        run = 0
        for one in sorted(track, key=lambda o: o.frame):
            run = run + 1 if one.leaked else 0
            longest = max(longest, run)
    leaked = [name for name, track in tracks.items() if any(one.leaked for one in track)]
    leaked_long = [
        name
        for name, track in tracks.items()
        if sum(one.leaked and one.size >= LARGE_PIXELS for one in track) > MAX_SHORT_LEAK_FRAMES
    ]
    return {
        "tracks": len(tracks),
        "tracks_leaked": len(leaked),
        "tracks_leaked_long": len(leaked_long),
        "which_leaked_long": [" ".join(name) for name in leaked_long],
        "longest_run": longest,
    }


def line(one: Score, word: str = "leaked") -> str:
    """The counts of one output as a line of text; word: what is said of leaked frames."""
    values = summary([one])
    parts = [
        f"{kind}-frames {values[kind]['leaked']:4} of {values[kind]['frames']:4} {word}, "
        f"longest {values[kind]['longest_run']:3}"
        for kind in BUCKETS
    ]
    return "; ".join(parts) + f"; over-covered {100 * values['over_covered']:.2f} %"


def print_table(table: dict[str, dict], word: str = "leaked") -> None:
    """Print a column for each tool."""
    print(f"\n{'':34}" + "".join(f"{tool:>18}" for tool in table))
    for name, cells in _rows(table, word):
        print(f"{name:34}" + "".join(f"{cell:>18}" for cell in cells))


def markdown_table(table: dict[str, dict], word: str = "leaked") -> str:
    """The same table as Markdown."""
    lines = [["", *table], ["---"] * (len(table) + 1)]
    lines += [[name.strip(), *cells] for name, cells in _rows(table, word)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _rows(table: dict[str, dict], word: str) -> list[tuple[str, list[str]]]:
    """Name and cells of each row; outputs of an earlier run have no seconds."""
    rows: list[tuple[str, list[str]]] = []

    def row(name: str, value: Callable[[dict], str]) -> None:
        rows.append((name, [value(values) for values in table.values()]))

    def share(counts: dict) -> str:
        if not counts["frames"]:
            return "-"
        return f"{100 * counts['share']:.1f} % of {counts['frames']}"

    for kind, unit in (("face", "high"), ("plate", "wide")):
        row(f"{kind}-frames {word}, {MIN_SIZES[kind]}+ px {unit}", lambda v, k=kind: share(v[k]))
        for bucket in next(iter(table.values()))[kind]["buckets"]:
            row(f"  {bucket} px", lambda v, k=kind, b=bucket: share(v[k]["buckets"][b]))
        row(f"  longest run of {word} frames", lambda v, k=kind: str(v[k]["longest_run"]))
        row(
            f"  tracks {word} anywhere",
            lambda v, k=kind: f"{v[k]['tracks_leaked']} of {v[k]['tracks']}",
        )
        row(
            f"  more than {MAX_SHORT_LEAK_FRAMES} frames at {LARGE_PIXELS}+ px",
            lambda v, k=kind: f"{v[k]['tracks_leaked_long']}",
        )
    row("over-covered area", lambda v: f"{100 * v['over_covered']:.2f} %")
    row("clips refused or not scored", lambda v: str(len(v["refused"])))
    row("seconds", lambda v: "kept" if v["seconds"] is None else f"{v['seconds']:.0f}")
    return rows
