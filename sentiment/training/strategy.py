"""Where a step runs: a `tf.distribute` strategy, and the precision that suits the device."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from sentiment.errors import UserError


def make_strategy(name: str) -> Any:
    """Return the `tf.distribute.Strategy` for a name.

    `auto` takes a TPU where `TPU_NAME` names one, else all GPUs if there are several, else one device.
    `mirrored` without a GPU mirrors over the logical CPU devices.

    Raises:
        UserError: if `tpu` is asked for and there is none.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "tpu" if os.environ.get("TPU_NAME") else "mirrored" if len(gpus) > 1 else "single"
    if name == "tpu":
        return _tpu_strategy()
    if name == "mirrored":
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def _tpu_strategy() -> Any:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise UserError(f"--strategy tpu: no TPU answers ({str(error).splitlines()[0]}); "
                        "set TPU_NAME, or use --strategy auto") from None
    return tf.distribute.TPUStrategy(resolver)


def half_precision() -> str:
    """Return the Keras dtype policy for `--mixed-precision` on this machine."""
    return "mixed_float16" if tf.config.list_logical_devices("GPU") else "mixed_bfloat16"


@contextmanager
def precision(mixed: bool) -> Iterator[None]:
    """Build layers in half precision if `mixed`; outside the block the policy is what it was."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(half_precision() if mixed else before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def describe(strategy: Any) -> str:
    """Return a few words on the devices of a strategy: ``1 CPU``, ``4 GPUs``."""
    count = strategy.num_replicas_in_sync
    kinds = "TPU core" if isinstance(strategy, tf.distribute.TPUStrategy) else (
        "GPU" if tf.config.list_logical_devices("GPU") else "CPU")
    return f"{count} {kinds}{'s' if count > 1 else ''}"
