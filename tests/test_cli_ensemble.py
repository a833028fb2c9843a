"""Several runs as one: its answers are a mean of theirs, whatever vocabulary and length each has."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected

from sentiment.artifacts import RunFolder, load_classifier
from sentiment.cli import main
from sentiment.config import DataConfig
from sentiment.data import load_corpus
from sentiment.explain import explain
from sentiment.runs import ensemble_run
from sentiment.training.calibration import mean_weights

TEXTS = ["A good film.", "", "bad <br /> bad &amp; worse! 😀", "good " * 100 + "bad " * 70, "unseen words"]
SMALL = ["--units", "4", "--embedding-size", "4", "--epochs", "2", "--learning-rate", "0.02", "--no-export"]
MEMBERS = {"one": ["--arch", "bilstm", "--max-length", "24", *SMALL],
           "two": ["--arch", "gru", "--max-length", "12", "--truncate", "head", "--vocab-size", "20", *SMALL],
           "three": ["--arch", "nb-svm", "--no-export"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Path:
    """A folder with three members and their ensemble."""
    folder = tmp_path_factory.mktemp("ensemble")
    for name, words in MEMBERS.items():
        assert main(["train", "--dataset", str(tiny_csv), "--output-dir", str(folder / name), *words]) == 0
    assert main(["ensemble", *(str(folder / name) for name in MEMBERS), "--output-dir", str(folder / "all")]) == 0
    return folder


def answers(folder: Path, tiny_csv: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of an ensemble before they are calibrated, and those of the members, member by member."""
    texts = [*TEXTS, *load_corpus(DataConfig(dataset=str(tiny_csv)), 1).validation.texts]
    temperature = RunFolder.open(folder).load_metrics()["calibration"]["temperature"]
    members = np.stack([load_classifier(folder.parent / name).predict_logits(texts) for name in MEMBERS])
    return load_classifier(folder).predict_logits(texts) * temperature, members


def test_it_answers_with_the_mean_of_the_logits(runs: Path, tiny_csv: Path) -> None:
    ensemble, members = answers(runs / "all", tiny_csv)
    np.testing.assert_allclose(ensemble, np.mean(members, axis=0), atol=1e-4)


