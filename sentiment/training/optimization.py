"""Optimisers and learning-rate schedules."""

import math
from typing import Any

import keras
from keras import ops

from sentiment.config import TrainingConfig
from sentiment.training.layer_rates import LAYERED
from sentiment.training.row_adam import RowAdam

FALLING = ("linear", "slanted-triangular", "cosine")
KINDS: dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]] = {
    "adam": (keras.optimizers.Adam, {}), "rmsprop": (keras.optimizers.RMSprop, {}),
    "sgd": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True})}
LOWEST_SHARE = 1 / 32  # of the peak, for slanted-triangular


@keras.saving.register_keras_serializable("sentiment")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Learning-rate schedule with linear warm-up and decay until the last step.

    With p the share of all steps done and w the share of the warm-up: peak * p / w while p < w; then, with
    q = (p - w) / (1 - w), peak * (1 - q) for `linear` and peak * (1 + cos(pi q)) / 2 for `cosine`
    (Loshchilov & Hutter 2017). `slanted-triangular` is, with r the linear one, (peak + 31 r) / 32, so that it starts
    and ends at a 32nd of the peak (Howard & Ruder 2018).
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
        lowest = LOWEST_SHARE if self.shape == "slanted-triangular" else 0.0
        fallen = (done - self.warmup) / (1.0 - self.warmup)
        falling = 0.5 * (1.0 + ops.cos(math.pi * fallen)) if self.shape == "cosine" else 1.0 - fallen
        share = ops.where(done < self.warmup, rising, falling)
        return self.peak * (lowest + (1.0 - lowest) * share)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup, "shape": self.shape}


def make_optimizer(config: TrainingConfig, steps: int, *, by_rows: bool = False, layered: bool = False
                   ) -> keras.optimizers.Optimizer:
    """Return the optimiser for `steps` steps in total; clipping is done in the training step.

    With `by_rows`, Adam can update the rows of an embedding lazily; with `layered`, layers can have different learning
    rates (`sentiment.training.layer_rates`).
    """
    rate: Any = config.learning_rate
    if config.schedule in FALLING:
        rate = WarmupDecay(config.learning_rate, steps, config.warmup, config.schedule)
    if config.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        return optimizer
    if config.optimizer == "adam" and by_rows:
        return RowAdam(rate, steps)
    kind, options = KINDS[config.optimizer]
    return (LAYERED[kind] if layered else kind)(rate, **options)
