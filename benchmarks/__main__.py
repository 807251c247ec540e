"""`python -m benchmarks NAME [options]`: run one of the benchmarks."""

from __future__ import annotations

import importlib
import sys

NAMES = ("accuracy", "fit", "kernels", "leaks", "pipeline", "privacy")


def main() -> None:
    """Hand the rest of the command line to the benchmark's own `main`."""
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        sys.exit(f"usage: python -m benchmarks {{{','.join(NAMES)}}} [options]")
    importlib.import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
