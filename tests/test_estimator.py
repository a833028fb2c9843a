"""`TextClassifier` as an estimator of scikit-learn."""

import contextlib
import copy
import logging
import pickle
import random
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from joblib import parallel_config
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

import sentiment
from sentiment import TextClassifier, UserError
from sentiment.training import train

TEXTS = [f"a {word} film, number {number}" for number in range(40) for word in ("good", "bad")]
LABELS = ["pos", "neg"] * 40
LINEAR: dict[str, Any] = {"arch": "tfidf-lr"}
RECURRENT: dict[str, Any] = {"arch": "gru", "epochs": 2, "units": 4, "embedding_size": 4}


class RowClassifier(TextClassifier):
    """A `TextClassifier` of rows of numbers, each of which becomes a text, for checks that have no texts.

    A number becomes two words, rounded to a half and to a thousandth: what is near shares a word, what differs has one
    of its own.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        return super().fit(as_texts(validate_data(self, X)), y, sample_weight)

    def predict_proba(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return super().predict_proba(as_texts(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = False, False, True
        return tags


def as_texts(rows: np.ndarray) -> list[str]:
    return [" ".join(f"x{column}{scale}{'m' if value < 0 else 'p'}{abs(value) * parts:.0f}"
                     for column, value in enumerate(row) for scale, parts in (("coarse", 2), ("fine", 1000)))
            for row in rows]


def kind_of(values: Any) -> str:
    return f"{type(values).__name__}-{getattr(values, 'dtype', '')}"


@pytest.fixture
def eager() -> Iterator[None]:
    """Compute step by step: tracing the functions of a model takes longer than these few texts do."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def fitted() -> TextClassifier:
    """A linear model; it is fitted once."""
    return TextClassifier(**LINEAR).fit(TEXTS, LABELS)


@pytest.mark.extended
@pytest.mark.usefixtures("eager")
@parametrize_with_checks([RowClassifier(**LINEAR)], expected_failed_checks=lambda _: {
    "check_sample_weight_equivalence_on_dense_data": "a weight is a factor of the loss, not a number of copies: equal "
    "texts are never on both sides of the validation split, and term frequencies count texts"})
def test_the_checks_of_scikit_learn(estimator: RowClassifier, check: Callable[[RowClassifier], None]) -> None:
    check(estimator)


@pytest.mark.usefixtures("eager")
def test_weights_decide_between_labels_that_contradict() -> None:
    """The same texts with both labels; the validation split, which is not weighted, has both as well."""
    texts = [f"{word} number {number}" for number in range(30) for word in ("good", "bad") for _ in range(2)]
    labels = np.array(["pos", "neg"] * 60)
    for favoured in ("pos", "neg"):
        model = TextClassifier(**LINEAR).fit(texts, labels, np.where(labels == favoured, 5.0, 1.0))
        assert set(model.predict(texts)) == {favoured}
    first, second = (TextClassifier(**LINEAR).fit(texts, labels, np.linspace(1, 2, 120) * scale) for scale in (1, 9))
    np.testing.assert_allclose(first.predict_proba(texts), second.predict_proba(texts), atol=1e-6)


@pytest.mark.parametrize(("weights", "message"), [
    ([1.0] * 79, "of shape (80,), not (79,)"), ([-1.0] * 80, "at least 0"), ([0.0] * 80, "not zero for all"),
    ([np.nan] * 80, "finite")])
def test_weights_that_are_refused(weights: list[float], message: str) -> None:
    for call in (lambda: TextClassifier(**LINEAR).fit(TEXTS, LABELS, sample_weight=weights),
                 lambda: sentiment.train(TEXTS, LABELS, sample_weight=weights, arch="tfidf-lr")):
        with pytest.raises(ValueError, match=re.escape(message)):
            call()


@pytest.mark.parametrize("labels", [
    np.array([7, 3] * 40, np.int16), np.array([True, False] * 40), np.array(LABELS),
    pd.Series(LABELS, index=range(80, 0, -1)), pd.Series(LABELS, dtype="category"),
    pd.Series([7, 3] * 40, dtype="Int64")], ids=kind_of)
