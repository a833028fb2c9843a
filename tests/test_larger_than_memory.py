"""Half an hour long, 5 GB of disk: `pytest -m slow -s tests/test_larger_than_memory.py`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from sentiment.artifacts import RunFolder

REVIEWS, REVIEWS_AT_ONCE = 2_000_000, 100_000
WORDS, LENGTH = 300_000, 230  # of IMDB's mean length
SHIFTED = 40  # words that stand in one class only, one in a review
MOST_BYTES = 3e9


def reviews() -> Iterator[pyarrow.Table]:
    """Yield reviews of words by Zipf's law, with a word of their own each and one that gives their class away."""
    random = np.random.default_rng(1)
    words = np.array([f"word{number}" for number in range(WORDS)], dtype=object)
    shares = 1 / np.arange(1, WORDS + 1)
    bounds = np.cumsum(shares / shares.sum())
    for start in range(0, REVIEWS, REVIEWS_AT_ONCE):
        labels = random.integers(0, 2, REVIEWS_AT_ONCE)
        lengths = random.geometric(1 / LENGTH, REVIEWS_AT_ONCE)
        texts = []
        for number, (label, length) in enumerate(zip(labels, lengths, strict=True), start):
            drawn = words[np.searchsorted(bounds, random.random(length)).clip(0, WORDS - 1)]
            texts.append(f"user{number} said{label}x{random.integers(SHIFTED)} {' '.join(drawn)}.")
        yield pyarrow.table({"text": texts, "label": labels})


@pytest.mark.slow
def test_two_million_reviews_in_three_gigabytes(tmp_path: Path) -> None:
    corpus, target = tmp_path / "reviews.parquet", tmp_path / "run"
    writer = None
    for table in reviews():
        writer = writer or pyarrow.parquet.ParquetWriter(corpus, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    subprocess.run([sys.executable, "-m", "sentiment", "train", "--dataset", str(corpus), "--stream", "--arch",
                    "attention", "--epochs", "1", "--batch-size", "256", "--output-dir", str(target)], check=True)
    measured = RunFolder.open(target).load_metrics()
    texts = {part: measured["dataset"][f"{part}_texts"] for part in ("train", "validation", "test")}
    print(f"{corpus.stat().st_size / 1e9:.1f} GB of Parquet, {texts}: {measured['peak_memory_bytes'] / 1e9:.2f} GB of "
          f"memory, {measured['seconds']['all']:.0f} s, {measured['seconds']['epochs']:.0f} s of them training, test "
          f"accuracy {measured['test']['accuracy']:.4f}")
    assert texts == {"train": 1_440_000, "validation": 160_000, "test": 400_000}
    assert measured["peak_memory_bytes"] < MOST_BYTES
    assert measured["test"]["accuracy"] > 0.99
