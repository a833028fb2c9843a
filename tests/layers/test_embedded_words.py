"""Tests of recurrent layers directly after an embedding, which project each distinct word once."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_checks import set_weights

from sentiment.architectures import Sizes, build
from sentiment.config import ModelConfig
from sentiment.layers import GRU, LSTM, Embedding
from sentiment.layers.tensorflow import recurrence
from sentiment.layers.tensorflow.steps import Step

WORDS, FEATURES, UNITS = 7, 3, 4
IDS = np.array([[3, 3, 1, 3, 0], [1, 2, 0, 0, 0], [0, 0, 0, 0, 0], [2, 2, 2, 1, 1]], np.int32)
LAYERS: dict[str, Callable[..., Any]] = {
    "lstm": LSTM, "gru": GRU, "gru before": lambda *args, **options: GRU(*args, reset_after=False, **options)}
STOCK: dict[str, Callable[..., Any]] = {
    "lstm": keras.layers.LSTM, "gru": keras.layers.GRU,
    "gru before": lambda *args, **options: keras.layers.GRU(*args, reset_after=False, **options)}


def stack(embedding: Any, layer: Any) -> keras.Sequential:
    model = keras.Sequential([embedding, layer])
    model.build((None, None))
    for part in model.layers:
        set_weights(part)
    return model


@pytest.fixture
def projected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the number of rows of each projection in the loop, over an unsplit batch."""
    monkeypatch.setattr(recurrence, "loops_of_a_layer", lambda: 1)
    monkeypatch.setattr(recurrence, "LEAST_VALUES", 1)
    monkeypatch.setattr(recurrence, "FEW_PRODUCTS", 0)
    rows: list[int] = []
    project = Step.project

    def recorded(self: Step, inputs: Any) -> Any:
        rows.append(int(inputs.shape[0]))
        return project(self, inputs)

    monkeypatch.setattr(Step, "project", recorded)
    return rows


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("masked", [False, True], ids=["no mask", "mask"])
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_match_keras_with_one_projection_per_distinct_word(
        name: str, masked: bool, backwards: bool, loops: int, projected: list[int], monkeypatch: pytest.MonkeyPatch
        ) -> None:
    monkeypatch.setattr(recurrence, "loops_of_a_layer", lambda: loops)
    for sequences in (True, False):
        options: dict[str, Any] = {"go_backwards": backwards, "return_sequences": sequences}
        ours = stack(Embedding(WORDS, FEATURES, mask_zero=masked), LAYERS[name](UNITS, **options))
        stock = stack(keras.layers.Embedding(WORDS, FEATURES, mask_zero=masked), STOCK[name](UNITS, **options))
        projected.clear()
        np.testing.assert_allclose(ours(IDS), stock(IDS), atol=1e-5)
        assert projected == [len(np.unique(share)) for share in np.split(IDS, loops)]


def test_one_graph_handles_every_shape() -> None:
    ours = stack(Embedding(WORDS, FEATURES, mask_zero=True), LSTM(UNITS))
    stock = stack(keras.layers.Embedding(WORDS, FEATURES, mask_zero=True), keras.layers.LSTM(UNITS))
    run = tf.function(lambda ids: ours(ids, training=False), input_signature=[tf.TensorSpec([None, None], tf.int32)])
    for ids in (IDS, IDS[:1, :2], IDS[:0], IDS[1:, :4]):
        expected = stock(ids) if len(ids) else np.zeros((0, UNITS))
        np.testing.assert_allclose(run(tf.constant(ids)), expected, atol=1e-5)


def test_changed_embeddings_and_training_project_every_word(projected: list[int]) -> None:
    embedding, layer = Embedding(WORDS, FEATURES), LSTM(UNITS)
    vectors = embedding(IDS)
    layer(vectors)
    layer(vectors * 2)
    layer(vectors, training=True)
    assert projected == [4, IDS.size, IDS.size]


def test_gradient_without_training_matches_keras() -> None:
    gradients = []
    for embedding, layer in ((Embedding(WORDS, FEATURES), LSTM(UNITS)),
                             (keras.layers.Embedding(WORDS, FEATURES), keras.layers.LSTM(UNITS))):
        model = stack(embedding, layer)
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(model(IDS, training=False) * tf.range(UNITS, dtype=tf.float32))
        gradients.append([tf.convert_to_tensor(gradient) for gradient in tape.gradient(
            total, [weight.value for weight in model.trainable_weights])])
    for mine, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)


def test_half_precision_is_near_float32() -> None:
    with_halves = keras.Sequential([Embedding(WORDS, FEATURES, dtype="mixed_bfloat16"),
                                    LSTM(UNITS, dtype="mixed_bfloat16")])
    whole = stack(Embedding(WORDS, FEATURES), LSTM(UNITS))
    with_halves.build((None, None))
    with_halves.set_weights(whole.get_weights())
    answers = with_halves(IDS)
    assert answers.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(answers, tf.float32), whole(IDS), atol=2e-2)


@pytest.mark.parametrize("arch", ["lstm", "bigru", "bilstm", "stacked-bilstm"])
def test_architectures_project_each_distinct_word_once(arch: str, projected: list[int]) -> None:
    model = build(ModelConfig(architecture=arch, embedding_size=FEATURES, units=UNITS), Sizes(WORDS, 2))
    projected.clear()
    model(IDS, training=False)
    assert projected[0] == len(np.unique(IDS))
