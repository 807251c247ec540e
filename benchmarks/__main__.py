"""`python -m benchmarks NAME [options]`: run a benchmark; without a name, list them."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

NAMES = (
    "accuracy",
    "batch",
    "fit",
    "kernels",
    "leaks",
    "persons",
    "pipeline",
    "privacy",
    "sensitivity",
)


def main() -> None:
    """Pass the rest of the command line to the benchmark's own `main`."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("", "-h", "--help"):
        print(listing())
    elif name in NAMES:
        importlib.import_module(f"benchmarks.{name}").main(sys.argv[2:])
    else:
        sys.exit(f"there is no benchmark {name!r}\n\n{listing()}")


def listing() -> str:
    """The benchmarks with the first line of their docstrings, which are read without imports."""
    lines = ["usage: python -m benchmarks NAME [options]", ""]
    for name in NAMES:
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        summary = (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]
        lines.append(f"  {name:12} {summary}")
    return "\n".join([*lines, "", "python -m benchmarks NAME --help describes the options of one."])


if __name__ == "__main__":
    main()
