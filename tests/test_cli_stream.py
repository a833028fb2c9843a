"""Training on a table that is read piece by piece."""

from pathlib import Path

import numpy as np
import pytest
from helpers.commands import TINY_RUN, Cli

from sentiment.artifacts import RunFolder
from sentiment.data import streams


def test_same_bits_as_in_memory(tiny_run: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHUNK_ROWS", 50)
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", "--stream", *TINY_RUN)
    assert code == 0, err
    mine, other = RunFolder.open(tmp_path / "run"), RunFolder.open(tiny_run)
    assert mine.vocabulary.read_bytes() == other.vocabulary.read_bytes()
    assert mine.history.read_bytes() == other.history.read_bytes()
    for part in ("validation", "test"):
        assert mine.load_metrics()[part] == other.load_metrics()[part]
    assert {**mine.load_metrics()["dataset"], "notes": []} == {**other.load_metrics()["dataset"], "notes": []}
    for streamed, in_memory in zip(mine.load_model().get_weights(), other.load_model().get_weights(), strict=True):
        np.testing.assert_array_equal(streamed, in_memory)
    assert sorted(path.name for path in mine.path.iterdir()) == sorted(path.name for path in other.path.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_linear_models_need_all_in_memory(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", "--stream",
                           "--arch", "nb-svm")
    assert code == 1
    assert "'nb-svm' is fitted at once by scikit-learn: --stream is for architectures that are trained in steps" in err
    assert list(tmp_path.iterdir()) == []
