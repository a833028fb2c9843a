"""The interface of Python: `train`, `Model`, `TextClassifier`."""

import copy
import doctest
import gc
import json
import logging
import pickle
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers.commands import Cli

import sentiment
from sentiment import Model, TextClassifier, UserError, api, estimator, lazy
from sentiment.console import log
from sentiment.inference import classifier, predictor
from sentiment.text import layer

TEXTS = [f"a {word} film, number {number}" for number in range(40) for word in ("good", "bad")]
LABELS = ["pos", "neg"] * 40
FRAME = pd.DataFrame({"text": TEXTS, "label": LABELS})
QUICK: dict[str, Any] = {"arch": "cnn", "epochs": 1, "units": 4, "embedding_size": 4, "verbose": False}


@pytest.fixture(scope="module")
def model() -> Model:
    """A model of texts in memory; it is trained once, as a training takes seconds."""
    return sentiment.train(TEXTS, LABELS, **{**QUICK, "epochs": 2})


def test_a_model_of_texts_in_memory_answers(model: Model) -> None:
    assert model.class_names == ("neg", "pos")
    assert model.config.model.units == 4
    assert model.metrics["dataset"]["train_texts"] + model.metrics["dataset"]["validation_texts"] == 64
    assert model.history.index.tolist() == [1, 2]
    series = pd.Series(TEXTS[:3], index=[7, 8, 9])
    assert len(model.predict(series)) == 3
    np.testing.assert_array_equal(model.predict_proba(text for text in series), model.predict_proba(TEXTS[:3]))
    assert model.keras_model.output_shape == (None, 1)
    assert repr(model).startswith("<sentiment.Model cnn, classes neg, pos, test accuracy 0.")


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
                                     ) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    capfd.readouterr()
    model = sentiment.train(TEXTS, LABELS, **QUICK)
    assert capfd.readouterr().err == ""
    assert [path.name[:10] for path in tmp_path.iterdir()] == ["sentiment-"]
    del model
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_file_gives_the_bits_of_the_command(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    words = ["--arch", "cnn", "--epochs", "1", "--units", "4", "--embedding-size", "4"]
    assert run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "shell", "--no-export", *words)[0] == 0
    options = {**QUICK, "export": False}
    python = sentiment.train(tiny_csv, output_dir=tmp_path / "python", **options)
    shell = sentiment.load(tmp_path / "shell")
    frame = pd.read_csv(tiny_csv, index_col="source")
    memory = sentiment.train(frame, **QUICK)
    for one in (python, memory):
        np.testing.assert_array_equal(one.predict_proba(TEXTS), shell.predict_proba(TEXTS))
    assert json.loads((tmp_path / "python" / "metrics.json").read_text())["test"] == memory.metrics["test"]
    with pytest.raises(UserError, match="contains a finished run: pass overwrite=True to replace it, or choose"):
        sentiment.train(tiny_csv, output_dir=tmp_path / "python", **options)


def test_weights_reach_the_loss() -> None:
    """A text of weight 0 teaches nothing: with all of one class left out, the other is the answer."""
    weights = [1.0, 0.0] * 40
    for data in ((TEXTS, LABELS), (pd.DataFrame({"text": TEXTS, "label": LABELS}),)):
        model = sentiment.train(*data, sample_weight=weights, **{**QUICK, "epochs": 3, "learning_rate": 0.1})
        assert {answer.label for answer in model.predict(TEXTS)} == {"pos"}


