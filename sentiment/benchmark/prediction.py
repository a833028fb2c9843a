"""The default bidirectional LSTM, untrained: raw strings to probabilities."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def ours(*, file: str, vocabulary_file: str, max_length: int, embedding: int, units: int, singly: int
         ) -> Callable[[], Any]:
    """`Classifier.predict_proba`: sorted by length, in buckets."""
    from sentiment import architectures
    from sentiment.config import RunConfig
    from sentiment.inference import Classifier
    from sentiment.preprocessing import TextPreprocessor

    texts, words = json.loads(Path(file).read_text()), json.loads(Path(vocabulary_file).read_text())
    config = RunConfig().updated({"model": {"units": units, "embedding_size": embedding},
                                  "text": {"max_length": max_length}})
    preprocessor = TextPreprocessor(config.text, words)
    model = architectures.build(config.model, architectures.Sizes(preprocessor.vocabulary_size, 2))
    return _over(texts, Classifier(model, preprocessor, ("negative", "positive")).predict_proba, singly)


def stock(*, file: str, vocabulary_file: str, max_length: int, embedding: int, units: int, singly: int
          ) -> Callable[[], Any]:
    """`model.predict` of Keras's layers behind `TextVectorization`, padded to the full length."""
    import keras
    import tensorflow as tf

    texts, words = json.loads(Path(file).read_text()), json.loads(Path(vocabulary_file).read_text())
    model = keras.Sequential([
        keras.Input((), dtype="string"),
        keras.layers.TextVectorization(vocabulary=words, output_sequence_length=max_length),
        keras.layers.Embedding(len(words) + 2, embedding, mask_zero=True),
        keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True)),
        keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1, activation="sigmoid")])
    return _over(texts, lambda texts: model.predict(tf.constant(texts), verbose=0), singly)


def _over(texts: list[str], predict: Callable[[list[str]], Any], singly: int) -> Callable[[], Any]:
    """Predict all texts at once, or, with `singly`, one of middle length that many times."""
    if not singly:
        return lambda: predict(texts)
    middle = [sorted(texts, key=len)[len(texts) // 2]]
    return lambda: [np.asarray(predict(middle)) for _ in range(singly)]


SIDES = {"sentiment": ours, "keras": stock}
