"""Several runs as one: its answers are the mean of theirs, whatever vocabulary and length each has."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sentiment.artifacts import RunFolder
from sentiment.cli import main
from sentiment.config import DataConfig
from sentiment.datasets import load_corpus
from sentiment.inference import explain, load

Cli = Callable[..., tuple[int, str, str]]
TEXTS = ["A good film.", "", "bad <br /> bad &amp; worse! 😀", "good " * 100 + "bad " * 70, "unseen words"]
SMALL = ["--units", "4", "--embedding-size", "4", "--epochs", "2", "--learning-rate", "0.02"]
MEMBERS = {"one": ["--arch", "bilstm", "--max-length", "24", *SMALL],
           "two": ["--arch", "gru", "--max-length", "12", "--truncate", "head", "--vocab-size", "20", *SMALL],
           "three": ["--arch", "nb-svm"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Path:
    """A folder with three members and their ensemble."""
    folder = tmp_path_factory.mktemp("ensemble")
    for name, words in MEMBERS.items():
        assert main(["train", "--dataset", str(tiny_csv), "--output-dir", str(folder / name), *words]) == 0
    assert main(["ensemble", *(str(folder / name) for name in MEMBERS), "--output-dir", str(folder / "all")]) == 0
    return folder


def test_it_answers_with_the_mean_of_the_logits(runs: Path, tiny_csv: Path) -> None:
    texts = [*TEXTS, *load_corpus(DataConfig(dataset=str(tiny_csv)), 1).validation.texts]
    members = np.mean([load(runs / name).predict_logits(texts) for name in MEMBERS], axis=0)
    temperature = RunFolder.open(runs / "all").load_metrics()["calibration"]["temperature"]
    np.testing.assert_allclose(load(runs / "all").predict_logits(texts), members / temperature, atol=1e-4)


def test_it_is_a_run_like_any_other(runs: Path, tmp_path: Path, run_cli: Cli) -> None:
    measured = json.loads((runs / "all" / "metrics.json").read_text(encoding="utf-8"))
    assert measured["training"]["members"] == list(MEMBERS)
    card = (runs / "all" / "README.md").read_text(encoding="utf-8")
    assert "the mean of one, two, three" in card
    assert "`python -m sentiment ensemble models/one models/two models/three --output-dir models/again`" in card
    assert "train.py" not in card
    code, out, err = run_cli("info", runs / "all")
    assert code == 0, err
    assert "the mean of one, two, three" in out
    code, out, err = run_cli("predict", runs / "all", "A good film.", "--json")
    assert code == 0, err
    code, _, err = run_cli("compare", runs / "all", runs / "one")
    assert code == 0, err
    code, _, err = run_cli("evaluate", runs / "all", "--report", tmp_path / "report")
    assert code == 0, err


def test_the_saved_model_needs_none_of_our_code(runs: Path) -> None:
    code = ("import sys, tensorflow as tf\n"
            "answers = tf.saved_model.load(sys.argv[1]).serve(tf.constant(sys.argv[2:]))\n"
            "assert not any(name.startswith('sentiment') for name in sys.modules)\n"
            "print(answers['scores'].numpy().tolist())")
    done = subprocess.run([sys.executable, "-c", code, str(runs / "all" / "export" / "1"), *TEXTS], check=True,
                          capture_output=True, text=True)
    np.testing.assert_allclose(json.loads(done.stdout), load(runs / "all").predict_proba(TEXTS), atol=1e-5)


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_other_forms(form: str, runs: Path, tmp_path: Path) -> None:
    assert main(["ensemble", str(runs / "one"), str(runs / "two"), "--output-dir", str(tmp_path / "both")]) == 0
    assert main(["export", str(tmp_path / "both"), "--format", form]) == 0  # it is checked before it gets its name


@pytest.mark.parametrize("text", TEXTS)
def test_explanations_add_up(text: str, runs: Path) -> None:
    explanation = explain(load(runs / "all"), text)
    assert explanation.complete
    assert len(explanation.attributions) == len(explanation.words)


def test_members_of_other_splits_are_calibrated_on_what_none_has_seen(tiny_csv: Path, runs: Path, tmp_path: Path,
                                                                      run_cli: Cli) -> None:
    """A fixed test split, so that seeds share it; with so few texts no temperature is looked for."""
    words = ["train", "--dataset", tiny_csv, "--test-file", tiny_csv, "--arch", "tfidf-lr"]
    for seed in ("1", "2"):
        code, _, err = run_cli(*words, "--seed", seed, "--output-dir", tmp_path / seed)
        assert code == 0, err
    code, _, err = run_cli("ensemble", tmp_path / "1", tmp_path / "2", "--output-dir", tmp_path / "both")
    assert code == 0, err
    assert "were seen by no member in training, too few to calibrate on" in err
    assert RunFolder.open(tmp_path / "both").load_metrics()["calibration"]["temperature"] == 1.0


def test_refusals(runs: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    def refused(*folders: Path) -> str:
        code, out, err = run_cli("ensemble", *folders, "--output-dir", tmp_path / "new")
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert not (tmp_path / "new").exists()
        return err

    assert "two members or more" in refused(runs / "one")
    assert "no such model folder" in refused(runs / "one", runs / "none")
    assert "is an ensemble: name its members instead" in refused(runs / "one", runs / "all")
    for name, words in {"seed": ["--seed", "2"], "periods": ["--periods"],
                        "tail": ["--truncate", "tail", "--max-length", "20"]}.items():
        code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / name, "--arch", "attention",
                               "--epochs", "1", *words)
        assert code == 0, err
    assert "was trained on other data or another split" in refused(runs / "one", tmp_path / "seed")
    assert "differ in --periods" in refused(runs / "one", tmp_path / "periods")
    assert "reads other words than --truncate both with --max-length 24" in refused(runs / "one", tmp_path / "tail")
    code, _, err = run_cli("train", "--config", runs / "all" / "config.json", "--output-dir", tmp_path / "again")
    assert (code, "no architecture 'ensemble'" in err) == (1, True)
