"""Learning rates by layer, for classifiers with pretrained layers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class _Layered:
    """Optimiser mixin with a learning-rate factor and a first step for each variable."""

    _get_variable_index: Any
    iterations: Any

    def set_rates(self, factors: Sequence[float], first_steps: Sequence[float]) -> None:
        """Set the factor and the first step, from 0, of each trainable variable."""
        self._factors = tuple(zip(factors, first_steps, strict=True))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable with its own rate."""
        factor, first = self._factors[self._get_variable_index(variable)]
        if first:
            factor = ops.where(ops.cast(self.iterations, "float32") < first, 0.0, factor)
        super().update_step(gradient, variable, learning_rate * factor)  # type: ignore[misc]


LAYERED: dict[type, type] = {
    kind: type(f"Layered{kind.__name__}", (_Layered, kind), {})
    for kind in (keras.optimizers.Adam, keras.optimizers.RMSprop, keras.optimizers.SGD)}


def set_layer_rates(optimizer: Any, model: keras.Model, started: Sequence[str], decay: float, steps: float) -> None:
    """Give each pretrained layer of a model the rate of the layer above divided by `decay`, and a later start.

    The layers that were not pretrained train from the first step at the full rate, the highest pretrained one from
    step `steps` on, the one below from step 2 `steps` on, and so on: discriminative fine-tuning and gradual unfreezing
    (Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification"; they use a decay of 2.6 and
    an epoch).

    Args:
        optimizer: one of `LAYERED`, whether or not it is built with the model's trainable variables.
        model: the classifier.
        started: the names of the pretrained layers, the lowest first.
        decay: at least 1.
        steps: between the starts of two layers; 0 for all at once.
    """
    below = {id(weight): len(started) - height for height, name in enumerate(started)
             for weight in model.get_layer(name).trainable_variables}
    depths = [below.get(id(weight), 0) for weight in model.trainable_variables]
    optimizer.set_rates([decay**-depth for depth in depths], [steps * depth for depth in depths])