def test_models_are_compared_and_combined(model: Model, tmp_path: Path) -> None:
    """The members of the ensemble are linear, as those are fitted in no time."""
    one, two = (sentiment.train(TEXTS, LABELS, arch=arch, verbose=False) for arch in ("tfidf-lr", "nb-svm"))
    mean = sentiment.ensemble([one, two], weights=[3, 1], verbose=False)
    np.testing.assert_allclose(mean.predict_logits(TEXTS), 0.75 * one.predict_logits(TEXTS) + 0.25 * two.predict_logits(
        TEXTS), atol=1e-5)
    assert mean.metrics["training"]["members"] == {"tfidf-lr": 0.75, "nb-svm": 0.25}
    assert mean.history.empty
    found = sentiment.compare({"cnn": model, "mean": mean}, TEXTS, LABELS)
    assert found.table.loc["mean", "accuracy"] == mean.evaluate(TEXTS, LABELS)["accuracy"] == 1
    wrong = sum(answer.label != label for answer, label in zip(model.predict(TEXTS), LABELS, strict=True))
    (pair,) = found.mcnemar.to_dict("records")
    assert (pair["first"], pair["second"], pair["first_alone"], pair["second_alone"]) == ("cnn", "mean", 0, wrong)
    assert "cnn" in repr(found)
    assert "<table" in found._repr_html_()
    assert "McNemar" in found.save(tmp_path / "report").read_text()
    of_test = sentiment.compare([one, two])  # on their own test split
    assert of_test.table.loc["nb-svm", "log loss"] == pytest.approx(two.metrics["test"]["log_loss"], abs=1e-4)
    again = sentiment.load(mean.save(tmp_path / "mean"))
    assert isinstance(again, Model)
    np.testing.assert_array_equal(again.predict_logits(TEXTS), mean.predict_logits(TEXTS))
    other = sentiment.train(TEXTS, ["yes", "no"] * 40, arch="nb-svm", verbose=False)
    fewer = sentiment.train(TEXTS[:60], LABELS[:60], arch="nb-svm", verbose=False)
    for call, message in (
            (lambda: sentiment.ensemble([one]), "two members"), (lambda: sentiment.ensemble([one, one]), "named twice"),
            (lambda: sentiment.ensemble([one, two], weights=[1]), "^weights needs one number for each of the 2"),
            (lambda: sentiment.ensemble([one, other]), "were trained on different texts, so test texts of one"),
            (lambda: sentiment.ensemble([one, fewer]), "were trained on different texts, so test texts of one"),
            (lambda: sentiment.compare([one, fewer]), "were trained on different texts, so test texts of one"),
            (lambda: sentiment.ensemble([one, again]), "was not trained in this process on texts in memory"),
            (lambda: sentiment.compare([one]), "two models"), (lambda: sentiment.compare([one, other]), "has the clas"),
            (lambda: sentiment.compare([one, two], ["a"], ["c"]), "the label 'c' does not occur in training")):
        with pytest.raises(UserError, match=message):
            call()


def test_a_classifier_starts_from_unlabelled_texts(model: Model, tmp_path: Path) -> None:
    small: dict[str, Any] = {"arch": "gru", "units": 3, "embedding_size": 4, "epochs": 1, "batch_size": 16,
                             "verbose": False}
    network = sentiment.pretrain(iter(TEXTS), window=5, **small)
    assert network.metrics["dataset"] | {"train_texts": 72, "validation_texts": 8} == network.metrics["dataset"]
    assert repr(network).startswith("<sentiment.PretrainedModel gru, forward_perplexity ")
    assert network.history.columns.tolist() == ["forward_perplexity", "learning_rate", "loss"]
    path = network.save(tmp_path / "network")
    for start in (network, path):
        started = sentiment.train(TEXTS, LABELS, pretrained=start, epochs=1, learning_rate=0.0, verbose=False)
        assert (started.config.model.architecture, started.config.model.units) == ("gru", 3)
        assert started.config.training.pretrained == str(Path(start))
    distilled = sentiment.train(TEXTS, LABELS, teacher=model, **QUICK)
    assert distilled.config.training.teacher == str(Path(model))
    refused: list[tuple[Callable[[], object], str]] = [
            (lambda: sentiment.load(path), "is a pretrained network, not a classifier"),
            (lambda: sentiment.train(TEXTS, LABELS, output_dir=path, overwrite=True, **QUICK), "contains no run"),
            (lambda: sentiment.train(TEXTS, LABELS, pretrained=sentiment.train(TEXTS, LABELS, arch="nb-svm")),
             "is linear: a classifier can only start from a run that was trained in steps")]
    for call, message in refused:
        with pytest.raises(UserError, match=message):
            call()
    with pytest.raises(UserError, match="was trained with another value of units: omit that"):
        sentiment.train(TEXTS, LABELS, pretrained=network, units=5, verbose=False)
    with pytest.raises(TypeError, match="unknown option 'windw'; did you mean 'window'"):
        sentiment.pretrain(TEXTS, windw=3)  # type: ignore[call-arg]