@pytest.mark.usefixtures("eager")
def test_labels_come_back_as_they_were(labels: Any) -> None:
    model = TextClassifier(**LINEAR).fit(TEXTS, labels)
    values = np.asarray(labels)
    assert model.classes_.dtype == model.predict(TEXTS).dtype == values.dtype
    assert model.classes_.tolist() == sorted(set(values.tolist()))
    assert model.predict(TEXTS).tolist() == values.tolist()
    assert model.score(TEXTS, labels) == 1
    assert model.predict([]).shape == (0,)


@pytest.mark.parametrize("texts", [
    tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object), np.array(TEXTS, dtype="T"),
    pd.Series(TEXTS, index=range(80, 0, -1)), pd.Series(TEXTS, dtype="string"), pd.Series(TEXTS, dtype=object),
    pd.Index(TEXTS), (text for text in TEXTS)], ids=kind_of)
def test_texts_may_be_whatever_holds_strings(texts: Any, fitted: TextClassifier) -> None:
    np.testing.assert_array_equal(fitted.predict_proba(texts), fitted.predict_proba(TEXTS))


@pytest.mark.parametrize(("texts", "labels", "kind", "message"), [
    (pd.DataFrame({"text": TEXTS}), LABELS, TypeError, "X is a whole DataFrame: pass one of its columns"),
    (np.array(TEXTS)[:, None], LABELS, TypeError, r"X is ndarray of shape \(80, 1\): pass one dimension, .* X\[:, 0\]"),
    ([*TEXTS[:-1], None], LABELS, TypeError, r"X\[79\] must be a string, not None"),
    ([*TEXTS[:-1], float("nan")], LABELS, TypeError, r"X\[79\] must be a string, not nan"),
    ([b"a"] * 80, LABELS, TypeError, r"X\[0\] must be a string, not b'a' \(bytes\)"),
    (None, LABELS, TypeError, "X must be a list of texts, not NoneType"),
    ("a good film", LABELS, TypeError, "not one str"),
    (TEXTS[:3], LABELS, ValueError, "3 texts, but 80 labels"),
    (TEXTS, None, ValueError, "y should be a 1d array"),
    (TEXTS, np.array([[1, 0], [0, 1]] * 40), ValueError, "y should be a 1d array"),
    (TEXTS, ["a"] * 80, ValueError, r"y has 1 class, \['a'\]: at least two"),
    (TEXTS, ["a", None] * 40, ValueError, r"y\[1\] is missing"),
    (TEXTS, ["a", float("nan")] * 40, ValueError, r"y\[1\] is missing"),
    (TEXTS, pd.Series(["a", None] * 40, dtype="string"), ValueError, r"y\[1\] is missing"),
    (TEXTS, np.array(["a", 1] * 40, dtype=object), TypeError, "must be of one type, not of several types: int, str"),
    (TEXTS, np.linspace(0, 1, 80), ValueError, "continuous")])
def test_what_is_no_data_is_refused_and_leaves_the_estimator_as_it_was(
        texts: Any, labels: Any, kind: type[Exception], message: str, fitted: TextClassifier) -> None:
    before = dict(vars(fitted))
    with pytest.raises(kind, match=message):
        fitted.fit(texts, labels)
    assert vars(fitted) == before


@pytest.mark.usefixtures("eager")
def test_a_training_that_fails_leaves_the_estimator_as_it_was(fitted: TextClassifier) -> None:
    copied = copy.copy(fitted)
    with pytest.raises(UserError, match="class '3' has 1 distinct text"):
        copied.fit(["a", "a", "b", "c"], [3, 3, 7, 7])
    assert copied.classes_.tolist() == ["neg", "pos"]
    np.testing.assert_array_equal(copied.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_an_estimator_that_is_not_fitted_says_so() -> None:
    for ask in (TextClassifier().predict, TextClassifier().predict_proba, lambda _: TextClassifier().keras_model):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ask(TEXTS)


@pytest.mark.usefixtures("eager")
def test_copies_answer_alike_and_clones_are_not_fitted(fitted: TextClassifier) -> None:
    expected = fitted.predict_proba(TEXTS)
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):  # noqa: S301
        np.testing.assert_array_equal(copied.predict_proba(TEXTS), expected)
        assert copied.get_params() == fitted.get_params()
    cloned = clone(fitted)
    assert cloned.get_params() == fitted.get_params()
    assert not cloned.__sklearn_is_fitted__()


