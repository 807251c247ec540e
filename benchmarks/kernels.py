"""What covering a region costs, beside copying it and beside OpenCV's ways to a like look.

Every kernel's output is checked against its slow twin first. Times are medians of interleaved
runs in one process, with one thread. The copy goes out of a 1080p plane and back: no cover can
touch fewer bytes.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

SIDES = (64, 128, 256, 512)
_LEFT, _TOP = 400, 300


def main(arguments: Sequence[str]) -> None:
    """Print the table, save it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks kernels", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/kernels.json"))
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    from redact import _kernels

    loading = time.perf_counter() - started
    check(_kernels)
    cv2.setNumThreads(1)
    rows = [measure(_kernels, side, options.rounds) for side in SIDES]
    names = list(rows[0])
    print(
        f"kernels loaded in {loading:.2f} s; {platform.machine()}, Python {sys.version.split()[0]}"
    )
    print("microseconds, median".ljust(34) + "".join(f"{side:>9}" for side in SIDES))
    for name in names:
        print(f"{name:34}" + "".join(f"{row[name]:9.1f}" for row in rows))
    for name in names[1:]:
        ratios = "".join(f"{row[name] / row['copy there and back']:9.1f}" for row in rows)
        print(f"{name + ', in copies':34}{ratios}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = {"sides": SIDES, "load_seconds": loading, "microseconds": rows}
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def check(kernels) -> None:
    """Compare both kernels with their twins on one awkward case each.

    Raises:
        AssertionError: they differ.

    """
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import reference

    rng = np.random.default_rng(0)
    plane = rng.integers(0, 256, (61, 90), dtype=np.uint8)[:, :77]
    cells = np.empty((3, 4, 1), dtype=np.float32)
    kernels.reduce(plane, 5, 7, 66, 58, cells)
    np.testing.assert_allclose(cells, reference.reduce(plane.copy(), 5, 7, 66, 58, 3, 4), atol=1e-3)
    for smooth, rounded in ((True, True), (False, False)):
        painted = plane.copy()
        kernels.paint(painted, 5.0, 7.0, 66.0, 58.0, cells, smooth, rounded, 6.0)
        expected, _ = reference.paint(plane.copy(), 5, 7, 66, 58, cells, smooth, rounded, 6.0)
        assert np.abs(painted[..., None] - expected).max() <= 4.5


def measure(kernels, side: int, rounds: int) -> dict[str, float]:
    """Median microseconds of each way for a square region of that many pixels."""
    y = np.random.default_rng(1).integers(0, 256, (1080, 1984), dtype=np.uint8)[:, :1920]
    u, v = y[:540, :960].copy(), y[540:, :960].copy()
    box = (_LEFT, _TOP, _LEFT + side, _TOP + side)
    half = tuple(value // 2 for value in box)
    region = y[_TOP : _TOP + side, _LEFT : _LEFT + side]
    buffer = np.empty((side, side), dtype=np.uint8)
    cells = np.full((4, 4, 1), 100, dtype=np.float32)
    one = np.empty((1, 1, 1), dtype=np.float32)
    edge = 0.12 * side

    def copy() -> None:
        buffer[:] = region
        region[:] = buffer

    def resize() -> None:
        small = cv2.resize(region, (4, 4), interpolation=cv2.INTER_AREA)
        cv2.resize(small, (side, side), dst=region, interpolation=cv2.INTER_LINEAR)

    def box_blur() -> None:
        cv2.blur(region, (side // 2 + 1, side // 2 + 1), dst=region)

    def paint(rounded: bool) -> None:
        kernels.paint(y, *map(float, box), cells, True, rounded, edge if rounded else 0.0)

    def whole(rounded: bool) -> None:
        for plane, edges in ((y, box), (u, half), (v, half)):
            kernels.reduce(plane, *edges, one)
            width = edge * (edges[2] - edges[0]) / side if rounded else 0.0
            kernels.paint(plane, *map(float, edges), cells, True, rounded, width)

    def reduce_and_paint() -> None:
        kernels.reduce(y, *box, one)
        paint(False)

    ways: dict[str, Callable[[], object]] = {
        "copy there and back": copy,
        "reduce": lambda: kernels.reduce(y, *box, one),
        "paint, rectangle": lambda: paint(False),
        "reduce and paint, rectangle": reduce_and_paint,
        "paint, rounded with soft edge": lambda: paint(True),
        "Y, U and V, rounded": lambda: whole(True),
        "cv2.resize down and up": resize,
        "cv2.blur, half the side": box_blur,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - started)
    result = {name: statistics.median(values) * 1e6 for name, values in times.items()}
    started = time.perf_counter()
    cv2.GaussianBlur(region, (0, 0), side / 6)
    result["cv2.GaussianBlur, sigma side/6"] = (time.perf_counter() - started) * 1e6
    return result
