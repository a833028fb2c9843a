"""Exponential moving average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf


class WeightAverage:
    """Exponential moving average of variables, updated in float32 after each step t = 1, 2, ...

        average += (1 - d) (weight - average),    d = min(decay, (1 + t) / (10 + t))

    so that the initial weights lose influence quickly (Polyak & Juditsky 1992; the schedule is that of TensorFlow's
    `ExponentialMovingAverage`). Create it within the strategy's scope; update it outside of replicas.
    """

    def __init__(self, variables: list[Any], decay: float) -> None:
        self.variables = [variable.value for variable in variables]
        self.decay = decay
        self.steps = tf.Variable(0.0, trainable=False)
        self.averages = [tf.Variable(variable, trainable=False) for variable in self.variables]

    @property
    def state(self) -> list[Any]:
        """The variables that a checkpoint saves."""
        return [self.steps, *self.averages]

    def update(self) -> None:
        """Update the average after a step."""
        self.steps.assign_add(1.0)
        kept = tf.minimum(self.decay, (1.0 + self.steps) / (10.0 + self.steps))
        for average, variable in zip(self.averages, self.variables, strict=True):
            average.assign_add((1.0 - kept) * (variable - average))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Replace the weights by the averages within the block; the weights are restored bit by bit."""
        weights = [tf.identity(variable) for variable in self.variables]
        self._assign(self.averages)
        try:
            yield
        finally:
            self._assign(weights)

    def keep(self) -> None:
        """Replace the weights by the averages."""
        self._assign(self.averages)

    def _assign(self, values: list[Any]) -> None:
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
