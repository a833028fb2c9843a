"""Convolution over masked sequences."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("sentiment")
class MaskedConv1D(keras.layers.Conv1D):
    """`keras.layers.Conv1D` with zeros at padding, which passes the mask on.

    With `padding="same"`, each real step's result is that of the text without its padding.

    Args and call arguments are those of `keras.layers.Conv1D`, and:
        mask: bool [batch, time], true at real steps; None if all are real.

    Returns:
        float [batch, time, filters].
    """

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Convolve; see the class."""
        if mask is not None:
            inputs = inputs * ops.cast(mask, inputs.dtype)[:, :, None]
        return super().call(inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the inputs' mask."""
        return mask