@pytest.mark.extended
def test_the_mean_fits_the_validation_split(runs: Path, tiny_csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.runs.ensemble.FEWEST_TEXTS", 5)
    monkeypatch.setattr("sentiment.runs.ensemble.NEGLIGIBLE", 0.0)
    ensemble_run([RunFolder.open(runs / name) for name in MEMBERS], runs / "fitted", export=False)
    weights = RunFolder.open(runs / "fitted").load_metrics()["training"]["members"]
    assert list(weights) == list(MEMBERS)
    assert max(weights.values()) > 0.5
    ensemble, members = answers(runs / "fitted", tiny_csv)
    np.testing.assert_allclose(ensemble, np.tensordot(list(weights.values()), members, axes=1), atol=1e-4)
    labels = load_corpus(DataConfig(dataset=str(tiny_csv)), 1).validation.labels
    np.testing.assert_allclose(list(weights.values()), mean_weights(labels, members[:, len(TEXTS):]), atol=0.01)


def test_members_without_weight_are_left_out(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sentiment.runs.ensemble.FEWEST_TEXTS", 5)
    folders = [RunFolder.open(runs / name) for name in MEMBERS]
    for weights, kept, said in ((np.array([0.25, 0.001, 0.749]), ("one", "three"), "left out, as their weight in the"),
                                (np.array([0.0, 0.001, 0.999]), ("two", "three"), "three alone fits the validation")):
        monkeypatch.setattr("sentiment.runs.ensemble.mean_weights", lambda *_, found=weights: found)
        found = ensemble_run(folders, tmp_path / kept[0], export=False)
        assert tuple(found.load_metrics()["training"]["members"]) == kept
        assert said in capsys.readouterr().err
        ensemble = load_classifier(found.path)
        rest = [load_classifier(runs / name).predict_logits(TEXTS) for name in kept]
        own = weights[[list(MEMBERS).index(name) for name in kept]]
        expected = np.tensordot(own / own.sum(), rest, axes=1) / found.load_metrics()["calibration"]["temperature"]
        np.testing.assert_allclose(ensemble.predict_logits(TEXTS), expected, atol=1e-4)


@pytest.mark.extended
def test_weights_that_are_given(runs: Path, tiny_csv: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("ensemble", *(runs / name for name in MEMBERS), "--weights", "3", "0", "1", "--output-dir",
                           runs / "weighed", "--no-export")
    assert code == 0, err
    assert "the mean of one (0.75), two (0.00), three (0.25)\n" in err
    ensemble, members = answers(runs / "weighed", tiny_csv)
    np.testing.assert_allclose(ensemble, 0.75 * members[0] + 0.25 * members[2], atol=1e-4)


def test_it_is_a_run_like_any_other(runs: Path, tmp_path: Path, run_cli: Cli) -> None:
    measured = json.loads((runs / "all" / "metrics.json").read_text(encoding="utf-8"))
    weights = measured["training"]["members"]
    card = (runs / "all" / "README.md").read_text(encoding="utf-8")
    described = f"the mean of one ({weights['one']:.2f}), two ({weights['two']:.2f}), three ({weights['three']:.2f})"
    assert described in card
    shares = " ".join(f"{weight:.4f}" for weight in weights.values())
    assert f"`python -m sentiment ensemble models/one models/two models/three --weights {shares} --output-dir" in card
    assert "train.py" not in card
    code, out, err = run_cli("info", runs / "all")
    assert code == 0, err
    assert described in out
    code, out, err = run_cli("predict", "--model", runs / "all", "A good film.", "--json")
    assert code == 0, err
    code, _, err = run_cli("compare", runs / "all", runs / "one")
    assert code == 0, err
    code, _, err = run_cli("evaluate", runs / "all", "--report", tmp_path / "report")
    assert code == 0, err


@pytest.mark.extended
def test_the_saved_model_needs_none_of_our_code(runs: Path) -> None:
    code = ("import sys, tensorflow as tf\n"
            "answers = tf.saved_model.load(sys.argv[1]).serve(tf.constant(sys.argv[2:]))\n"
            "assert not any(name.startswith('sentiment') for name in sys.modules)\n"
            "print(answers['scores'].numpy().tolist())")
    done = subprocess.run([sys.executable, "-c", code, str(runs / "all" / "export" / "1"), *TEXTS], check=True,
                          capture_output=True, text=True)
    np.testing.assert_allclose(json.loads(done.stdout), load_classifier(runs / "all").predict_proba(TEXTS), atol=1e-5)


@pytest.mark.extended
@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_other_forms(form: str, runs: Path, tmp_path: Path) -> None:
    both = str(tmp_path / "both")
    assert main(["ensemble", str(runs / "one"), str(runs / "two"), "--output-dir", both, "--no-export"]) == 0
    assert main(["export", both, "--format", form]) == 0  # it is checked before it gets its name


@pytest.mark.parametrize("text", selected(TEXTS, TEXTS[:1]))
def test_explanations_add_up(text: str, runs: Path) -> None:
    explanation = explain(load_classifier(runs / "all"), text)
    assert explanation.complete
    assert len(explanation.attributions) == len(explanation.words)


@pytest.mark.extended
def test_members_of_other_splits_are_calibrated_on_what_none_has_seen(tiny_csv: Path, runs: Path, tmp_path: Path,
                                                                      run_cli: Cli) -> None:
    """A fixed test split, so that seeds share it; with so few texts no temperature is looked for."""
    words = ["train", "--dataset", tiny_csv, "--test-file", tiny_csv, "--arch", "tfidf-lr", "--no-export"]
    for seed in ("1", "2"):
        code, _, err = run_cli(*words, "--seed", seed, "--output-dir", tmp_path / seed)
        assert code == 0, err
    code, _, err = run_cli("ensemble", tmp_path / "1", tmp_path / "2", "--output-dir", tmp_path / "both", "--no-export")
    assert code == 0, err
    assert "were seen by no member in training, too few to calibrate on" in err
    assert RunFolder.open(tmp_path / "both").load_metrics()["calibration"]["temperature"] == 1.0


def test_refusals(runs: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    def refused(*words: Path | str) -> str:
        code, out, err = run_cli("ensemble", *words, "--output-dir", tmp_path / "new")
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert not (tmp_path / "new").exists()
        return err

    assert "at least two members" in refused(runs / "one")
    assert "no such model folder" in refused(runs / "one", runs / "none")
    assert "is an ensemble: pass its members instead" in refused(runs / "one", runs / "all")
    assert "two is named twice: use --weights to" in refused(runs / "two", runs / "one", runs / "two")
    assert "needs one number for each of the 2 models, not 1" in refused(runs / "one", runs / "two", "--weights", "1")
    for weights in (["0", "0"], ["2", "-1"], ["1", "nan"], ["inf", "1"]):
        assert "--weights needs numbers of at least 0" in refused(runs / "one", runs / "two", "--weights", *weights)
    for name, words in {"seed": ["--seed", "2"], "periods": ["--periods"],
                        "tail": ["--truncate", "tail", "--max-length", "20"]}.items():
        code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / name, "--arch", "attention",
                               "--epochs", "1", "--no-export", *words)
        assert code == 0, err
    assert "test splits (drawn with different values of --seed), so" in refused(runs / "one", tmp_path / "seed")
    assert "differ in --periods" in refused(runs / "one", tmp_path / "periods")
    assert "reads other words than --truncate both with --max-length 24" in refused(runs / "one", tmp_path / "tail")
    code, _, err = run_cli("train", "--config", runs / "all" / "config.json", "--output-dir", tmp_path / "again")
    assert (code, "no architecture 'ensemble'" in err) == (1, True)
