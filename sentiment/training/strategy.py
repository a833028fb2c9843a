"""Distribution strategies and their workers."""

import json
import os
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.errors import UserError, first_line


def make_strategy(name: str) -> Any:
    """Return the `tf.distribute.Strategy` for a name.

    `auto` uses the workers of `TF_CONFIG` if there are several, else the TPU of `TPU_NAME`, else all GPUs if there are
    several, else one device. `mirrored` without a GPU mirrors over the logical CPU devices. With several workers this
    must precede the first computation in TensorFlow.

    Raises:
        UserError: for `tpu` without a TPU, `multiworker` without a cluster, or another strategy with several workers.
    """
    workers = len(_cluster()[0])
    if name == "multiworker" or (name == "auto" and workers > 1):
        if workers == 0:
            raise UserError("--strategy multiworker needs TF_CONFIG, which names the workers and this one; on one "
                            "machine `python -m sentiment launch --workers 2 -- train ...` sets it")
        return tf.distribute.MultiWorkerMirroredStrategy()
    if workers > 1:
        raise UserError(f"TF_CONFIG names {workers} workers: use --strategy auto or multiworker, not {name}")
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
        raise UserError(f"--strategy tpu: no TPU found ({first_line(error)}); "
                        "set TPU_NAME, or use --strategy auto") from None
    return tf.distribute.TPUStrategy(resolver)


def _cluster() -> tuple[list[str], int]:
    """Return the addresses of the workers in `TF_CONFIG`, the chief first, and the index of this one."""
    try:
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
        chiefs, task = config.get("cluster", {}).get("chief", ()), config.get("task", {})
        workers = config.get("cluster", {}).get("worker", ())
        before = len(chiefs) if task.get("type") != "chief" else 0
        return [*chiefs, *workers], before + int(task.get("index", 0))
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f"TF_CONFIG is not a valid cluster: {error}") from None


def is_chief() -> bool:
    """Whether this process is the chief, which writes the results: the only worker, or the first in `TF_CONFIG`."""
    addresses, index = _cluster()
    return len(addresses) < 2 or index == 0


class Workers:
    """Worker processes of a training.

    Attributes:
        count: their number.
        index: of this one, from 0.
        is_chief: whether this one writes the results.
    """

    def __init__(self, strategy: Any) -> None:
        self._strategy = strategy
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        addresses, index = _cluster()
        self.count, self.index = (len(addresses), index) if several else (1, 0)
        self.is_chief = self.index == 0
        self._compiled: Any = None

    def share(self, texts: int) -> np.ndarray:
        """Return the indices of this worker's share of `texts` texts, int64."""
        return np.arange(self.index, texts, self.count)

    def mean(self, *values: float) -> list[float]:
        """Return the mean of each value over all workers, the same bits on each; with one worker, the values."""
        if self.count == 1:
            return list(values)
        if self._compiled is None:

            def mean(own: Any) -> Any:
                return self._strategy.reduce("MEAN", self._strategy.run(lambda value: value, (own,)), axis=None)

            self._compiled = tf.function(mean, input_signature=[tf.TensorSpec([None], tf.float64)])
        means: list[float] = self._compiled(tf.constant(values, tf.float64)).numpy().tolist()
        return means


def describe(strategy: Any) -> str:
    """Return a description of the devices of a strategy: ``1 CPU``, ``4 GPUs``."""
    count = strategy.num_replicas_in_sync
    kinds = "TPU core" if isinstance(strategy, tf.distribute.TPUStrategy) else (
        "GPU" if tf.config.list_logical_devices("GPU") else "CPU")
    workers = Workers(strategy).count
    return f"{count} {kinds}{'s' if count > 1 else ''}{f' of {workers} workers' if workers > 1 else ''}"
