"""The reports of an evaluation and of a comparison, from the command line."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import TINY_RUN, Cli

from sentiment.artifacts import RunFolder, RunPaths, load_classifier
from sentiment.evaluation import calibration_error
from sentiment.run_predictions import stored_predictions

SECTIONS = ["Summary", "Baselines", "By class", "Calibration", "Thresholds", "Accuracy by length",
            "Accuracy by negation", "Least sure", "Suspected label errors"]


@pytest.fixture(scope="module")
def hard_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of which a model of `tiny_csv` must get some wrong."""
    path = tmp_path_factory.mktemp("hard") / "hard.csv"
    rows = [("text", "label"), *((f"a good film, number {number}", "neg" if number % 5 == 0 else "pos")
                                 for number in range(20)),
            *((f"a bad <b>film</b>, not number {number}", "neg") for number in range(20))]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def other_run(tmp_path_factory: pytest.TempPathFactory, tiny_run: Path) -> Path:
    """The same model with all its answers turned around."""
    path = tmp_path_factory.mktemp("other") / "turned"
    shutil.copytree(tiny_run, path)
    folder = RunFolder(path)
    model = folder.load_model()
    model.layers[-1].kernel.assign(-model.layers[-1].kernel)
    model.layers[-1].bias.assign(-model.layers[-1].bias)
    model.save(folder.model)
    folder.save_checksums()
    return path


def headings(text: str) -> list[str]:
    return [line[3:] for line in text.splitlines() if line.startswith("## ")]


