"""Pooling layer of masked sequences."""

from typing import Any

import keras
from keras import ops

from sentiment.layers.masking import all_real


@keras.saving.register_keras_serializable("sentiment")
class MaskedPooling(keras.layers.Layer):
    """Pooling of a sequence over its real steps.

    With states h_1 .. h_n of the n real (unmasked) steps:

    - `last`: h_n, the state after the last real step. With `bidirectional`, the features are those of a
      forward and a backward layer, and the result is the last state of each: the forward half of h_n and
      the backward half of h_1 (Schuster & Paliwal 1997).
    - `max`: the largest value of each feature (Collobert et al. 2011).
    - `mean`: the mean of each feature.
    - `concat`: last, max and mean concatenated (Howard & Ruder 2018).

    Args:
        mode: `last`, `max`, `mean` or `concat`.
        bidirectional: whether the features are a forward half and a backward half.

    Call arguments:
        inputs: float [batch, time, features], real steps first.
        mask: bool [batch, time], true at real steps; None if all are real.

    Returns:
        float [batch, features], or [batch, 3 * features] for `concat`. A row without a real step gives zeros.
    """

    def __init__(self, mode: str, bidirectional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in ("last", "max", "mean", "concat"):
            raise ValueError(f"mode must be last, max, mean or concat, not '{mode}'")
        self.mode = mode
        self.bidirectional = bidirectional

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Pool; see the class."""
        mask = all_real(inputs) if mask is None else mask
        pools = {"last": self._last, "max": self._max, "mean": self._mean}
        if self.mode != "concat":
            return pools[self.mode](inputs, mask)
        return ops.concatenate([pool(inputs, mask) for pool in pools.values()], axis=-1)

    def _last(self, inputs: Any, mask: Any) -> Any:
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        # One-hot over time: a gather that also works under XLA and gives zeros for an empty row.
        at_end = ops.one_hot(lengths - 1, ops.shape(inputs)[1], dtype=inputs.dtype)
        last = ops.squeeze(ops.matmul(at_end[:, None, :], inputs), axis=1)
        if not self.bidirectional:
            return last
        half = inputs.shape[-1] // 2
        first = inputs[:, 0, half:] * ops.cast(lengths > 0, inputs.dtype)[:, None]
        return ops.concatenate([last[:, :half], first], axis=-1)

    def _max(self, inputs: Any, mask: Any) -> Any:
        mask = mask[:, :, None]
        lowest = -65504.0  # the most negative float16
        largest = ops.max(ops.where(mask, inputs, ops.cast(lowest, inputs.dtype)), axis=1)
        return ops.where(ops.any(mask, axis=1), largest, ops.zeros_like(largest))

    def _mean(self, inputs: Any, mask: Any) -> Any:
        weights = ops.cast(mask, inputs.dtype)[:, :, None]
        return ops.sum(inputs * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None, because the output has no time axis."""
        return

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, features) or (batch, 3 * features)."""
        batch, _, features = input_shape
        if features is None:
            raise ValueError("the number of features must be known")
        return (batch, 3 * features if self.mode == "concat" else features)
