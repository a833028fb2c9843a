"""Checks of every layer: numerical gradient, saving, half precision."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

STEP = 1e-5


def first(outputs: Any) -> Any:
    """Return the first output of a layer that has several."""
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


def set_weights(layer: keras.layers.Layer, seed: int = 3) -> None:
    """Fill a built layer with weights of about 0.5, and tables of ids with some from 1 to 4."""
    random = np.random.default_rng(seed)
    layer.set_weights([random.integers(1, 5, weight.shape).astype(weight.dtype) if weight.dtype.kind == "i"
                       else np.asarray(random.normal(0, 0.5, weight.shape), weight.dtype)
                       for weight in layer.get_weights()])


def gradient_of_penalty(layer: keras.layers.Layer, inputs: np.ndarray, *, training: bool) -> Any:
    """Return the gradient by the inputs of the squared norm of a gradient by the inputs: a second derivative."""
    words = tf.constant(inputs)
    with tf.GradientTape() as outer:
        outer.watch(words)
        with tf.GradientTape() as inner:
            inner.watch(words)
            total = tf.reduce_sum(layer(words, training=training) ** 2)
        slope = tf.reduce_sum(inner.gradient(total, words) ** 2)
    return outer.gradient(slope, words)


def check_gradient(make: Callable[[], keras.layers.Layer], inputs: Sequence[np.ndarray], **options: Any) -> None:
    """Compare the gradient by the first input and by each weight with central differences, in float64."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        layer = make()
        tensors = [tf.constant(value.astype(np.float64)) if value.dtype.kind == "f" else tf.constant(value)
                   for value in inputs]
        outputs = first(layer(*tensors, **options))
        set_weights(layer)
        direction = tf.constant(np.random.default_rng(5).normal(size=outputs.shape))

        def value() -> Any:
            return tf.reduce_sum(first(layer(*tensors, **options)) * direction)

        watched = [weight.value for weight in layer.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(tensors[0])
            result = value()
        gradients = tape.gradient(result, [tensors[0], *watched])
        _compare(gradients[1:], watched, value)
        variable = tf.Variable(tensors[0])
        tensors[0] = variable
        _compare(gradients[:1], [variable], value)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def _compare(gradients: list[Any], variables: list[Any], value: Callable[[], Any]) -> None:
    random = np.random.default_rng(6)
    for gradient, variable in zip(gradients, variables, strict=True):
        analytic = np.asarray(tf.convert_to_tensor(gradient))
        start = np.array(variable.numpy())
        for place in random.choice(start.size, size=min(5, start.size), replace=False):
            index = np.unravel_index(place, start.shape)
            ends = []
            for sign in (1, -1):
                moved = start.copy()
                moved[index] += sign * STEP
                variable.assign(moved)
                ends.append(float(value()))
            variable.assign(start)
            np.testing.assert_allclose(analytic[index], (ends[0] - ends[1]) / (2 * STEP), rtol=1e-4, atol=1e-7)


def check_saving(layer: keras.layers.Layer, inputs: Sequence[np.ndarray], path: Path) -> None:
    """Save a model of the layer alone, load it, and compare; also compare `get_config` after a round trip."""
    layer(*inputs)
    set_weights(layer)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    symbolic = [keras.Input(batch_shape=(None, *value.shape[1:]), dtype=str(value.dtype)) for value in inputs]
    model = keras.Model(symbolic, first(layer(*symbolic)))
    model.save(path / "layer.keras")
    loaded = keras.saving.load_model(path / "layer.keras")
    np.testing.assert_allclose(np.asarray(loaded(list(inputs))), np.asarray(model(list(inputs))), atol=1e-6)


def check_half(make: Callable[..., keras.layers.Layer], inputs: Sequence[np.ndarray], **options: Any) -> None:
    """Compare bfloat16 and float16 with float32; their results must have the half type and be near."""
    exact = make()
    expected = np.asarray(first(exact(*inputs, **options)))
    set_weights(exact)
    expected = np.asarray(first(exact(*inputs, **options)))
    for policy in ("mixed_bfloat16", "mixed_float16"):
        layer = make(dtype=policy)
        layer(*inputs, **options)
        layer.set_weights(exact.get_weights())
        result = first(layer(*inputs, **options))
        assert keras.backend.standardize_dtype(result.dtype) == policy.removeprefix("mixed_")
        np.testing.assert_allclose(np.asarray(tf.cast(result, tf.float32)), expected, atol=0.06, rtol=0.06)
