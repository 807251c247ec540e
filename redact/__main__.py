"""`python -m redact` is the command `redact`."""

import sys

from redact.cli import main

if __name__ == "__main__":
    sys.exit(main())