@pytest.mark.usefixtures("eager")
def test_a_second_fit_forgets_the_first(fitted: TextClassifier) -> None:
    model = TextClassifier(**LINEAR).fit(["ja gut", "ja fein", "so la la", "so naja", "nein übel", "nein arg"],
                                         [1, 1, 2, 2, 3, 3])
    assert model.predict_proba(TEXTS[:2]).shape == (2, 3)
    np.testing.assert_array_equal(model.fit(TEXTS, LABELS).predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    before = model.predict_proba(TEXTS)
    assert (model.set_params(arch="nb-svm").fit(TEXTS, LABELS).predict_proba(TEXTS) != before).all()


def test_a_recurrent_estimator_answers_each_text_by_itself() -> None:
    model = TextClassifier(**RECURRENT)
    assert model.fit(TEXTS, LABELS) is model
    texts = [*TEXTS[:6], "good", "a much longer text, " * 9, ""]
    expected = model.predict_proba(texts)
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-12)
    order = np.random.default_rng(1).permutation(len(texts))
    np.testing.assert_allclose(model.predict_proba([texts[row] for row in order]), expected[order], atol=1e-6)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(model.predict_proba([text])[0], expected[row], atol=1e-6)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(texts), expected)  # noqa: S301


@pytest.mark.usefixtures("eager")
def test_a_fit_leaves_the_random_generators_of_the_process_alone() -> None:
    random.seed(17)
    np.random.seed(17)
    expected = random.random(), np.random.random()
    random.seed(17)
    np.random.seed(17)
    TextClassifier(**LINEAR).fit(TEXTS, LABELS)
    assert (random.random(), np.random.random()) == expected


@pytest.mark.usefixtures("eager")
def test_it_works_in_a_pipeline_and_in_cross_validation() -> None:
    cleaner = FunctionTransformer(lambda texts: [re.sub(r"@\w+", "", text) for text in texts])
    pipeline = make_pipeline(cleaner, TextClassifier(**LINEAR))
    assert cross_val_score(pipeline, [f"{text} @good" for text in TEXTS], LABELS, cv=2).tolist() == [1, 1]
    probabilities = cross_val_predict(pipeline, pd.Series(TEXTS, index=range(80, 0, -1)), LABELS, cv=2,
                                      method="predict_proba")
    assert (probabilities.argmax(axis=1) == [1, 0] * 40).all()
    calibrated = CalibratedClassifierCV(TextClassifier(**LINEAR), cv=2).fit(TEXTS, LABELS)
    assert calibrated.predict(TEXTS).tolist() == LABELS


@pytest.mark.extended
def test_a_search_in_threads_or_processes_gives_what_one_after_another_gives() -> None:
    search = GridSearchCV(make_pipeline(TextClassifier(**RECURRENT)), {"textclassifier__units": [2, 3]}, refit=False,
                          cv=ShuffleSplit(1, random_state=1), scoring="neg_log_loss", error_score="raise")
    alone = clone(search).fit(TEXTS, LABELS).cv_results_["mean_test_score"]
    assert alone[0] != alone[1]
    for backend in ("threading", "loky"):
        with parallel_config(backend):
            together = clone(search).set_params(n_jobs=2).fit(TEXTS, LABELS).cv_results_["mean_test_score"]
        np.testing.assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.usefixtures("eager")
def test_fits_in_threads_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    training, together = threading.Lock(), []

    def watched(*arguments: Any, **options: Any) -> Any:
        together.append(not training.acquire(blocking=False))
        try:
            return train(*arguments, **options)
        finally:
            with contextlib.suppress(RuntimeError):
                training.release()

    monkeypatch.setattr("sentiment.estimator.train", watched)
    threads = [threading.Thread(target=TextClassifier(**LINEAR).fit, args=(TEXTS, LABELS)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [False] * 3


def test_a_fit_in_a_forked_process_is_refused(fitted: TextClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for ever; that it is one is seen by the ID of the process."""
    monkeypatch.setattr("os.getpid", lambda: 1)
    with pytest.raises(RuntimeError, match=r"forked after .* start processes by 'spawn' \(joblib: 'loky'"):
        TextClassifier(**LINEAR).fit(TEXTS, LABELS)


@pytest.mark.extended
def test_many_fits_do_not_make_tensorflow_warn_of_tracing(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("tensorflow").addHandler(caplog.handler)
    try:
        cross_val_score(TextClassifier(**RECURRENT), TEXTS, LABELS, cv=6)
    finally:
        logging.getLogger("tensorflow").removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.name == "tensorflow"] == []
