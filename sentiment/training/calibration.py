"""Temperature scaling on the validation split, and weights of ensembles."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp, softmax

from sentiment.predictions import class_logits

LARGEST_LOGARITHM = 5.0
STANDARD_ERRORS = 2.0  # of the score, beyond which logits count as miscalibrated
# Temperatures at which an epoch is evaluated; the lowest loss on this grid is close to the minimum.
GRID = np.exp(np.linspace(-LARGEST_LOGARITHM, LARGEST_LOGARITHM, 101))


def temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature T of temperature scaling; logits divided by T give calibrated probabilities.

    Guo et al. 2017, "On Calibration of Modern Neural Networks"; it changes no label. Two safeguards for few texts: T
    stays 1 unless a score test (Rao 1948, "Large sample tests of statistical hypotheses concerning several parameters")
    rejects T = 1 by two standard errors; and T minimises the summed cross-entropy plus log(T) ** 2 / 2, a standard
    normal prior on log T, so it is finite if every label is right.

    Args:
        labels: int [texts].
        logits: float [texts, 1 or classes]; a single logit is the log-odds of the second class.

    Example:
        >>> labels, logits = np.array([0, 1] * 50), np.array([[-8.0], [8.0]] * 40 + [[8.0], [-8.0]] * 10)
        >>> 4 < temperature(labels, logits) < 6  # 80 of 100 are right, and each probability was 0.9997
        True
    """
    if not is_miscalibrated(*score_and_information(labels, logits)):
        return 1.0

    def loss(logarithm: float) -> float:
        return summed_losses(labels, logits, [np.exp(logarithm)])[0] + logarithm ** 2 / 2

    bounds = (-LARGEST_LOGARITHM, LARGEST_LOGARITHM)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def score_and_information(labels: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Return the derivative of the summed cross-entropy by log T at T = 1, and its variance for calibrated logits.

    Both are sums over the texts, so the values of parts of the texts can be added.

    Args:
        labels: int [texts].
        logits: float [texts, 1 or classes].
    """
    values = class_logits(logits)
    shares = softmax(values, axis=1)
    means = np.sum(shares * values, axis=1)
    right = values[np.arange(len(labels)), labels]
    return float(np.sum(right - means)), float(np.sum(np.sum(shares * values ** 2, axis=1) - means ** 2))


def is_miscalibrated(score: float, information: float) -> bool:
    """Whether a sum of `score_and_information` differs significantly from 0."""
    return abs(score) > STANDARD_ERRORS * float(np.sqrt(information))


def calibrated_loss(losses: Sequence[float], score: float, information: float) -> float:
    """Return the summed cross-entropy after calibration.

    Args:
        losses: `summed_losses` at the temperatures of `GRID`.
        score: the first of `score_and_information`.
        information: the second.
    """
    if not is_miscalibrated(score, information):
        return losses[len(GRID) // 2]
    return losses[int(np.argmin(np.asarray(losses) + np.log(GRID) ** 2 / 2))]


def mean_weights(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return the fitted weights of an ensemble, float64 [models], non-negative with sum 1.

    The weighted mean of logits has the lowest cross-entropy after calibration, with the prior of `temperature`; the
    weights are equal if no mean is better than chance. Breiman 1996, "Stacked Regressions", shows why the weights
    should be non-negative; Ting & Witten 1999, "Issues in Stacked Generalization", stack probabilities of classifiers.

    Args:
        labels: int [texts].
        logits: float [models, texts, 1 or classes].
    """
    values = np.stack([class_logits(one) for one in logits])
    right = np.eye(values.shape[2])[labels]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        weighed = np.tensordot(weights, values, axes=1)
        scale = max(float(np.sum(weights)), 1e-6)  # 1 / T
        slope = np.einsum("tc,mtc->m", softmax(weighed, axis=1) - right, values) + np.log(scale) / scale
        return (summed_losses(labels, weighed, [1.0])[0] + np.log(scale) ** 2 / 2) / len(labels), slope / len(labels)

    equal = np.full(len(logits), 1 / len(logits))
    found = minimize(loss, equal / temperature(labels, np.mean(logits, axis=0)), jac=True, method="L-BFGS-B",
                     bounds=[(0, None)] * len(logits)).x
    best = summed_losses(labels, np.tensordot(found, values, axes=1), [1.0])[0]
    by_chance = len(labels) * np.log(values.shape[2])
    return found / np.sum(found) if best < by_chance and np.any(found) else equal


def summed_losses(labels: np.ndarray, logits: np.ndarray, temperatures: Iterable[float]) -> list[float]:
    """Return the summed cross-entropy of all texts, in nats, at each temperature.

    Args:
        labels: int [texts].
        logits: float [texts, 1 or classes].
        temperatures: by which the logits are divided.
    """
    values = class_logits(logits)
    right = values[np.arange(len(labels)), labels]
    return [float(np.sum(logsumexp(values / one, axis=1) - right / one)) for one in temperatures]
