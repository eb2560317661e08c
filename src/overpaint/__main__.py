"""``python -m overpaint``: the command line, also for launchers that start modules."""

import sys

from overpaint.cli import main

if __name__ == "__main__":
    sys.exit(main())
