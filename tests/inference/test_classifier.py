import json
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.commands import Cli

import sentiment
from sentiment.artifacts import load_classifier

ODD_TEXTS = ["", "  ", "\x00", "\ud800", "😀" * 30, "مرحبا", "good " * 100_000]


def test_predictions(tiny_run: Path) -> None:
    classifier = sentiment.load(tiny_run)
    answers = classifier.predict(["a good film", "a bad film"])
    for answer in answers:
        assert set(answer.scores) == {"neg", "pos"}
        assert sum(answer.scores.values()) == pytest.approx(1)
        assert answer.score == max(answer.scores.values()) == answer.scores[answer.best]
    assert classifier.predict([]) == []
    with pytest.raises(TypeError, match="must be a list of texts, not one str"):
        classifier.predict("a good film")


def test_odd_texts_are_answered(tiny_run: Path) -> None:
    scores = sentiment.load(tiny_run).predict_proba(ODD_TEXTS)
    assert scores.shape == (7, 2)
    assert np.isfinite(scores).all()


def test_order_and_company_do_not_matter(tiny_run: Path) -> None:
    classifier = sentiment.load(tiny_run)
    texts = [f"{'good ' * (number % 23)}film {'bad ' * (number % 7)}" for number in range(300)]
    together = classifier.predict_proba(texts)
    for row in (0, 1, 22, 150, 299):
        np.testing.assert_allclose(classifier.predict_proba([texts[row]])[0], together[row], atol=1e-6)
    np.testing.assert_allclose(classifier.predict_proba(texts[::-1]), together[::-1], atol=1e-6)


def test_the_share_of_known_words_is_of_what_is_read(tiny_run: Path) -> None:
    """Of 12 words at the start and 12 at the end, whatever stands in the batch."""
    classifier = sentiment.load(tiny_run)
    texts = ["", "\x00 -- ", "qqq", "a good qqq film",
             "good " * 12 + "qqq " * 30 + "good " * 12, "qqq " * 99 + "good " * 9]
    expected = [0, 0, 0, 0.75, 1, 9 / 24]
    assert [one.known for one in classifier.predict(texts * 50)] == pytest.approx(expected * 50)
    assert [(classifier.ids(text) > 1).mean() for text in texts] == pytest.approx(expected)


def test_abstention(tiny_run: Path) -> None:
    classifier = sentiment.load(tiny_run)
    texts = [f"a {'good ' * number}film" for number in range(9)]
    answers = classifier.predict(texts)
    threshold = sorted(one.score for one in answers)[4]
    for one, other in zip(answers, classifier.predict(texts, abstain_below=threshold), strict=True):
        assert other == one._replace(label=None if one.score < threshold else one.label)
    with pytest.raises(sentiment.UserError, match=r"^abstain_below must be a probability, from 0 to 1, not 1\.5$"):
        classifier.predict(texts, abstain_below=1.5)


def test_one_trace_for_all_lengths(tiny_run: Path) -> None:
    classifier = load_classifier(tiny_run)
    for length in range(1, 30):
        classifier.predict(["word " * length] * length)
    assert classifier.model_function.experimental_get_tracing_count() == 1


def test_half_precision_is_near(tiny_run: Path, exported_run: Path, run_cli: Cli) -> None:
    half, exact = load_classifier(tiny_run, mixed_precision=True), load_classifier(tiny_run)
    units = [one.model.get_layer("bilstm").compute_dtype for one in (half, exact)]
    assert units == ["bfloat16", "float32"]
    assert keras.config.dtype_policy().name == "float32"
    texts = ["a good film", "a bad film, number 5", ""]
    logits = half.predict_logits(texts)
    assert logits.dtype == np.float32
    assert 0 < np.abs(logits - exact.predict_logits(texts)).max() < 0.05
    code, out, err = run_cli("predict", "--model", tiny_run, *texts, "--mixed-precision", "--json")
    assert code == 0, err
    scores = [list(json.loads(line)["scores"].values()) for line in out.splitlines()]
    np.testing.assert_allclose(scores, half.predict_proba(texts), atol=1e-7)
    losses = [json.loads(run_cli("evaluate", tiny_run, "--json", *words)[1])["log_loss"]
              for words in ([], ["--mixed-precision"])]
    assert 0 < abs(losses[0] - losses[1]) < 0.01
    code, _, err = run_cli("predict", "--model", exported_run / "onnx", "text", "--mixed-precision")
    assert (code, "is an export, whose precision is its own" in err) == (1, True)
