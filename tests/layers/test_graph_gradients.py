"""Tests of the lifetime of custom gradients: as long as their graph, and no longer."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import pretrainers
from helpers.trainers import make_trainer
from tensorflow.python.framework import ops

from sentiment.layers import GRU, LSTM, QRNN
from sentiment.layers.tensorflow.graph_gradients import releasing
from sentiment.training.row_adam import RowAdam

WORDS = tf.constant(np.random.default_rng(4).normal(size=(4, 5, 3)), tf.float32)


def gradient_function(layer: Any) -> Any:
    """Return the gradient of a layer's outputs by its kernel, as a function that is traced at its first call."""
    @tf.function
    def gradient() -> Any:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(WORDS, training=True) ** 2)
        return tape.gradient(total, layer.cell.kernel.value)

    return gradient


def registered() -> set[str]:
    return {name for name in ops.gradient_registry.list() if name.startswith("CustomGradient-")}


@pytest.mark.parametrize("kind", [LSTM, GRU, QRNN])
def test_gradient_function_is_freed_with_its_graph(kind: Any) -> None:
    before, layer = registered(), kind(4)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(WORDS, training=True) ** 2)
    expected = tape.gradient(total, layer.cell.kernel.value)
    function = gradient_function(layer)
    np.testing.assert_allclose(function(), expected, rtol=1e-4, atol=1e-6)
    graph = weakref.ref(function.get_concrete_function().graph)
    assert registered() > before
    del function
    gc.collect()
    assert graph() is None
    assert registered() <= before


def test_gradient_of_a_previously_traced_function() -> None:
    """The gradient is looked up in the registry after tracing, not recorded by a tape during it."""
    layer = LSTM(4, return_sequences=True)
    layer.build(WORDS.shape)
    outputs = tf.function(lambda words: layer(words, training=True))
    gradients = []
    for function in (outputs, outputs.python_function):
        with tf.GradientTape() as tape:
            tape.watch(WORDS)
            total = tf.reduce_sum(function(WORDS) ** 2)
        gradients.append(tape.gradient(total, WORDS))
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_gradient_of_a_function_shared_by_two_graphs_survives_one() -> None:
    layer = LSTM(4)
    layer.build(WORDS.shape)
    inner = tf.function(lambda: tf.reduce_sum(layer(WORDS, training=True) ** 2))

    def gradient() -> Any:
        with tf.GradientTape() as tape:
            total = inner()
        return tape.gradient(total, layer.cell.kernel.value)

    first = tf.function(releasing(gradient))()
    gc.collect()
    np.testing.assert_allclose(tf.function(releasing(gradient))(), first, rtol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "adam by rows"])
def test_training_leaves_no_registered_gradient(optimizer: str) -> None:
    """Keras's optimisers sum their gradients over replicas by a custom gradient of `tf.distribute`."""
    before = registered()
    trainer = make_trainer(RowAdam(0.005, steps=7) if optimizer == "adam by rows" else None)
    trainer.fit(epochs=1)
    assert trainer._compiled_step.experimental_get_tracing_count() == 1
    del trainer
    gc.collect()
    assert registered() <= before


def test_pretraining_leaves_no_registered_gradient(tmp_path: Path) -> None:
    before = registered()
    pretrainers.fit(pretrainers.make("language-model", "bigru", epochs=1), tmp_path, epochs=1)
    gc.collect()
    assert registered() <= before
