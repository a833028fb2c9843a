"""Speed of prediction of an untrained bidirectional LSTM, from raw strings to probabilities."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

STOCK_BATCH = 32  # of `model.predict`


def ours(*, run: str, **options: Any) -> Callable[[], Any]:
    """Return a run of `Classifier.predict_proba`, which sorts texts by length."""
    from sentiment.artifacts import load_classifier

    return _over(load_classifier(run).predict_proba, **options)


def onnx(*, run: str, **options: Any) -> Callable[[], Any]:
    """Return a run of the export in ONNX Runtime, with the tokenizer in plain Python."""
    from sentiment.inference import PortableClassifier

    return _over(PortableClassifier.load(Path(run) / "onnx").predict_proba, **options)


def stock(*, run: str, **options: Any) -> Callable[[], Any]:
    """Return a run of `model.predict` of the same Keras layers after `TextVectorization`, padded to full length."""
    import keras
    import tensorflow as tf

    from sentiment.artifacts import RunFolder

    folder = RunFolder.open(run)
    config, words = folder.load_config(), folder.load_preprocessor().words
    model = keras.Sequential([
        keras.Input((), dtype="string"),
        keras.layers.TextVectorization(vocabulary=words, output_sequence_length=config.text.max_length),
        keras.layers.Embedding(len(words) + 2, config.model.embedding_size, mask_zero=True),
        keras.layers.Bidirectional(keras.layers.LSTM(config.model.units, return_sequences=True)),
        keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1, activation="sigmoid")])
    settings = tf.data.Options()
    settings.autotune.enabled = False  # autotuning may delay the end; see `dataset_of` of the training loop

    def predict(texts: Sequence[str]) -> Any:
        batches = tf.data.Dataset.from_tensor_slices(texts).batch(STOCK_BATCH).prefetch(2).with_options(settings)
        return model.predict(batches, verbose=0)

    return _over(predict, **options)


def _over(predict: Callable[[Sequence[str]], Any], *, file: str, singly: int) -> Callable[[], Any]:
    """Return a function that predicts all texts at once or, with `singly`, one of median length that many times."""
    texts: list[str] = json.loads(Path(file).read_text())
    if not singly:
        return lambda: predict(texts)
    middle = [sorted(texts, key=len)[len(texts) // 2]]
    return lambda: [np.asarray(predict(middle)) for _ in range(singly)]


SIDES = {"sentiment": ours, "keras": stock, "onnx runtime": onnx}
