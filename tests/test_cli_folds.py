"""Cross-validation: `--folds` measures on every text, and the final model learns from all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.commands import Cli

import sentiment
from sentiment.artifacts import RunFolder, load_classifier
from sentiment.cli import main
from sentiment.config import DataConfig
from sentiment.data import load_corpus
from sentiment.evaluation.statistics import fold_interval

FOLDS = 3
LINEAR = ["--arch", "tfidf-lr", "--no-export"]  # fitted in a moment


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """61 texts, each with a word of its class or, every fifth, of the other class."""
    path = tmp_path_factory.mktemp("folds") / "table.csv"
    rows = [f"a {'good' if positive != (number % 5 == 0) else 'bad'} film with actor {number},{positive}"
            for number, positive in ((number, bool(number % 3)) for number in range(61))]
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main(["train", "--dataset", str(table), "--folds", str(FOLDS), "--output-dir", str(folder), *LINEAR]) == 0
    return folder


def test_every_text_is_predicted_by_a_model_that_was_trained_without_it(run: Path, table: Path, tmp_path: Path,
                                                                        run_cli: Cli) -> None:
    measured, frame = RunFolder.open(run).load_metrics(), pd.read_csv(table)
    assert measured["test"]["texts"] == len(frame)
    assert measured["dataset"]["train_texts"] + measured["dataset"]["validation_texts"] == len(frame)
    with np.load(run / "test.npz") as test:
        logits, majority = test["logits"], test["majority class"]
    assert majority.shape == logits.shape
    first = 0
    for fold in range(FOLDS):
        held = list(load_corpus(DataConfig(dataset=str(table), folds=FOLDS), 1, fold).test.read().texts)
        for name, rows in (("train", ~frame["text"].isin(held)), ("test", frame["text"].isin(held))):
            frame[rows].to_csv(tmp_path / f"{name}.csv", index=False)
        alone = tmp_path / f"alone{fold}"
        code, _, err = run_cli("train", "--dataset", tmp_path / "train.csv", "--test-file", tmp_path / "test.csv",
                               "--output-dir", alone, *LINEAR)
        assert code == 0, err
        with np.load(alone / "test.npz") as test:
            np.testing.assert_allclose(logits[first:first + len(held)], test["logits"], atol=1e-5)
        own = json.loads((alone / "metrics.json").read_text(encoding="utf-8"))
        assert measured["folds"]["accuracy"]["values"][fold] == own["test"]["accuracy"]
        first += len(held)
    assert first == len(frame)


def test_the_result_is_told_with_its_interval(run: Path, run_cli: Cli, tmp_path: Path, table: Path) -> None:
    folds = RunFolder.open(run).load_metrics()["folds"]
    values = folds["accuracy"]["values"]
    assert folds["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert folds["accuracy"]["interval"] == pytest.approx(np.clip(fold_interval(values), 0, 1))
    assert f"in {FOLDS}-fold cross-validation; accuracy" in (run / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in run.parent.iterdir()] == ["run"]
    code, out, err = run_cli("train", "--dataset", table, "--folds", FOLDS, "--output-dir", run, "--resume", *LINEAR)
    assert code == 0
    assert "nothing to resume" in err
    assert f"accuracy {np.mean(values):.4f} over {FOLDS} folds, 95 % interval" in out


def test_finished_folds_are_kept_for_resuming(run: Path, table: Path, tmp_path: Path, run_cli: Cli,
                                              with_baselines: None, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    command = ["train", "--dataset", table, "--folds", FOLDS, "--output-dir", other, *LINEAR]

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sentiment.runs.cross_validation.pooled", fail)
        assert run_cli(*command)[0] != 0
    code, _, err = run_cli(*command)
    assert code == 1
    assert "other.fold-1 is part of an unfinished cross-validation: pass --resume" in err
    code, _, err = run_cli(*command, "--resume")
    assert code == 0, err
    assert err.count("terms of") == 1  # the final model alone is trained
    own, expected = (json.loads((folder / "metrics.json").read_text(encoding="utf-8")) for folder in (other, run))
    assert {name: own[name] for name in ("test", "validation")} == \
        {name: expected[name] for name in ("test", "validation")}
    assert own["baselines"]["mcnemar"] == expected["baselines"]["mcnemar"]


@pytest.mark.parametrize(("words", "says"), [
    (["--dataset", "sample"], "sample has its own test split"),
    (["--dataset", "{table}", "--test-file", "{table}"], "--folds uses every text as a test text"),
    (["--dataset", "{table}", "--preset", "wide"], "this preset takes several steps"),
    (["--dataset", "{table}", "--folds", "50"], "--folds 50 needs a class with 50 distinct texts, and the largest has"),
    (["--dataset", "{table}", "--folds", "1"], "--folds must be at least 2"),
])
def test_folds_are_refused_where_they_cannot_be(words: list[str], says: str, table: Path, tmp_path: Path, run_cli: Cli
                                                ) -> None:
    code, _, err = run_cli("train", "--folds", "3", "--output-dir", tmp_path / "no",
                           *(word.format(table=table) for word in words))
    assert code == 1
    assert says in err
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_test_split_says_so(run: Path, table: Path, run_cli: Cli) -> None:
    for words in (["evaluate", run], ["compare", run, run]):
        code, _, err = run_cli(*words)
        assert code == 1
        assert "measured by cross-validation and has no test split: name labelled texts with --dataset" in err
    assert run_cli("evaluate", run, "--dataset", table)[0] == 0
    code, _, err = run_cli("ensemble", run, str(run) + "/.", "--output-dir", run.parent / "mean")
    assert code == 1


def test_no_test_fraction_needs_another_measure(table: Path, tmp_path: Path, run_cli: Cli) -> None:
    command = ["train", "--dataset", table, "--test-fraction", "0", "--output-dir", tmp_path / "run", *LINEAR]
    code, _, err = run_cli(*command)
    assert code == 1
    assert "--test-fraction 0 leaves no test texts: name a --test-file, or use cross-validation" in err
    test = tmp_path / "test.csv"
    test.write_text("text,label\na good film,True\na bad film,False\n", encoding="utf-8")
    code, _, err = run_cli(*command, "--test-file", test)
    assert code == 0, err
    assert load_classifier(tmp_path / "run").class_names == ("False", "True")


def test_folds_in_python() -> None:
    texts, labels = [f"a {word} film, number {n}" for n in range(15) for word in ("good", "bad")], ["pos", "neg"] * 15
    model = sentiment.train(texts, labels, arch="nb-svm", folds=3, verbose=False)
    assert model.metrics["folds"]["count"] == 3
    assert model.metrics["test"]["texts"] == 30
    with pytest.raises(sentiment.UserError, match="test_fraction=0 leaves no test texts"):
        sentiment.train(texts, labels, arch="nb-svm", test_fraction=0, verbose=False)
