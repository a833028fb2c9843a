"""Optimisers and learning-rate schedules."""

import math
from typing import Any

import keras
from keras import ops

from sentiment.config import TrainingConfig
from sentiment.training.row_adam import RowAdam


@keras.saving.register_keras_serializable("sentiment")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly, then falls to 0 by the last step.

    With p the share of all steps done and w the share of the warm-up: peak * p / w while p < w; then, with
    q = (p - w) / (1 - w), peak * (1 - q) for `linear` and peak * (1 + cos(pi q)) / 2 for `cosine`
    (Loshchilov & Hutter 2017).
    """

    def __init__(self, peak: float, steps: int, warmup: float, shape: str) -> None:
        self.peak = peak
        self.steps = steps
        self.warmup = warmup
        self.shape = shape

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, counted from 0; the first step has a rate above 0."""
        done = ops.minimum((ops.cast(step, "float32") + 1.0) / (self.steps + 1), 1.0)
        rising = done / max(self.warmup, 1e-9)
        fallen = (done - self.warmup) / (1.0 - self.warmup)
        falling = 1.0 - fallen if self.shape == "linear" else 0.5 * (1.0 + ops.cos(math.pi * fallen))
        return self.peak * ops.where(done < self.warmup, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup, "shape": self.shape}


def make_optimizer(config: TrainingConfig, steps: int, *, by_rows: bool = False) -> keras.optimizers.Optimizer:
    """Return the optimiser for `steps` steps in all; clipping is the training step's business.

    With `by_rows`, Adam can update an embedding by the rows that a batch touches.
    """
    rate: Any = config.learning_rate
    if config.schedule in ("linear", "cosine"):
        rate = WarmupDecay(config.learning_rate, steps, config.warmup, config.schedule)
    if config.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        return optimizer
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    if config.optimizer == "adam" and by_rows:
        return RowAdam(rate, steps)
    return {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[config.optimizer](rate)
