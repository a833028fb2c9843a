"""The options of training that need texts, files or models of their own, from the command line."""

import json
import re
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected

import sentiment
from sentiment.architectures import scale_logits
from sentiment.artifacts import RunFolder, load_classifier
from sentiment.artifacts.run import in_float16
from sentiment.cli import main
from sentiment.config import DataConfig
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.evaluation import log_loss

QUICK = ["--arch", "cnn", "--epochs", "1", "--units", "4", "--embedding-size", "4", "--max-length", "24", "--no-export"]


@pytest.fixture
def unlabelled(tmp_path: Path) -> Path:
    path = tmp_path / "more.csv"
    path.write_text("text\n" + "".join(f"an uncommon film number {number}\n" for number in range(40)), encoding="utf-8")
    return path


def metrics_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return values


@pytest.mark.parametrize("words", selected([
    ["--objective", "mixed"], ["--objective", "vat", "--entropy-weight", "0.5", "--xi", "0.01", "--arch", "bilstm"],
    ["--clip-value", "0.1", "--gradient-noise", "0.01", "--ema", "0.9", "--label-smoothing", "0.1", "--l2", "0.001"],
], short=[["--objective", "mixed"]]), ids=lambda words: " ".join(words[:2]))
def test_training_with_texts_without_labels(words: list[str], unlabelled: Path, tiny_csv: Path, tmp_path: Path,
                                            run_cli: Cli) -> None:
    folder = tmp_path / "run"
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--unlabelled", unlabelled, "--output-dir", folder, *QUICK,
                           *words)
    assert code == 0, err
    assert "uncommon\n" in (folder / "vocabulary.txt").read_text(encoding="utf-8")  # it is in unlabelled texts only


