"""Half-precision policy of layers."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


def half_precision() -> str:
    """Return the Keras dtype policy for `--mixed-precision` on this machine."""
    import tensorflow as tf

    return "mixed_float16" if tf.config.list_logical_devices("GPU") else "mixed_bfloat16"


@contextmanager
def precision(mixed: bool, half: str | None = None) -> Iterator[None]:
    """Build layers in half precision within the block if `mixed`.

    Args:
        mixed: whether to use half precision.
        half: the Keras dtype policy (default: `half_precision` of this machine).
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy((half or half_precision()) if mixed else before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
