"""Resident memory of one process that trains many small models: `python benchmarks/many_trainings.py`."""

import argparse
import contextlib
import io
from pathlib import Path
from tempfile import TemporaryDirectory

from sentiment.cli import main

OPTIONS = ["--epochs", "2", "--units", "4", "--embedding-size", "8", "--vocab-size", "60", "--max-length", "24"]


def resident_megabytes() -> float:
    """Return the resident memory of this process, in 10^6 bytes (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


def measure(trainings: int) -> None:
    """Train `trainings` models and print the memory after each."""
    with TemporaryDirectory() as folder:
        table = Path(folder) / "reviews.csv"
        rows = [f"a {word} film number {number},{label}" for number in range(60)
                for word, label in (("good", "positive"), ("bad", "negative"))]
        table.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
        for number in range(1, trainings + 1):
            words = ["train", "--dataset", str(table), "--output-dir", f"{folder}/{number}", *OPTIONS]
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as log:
                code = main(words)
            if code:
                raise SystemExit(log.getvalue())
            print(f"{number} trainings: {resident_megabytes():,.0f} MB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=int, default=30)
    measure(parser.parse_args().trainings)
