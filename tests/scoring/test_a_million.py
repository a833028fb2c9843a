"""A million reviews, labelled by a process that is killed five times."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import sentiment

FILES, ROWS_A_FILE, KILLS = 4, 250_000, 5
MOST_BYTES = 1.5e9
WORDS = np.array(["a", "good", "bad", "film", "great", "dull", *(f"word{number}" for number in range(5000))])


def generate(folder: Path) -> None:
    """Write reviews of 5 to 60 words with a number each."""
    draw = np.random.default_rng(1)
    for file in range(FILES):
        numbers = np.arange(file * ROWS_A_FILE, (file + 1) * ROWS_A_FILE)
        lengths = draw.integers(5, 61, ROWS_A_FILE)
        words, ends = WORDS[draw.zipf(1.2, lengths.sum()) % len(WORDS)], np.cumsum(lengths)
        texts = [" ".join(words[end - length:end]) for end, length in zip(ends, lengths, strict=True)]
        pyarrow.parquet.write_table(pyarrow.table({"id": numbers, "text": texts}), folder / f"{file}.parquet")


def killed(words: list[str], seconds: float, peaks: list[int]) -> bool:
    """Run the command and kill it after so many seconds, unless it has ended; note its largest memory, in bytes."""
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < until:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peaks += [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")]
            time.sleep(0.1)
        process.kill()
        return process.wait() != 0


@pytest.mark.slow
def test_a_million_reviews_are_complete_after_five_kills(tmp_path: Path, exported_run: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    generate(source)
    words = [sys.executable, "-m", "sentiment", "predict", "--model", str(exported_run / "onnx"), "--input",
             str(source / "*.parquet"), "--output", str(output), "--resume"]
    draw, start = random.Random(2), time.monotonic()
    peaks: list[int] = []
    for _ in range(KILLS):
        assert killed(words, draw.uniform(4, 12), peaks), "it was done before it was killed"
    assert not killed(words, 3600, peaks)
    print(f"{FILES * ROWS_A_FILE:,} rows, {KILLS} kills, {time.monotonic() - start:.0f} s, {max(peaks) / 1e9:.2f} GB")
    assert max(peaks) < MOST_BYTES
    classifier = sentiment.load(exported_run / "onnx")
    assert [path.name for path in sorted(output.iterdir())] == [f"{file}.parquet" for file in range(FILES)]
    for file in range(FILES):
        found, given = (pyarrow.parquet.read_table(folder / f"{file}.parquet") for folder in (output, source))
        assert found.select(given.column_names).equals(given)
        rows = np.random.default_rng(file).integers(0, ROWS_A_FILE, 2000)
        expected = classifier.predict(given["text"].take(rows).to_pylist())
        assert found["predicted_label"].take(rows).to_pylist() == [one.label for one in expected]
        scores = found["predicted_score"].to_numpy()[rows]
        np.testing.assert_allclose(scores, [one.score for one in expected], atol=1e-6)
