"""Speed of a recurrent layer on random inputs: a forward pass, or forward and backward.

Each implementation is a function that builds a layer and returns a function of one run. `options` are the batch, steps
and features of the inputs, float32 [batch, steps, features], `backward` and `masked`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np


def random_inputs(batch: int, steps: int, features: int) -> np.ndarray:
    """Return standard normal inputs, float32 [batch, steps, features]."""
    return np.random.default_rng(1).normal(size=(batch, steps, features)).astype(np.float32)


def random_lengths(batch: int, steps: int) -> np.ndarray:
    """Return lengths of texts of similar length, int32 [batch], uniform from nine tenths of `steps` to `steps`."""
    return np.random.default_rng(2).integers(steps * 9 // 10, steps + 1, batch).astype(np.int32)


def _on_tensorflow(layer: Any, *, batch: int, steps: int, features: int, backward: bool, masked: bool
                   ) -> Callable[[], Any]:
    import tensorflow as tf

    words = tf.constant(random_inputs(batch, steps, features))
    mask = tf.sequence_mask(random_lengths(batch, steps), steps) if masked else None
    layer.build(words.shape)

    @tf.function
    def forward() -> Any:
        return tf.reduce_sum(layer(words, mask=mask, training=False))

    @tf.function
    def both() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(words)
            total = tf.reduce_sum(layer(words, mask=mask, training=True))
        return tape.gradient(total, [words, *(weight.value for weight in layer.trainable_weights)])

    compiled: Callable[[], Any] = both if backward else forward
    return compiled


def ours(*, units: int, kind: str = "LSTM", **options: Any) -> Callable[[], Any]:
    """Return a run of a layer of this project, by its name in `sentiment.layers`."""
    return _on_tensorflow(_layer(kind, units), **options)


def _layer(kind: str, units: int) -> Any:
    from sentiment import layers

    return getattr(layers, kind)(units, return_sequences=True)


def lstm(*, units: int, kind: str, **options: Any) -> Callable[[], Any]:
    """Return a run of the LSTM of this project with as many units as a layer of another kind."""
    return ours(units=units, **options)


def stock(*, units: int, **options: Any) -> Callable[[], Any]:
    """Return a run of Keras's LSTM on TensorFlow."""
    import keras

    return _on_tensorflow(keras.layers.LSTM(units, return_sequences=True), **options)


def torch(*, units: int, batch: int, steps: int, features: int, backward: bool, masked: bool) -> Callable[[], Any]:
    """Return a run of PyTorch's LSTM, over a packed sequence if `masked`."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    layer = torch.nn.LSTM(features, units, batch_first=True)
    words = torch.tensor(random_inputs(batch, steps, features), requires_grad=backward)
    lengths = torch.tensor(random_lengths(batch, steps))

    def forward() -> Any:
        if not masked:
            return layer(words)[0].sum()
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(layer(packed)[0], batch_first=True)[0].sum()

    def run() -> None:
        if backward:
            forward().backward()
        else:
            with torch.no_grad():
                forward()

    return run


def product(*, units: int, batch: int, steps: int, features: int, backward: bool, masked: bool, kind: str = "LSTM"
            ) -> Callable[[], Any]:
    """Return a run of a layer's matrix products alone, as one product; with `backward` three times. A lower bound.

    The product is [steps * batch, width] by the stacked kernels, [width, projections * units], where width is the
    number of features that a step reads: with a window those of several inputs, in an LSTM also the state.
    """
    import tensorflow as tf

    random, layer = np.random.default_rng(1), _layer(kind, units)
    layer.build((batch, steps, features))
    shapes = [weight.shape for weight in layer.cell.weights if "kernel" in weight.name]
    width = sum(shape[0] for shape in shapes)
    rows = tf.constant(random.normal(size=(steps * batch, width)).astype(np.float32))
    kernel = tf.constant(random.normal(size=(width, shapes[0][1])).astype(np.float32))
    run = tf.function(lambda rows, kernel: tf.matmul(rows, kernel))

    def repeated() -> None:
        for _ in range(3 if backward else 1):
            run(rows, kernel)

    return repeated


KINDS = ("QRNN", "SRU", "MinGRU", "MinLSTM", "RGLRU")  # of `sentiment.layers.scan`
SIDES = {**{kind: partial(ours, kind=kind) for kind in ("GRU", *KINDS)},
         "sentiment": ours, "sentiment lstm": lstm, "keras": stock, "torch": torch, "product": product}
