"""The command `redact` in a process of its own, with `stand_ins.act` in place of the pipeline."""

import sys

from redact.batch import many
from redact.cli import main

if __name__ == "__main__":
    many.REDACT_TASK = "stand_ins:act"
    sys.exit(main(sys.argv[1:]))
