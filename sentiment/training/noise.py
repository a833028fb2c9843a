"""Random numbers of a training step."""

from typing import Any

import tensorflow as tf


class Noise:
    """Normal noise that depends on a seed, the step and the replica alone, so that a resumed run draws it again.

    Args:
        seed: of the run.
        step: int variable or tensor, the steps done before.
    """

    def __init__(self, seed: int, step: Any) -> None:
        self.seed = seed
        self._step = step

    @property
    def step(self) -> Any:
        """The steps done before, int32."""
        return tf.cast(tf.convert_to_tensor(self._step), tf.int32)

    def normal(self, shape: Any, stream: int) -> Any:
        """Return float32 noise of mean 0 and variance 1; draw once from each stream in a step."""
        seed = tf.random.experimental.stateless_fold_in([self.seed, stream], self.step)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.stateless_normal(shape, tf.random.experimental.stateless_fold_in(seed, replica))
