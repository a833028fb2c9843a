"""Learning-rate range test: the loss while the rate grows (Smith 2017, "Cyclical Learning Rates")."""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from sentiment import architectures
from sentiment.config import RunConfig
from sentiment.data import Corpus
from sentiment.errors import DivergedError, UserError
from sentiment.training.fitting import PreparedTexts
from sentiment.training.gradient import prepare_trainer
from sentiment.training.prior import NO_PRIOR, Prior
from sentiment.training.training import check_training

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 200
SMOOTHING = 0.95
TOO_MUCH = 4.0  # times the lowest smoothed loss
FEWEST_POINTS = 30
LEAST_FALL = 0.02


@dataclass(frozen=True)
class RateCurve:
    """Smoothed loss by the learning rate.

    Attributes:
        rates: float64 [steps], rising.
        losses: float64 [steps], smoothed.
        suggested: the rate with the steepest fall of the loss by its logarithm; None if it does not fall.
    """

    rates: np.ndarray
    losses: np.ndarray
    suggested: float | None


class _Done(Exception):  # noqa: N818  no error
    """The curve is complete."""


class RateSweep(keras.callbacks.Callback):
    """Raises the rate after each step by a constant factor, and records the losses."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.rates = np.geomspace(LOWEST, HIGHEST, steps)
        self.losses: list[float] = []
        self._total = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the rate of this step."""
        self.model.optimizer.learning_rate.assign(self.rates[len(self.losses)])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the loss of the step, from the mean of the epoch so far."""
        mean = (logs or {})["loss"]
        self.losses.append(mean * (batch + 1) - (self._total if batch else 0.0))
        self._total = mean * (batch + 1)
        smoothed = smooth(self.losses)
        if len(self.losses) == len(self.rates) or smoothed[-1] > TOO_MUCH * smoothed.min():
            raise _Done


def smooth(losses: list[float]) -> np.ndarray:
    """Return float64 [steps]: the exponential moving average, corrected for its start as Adam's moments are."""
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return np.array(smoothed)


def find_rate(config: RunConfig, corpus: Corpus, strategy: Any, prior: Prior = NO_PRIOR) -> RateCurve:
    """Train for up to 200 steps from a rate of 1e-6 to 1, until the loss explodes.

    Raises:
        UserError: if the architecture is not trained by steps, or the loss explodes at once.
    """
    entry = architectures.find(config.model)
    check_training(config, entry)
    if not entry.by_gradient:
        raise UserError(f"'{config.model.architecture}' is fitted at once: it has no learning rate")
    keras.utils.set_random_seed(config.runtime.seed)
    settings = replace(config.training, schedule="constant")
    config = replace(config, training=settings)
    texts = PreparedTexts.prepare(config, corpus, words=prior.words)
    epochs = math.ceil(STEPS / len(texts.train))
    trainer, _ = prepare_trainer(replace(config, training=replace(settings, epochs=epochs)), corpus, texts, strategy,
                                 prior)
    sweep = RateSweep(STEPS)
    with suppress(_Done, DivergedError):
        trainer.fit(epochs=epochs, callbacks=[sweep])
    if len(sweep.losses) < FEWEST_POINTS:
        raise UserError(f"the loss exploded after {len(sweep.losses)} steps at a rate of "
                        f"{sweep.rates[len(sweep.losses)]:.1g}: look at the texts and the labels")
    losses = smooth(sweep.losses)
    rates = sweep.rates[:len(losses)]
    return RateCurve(rates, losses, steepest(rates, losses))


def steepest(rates: np.ndarray, losses: np.ndarray) -> float | None:
    """Return the rate with the steepest fall of the loss by the logarithm of the rate, before the lowest loss.

    The first tenth, which is noise, gives the initial loss; None if the loss never falls by 2 %.
    """
    start = max(len(losses) // 10, 2)
    end = start + int(losses[start:].argmin()) + 1
    if losses[end - 1] > (1 - LEAST_FALL) * losses[:start].mean():
        return None
    slopes = np.gradient(losses[:end], np.log(rates[:end]))
    return float(rates[start + int(slopes[start:].argmin())])
