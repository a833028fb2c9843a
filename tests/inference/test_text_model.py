"""The Keras model that takes strings: the same answers, trainable, and a part of larger models."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.selection import selected
from helpers.small_models import VOCABULARY, lively

import sentiment
from sentiment.config import TextConfig
from sentiment.inference import Classifier
from sentiment.text import TextPreprocessor

TEXTS = ["w2 w3, w9! It's w4.", "", "  ", "\x00", "😀 <br />W5 &amp; w6", "w7 " * 500, "unseen", "W2"]
STRINGS = tf.constant(TEXTS)
WORDS = [f"w{number}" for number in range(2, VOCABULARY - 2)]


def classifier_of(name: str = "gru", classes: int = 2) -> Classifier:
    words = [*WORDS[:3], ".", "!", *WORDS[3:]]  # where `SENTENCE_ENDS` has them
    preprocessor = TextPreprocessor(TextConfig(max_length=16, periods=name == "han"), words)
    return Classifier(lively(name, classes), preprocessor, ["a", "b", "c"][:classes])


@pytest.mark.parametrize(("name", "classes"), selected(
    [(name, classes) for name in ("bilstm", "gru", "cnn", "han", "transformer", "fasttext", "nb-svm")
     for classes in (2, 3)], [("gru", 2), ("cnn", 3)]))
def test_logits_are_those_of_the_classifier(name: str, classes: int) -> None:
    classifier = classifier_of(name, classes)
    model, expected = classifier.text_model, classifier.predict_logits(TEXTS)
    assert (model.input.dtype, model.input.shape) == ("string", (None,))
    assert (model.output.dtype, model.output.shape) == ("float32", (None, expected.shape[1]))
    np.testing.assert_allclose(model(STRINGS), expected, atol=1e-5)
    np.testing.assert_allclose(model.predict(STRINGS, batch_size=3, verbose=0), expected, atol=1e-5)
    np.testing.assert_allclose(model(tf.constant([""])), expected[1:2], atol=1e-5)


def test_fit_reaches_the_embedding_and_the_classifier_answers_by_it() -> None:
    classifier = classifier_of()
    model, before = classifier.text_model, classifier.model.get_weights()
    labels = np.array([0, 1] * 4, np.float32)
    model.compile(keras.optimizers.SGD(0.1), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(STRINGS, labels, batch_size=len(TEXTS), verbose=0)
    changed = [after != old for after, old in zip(classifier.model.get_weights(), before, strict=True)]
    assert all(one.any() for one in changed)
    read = np.unique(np.concatenate([classifier.ids(text) for text in TEXTS]))
    assert set(np.flatnonzero(changed[0].any(axis=1))) <= set(read)  # rows of the embedding
    np.testing.assert_allclose(classifier.predict_logits(TEXTS), model(STRINGS), atol=1e-5)


def test_part_of_a_larger_model() -> None:
    classifier = classifier_of(classes=3)
    texts, score = keras.Input((), dtype="string"), keras.Input((1,))
    joined = keras.layers.Concatenate()([classifier.text_model(texts), score])
    larger = keras.Model([texts, score], joined)
    np.testing.assert_allclose(larger([STRINGS, tf.ones([len(TEXTS), 1])])[:, :3], classifier.predict_logits(TEXTS),
                               atol=1e-5)
    ids = classifier.text_model.get_layer("ids").output
    model = classifier.model
    features = keras.Model(model.input, model.get_layer("logits").input)
    read = keras.Model(classifier.text_model.input, [ids, features(ids)])
    found, states = read(STRINGS)
    assert found.dtype == tf.int32
    for row, text in zip(found.numpy(), TEXTS, strict=True):
        np.testing.assert_array_equal(row[row > 0], classifier.ids(text))
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(states.numpy() @ kernel + bias, classifier.predict_logits(TEXTS), atol=1e-4)


def test_a_file_of_keras_holds_the_words(tmp_path: Path) -> None:
    model = classifier_of().text_model
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(STRINGS), model(STRINGS))


def test_a_trained_model_has_one(tiny_run: Path) -> None:
    model = sentiment.load(tiny_run)
    assert isinstance(model, Classifier)
    assert model.text_model is model.text_model
    np.testing.assert_allclose(model.text_model(STRINGS), model.predict_logits(TEXTS), atol=1e-5)