def test_a_preset_takes_its_steps_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    model = sentiment.train(TEXTS, LABELS, preset="wide", **QUICK)
    assert list(model.metrics["training"]["members"]) == ["wide.classifier", "wide.linear"]
    del model
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_search_gives_the_options_of_a_training(tmp_path: Path) -> None:
    given: dict[str, Any] = {"arch": "cnn", "units": 4, "embedding_size": 4, "max_length": 9, "batch_size": 16,
                             "warmup": 0.0, "word_dropout": 0.0, "embedding_dropout": 0.0, "epochs": 1}
    for trials in (1, 2):
        found = sentiment.tune(TEXTS, LABELS, trials=trials, output_dir=tmp_path / "study", verbose=False, **given)
    assert set(found.values) == {"learning_rate", "output_dropout"}
    assert found.loss == found.trials["value"].min()
    assert len(found.trials) == 2
    assert sentiment.train(TEXTS, LABELS, verbose=False, **found.options).config.training == found.config.training
    assert repr(found).startswith(f"<sentiment.Tuning, validation loss {found.loss:.4f}: output_dropout=")
    for texts, others, message in ((TEXTS, {**given, "warmup": 0.1}, "a study with another value of warmup; omit"),
                                   (TEXTS, {**given, "learning_rate": 1e-3}, "in which other options were set"),
                                   ([f"{text} so" for text in TEXTS], given, "a study on other training texts")):
        with pytest.raises(UserError, match=message):
            sentiment.tune(texts, LABELS, trials=3, output_dir=tmp_path / "study", verbose=False, **others)
    with pytest.raises(UserError, match=r"^trials must be at least 1"):
        sentiment.tune(TEXTS, LABELS, trials=0)


