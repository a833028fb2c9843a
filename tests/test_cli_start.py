"""Classifiers that start from a run, from the command line."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli

from sentiment.artifacts import RunFolder
from sentiment.config import DataConfig
from sentiment.data import digests, load_corpus

QUICK = ["--epochs", "1", "--batch-size", "8", "--no-export"]


@pytest.fixture
def other_csv(tmp_path: Path) -> Path:
    """A CSV of other reviews of the same classes."""
    path = tmp_path / "other.csv"
    rows = [f"it is a {word} book {number},{label}" for number in range(30)
            for word, label in (("good", "pos"), ("bad", "neg"))]
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return path


def test_all_of_it_is_taken_over(tiny_run: Path, tiny_csv: Path, other_csv: Path, tmp_path: Path, run_cli: Cli
                                 ) -> None:
    code, _, err = run_cli("train", "--dataset", other_csv, "--pretrained", tiny_run, "--output-dir", tmp_path / "run",
                           *QUICK, "--learning-rate", "0", "--output-dropout", "0.1")
    assert code == 0, err
    assert "has read" not in err
    run, start = RunFolder.open(tmp_path / "run"), RunFolder.open(tiny_run)
    assert f"| starts from | {tiny_run.name} |" in run.card.read_text(encoding="utf-8")
    assert "starts from" not in start.card.read_text(encoding="utf-8")
    mine, theirs = run.load_config(), start.load_config()
    assert mine.updated({"model": {"output_dropout": theirs.model.output_dropout}}).model == theirs.model
    assert run.vocabulary.read_bytes() == start.vocabulary.read_bytes()
    answers = [folder.load_model()(np.array([[2, 3, 4], [5, 6, 0]], np.int32)).numpy() for folder in (run, start)]
    factor = answers[0] / answers[1]  # each is calibrated on its own validation split
    np.testing.assert_allclose(factor, factor[0, 0], rtol=1e-5)
    read = digests(load_corpus(DataConfig(dataset=str(tiny_csv)), 1).train.texts)
    assert set(read) == set(start.load_texts())
    assert set(read) < set(run.load_texts())
    again = tmp_path / "again"
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", tmp_path / "run", "--output-dir", again,
                           *QUICK, "--seed", "5")
    assert code == 0, err
    assert f"{tmp_path / 'run'} has read" in err


def test_other_classes_get_a_head_of_their_own(tiny_run: Path, other_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    three = other_csv.with_name("three.csv")
    text = other_csv.read_text(encoding="utf-8")
    three.write_text(text + "".join(f"so so {number},none\n" for number in range(30)), encoding="utf-8")
    code, _, err = run_cli("train", "--dataset", three, "--pretrained", tiny_run, "--output-dir", tmp_path / "run",
                           *QUICK, "--layer-decay", "2")
    assert code == 0, err
    run = RunFolder.open(tmp_path / "run")
    assert run.load_class_names() == ("neg", "none", "pos")
    assert run.load_model().get_layer("logits").units == 3


@pytest.mark.parametrize(("words", "message"), [
    (["--units", "7"], "was trained with another value of --units: omit that"),
    (["--pooling", "mean"], "was trained with another value of --pooling: omit that"),
    (["--arch", "gru"], "was trained with another value of --arch"),
    (["--vocab-size", "9"], "was trained with another value of --vocab-size"),
    (["--embedding-start", "random"], "includes an embedding: omit --embedding-start"),
])
def test_refusals(words: list[str], message: str, tiny_run: Path, other_csv: Path, tmp_path: Path, run_cli: Cli
                  ) -> None:
    code, out, err = run_cli("train", "--dataset", other_csv, "--pretrained", tiny_run, "--output-dir",
                             tmp_path / "run", *words)
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert message in err
    assert not (tmp_path / "run").exists()


def test_what_no_classifier_starts_from(tiny_run: Path, tiny_csv: Path, other_csv: Path, tmp_path: Path, run_cli: Cli
                                        ) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--arch", "nb-svm", "--no-export",
                           "--output-dir", tmp_path / "linear")
    assert code == 0, err
    copy = tmp_path / "copy"
    shutil.copytree(tiny_run, copy)
    for damage, message in ((lambda: (copy / "texts.npy").write_bytes(b"no"), f"{copy / 'texts.npy'} is damaged"),
                            ((copy / "texts.npy").unlink, "texts.npy is missing; train it again"),
                            (lambda: (copy / "members.json").write_text("[]"), f"{copy} is an ensemble")):
        damage()
        code, _, err = run_cli("train", "--dataset", other_csv, "--pretrained", copy, "--output-dir", tmp_path / "run")
        assert (code, err.count("\n")) == (1, 1), err
        assert message in err
    code, _, err = run_cli("train", "--dataset", other_csv, "--pretrained", tmp_path / "linear", "--output-dir",
                           tmp_path / "run", "--arch", "nb-svm")
    assert (code, err.count("\n")) == (1, 1), err
    assert f"{tmp_path / 'linear'} is linear: a classifier can only start from a run that was trained in steps" in err
