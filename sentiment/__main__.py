"""Run the command line: `python -m sentiment`."""

import sys

from sentiment.cli import main

if __name__ == "__main__":
    sys.exit(main())
