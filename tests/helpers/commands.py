"""The command line as tests call it."""

from collections.abc import Callable

Cli = Callable[..., tuple[int, str, str]]  # the fixture `run_cli`: words to exit code, stdout, stderr
TINY_RUN = ["--epochs", "2", "--units", "4", "--embedding-size", "8", "--batch-size", "32", "--vocab-size", "60",
            "--max-length", "24"]
