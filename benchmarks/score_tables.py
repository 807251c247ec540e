"""Shares, runs and tracks of many scores, as plain values and as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.leak_scoring import Score, ShownObject

# Lower bounds of the buckets: heights of faces, widths of plates.
BUCKETS = {"face": (0, 12, 16, 32, 64, 128), "plate": (0, 24, 48, 96)}
# Totals leave out what is smaller: nobody is told by it.
MIN = {"face": 16, "plate": 24}
LONG_LEAK, LARGE = 2, 32


def summary(scores: Sequence[Score]) -> dict:
    """Shares and counts of all outputs of one tool, as plain values."""
    seen = [one for each in scores for one in each.seen]
    result: dict = {}
    for kind, lows in BUCKETS.items():
        ours = [one for one in seen if one.kind == kind]
        large = [one for one in ours if one.size >= MIN[kind]]
        result[kind] = _counts(large) | {
            "buckets": {
                f"{low}-{high - 1}" if high < 10**6 else f"{low}+": _counts(
                    [one for one in ours if low <= one.size < high]
                )
                for low, high in zip(lows, (*lows[1:], 10**6), strict=True)
            }
        }
        result[kind] |= _tracks(ours, MIN[kind])
    over = [share for each in scores for share in each.over_covered]
    result["over_covered"] = float(np.mean(over)) if over else 0.0
    return result


def _counts(seen: Sequence[ShownObject]) -> dict:
    leaked = sum(one.leaked for one in seen)
    return {
        "frames": len(seen),
        "leaked": leaked,
        "share": leaked / len(seen) if seen else None,
    }


def _tracks(seen: Sequence[ShownObject], least: float) -> dict:
    """Tracks that leak, and the longest run of leaked frames."""
    tracks: dict[tuple[str, str], list[ShownObject]] = defaultdict(list)
    for one in seen:
        if one.size >= least:
            tracks[one.clip, one.id].append(one)
    longest = 0
    for track in tracks.values():
        run = 0
        for one in sorted(track, key=lambda o: o.frame):
            run = run + 1 if one.leaked else 0
            longest = max(longest, run)
    bad = [name for name, track in tracks.items() if any(one.leaked for one in track)]
    worse = [
        name
        for name, track in tracks.items()
        if sum(one.leaked and one.size >= LARGE for one in track) > LONG_LEAK
    ]
    return {
        "tracks": len(tracks),
        "tracks_leaked": len(bad),
        "tracks_leaked_long": len(worse),
        "which_leaked_long": [" ".join(name) for name in worse],
        "longest_run": longest,
    }


def line(one: Score, word: str = "leaked") -> str:
    """One output's counts in a line."""
    values = summary([one])
    parts = [
        f"{kind}-frames {values[kind]['leaked']:4} of {values[kind]['frames']:4} {word}, "
        f"longest {values[kind]['longest_run']:3}"
        for kind in BUCKETS
    ]
    return "; ".join(parts) + f"; over-covered {100 * values['over_covered']:.2f} %"


def print_table(table: dict[str, dict], word: str = "leaked") -> None:
    """One column for each tool."""
    print(f"\n{'':34}" + "".join(f"{tool:>18}" for tool in table))
    for name, cells in _rows(table, word):
        print(f"{name:34}" + "".join(f"{cell:>18}" for cell in cells))


def markdown_table(table: dict[str, dict], word: str = "leaked") -> str:
    """The same for the README."""
    lines = [["", *table], ["---"] * (len(table) + 1)]
    lines += [[name.strip(), *cells] for name, cells in _rows(table, word)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(table: dict[str, dict], word: str) -> list[tuple[str, list[str]]]:
    rows: list[tuple[str, list[str]]] = []

    def row(name: str, value: Callable[[dict], str]) -> None:
        rows.append((name, [value(values) for values in table.values()]))

    def share(counts: dict) -> str:
        if not counts["frames"]:
            return "-"
        return f"{100 * counts['share']:.1f} % of {counts['frames']}"

    for kind, unit in (("face", "high"), ("plate", "wide")):
        row(f"{kind}-frames {word}, {MIN[kind]}+ px {unit}", lambda v, k=kind: share(v[k]))
        for bucket in next(iter(table.values()))[kind]["buckets"]:
            row(f"  {bucket} px", lambda v, k=kind, b=bucket: share(v[k]["buckets"][b]))
        row(f"  longest run of {word} frames", lambda v, k=kind: str(v[k]["longest_run"]))
        row(
            f"  tracks {word} anywhere",
            lambda v, k=kind: f"{v[k]['tracks_leaked']} of {v[k]['tracks']}",
        )
        row(
            f"  more than {LONG_LEAK} frames at {LARGE}+ px",
            lambda v, k=kind: f"{v[k]['tracks_leaked_long']}",
        )
    row("over-covered area", lambda v: f"{100 * v['over_covered']:.2f} %")
    row("clips refused or not scored", lambda v: str(len(v["refused"])))
    row("seconds", lambda v: f"{v['seconds']:.0f}")
    return rows