def test_report_of_an_evaluation(tiny_run: Path, hard_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("evaluate", tiny_run, "--dataset", hard_csv, "--report", tmp_path / "out", "--json")
    assert code == 0, err
    metrics = json.loads(out)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    markdown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert [name for name in headings(markdown) if name != "Most wrong"] == SECTIONS
    for name in headings(markdown):
        assert f"<h2>{name}</h2>" in page
    assert f"| accuracy | {metrics['accuracy']:.4f} |" in markdown
    assert f"{metrics['calibration_error']:.4f}" in page
    assert "<b>film</b>" not in page.split("</h1>")[1]
    pictures = {path.stem for path in (tmp_path / "out" / "plots").iterdir()}
    assert pictures == {"confusion_matrix", "roc", "precision_recall", "calibration", "accuracy_by_length",
                        "accuracy_by_negation"}
    assert page.count("<img") == len(pictures)


def test_most_wrong_texts_come_first(other_run: Path, hard_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    assert run_cli("evaluate", other_run, "--dataset", hard_csv, "--report", tmp_path)[0] == 0
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    wrong = markdown.split("## Most wrong")[1].split("## ")[0]
    shown = [line for line in wrong.splitlines() if line.startswith("**Labelled")]
    scores = [float(line.split("\\(")[-1].split("(")[-1].rstrip("*)")) for line in shown]
    assert len(scores) == 6
    assert scores == sorted(scores, reverse=True)
    assert all(line.split("Labelled ")[1].split(",")[0] not in line.split("predicted ")[1] for line in shown)


def test_comparison(tiny_run: Path, other_run: Path, hard_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    words = ["compare", tiny_run, other_run, "--dataset", hard_csv]
    code, out, err = run_cli(*words, "--json", "--report", tmp_path / "out")
    assert code == 0, err
    found = json.loads(out)
    first, second = found["models"]
    assert float(first["accuracy"]) + float(second["accuracy"]) == pytest.approx(1.0)
    (test,) = found["mcnemar"]
    assert test["models"] == [tiny_run.name, "turned"]
    assert (test["first_alone"], test["second_alone"]) == (
        round(40 * float(first["accuracy"])), round(40 * float(second["accuracy"])))
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "The models disagree on 40 of 40 texts" in page
    markdown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8").split("## Texts on which they differ")[1]
    rows = [line.split(" | ") for line in markdown.splitlines() if line.startswith("| ")][2:]
    answers = [float(row[-2].split()[1]) for row in rows]
    assert len(answers) == 12
    assert answers == sorted(answers, reverse=True), "the surest of two that contradict one another come first"
    assert {path.name for path in (tmp_path / "out" / "plots").iterdir()} == {"roc.png", "calibration.png"}
    code, out, _ = run_cli(*words)
    assert out.splitlines()[-1].startswith(f"only {tiny_run.name} right: {test['first_alone']}, only turned right: ")


def test_comparison_on_the_common_test_split(tiny_run: Path, other_run: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("compare", tiny_run, other_run, "--json")
    assert code == 0, err
    measured = RunFolder.open(tiny_run).load_metrics()["test"]["accuracy"]
    assert float(json.loads(out)["models"][0]["accuracy"]) == pytest.approx(measured, abs=1e-4)


def test_stored_predictions_are_those_of_the_models(tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    copy = shutil.copytree(tiny_run, tmp_path / "copy")
    stored = run_cli("compare", tiny_run, copy, "--json")[1]
    for damage in ((copy / "test.npz").unlink, lambda: (copy / "test.npz").write_bytes(b"no"),
                   lambda: np.savez(copy / "test.npz", labels=np.zeros(3, np.int32), logits=np.zeros((3, 1)))):
        damage()
        assert RunPaths(copy).load_test(2) is None or stored_predictions([RunPaths(tiny_run), RunPaths(copy)]) is None
    predicted = run_cli("compare", tiny_run, copy, "--json")[1]
    assert {**json.loads(predicted), "notes": []} == {**json.loads(stored), "notes": []}


def test_mistakes_are_said_before_the_work(tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    (tmp_path / "file").write_text("")
    for words in (["evaluate", tiny_run], ["compare", tiny_run, tiny_run], ["benchmark", "imdb"]):
        code, _, err = run_cli(*words, "--report", tmp_path / "file")
        assert (code, err) == (1, f"error: --report must be a folder, but {tmp_path / 'file'} is a file\n")
    assert run_cli("compare", tiny_run)[::2] == (1, "error: compare needs at least two models\n")


def test_what_cannot_be_compared(tiny_run: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    assert run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "seed", "--seed", "2", "--arch",
                   "tfidf-lr", "--no-export")[0] == 0
    code, _, err = run_cli("compare", tiny_run, tmp_path / "seed")
    assert code == 1
    assert f"{tmp_path / 'seed'} have different test splits (drawn with different values of --seed)" in err
    assert "neither was trained on: add --dataset FILE" in err
    path = tmp_path / "names"
    shutil.copytree(tiny_run, path)
    RunFolder(path).labels.write_text('["a", "b"]')
    RunFolder(path).save_checksums()
    code, _, err = run_cli("compare", tiny_run, path)
    assert code == 1
    assert f"{path} has the classes a, b, {tiny_run} neg, pos" in err


def test_compare_accepts_a_column_named_in_one_run_and_found_in_the_other(tiny_run: Path, tmp_path: Path, run_cli: Cli
                                                                          ) -> None:
    named = RunFolder(shutil.copytree(tiny_run, tmp_path / "named"))
    named.config.write_text(named.load_config().updated({"data": {"text_column": "text"}}).to_json())
    named.save_checksums()
    code, _, err = run_cli("compare", tiny_run, named.path)
    assert code == 0, err
    np.save(named.texts, np.load(named.texts)[1:])  # trained on other texts
    named.save_checksums()
    code, _, err = run_cli("compare", tiny_run, named.path)
    assert (code, "different test splits (drawn with different values of --text-column)" in err) == (1, True)


def test_calibration_is_stored_and_used(tiny_csv: Path, tmp_path: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch
                                        ) -> None:
    """The logits of the saved model are those of training divided by the temperature; trained with 1 and with 3."""
    found: dict[str, np.ndarray] = {}
    for factor in (1.0, 3.0):
        monkeypatch.setattr("sentiment.training.fitting.temperature", lambda *_, factor=factor: factor)
        folder = RunFolder(tmp_path / str(factor))
        assert run_cli("train", "--dataset", tiny_csv, "--output-dir", folder.path, *TINY_RUN, "--arch", "cnn",
                       "--no-export")[0] == 0
        calibration = folder.load_metrics()["calibration"]
        with np.load(folder.test) as test:
            labels, logits = test["labels"], test["logits"]
        assert calibration["temperature"] == factor
        assert calibration["test_error_before"] == pytest.approx(calibration_error(labels, logits * factor))
        assert folder.load_metrics()["test"]["calibration_error"] == pytest.approx(calibration_error(labels, logits))
        np.testing.assert_allclose(load_classifier(folder.path).predict_logits(["a good film"]), found.setdefault(
            "raw", load_classifier(folder.path).predict_logits(["a good film"])) / factor, rtol=1e-4)