@pytest.mark.extended
def test_a_student_says_what_its_teacher_says(unlabelled: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    """The teacher is wrong on purpose: its logits are those of the other class."""
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    command = ["train", "--dataset", tiny_csv, "--epochs", "20", *QUICK[4:], "--learning-rate", "0.05", "--patience",
               "20"]
    code, _, err = run_cli(*command, "--output-dir", teacher)
    assert code == 0, err
    folder = RunFolder.open(teacher)
    model = folder.load_model()
    scale_logits(model, -1.0)
    model.save(folder.model)
    train = load_corpus(DataConfig(dataset=str(tiny_csv)), 1).train
    assert (load_classifier(teacher).predict_proba(train.texts).argmax(axis=1) == train.labels).mean() < 0.2
    code, _, err = run_cli(*command, "--teacher", teacher, "--teacher-weight", "1", "--unlabelled", unlabelled,
                           "--output-dir", student)
    assert code == 0, err
    assert f"{teacher} predicts " in err
    rows = (student / "history.csv").read_text(encoding="utf-8").splitlines()
    last = dict(zip(rows[0].split(","), rows[-1].split(","), strict=True))
    assert float(last["accuracy"]) < 0.2  # it learnt to be wrong


def test_the_average_of_the_weights_is_what_is_kept(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    folder = tmp_path / "run"
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", folder, *QUICK, "--ema", "0.99",
                           "--learning-rate", "0.05")
    assert code == 0, err
    rows = (folder / "history.csv").read_text(encoding="utf-8").splitlines()
    validated = float(dict(zip(rows[0].split(","), rows[1].split(","), strict=True))["val_loss"])
    validation = load_corpus(DataConfig(dataset=str(tiny_csv)), 1).validation
    logits = load_classifier(folder).predict_logits(validation.texts) * metrics_of(folder)["calibration"]["temperature"]
    assert log_loss(validation.labels, logits) == pytest.approx(validated, rel=1e-4)


@pytest.mark.parametrize("name", selected(["bilstm", "tfidf-lr"], ["tfidf-lr"]))
def test_weights_saved_in_float16_are_those_that_are_measured(name: str, tiny_csv: Path, tmp_path: Path, run_cli: Cli
                                                             ) -> None:
    options = QUICK if name == "bilstm" else ["--no-export"]
    words = ["train", *options, "--arch", name, "--dataset", tiny_csv, "--seed", 3]
    whole, half = (RunFolder(tmp_path / name) for name in ("whole", "half"))
    assert run_cli(*words, "--output-dir", whole.path)[0] == 0
    code, _, err = run_cli(*words, "--save-float16", "--output-dir", half.path)
    assert code == 0, err
    for exact, rounded in zip(whole.load_model().get_weights(), half.load_model().get_weights(), strict=True):
        assert exact.dtype == rounded.dtype
        np.testing.assert_array_equal(exact.astype(np.float16).astype(exact.dtype), rounded)
    assert half.model.stat().st_size < 0.65 * whole.model.stat().st_size
    classifier = load_classifier(half.path)
    corpus = load_corpus(half.load_config().data, 3)
    logits = classifier.predict_logits(corpus.validation.texts)
    assert metrics_of(half.path)["validation"]["log_loss"] == log_loss(corpus.validation.labels, logits)
    assert metrics_of(half.path)["validation"]["log_loss"] != metrics_of(whole.path)["validation"]["log_loss"]


def test_a_run_without_an_export_gets_one_later(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    folder = RunFolder(tmp_path / "run")
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", folder.path, *QUICK)
    assert code == 0, err
    assert not folder.export.exists()
    (command,) = re.findall(r"python -m sentiment (export .*)", folder.card.read_text(encoding="utf-8"))
    code, _, err = run_cli(*command.replace("models/run", str(folder.path)).split())
    assert code == 0, err
    assert (folder.export / "saved_model.pb").is_file()


def test_weights_beyond_float16_become_its_largest() -> None:
    rounded = in_float16(np.array([1e9, -1e9, 1 + 1e-5], np.float32))
    assert rounded.dtype == np.float32
    assert rounded.tolist() == [65504, -65504, 1]
    assert in_float16(np.array([2 ** 40])).tolist() == [2 ** 40]


def test_unlabelled_texts_that_are_not_there(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--unlabelled", "--output-dir", tmp_path / "run")
    assert code == 1
    assert "has no unlabelled texts: name a file with --unlabelled FILE" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", selected(["svd", "skip-gram", "cbow"], ["skip-gram"]))
def test_vectors_made_and_used(method: str, tiny_csv: Path, unlabelled: Path, tmp_path: Path, run_cli: Cli) -> None:
    vectors, folder = tmp_path / "vectors.txt", tmp_path / "run"
    code, out, err = run_cli("vectors", "--dataset", tiny_csv, "--unlabelled", unlabelled, "--output", vectors,
                             "--method", method, "--size", "6", "--epochs", "2")
    assert (code, out) == (0, ""), err
    assert "--embedding-size 6" in err
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", folder, *QUICK, "--embedding-size", "6",
                           "--embedding-start", vectors, "--freeze-embedding")
    assert code == 0, err
    assert "of the words in the training texts" in err
    rows = [line.split(" ") for line in vectors.read_text(encoding="utf-8").splitlines()[1:]]
    table = {row[0]: np.array(row[1:], np.float32) for row in rows}
    classifier = load_classifier(folder)
    kept = classifier.model.get_layer("embedding").get_weights()[0]
    for place, word in enumerate(classifier.preprocessor.words, start=2):
        np.testing.assert_allclose(kept[place], table[word], rtol=1e-5)  # frozen


def test_word2vec_is_the_same_for_the_same_seed(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    contents = []
    for name in ("one.txt", "other.txt"):
        assert run_cli("vectors", "--dataset", tiny_csv, "--output", tmp_path / name, "--size", "4")[0] == 0
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", selected(["tfidf-lr", "nb-svm"], ["nb-svm"]))
def test_linear_models_behind_the_same_commands(name: str, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    folder = tmp_path / "run"
    code, out, err = run_cli("train", "--dataset", tiny_csv, "--arch", name, "--no-export", "--output-dir", folder)
    assert code == 0, err
    assert "(epoch" not in out
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["text"]["max_length"] == 10_000
    lines = run_cli("predict", "--model", folder, "a good film", "a bad film", "--json")[1].splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["pos", "neg"]
    assert "fitted at once" in (folder / "README.md").read_text(encoding="utf-8")
    assert "at once, " in run_cli("info", folder)[1]
    assert run_cli("evaluate", folder)[0] == 0
    code, out, _ = run_cli("explain", "--model", folder, "a good film", "--json")
    values = json.loads(out)
    assert values["attributions"][1] == max(values["attributions"])
    assert not (folder / "plots" / "learning_curves.png").exists()


@pytest.mark.parametrize(("words", "message"), [
    (["--arch", "tfidf-lr", "--ema", "0.9"], "'tfidf-lr' is fitted at once by scikit-learn: --ema is for"),
    (["--arch", "nb-svm", "--strategy", "mirrored"], "--strategy is for architectures that are trained in steps"),
    (["--arch", "han", "--no-periods"], "'han' reads sentences: it needs --periods"),
    (["--teacher", "none"], "no such model folder: none"),
    (["--teacher-weight", "0.5"], "--teacher-weight needs --teacher"),
    (["--embedding-start", "none.txt"], "no such file of word vectors: none.txt"),
    (["--arch", "gru", "--normalization", "layer"], "--normalization layer is built into the LSTM"),
    (["--attention", "additive", "--pooling", "max"], "omit --pooling"),
])
def test_refusals_are_one_line_and_leave_nothing(words: list[str], message: str, tiny_csv: Path, tmp_path: Path,
                                                 run_cli: Cli) -> None:
    code, out, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *words)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1, err
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("words", "message"), [
    (["--size", "0"], "--size, --window and --epochs must be at least 1"),
    (["--output", "no/such/v.txt"], "no such folder: no/such"),
])
def test_refusals_of_vectors(words: list[str], message: str, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("vectors", "--dataset", tiny_csv, "--output", tmp_path / "v.txt", *words)
    assert code == 1
    assert message in err


def test_the_list_of_architectures_says_what_each_takes(run_cli: Cli) -> None:
    entries = json.loads(run_cli("architectures", "--json")[1])
    by_name = {entry["name"]: entry for entry in entries}
    assert "--gru-reset" in by_name["bigru"]["options"]
    assert "--gru-reset" not in by_name["lstm"]["options"]
    assert by_name["nb-svm"] == {"name": "nb-svm", "parameters": None, "options": [],
                                 "summary": by_name["nb-svm"]["summary"],
                                 "defaults": {"--vocab-size": 1_000_000, "--max-length": 10_000}}
    listed = run_cli("architectures", "--options")[1]
    assert "--embedding-size --units" in listed
    assert listed.count("by default --attention luong-concat\n") == 5
    assert "by default --periods" in listed


def test_from_the_flag_to_the_layer_are_seven_calls(tiny_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                    ) -> None:
    """A reader who follows `--units` from the command to the recurrent layer meets few functions on the way."""
    package = str(Path(sentiment.__file__).parent)
    found: list[str] = []

    def stop(self: Any, *_: Any, **__: Any) -> None:
        found.extend(frame.name for frame in traceback.extract_stack() if frame.filename.startswith(package))
        raise UserError("far enough")

    monkeypatch.setattr("sentiment.layers.LSTM.__init__", stop)
    assert main(["train", "--dataset", str(tiny_csv), "--units", "4", "--output-dir", str(tmp_path / "run")]) == 1
    assert found[:2] == ["main", "run"]
    assert found[-1] == "recurrent"
    assert len(found[2:]) <= 7, found
