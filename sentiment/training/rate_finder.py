"""Learning-rate range test: the loss while the rate grows (Smith 2017, "Cyclical Learning Rates")."""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

import keras
import numpy as np
from scipy.stats import t as student_t

from sentiment import architectures
from sentiment.config import RunConfig
from sentiment.data import Corpus
from sentiment.errors import DivergedError, UserError
from sentiment.training.fitting import PreparedTexts
from sentiment.training.gradient import prepare_trainer
from sentiment.training.prior import NO_PRIOR, Prior
from sentiment.training.training import check_training

LOWEST, HIGHEST = 1e-5, 1.0
STEPS = 500
WIDTH = 50  # steps of the moving average, half a decade of rates, and of the initial loss
TOO_MUCH = 4.0  # times the initial loss
FALSE_ALARMS = 0.01  # share of curves without a decrease that get a recommendation
LEAST_FALL = 0.02  # of the initial loss; a smaller decrease is useless even if significant


@dataclass(frozen=True)
class RateCurve:
    """Loss by learning rate, and the recommended rate.

    At the recommended rate half of the decrease is reached: before the lowest smoothed loss, it is the last rate at
    which the smoothed loss is above the mean of the initial and the lowest loss. If the decrease is a sigmoid in the
    logarithm of the rate, this is the steepest point (Smith 2017), but needs no slope of a noisy curve.

    A rate is recommended only if the decrease is significant. With y_1 .. y_n the losses and w the weights of the
    moving average, whose sum is 1, at each step t

        variance_t = moving average of (y_(i+1) - y_i)^2 / 2        (von Neumann et al. 1941)
        fall_t     = mean(y_1 .. y_k) - sum_i w_i y_i               (k = 50 initial losses)
        error_t    = sqrt(variance_t sum_i w_i^2 + variance_1 / k)
        noise_t    = error_t q,   q: Student's t, upper tail 0.01 / n, 2 / (3 sum_i w_i^2) degrees of freedom

    and the decrease at a step is significant if fall_t > noise_t. Successive differences estimate the noise of single
    steps independently of the trend, and near t, because it grows with the rate. The sum of squares is the factor by
    which smoothing reduces the variance. The tail is divided by n (Bonferroni), because the best of n steps is tested:
    otherwise half of all flat curves would have a significant step. The degrees of freedom are two thirds of the
    effective number of losses in the average, because such a variance is less certain than one about a known mean.

    Attributes:
        rates: float64 [steps], ascending.
        losses: float64 [steps], of single steps.
        smoothed: float64 [steps], their centred moving average.
        suggested: the recommended rate; None if the decrease is not significant or below 2 % of the initial loss.
        fall: decrease of the smoothed loss, at the step where it is largest in proportion to `noise`.
        noise: the decrease there that is not significant or below 2 %.

    Example:
        >>> import numpy as np
        >>> rates = np.geomspace(1e-5, 1, 500)
        >>> noise = np.random.default_rng(1).normal(0, 0.05, 500)
        >>> RateCurve.of(rates, 0.7 + noise).suggested is None
        True
        >>> fall = 0.3 / (1 + (3e-3 / rates) ** 2)  # half of it at 3e-3
        >>> 2e-3 < RateCurve.of(rates, 0.7 - fall + noise).suggested < 4.5e-3
        True
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggested: float | None
    fall: float
    noise: float

    @classmethod
    def of(cls, rates: np.ndarray, losses: np.ndarray) -> Self:
        """Return the curve of rates and losses, float [steps] both, of at least 100 steps."""
        smoothed, squares = moving_average(losses)
        squared = np.diff(losses) ** 2 / 2
        variance, _ = moving_average(np.append(squared, squared[-1]))
        initial = losses[:WIDTH].mean()
        error = np.sqrt(variance * squares + squared[:WIDTH - 1].mean() / WIDTH)
        noise = np.maximum(error * student_t.isf(FALSE_ALARMS / len(losses), 2 / 3 / squares), LEAST_FALL * initial)
        fall = initial - smoothed
        clearest = WIDTH + int((fall / noise)[WIDTH:].argmax())
        fallen = np.flatnonzero(fall[WIDTH:] > noise[WIDTH:]) + WIDTH
        suggested = None
        if len(fallen):
            lowest = fallen[smoothed[fallen].argmin()]
            halfway = initial - fall[lowest] / 2
            suggested = float(rates[np.cumsum(losses[:lowest] - halfway).argmax()])
        return cls(rates, losses, smoothed, suggested, float(fall[clearest]), float(noise[clearest]))


def moving_average(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the centred moving average with Hann's weights, and the sum of the squared weights, float64 [steps].

    At both ends the weights of the existing values are normalised to sum 1.
    """
    kernel, ones = np.hanning(WIDTH + 2)[1:-1], np.ones(len(values))
    total = np.convolve(ones, kernel, "same")
    return np.convolve(values, kernel, "same") / total, np.convolve(ones, kernel ** 2, "same") / total ** 2


class _Done(Exception):  # noqa: N818  no error
    """The curve is complete."""


class RateSweep(keras.callbacks.Callback):
    """Callback that raises the rate after each step by a constant factor, and records the losses."""

    def __init__(self) -> None:
        super().__init__()
        self.rates = np.geomspace(LOWEST, HIGHEST, STEPS)
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
        exploded = np.mean(self.losses[-10:]) > TOO_MUCH * np.mean(self.losses[:WIDTH])
        if len(self.losses) == len(self.rates) or (len(self.losses) > WIDTH and exploded):
            raise _Done


def find_rate(config: RunConfig, corpus: Corpus, strategy: Any, prior: Prior = NO_PRIOR) -> RateCurve:
    """Train for up to 500 steps from a rate of 1e-5 to 1, until the loss explodes.

    Raises:
        UserError: if the architecture is not trained in steps, or the loss explodes at once.
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
    sweep = RateSweep()
    with suppress(_Done, DivergedError):
        trainer.fit(epochs=epochs, callbacks=[sweep])
    if len(sweep.losses) < 2 * WIDTH:
        raise UserError(f"the loss exploded after {len(sweep.losses)} steps at a rate of "
                        f"{sweep.rates[len(sweep.losses)]:.1g}: check the texts and the labels")
    return RateCurve.of(sweep.rates[:len(sweep.losses)], np.array(sweep.losses))