def test_messages_go_to_the_logger(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("sentiment")
    logger.addHandler(caplog.handler)
    try:
        sentiment.train(TEXTS, LABELS, arch="tfidf-lr", verbose=False)
    finally:
        logger.removeHandler(caplog.handler)
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert caplog.messages[1].startswith("tfidf-lr: ")
    assert capfd.readouterr().err == ""


def test_splits_groups_and_callbacks_of_the_caller() -> None:
    class Counts(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.epochs += 1

    counts = Counts()
    model = sentiment.train(np.array(TEXTS), pd.Series(LABELS), groups=range(80), callbacks=[counts],
                            validation_data=(["good", "bad"], ["pos", "neg"]), test_data=(["so good"] * 3, ["pos"] * 3),
                            **QUICK)
    assert counts.epochs == 1
    assert [model.metrics["dataset"][name] for name in ("train_texts", "validation_texts", "test_texts")] == [80, 2, 3]


def test_evaluation_explanation_and_exports(model: Model, tmp_path: Path) -> None:
    report = model.evaluate(["so good", "so bad"], ["pos", "neg"])
    assert 0 <= report["accuracy"] <= 1
    assert "Calibration" in report.save(tmp_path / "report").read_text()
    explanation = model.explain("so good")
    assert explanation.words == ["so", "good"]
    assert str(explanation).startswith(f"{explanation.label} {explanation.score:.4f}; for {explanation.label}: ")
    assert "<b>" in explanation._repr_html_()
    assert model.export("onnx", tmp_path / "out" / "onnx") == tmp_path / "out" / "onnx"
    exported = sentiment.load(tmp_path / "out" / "onnx")
    np.testing.assert_allclose(exported.predict_proba(TEXTS[:4]), model.predict_proba(TEXTS[:4]), atol=1e-5)
    loaded = sentiment.load(model.save(tmp_path / "saved"))
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert isinstance(loaded, Model)
    loaded.save(tmp_path / "saved", overwrite=True)  # over itself
    np.testing.assert_array_equal(sentiment.load(tmp_path / "saved").predict_proba(TEXTS), model.predict_proba(TEXTS))
    wrong: Any = "onx"
    for call, message in ((lambda: model.export(wrong, tmp_path / "x"), "form must be one of .*did you mean 'onnx'"),
                          (lambda: model.export("onnx", tmp_path / "out"), "exists already"),
                          (lambda: model.save(tmp_path / "saved"), "pass overwrite=True to replace it"),
                          (lambda: model.evaluate(["a"], ["other"]), "the label 'other' does not occur in training")):
        with pytest.raises(UserError, match=message):
            call()


@pytest.mark.parametrize(("texts", "message"), [
    ("one", "not one str"), (pd.DataFrame({"text": ["a"]}), r"whole DataFrame: pass one of its columns.*texts\['tex"),
    ({"text": ["a"]}, "whole dict"), (["a", None], r"texts\[1\] must be a string, not None"), (5, "not int"),
    (pd.Series(["a", float("nan")], dtype=object), r"texts\[1\] must be a string, not nan"), ([b"a"], "not b'a'"),
    (np.array([["a"]]), r"ndarray of shape \(1, 1\): pass one dimension, such as texts\[:, 0\]"),
    (pd.Series(["a", None], dtype="string"), r"texts\[1\] must be a string, not <NA> .*; omit missing texts")])
def test_what_is_no_list_of_texts_is_refused(model: Model, texts: Any, message: str) -> None:
    for ask in (model.predict, model.predict_proba, model.predict_logits):
        with pytest.raises(TypeError, match=message):
            ask(texts)
    assert model.predict([]) == []


def test_texts_that_a_model_was_trained_on_are_counted(model: Model, tmp_path: Path, run_cli: Cli,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    """64 of the 80 texts are training and validation texts; the others are its test split."""
    report = model.evaluate(TEXTS, LABELS)
    assert report["seen_in_training"] == {"texts": 64, "accuracy_without": model.metrics["test"]["accuracy"]}
    note = ("was trained or validated on 64 of the 80 texts; its accuracy on the other 16 is "
            f"{report['seen_in_training']['accuracy_without']:.4f}")
    assert note in capsys.readouterr().err.replace("\n", " ")
    assert note in report.save(tmp_path / "report").read_text()
    other = model.evaluate(["a new text"], ["pos"])
    assert other["seen_in_training"] == {"texts": 0, "accuracy_without": other["accuracy"]}
    assert sentiment.compare({"one": model, "two": model}, TEXTS, LABELS).notes == (f"one {note}", f"two {note}")
    table, saved = tmp_path / "all.csv", model.save(tmp_path / "saved")
    FRAME.to_csv(table, index=False)
    code, out, err = run_cli("evaluate", saved, "--dataset", table, "--json")
    assert (code, json.loads(out)["seen_in_training"]["texts"]) == (0, 64)
    code, out, err = run_cli("compare", saved, model.save(tmp_path / "other"), "--dataset", table, "--report",
                             tmp_path / "comparison")
    assert code == 0
    assert f"other {note}" in err.replace("\n", " ")
    assert f"saved {note}" in (tmp_path / "comparison" / "index.html").read_text()


def test_columns_of_any_name() -> None:
    frame = pd.DataFrame({("a", "text"): TEXTS, 7: LABELS})
    model = sentiment.train(frame, text_column="('a', 'text')", label_column="7", arch="tfidf-lr", verbose=False)
    assert model.class_names == ("neg", "pos")


def test_a_finished_run_is_taken_for_the_same_data_and_options_only(tmp_path: Path) -> None:
    options: dict[str, Any] = {"output_dir": tmp_path / "run", "verbose": False, "export": False}
    first = sentiment.train(TEXTS, LABELS, arch="tfidf-lr", **options)
    again = sentiment.train(TEXTS, LABELS, arch="tfidf-lr", resume=True, **options)
    np.testing.assert_array_equal(first.predict_logits(TEXTS), again.predict_logits(TEXTS))
    for texts, labels, others, message in (
            (TEXTS, LABELS, {"arch": "nb-svm"}, "another value of arch: omit that, or pass overwrite=True"),
            ([f"{text} more" for text in TEXTS], LABELS, {"arch": "tfidf-lr"}, "finished run on other texts"),
            (TEXTS[:60], LABELS[:60], {"arch": "tfidf-lr"}, "finished run on other texts"),
            (TEXTS, ["yes", "no"] * 40, {"arch": "tfidf-lr"}, "finished run on other texts")):
        with pytest.raises(UserError, match=message):
            sentiment.train(texts, labels, resume=True, **others, **options)  # type: ignore[arg-type]


def test_a_model_is_found_from_another_folder_and_is_not_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                                 ) -> None:
    monkeypatch.chdir(tmp_path)
    model = sentiment.train(TEXTS, LABELS, output_dir="run", export=False, **QUICK)
    monkeypatch.chdir("/")
    assert len(model.history) == 1
    assert model.save(tmp_path / "copy").is_dir()
    assert copy.deepcopy(model) is model
    with pytest.raises(TypeError, match=r"write it with save\(folder\)"):
        pickle.dumps(model)
    report = model.evaluate(TEXTS, LABELS)
    assert pickle.loads(pickle.dumps(report)) == dict(report)  # noqa: S301


def test_trainings_in_threads_give_the_weights_of_each_alone() -> None:
    """They take turns; the state of the random generators and the silence of one are not those of another."""
    random.seed(3)
    state = random.getstate()
    alone = [sentiment.train(TEXTS, LABELS, seed=seed, **QUICK).predict_logits(TEXTS) for seed in (1, 2)]
    assert random.getstate() == state
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda seed: sentiment.train(TEXTS, LABELS, seed=seed, **QUICK).predict_logits(TEXTS),
                              (1, 2)))
    np.testing.assert_array_equal(found, alone)
    assert not log.console.quiet


