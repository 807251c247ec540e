"""What covering a region costs, beside copying it and beside OpenCV's ways to a like look.

Every kernel's output is checked against its slow twin first. Times are medians of interleaved
runs in one process, with one thread, each the second of two in a row, so that all find the region
in the cache alike. Planes and cells are pinned, as they are once for each frame and each new tone.
The copy goes out of a 1080p plane and back: no cover can
touch fewer bytes. The rounded cover reaches beyond its box: it is set beside a copy of all that it
may touch, and beside OpenCV's resize blended by a ready-made mask.

`--readme README.md` writes the table between the marks in that file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks import reporting

SIDES = (64, 128, 256, 512)
_LEFT, _TOP, _EDGE_SHARE = 400, 300, 0.09
_COPY, _COPY_ALL = "copy there and back", "copy of all a rounded cover touches"
_BOTH, _ROUNDED = "reduce and paint, rectangle", "paint, rounded with soft edge"
_SHRINK, _AREA = "shrink BGR to 1 / 1.6", "cv2.resize by area, BGR to 1 / 1.6"
_RESIZE, _MASKED = "cv2.resize down and up", "cv2.resize, blended by a rounded mask"


def main(arguments: Sequence[str]) -> None:
    """Print the table, save it as JSON, write it into the README if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks kernels", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/kernels.json"))
    parser.add_argument("--readme", type=Path, help="file to write the table into")
    options = parser.parse_args(arguments)
    first, later = load_seconds()
    from redact.cover import _kernels

    check(_kernels)
    cv2.setNumThreads(1)
    result = {
        "machine": reporting.machine("numba", "opencv-python"),
        "load_seconds": {"first": first, "later": later},
        "sides": SIDES,
        "microseconds": [measure(_kernels, side, options.rounds) for side in SIDES],
    }
    print(text_table(result))
    reporting.save_json(options.json, result)
    if options.readme:
        saved = json.loads(options.json.read_text(encoding="utf-8"))
        reporting.write_between_marks(options.readme, "kernels", markdown_table(saved))


