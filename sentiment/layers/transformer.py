"""Positional encoding of the Transformer."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("sentiment")
class SinusoidalPositions(keras.layers.Layer):
    """Sinusoidal positional encoding: adds sin(t / 10000^(2i / features)) at feature 2i and the cosine at 2i + 1.

    Vaswani et al. 2017, section 3.5; t counts from 0. The words are scaled by sqrt(features) first, as in the paper.

    Call arguments:
        inputs: float [batch, time, features].

    Returns:
        float [batch, time, features].
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Add the positions; see the class."""
        features = inputs.shape[-1]
        steps = ops.cast(ops.arange(ops.shape(inputs)[1]), "float32")[:, None]
        feature = ops.cast(ops.arange(features), "float32")
        angles = steps * ops.exp(ops.floor(feature / 2) * (-2.0 / features) * ops.log(10_000.0))
        positions = ops.where(ops.equal(feature % 2, 0), ops.sin(angles), ops.cos(angles))
        return inputs * features**0.5 + ops.cast(positions, inputs.dtype)[None]
