"""Run the command line: `python -m sentiment`."""

import sys

from sentiment.startup import ended_by_sigint


def main(words: list[str] | None = None) -> int:
    """Run a command as `sentiment.cli.main`, which is imported here; see `sentiment.startup.ended_by_sigint`."""
    with ended_by_sigint():
        from sentiment.cli import main as run
    return run(words)


if __name__ == "__main__":
    sys.exit(main())