def load_seconds() -> tuple[float, float]:
    """CPU seconds of importing the kernels: compiling them, and finding them compiled."""
    with tempfile.TemporaryDirectory() as folder:
        code = f"""
import pathlib, time
import numpy
t = time.process_time()
from redact import _machine_code
_machine_code._folders = lambda: [pathlib.Path({folder!r})]
import redact.cover._kernels
print(time.process_time() - t)"""
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        runs = [
            subprocess.run(
                [sys.executable, "-c", code],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            for _ in range(2)
        ]
    first, later = (float(run.stdout) for run in runs)
    return first, later


def check(kernels) -> None:
    """Compare the kernels with their twins, on a plane and on a picture, near its edge.

    Raises:
        AssertionError: they differ.

    """
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import reference

    rng = np.random.default_rng(0)
    for channels in (1, 3):
        plane = rng.integers(0, 256, (61, 90 * channels), dtype=np.uint8)[:, : 77 * channels]
        cells = np.empty((3, 4, channels), dtype=np.float32)
        kernels.reduce(plane, 5, 7, 66, 58, cells)
        expected = reference.reduce(plane.copy(), 5, 7, 66, 58, 3, 4, channels)
        np.testing.assert_allclose(cells, expected, atol=1e-3)
        small = kernels.shrink(plane, 50, 23, channels)
        expected = reference.shrink(plane.reshape(61, 77, channels), 23, 50)
        assert np.abs(small.reshape(expected.shape) - expected).max() <= 0.51
        for smooth, rounded in ((True, True), (True, False), (False, False)):
            painted = plane.copy()
            kernels.paint(painted, 5.0, 7.0, 66.0, 58.0, cells, smooth, rounded, 6.0)
            expected, _ = reference.paint(plane.copy(), 5, 7, 66, 58, cells, smooth, rounded, 6.0)
            assert np.abs(painted.reshape(expected.shape) - expected).max() <= 4.5


def measure(kernels, side: int, rounds: int) -> dict[str, float]:
    """Median microseconds of each way for a square region of that many pixels."""
    ways = {**_our_ways(kernels, side), **_opencv_ways(side)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            way()
            started = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - started)
    result = {name: statistics.median(values) * 1e6 for name, values in times.items()}
    region = _plane()[_TOP : _TOP + side, _LEFT : _LEFT + side]
    started = time.perf_counter()
    cv2.GaussianBlur(region, (0, 0), side / 6)
    result["cv2.GaussianBlur, sigma side/6"] = (time.perf_counter() - started) * 1e6
    return result


def _our_ways(kernels, side: int) -> dict[str, Callable[[], object]]:
    y = _plane()
    parts = (y, y[:540, :960].copy(), y[540:, :960].copy(), np.zeros((1080, 3 * 1920), np.uint8))
    y, u, v, picture = (kernels.pinned(part) for part in parts)
    box = (_LEFT, _TOP, _LEFT + side, _TOP + side)
    half = tuple(value // 2 for value in box)
    # As a held cover looks: grey steps around a tone.
    grey = np.random.default_rng(0).uniform(94, 106, (4, 4, 1)).astype(np.float32)
    scans = (grey, np.full((4, 4, 1), 128, np.float32), np.repeat(grey, 3, axis=2))
    cells, flat, coloured = (kernels.pinned(scan) for scan in scans)
    one = kernels.pinned(np.empty((1, 1, 1), dtype=np.float32))
    edge = _EDGE_SHARE * side

    def reduce_and_paint() -> None:
        kernels.reduce(y, *box, one)
        kernels.paint(y, *box, cells, True, False, 0.0)

    def three_planes() -> None:
        kernels.paint(y, *box, cells, True, True, edge)
        kernels.paint(u, *half, flat, True, True, edge / 2)
        kernels.paint(v, *half, flat, True, True, edge / 2)

    return {
        "reduce": lambda: kernels.reduce(y, *box, one),
        "paint, rectangle": lambda: kernels.paint(y, *box, cells, True, False, 0.0),
        _BOTH: reduce_and_paint,
        _ROUNDED: lambda: kernels.paint(y, *box, cells, True, True, edge),
        "Y, U and V, rounded": three_planes,
        "BGR, rounded": lambda: kernels.paint(picture, *box, coloured, True, True, edge),
        _SHRINK: lambda: kernels.shrink(picture.array[:side, : 3 * side], *_small(side), 3),
    }


def _small(side: int) -> tuple[int, int]:
    """What a part of a picture is often shrunk to: no whole part of it."""
    return round(side / 1.6), round(side / 1.6)


def _opencv_ways(side: int) -> dict[str, Callable[[], object]]:
    y = _plane()
    region = y[_TOP : _TOP + side, _LEFT : _LEFT + side]
    touched = 2 * round(side / 2 * 2**0.25 + _EDGE_SHARE * side)
    start = (touched - side) // 2
    around = y[_TOP - start :, _LEFT - start :][:touched, :touched]
    # A mask like the rounded cover's: ready-made, as the size of a track's box rarely changes.
    far = np.abs(np.arange(touched) + 0.5 - touched / 2) / (side / 2 * 2**0.25)
    edge = _EDGE_SHARE * side / (side / 2)
    mask = np.clip(1 - ((far[:, None] ** 4 + far**4) ** 0.25 - 1) / edge, 0, 1).astype(np.float32)
    inverse = 1 - mask
    covered = np.empty((touched, touched), dtype=np.uint8)

    def copy(part: np.ndarray) -> Callable[[], object]:
        buffer = np.empty(part.shape, dtype=np.uint8)

        def there_and_back() -> None:
            buffer[:] = part
            part[:] = buffer

        return there_and_back

    def resize() -> None:
        small = cv2.resize(region, (4, 4), interpolation=cv2.INTER_AREA)
        cv2.resize(small, (side, side), dst=region, interpolation=cv2.INTER_LINEAR)

    def masked() -> None:
        small = cv2.resize(region, (4, 4), interpolation=cv2.INTER_AREA)
        cv2.resize(small, (touched, touched), dst=covered, interpolation=cv2.INTER_LINEAR)
        around[:] = cv2.blendLinear(covered, around, mask, inverse)

    picture = np.zeros((side, side, 3), dtype=np.uint8)
    kernel = (side // 2 + 1, side // 2 + 1)
    return {
        _COPY: copy(region),
        _COPY_ALL: copy(around),
        _RESIZE: resize,
        _MASKED: masked,
        _AREA: lambda: cv2.resize(picture, _small(side), interpolation=cv2.INTER_AREA),
        "cv2.blur, half the side": lambda: cv2.blur(region, kernel, dst=region),
    }


def _plane() -> np.ndarray:
    """A 1080p plane with padded rows."""
    return np.random.default_rng(1).integers(0, 256, (1080, 1984), dtype=np.uint8)[:, :1920]


def ratios(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """How each target is met, one figure for each side."""
    return {
        "reduce and paint, in copies": [row[_BOTH] / row[_COPY] for row in rows],
        "rounded, in copies of all it touches": [row[_ROUNDED] / row[_COPY_ALL] for row in rows],
        "times faster than cv2.resize": [row[_RESIZE] / row[_BOTH] for row in rows],
        "rounded, times faster than cv2 with a mask": [
            row[_MASKED] / row[_ROUNDED] for row in rows
        ],
        "shrink, times faster than cv2": [row[_AREA] / row[_SHRINK] for row in rows],
    }


def text_table(result: dict) -> str:
    """All figures, for the terminal."""
    seconds, rows = result["load_seconds"], result["microseconds"]
    lines = [
        ", ".join(f"{value}" for value in result["machine"].values()),
        f"import, CPU: {seconds['first']:.1f} s the first time, then {seconds['later']:.2f} s",
        "microseconds, median".ljust(44) + "".join(f"{side:>9}" for side in result["sides"]),
    ]
    lines += [f"{name:44}" + "".join(f"{row[name]:9.1f}" for row in rows) for name in rows[0]]
    lines += [
        f"{name:44}" + "".join(f"{value:9.1f}" for value in values)
        for name, values in ratios(rows).items()
    ]
    return "\n".join(lines)


def markdown_table(result: dict) -> str:
    """The same for the README."""
    about, rows, sides = result["machine"], result["microseconds"], result["sides"]
    seconds = result["load_seconds"]
    lines = [
        "| microseconds, median | " + " | ".join(f"{side}²" for side in sides) + " |",
        "|---|" + "---:|" * len(sides),
    ]
    for name in rows[0]:
        values = " | ".join(f"{row[name]:,.1f}" for row in rows)
        lines.append(f"| {name} | {values} |")
    for name, figures in ratios(rows).items():
        lines.append(f"| *{name}* | " + " | ".join(f"*{value:.1f}*" for value in figures) + " |")
    lines.append("")
    lines.append(
        f"On one core of: {about['processor']}; Python {about['python']}, numba "
        f"{about['numba']}, OpenCV {about['opencv-python']} with one thread. Compiling the kernels "
        f"took {seconds['first']:.1f} s, once; loading them afterwards {seconds['later']:.2f} s."
    )
    return "\n".join(lines)
