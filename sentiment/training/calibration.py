"""Calibration: the temperature that logits are divided by, found on the validation split, and weights of ensembles."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp, softmax

from sentiment.predictions import class_logits

LARGEST_LOGARITHM = 5.0
STANDARD_ERRORS = 2.0  # of evidence that logits are not calibrated, before they are changed
# The temperatures that an epoch is judged at; the loss at the best of them is hardly above the smallest of all.
GRID = np.exp(np.linspace(-LARGEST_LOGARITHM, LARGEST_LOGARITHM, 101))


def temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature T by which logits are divided to make their probabilities calibrated.

    Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks"), which changes no label, guarded
    against few texts in two ways: T stays 1 unless a score test (Rao 1948, "Large sample tests of statistical
    hypotheses concerning several parameters") rejects T = 1 by two standard errors; and T minimises the summed
    cross-entropy plus log(T) ** 2 / 2, a standard normal prior on log T, so it is finite where every label is right.

    Args:
        labels: int [texts].
        logits: float [texts, 1 or classes]; a single one is the log-odds of the second of two classes.

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

    Both are sums over the texts, so those of parts of the texts can be added up.

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
    """Return whether a sum of `score_and_information` is further from 0 than chance explains."""
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
    """Return float64 [models]: the weights, together 1 and none below 0, of the mean of logits that fits best.

    It is the one that has the smallest cross-entropy once it is calibrated, with the prior of `temperature`; all weigh
    the same where no mean is better than chance. Breiman 1996, "Stacked Regressions", has shown why no weight is to be
    below 0, and Ting & Witten 1999, "Issues in Stacked Generalization", weigh the probabilities of classifiers so.

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
    """Return the cross-entropy of all texts together, in nats, for each temperature.

    Args:
        labels: int [texts].
        logits: float [texts, 1 or classes].
        temperatures: what the logits are divided by.
    """
    values = class_logits(logits)
    right = values[np.arange(len(labels)), labels]
    return [float(np.sum(logsumexp(values / one, axis=1) - right / one)) for one in temperatures]
