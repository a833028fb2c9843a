"""Random numbers of a training step from a stateless generator."""

from typing import Any

import tensorflow as tf


class Noise:
    """Random numbers that depend only on a seed and the step, so that a resumed run draws the same numbers.

    Args:
        seed: of the run.
        step: int variable or tensor, the number of previous steps.
    """

    def __init__(self, seed: int, step: Any) -> None:
        self.seed = seed
        self._step = step

    @property
    def step(self) -> Any:
        """Number of previous steps, int32."""
        return tf.cast(tf.convert_to_tensor(self._step), tf.int32)

    def normal(self, shape: Any, stream: int) -> Any:
        """Return normal float32 noise of mean 0 and variance 1; draw once per stream and step."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.stateless_normal(shape, tf.random.experimental.stateless_fold_in(self._seed(stream), replica))

    def uniform(self, shape: Any, stream: int) -> Any:
        """Return uniform float32 numbers in [0, 1), the same on all replicas; draw once per stream and step."""
        return tf.random.stateless_uniform(shape, self._seed(stream))

    def _seed(self, stream: int) -> Any:
        return tf.random.experimental.stateless_fold_in([self.seed, stream], self.step)