def test_an_error_of_a_callback_is_the_one_that_is_raised() -> None:
    class Wrong(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            raise ValueError("my callback says why")

    with pytest.raises(ValueError, match="my callback says why"):
        sentiment.train(TEXTS, LABELS, callbacks=[Wrong()], **QUICK)


def test_a_saved_model_says_that_its_texts_are_not_kept(model: Model, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("evaluate", model.save(tmp_path / "saved"))
    assert code == 1
    assert "was trained on texts in memory, which a run does not store: pass labelled texts with --dataset" in err


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: sentiment.train(TEXTS, LABELS, unit=3), TypeError,  # type: ignore[call-arg]
     "unknown option 'unit'; did you mean 'units'?"),
    (lambda: sentiment.train(TEXTS, LABELS, arch="gru", architecture="lstm"), TypeError, "are the same option"),
    (lambda: sentiment.train(TEXTS, LABELS, export="yes"), UserError,  # type: ignore[arg-type]
     "^export must be of type bool, not 'yes'"),
    (lambda: sentiment.train(TEXTS, LABELS, arch="han", periods=False), UserError, "needs periods=True$"),
    (lambda: sentiment.train(TEXTS, LABELS, group_column="g"), TypeError, "group_column is an option of files"),
    (lambda: sentiment.train(FRAME, test_file="t.csv"), TypeError, "test_file is an option of files, but the data is"),
    (lambda: sentiment.train("sample", dataset="imdb"), TypeError,  # type: ignore[call-arg]
     "the data set is the first argument"),
    (lambda: sentiment.train(TEXTS, {"a": 1}), TypeError, "labels must be a list, an array or a Series, .* not dict"),
    (lambda: sentiment.train(set(TEXTS), LABELS), TypeError, "texts must be a list of texts, not set"),
    (lambda: sentiment.train(TEXTS, tf.constant(LABELS)), TypeError, r"labels\[0\] must be a string or a number, not"),
    (lambda: sentiment.train(TEXTS, LABELS, validation_data=(TEXTS, LABELS, [1])),  # type: ignore[arg-type]
     TypeError, "validation_data must be a pair of texts and labels"),
    (lambda: sentiment.train(TEXTS, LABELS, test_data=(["a"], ["other"]), arch="nb-svm"), UserError,
     "the texts of test_data, row 1: the label 'other' does not occur in training"),
    (lambda: sentiment.train([], []), UserError, "texts contains no labelled text"),
    (lambda: sentiment.train(TEXTS, LABELS, callbacks=[1]), TypeError,
     "callbacks must be a list of keras.callbacks.Callback, not of 1"),
    (lambda: sentiment.train(TEXTS, LABELS, arch=5), UserError,  # type: ignore[arg-type]
     "^arch must be of type str, not 5"),
    (lambda: sentiment.train(TEXTS, LABELS, preset="bst"), UserError,  # type: ignore[arg-type]
     "preset must be one of .*did you mean 'best'"),
    (lambda: sentiment.train(TEXTS, LABELS, output_dir="."), UserError, "output_dir must name a new folder"),
    (lambda: sentiment.train(TEXTS, LABELS, seed=2**40), UserError, "^seed must be at most 4294967295"),
    (lambda: sentiment.train(TEXTS, LABELS, sample_weight="balanced"), TypeError, "sample_weight must be one number"),
    (lambda: sentiment.pretrain([""] * 9), UserError, "0 distinct texts: at least 2 are needed"),
    (lambda: sentiment.compare({"a": 1, "b": 2}), TypeError,  # type: ignore[dict-item]
     "compare takes models, such as those of sentiment.load, not a: 1"),
    (lambda: sentiment.train(TEXTS, LABELS, units=0), UserError, "^units must be at least 1, not 0"),
    (lambda: sentiment.train(TEXTS, LABELS, vocab_size=1), UserError, "^vocab_size must be at least 3"),
    (lambda: sentiment.train(TEXTS), TypeError, "texts need labels"),
    (lambda: sentiment.train(TEXTS, LABELS[:-1]), ValueError, "80 texts, but 79 labels"),
    (lambda: sentiment.train([*TEXTS[:-1], None], LABELS), TypeError, r"texts\[79\] must be a string, not None"),
    (lambda: sentiment.train([b"a"] * 80, LABELS), TypeError, r"texts\[0\] must be a string, not b'a' \(bytes\)"),
    (lambda: sentiment.train(pd.DataFrame({"a": TEXTS}), LABELS), TypeError, "pass one of its columns"),
    (lambda: sentiment.train(pd.DataFrame({"a": TEXTS, "label": LABELS})), UserError, "cannot tell which column of the "
     r"DataFrame to use: name it with text_column \(columns: a, label\)$"),
    (lambda: sentiment.train("x.csv", LABELS), TypeError, "labels need texts"),
    (lambda: sentiment.train("x.csv", groups=[1]), TypeError, "for a file there are group_column"),
    (lambda: sentiment.train("none.csv"), UserError, "no such file: none.csv"),
    (lambda: sentiment.train(TEXTS, ["a"] * 80), UserError, "texts contains only the class 'a'"),
    (lambda: sentiment.train(TEXTS, LABELS, arch="nb-svm", callbacks=[keras.callbacks.Callback()]), TypeError,
     "'nb-svm' is not trained in steps"),
    (lambda: TextClassifier(unit=3), TypeError,  # type: ignore[call-arg]
     "unknown option 'unit'; did you mean 'units'?"),
    (lambda: TextClassifier(dataset="x.csv"), TypeError,  # type: ignore[call-arg]
     "unknown option 'dataset' of an estimator"),
    (lambda: TextClassifier(units=0).fit(TEXTS, LABELS), UserError, "^units must be at least 1"),
    (lambda: TextClassifier().fit(TEXTS, ["a"] * 80), ValueError, r"y has 1 class, \['a'\]"),
    (lambda: TextClassifier().fit(TEXTS, np.linspace(0, 1, 80)), ValueError, "continuous"),
    (lambda: TextClassifier().fit(TEXTS[:3], LABELS), ValueError, "3 texts, but 80 labels"),
    (lambda: TextClassifier().predict(TEXTS), ValueError, "not fitted yet")])
def test_mistakes_are_told_in_words_of_python(call: Callable[[], object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as error:
        call()
    assert "--" not in str(error.value)


def examples() -> dict[str, doctest.DocTest]:
    """Return the examples in docstrings of the public modules, by the name of what they are of."""
    return {test.name: test for module in (sentiment, api, estimator, lazy, predictor, classifier, layer)
            for test in doctest.DocTestFinder().find(module, module.__name__) if test.examples}


def test_every_public_name_has_an_example() -> None:
    public = {f"{getattr(sentiment, name).__module__}.{name}" for name in sentiment.__all__
              if name not in ("UserError", "__version__")}
    assert public <= set(examples())


@pytest.mark.extended
def test_the_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])  # which has models/imdb
    for test in examples().values():
        result = doctest.DocTestRunner().run(test)
        assert result.failed == 0, test.name
