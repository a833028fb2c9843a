"""Baselines of a run: measured on its own splits, and told wherever its results are."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import TINY_RUN, Cli

import sentiment
from sentiment.artifacts import RunFolder
from sentiment.cli.train import training_summary


def test_the_linear_baseline_is_what_its_own_run_measures(tmp_path: Path, run_cli: Cli, with_baselines: None) -> None:
    """Calibration included, which noisy labels need: two models that are fitted in a moment."""
    table, random = tmp_path / "noisy.csv", np.random.default_rng(1)
    rows = [f"{' '.join(f'w{word}' for word in random.integers(0, 300, 12))} {'good' if number % 2 else 'bad'},"
            f"{'pos' if number % 2 != (random.random() < 0.3) else 'neg'}" for number in range(400)]
    table.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    measured = {}
    for arch in ("nb-svm", "tfidf-lr"):
        code, out, err = run_cli("train", "--dataset", table, "--output-dir", tmp_path / arch, "--arch", arch,
                                 "--no-export", "--json")
        assert code == 0, err
        measured[arch] = json.loads(out)
    own, found = measured["tfidf-lr"], measured["nb-svm"]["baselines"]["models"]["tfidf-lr"]
    assert own["calibration"]["temperature"] > 1.1
    for split in ("validation", "test"):
        assert found[split] == {name: own[split][name] for name in ("accuracy", "macro_f1", "log_loss")}
    code, out, _ = run_cli("train", "--dataset", table, "--output-dir", tmp_path / "without", "--arch", "tfidf-lr",
                           "--no-export", "--no-baselines", "--json")
    assert json.loads(out)["baselines"] is None


def test_the_majority_class_has_its_share_and_the_log_loss_of_the_training_shares(
        tmp_path: Path, run_cli: Cli, with_baselines: None) -> None:
    texts = [f"some text {number}" for number in range(80)]
    table, test = tmp_path / "train.csv", tmp_path / "test.csv"
    table.write_text("text,label\n" + "".join(f"{text},{'ham' if number % 4 else 'spam'}\n"
                                              for number, text in enumerate(texts)), encoding="utf-8")
    test.write_text("text,label\none,ham\ntwo,ham\nthree,spam\n", encoding="utf-8")
    code, out, err = run_cli("train", "--dataset", table, "--test-file", test, "--arch", "tfidf-lr", "--no-export",
                             "--output-dir", tmp_path / "run", "--json")
    assert code == 0, err
    found = json.loads(out)["baselines"]
    assert list(found["models"]) == ["majority class"]
    assert found["models"]["majority class"]["test"]["accuracy"] == pytest.approx(2 / 3)
    expected = -(2 * np.log(0.75) + np.log(0.25)) / 3
    assert found["models"]["majority class"]["test"]["log_loss"] == pytest.approx(expected, rel=1e-4)
    assert "always predicting 'ham'" in found["verdict"]


def test_the_verdict_is_in_the_summary_the_card_and_the_report(tiny_run: Path, tiny_csv: Path, tmp_path: Path,
                                                               run_cli: Cli) -> None:
    measured = RunFolder.open(tiny_run).load_metrics()
    verdict = measured["baselines"]["verdict"]
    assert verdict.startswith("bilstm is ")
    assert verdict in training_summary(tiny_run, measured)
    assert f"{verdict}." in (tiny_run / "README.md").read_text(encoding="utf-8")
    assert run_cli("evaluate", tiny_run, "--dataset", tiny_csv, "--report", tmp_path)[0] == 0
    for name in ("report.md", "index.html"):
        assert verdict.split("'")[0] in (tmp_path / name).read_text(encoding="utf-8")


def test_streamed_texts_have_the_majority_class_alone(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                      with_baselines: None) -> None:
    code, out, err = run_cli("train", "--dataset", tiny_csv, "--stream", "--no-export", "--output-dir",
                             tmp_path / "run", "--json", *TINY_RUN)
    assert code == 0, err
    assert list(json.loads(out)["baselines"]["models"]) == ["majority class"]


def test_python_has_the_verdict(with_baselines: None, capsys: pytest.CaptureFixture[str]) -> None:
    texts, labels = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")], ["pos", "neg"] * 40
    model = sentiment.train(texts, labels, arch="nb-svm")
    verdict = model.metrics["baselines"]["verdict"]
    assert model.metrics["baselines"]["recommended"] == "tfidf-lr"  # both are always right
    assert verdict in capsys.readouterr().err
    assert sentiment.train(texts, labels, arch="nb-svm", baselines=False, verbose=False).metrics["baselines"] is None
