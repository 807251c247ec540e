"""How long covering a region takes, beside copying it and beside similar covers made by OpenCV.

First the output of each kernel is compared with that of its slow twin. Times are medians of
interleaved runs in one process on one thread. Each way runs twice in a row and the second run is
timed, so that every way finds the region in the cache.

The copy goes out of a 1080p plane and back, since no cover can touch fewer bytes. An elliptic cover
reaches beyond its box, so it is compared with a copy of all it may touch, and with OpenCV's resize
blended by a mask that is already made.

`--readme FILE` writes the table between the marks in that file.
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
_LEFT, _TOP, _EDGE_RATIO = 400, 300, 0.09
_COPY, _COPY_ALL = "copy there and back", "copy of all an ellipse touches"
_BOTH, _ELLIPSE = "reduce and paint, rectangle", "paint, ellipse with soft edge"
_RESIZE, _MASKED = "cv2.resize down and up", "cv2.resize, blended by an elliptic mask"


def main(arguments: Sequence[str]) -> None:
    """Print the table, save it as JSON, and write it into a file if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks kernels", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/kernels.json"))
    parser.add_argument("--readme", type=Path, help="file to write the table into")
    options = parser.parse_args(arguments)
    first, later = load_seconds()
    from redact.cover import kernels

    check(kernels)
    cv2.setNumThreads(1)
    result = {
        "machine": reporting.machine("numba", "opencv-python"),
        "load_seconds": {"first": first, "later": later},
        "sides": SIDES,
        "microseconds": [measure(kernels, side, options.rounds) for side in SIDES],
    }
    print(text_table(result))
    reporting.save_json(options.json, result)
    if options.readme:
        saved = json.loads(options.json.read_text(encoding="utf-8"))
        reporting.write_between_marks(options.readme, "kernels", markdown_table(saved))


def load_seconds() -> tuple[float, float]:
    """Return the CPU seconds of importing the kernels with an empty cache, and once more."""
    code = """
import time
import numpy
start = time.process_time()
import redact.cover.kernels
print(time.process_time() - start)"""
    with tempfile.TemporaryDirectory() as folder:
        home = str(Path(__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": home, "NUMBA_CACHE_DIR": folder}
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
    """Compare the kernels with their slow twins, on a plane and on an image.

    Raises:
        AssertionError: they differ.

    """
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
    import reference

    rng = np.random.default_rng(0)
    for channels in (1, 3):
        plane = rng.integers(0, 256, (61, 90 * channels), dtype=np.uint8)[:, : 77 * channels]
        cells = np.empty((3, 4, channels), dtype=np.float32)
        kernels.reduce(plane, 5, 7, 66, 58, cells)
        expected = reference.reduce(plane.copy(), 5, 7, 66, 58, 3, 4, channels)
        np.testing.assert_allclose(cells, expected, atol=1e-3)
        for smooth, rounded in ((True, True), (True, False), (False, False)):
            painted = plane.copy()
            kernels.paint(painted, 5.0, 7.0, 66.0, 58.0, cells, smooth, rounded, 6.0)
            expected, _ = reference.paint(plane.copy(), 5, 7, 66, 58, cells, smooth, rounded, 6.0)
            assert np.abs(painted.reshape(expected.shape) - expected).max() <= 4.5


def measure(kernels, side: int, rounds: int) -> dict[str, float]:
    """Return the median microseconds of each way, for a square region of that many pixels."""
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
    u, v = y[:540, :960].copy(), y[540:, :960].copy()
    image = np.zeros((1080, 3 * 1920), np.uint8)
    box = (_LEFT, _TOP, _LEFT + side, _TOP + side)
    half = tuple(value // 2 for value in box)
    # The cover of a track consists of grey steps around a tone.
    cells = np.random.default_rng(0).uniform(94, 106, (4, 4, 1)).astype(np.float32)
    flat, coloured = np.full((4, 4, 1), 128, np.float32), np.repeat(cells, 3, axis=2)
    one = np.empty((1, 1, 1), dtype=np.float32)
    edge = _EDGE_RATIO * side

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
        _ELLIPSE: lambda: kernels.paint(y, *box, cells, True, True, edge),
        "Y, U and V, ellipse": three_planes,
        "BGR, ellipse": lambda: kernels.paint(image, *box, coloured, True, True, edge),
    }


def _opencv_ways(side: int) -> dict[str, Callable[[], object]]:
    y = _plane()
    region = y[_TOP : _TOP + side, _LEFT : _LEFT + side]
    touched = 2 * round(side / 2 + _EDGE_RATIO * side)
    start = (touched - side) // 2
    around = y[_TOP - start :, _LEFT - start :][:touched, :touched]
    # The mask has the shape of the cover. It is made beforehand, because the size of a
    # track's box rarely changes.
    distance = np.abs(np.arange(touched) + 0.5 - touched / 2) / (side / 2)
    edge = _EDGE_RATIO * side / (side / 2)
    outline = np.hypot(distance[:, None], distance)
    mask = np.clip(1 - (outline - 1) / edge, 0, 1).astype(np.float32)
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

    kernel = (side // 2 + 1, side // 2 + 1)
    return {
        _COPY: copy(region),
        _COPY_ALL: copy(around),
        _RESIZE: resize,
        _MASKED: masked,
        "cv2.blur, half the side": lambda: cv2.blur(region, kernel, dst=region),
    }


def _plane() -> np.ndarray:
    """Return a 1080p plane with padded rows."""
    return np.random.default_rng(1).integers(0, 256, (1080, 1984), dtype=np.uint8)[:, :1920]


def ratios(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Return the ratios that have targets, one figure for each side."""
    return {
        "reduce and paint, in copies": [row[_BOTH] / row[_COPY] for row in rows],
        "ellipse, in copies of all it touches": [row[_ELLIPSE] / row[_COPY_ALL] for row in rows],
        "times faster than cv2.resize": [row[_RESIZE] / row[_BOTH] for row in rows],
        "ellipse, times faster than cv2 with a mask": [
            row[_MASKED] / row[_ELLIPSE] for row in rows
        ],
    }


def text_table(result: dict) -> str:
    """Return all figures as a table for the terminal."""
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
    """Return all figures as a table for a README."""
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
        f"{about['numba']}, OpenCV {about['opencv-python']} with one thread. Importing the kernels "
        f"took {seconds['first']:.1f} s of CPU with compiling, which happens once, and "
        f"{seconds['later']:.2f} s afterwards, most of it for numba."
    )
    return "\n".join(lines)
