"""Time and memory of reading a CSV file of a million rows of 1 kB, compared with pandas.

    python benchmarks/reading.py --rows 1000000

Writes a file of random words, some with quotes, commas and line breaks in them, to a temporary folder, and reads its
texts and labels alternately by pandas (which neither checks the number of fields nor detects an unclosed quote) and by
`sentiment.data`. Then it processes the file like `--stream` and `predict --output`, with a fake model, each in its own
process, and prints the peak memory of each, for a tenth of the rows and for all: it must not grow.
"""

import argparse
import csv
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from sentiment.config import DataConfig
from sentiment.data.labelled import from_table
from sentiment.data.tables import labelled_rows
from sentiment.machine import peak_memory_bytes
from sentiment.predictions import Prediction
from sentiment.scoring import plan_jobs, run_jobs

ROUNDS = 3
CHUNK_ROWS = 16_384


def write(path: Path, rows: int) -> None:
    """Write a table of texts of about 1 kB and their labels."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(5000)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label"])
        for row in range(rows):
            text = " ".join(draw.choices(words, k=155))
            if row % 3 == 0:
                text = f'{text[:300]}, he said "good", {text[320:]}'
            writer.writerow([text + "\n\n" * (row % 10 == 0) + text[:50], ("neg", "pos")[row % 2]])


def by_pandas(path: Path) -> int:
    """Return the number of texts that pandas reads."""
    with path.open("rb") as file:
        return sum(len(frame["text"].tolist() and frame["label"].tolist()) for frame in pd.read_csv(
            file, dtype=str, keep_default_na=False, encoding="utf-8-sig", chunksize=CHUNK_ROWS))


def by_this_project(path: Path) -> int:
    """Return the number of texts that `sentiment` reads."""
    return sum(len(rows.texts) for rows in labelled_rows(path, DataConfig(), CHUNK_ROWS))


class SameAnswer:
    """Fake model."""

    class_names = ("neg", "pos")

    def predict(self, texts: list[str], **_: object) -> list[Prediction]:
        """Return the same prediction for every text."""
        return [Prediction("pos", 0.5, {}, 1.0) for _ in texts]


def streamed(path: Path) -> int:
    """Return the numbers of texts in a pass over the files and in a pass over the streamed texts."""
    texts = from_table(path, DataConfig(stream=True)).texts
    return sum(1 for _ in texts)


def predicted(path: Path) -> int:
    """Return the number of written rows."""
    (path.parent / "model").mkdir(exist_ok=True)
    jobs = plan_jobs(str(path), path.with_name("out.csv"), path.parent / "model", None, resume=False, overwrite=True)
    return run_jobs(jobs, SameAnswer()).rows  # type: ignore[arg-type]


MEASURED: dict[str, Callable[[Path], int]] = {"stream": streamed, "predict": predicted}


def memory_of(what: str, path: Path) -> float:
    """Return the peak memory, in MB, of a process that runs this function on a file."""
    found = subprocess.run([sys.executable, __file__, "--measure", what, str(path)],  # noqa: S603
                           check=True, capture_output=True, text=True)
    return float(found.stdout)


def main() -> None:
    """Measure, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        MEASURED[options.measure[0]](Path(options.measure[1]))
        print((peak_memory_bytes() or 0) / 1e6)
        return
    with TemporaryDirectory() as folder:
        path, small = Path(folder) / "large.csv", Path(folder) / "small.csv"
        write(path, options.rows)
        write(small, options.rows // 10)
        print(f"{options.rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")
        seconds: dict[str, list[float]] = {"pandas": [], "sentiment": []}
        for _ in range(ROUNDS):
            for name, read in (("pandas", by_pandas), ("sentiment", by_this_project)):
                started = time.perf_counter()
                if read(path) != options.rows:
                    raise SystemExit(f"{name} lost rows")
                seconds[name].append(time.perf_counter() - started)
        for name, found in seconds.items():
            print(f"{name}: {statistics.median(found):.2f} s (of {', '.join(f'{one:.2f}' for one in found)})")
        for what in MEASURED:
            print(f"{what}: {memory_of(what, small):,.0f} MB for {options.rows // 10:,} rows, "
                  f"{memory_of(what, path):,.0f} MB for {options.rows:,}")


if __name__ == "__main__":
    main()
