"""Masks and masked softmax."""

from typing import Any

import keras
from keras import ops

VERY_LOW = -1e30  # a finite stand-in for minus infinity in float32


def all_real(inputs: Any) -> Any:
    """Return the mask bool [batch, time] of [batch, time, ...] in which every step is real."""
    return ops.ones(ops.shape(inputs)[:2], dtype="bool")


def single_or_better(values: Any) -> Any:
    """Cast half precision to float32; leave float32 and float64 as they are."""
    return ops.cast(values, "float64" if keras.backend.standardize_dtype(values.dtype) == "float64" else "float32")


def masked_softmax(scores: Any, mask: Any) -> Any:
    """Softmax over the last axis, computed in float32 or better, with weight 0 where the mask is false.

    Args:
        scores: float [..., time].
        mask: bool, of a shape that broadcasts to that of `scores`.

    Returns:
        float [..., time] in the type of `scores`. A row without a real step gives zeros, not NaN.
    """
    lowered = ops.where(mask, single_or_better(scores), VERY_LOW)
    highest = ops.stop_gradient(ops.max(lowered, axis=-1, keepdims=True))
    powers = ops.exp(lowered - highest) * ops.cast(mask, lowered.dtype)
    # The largest power is 1, so the sum is at least 1 unless no step is real.
    return ops.cast(powers / ops.maximum(ops.sum(powers, axis=-1, keepdims=True), 1e-30), scores.dtype)
