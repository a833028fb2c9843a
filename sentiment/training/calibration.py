"""Probabilities that mean what they say: one factor for all logits, found on the validation split."""

from collections.abc import Iterable

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from sentiment.predictions import class_logits

LARGEST_LOGARITHM = 5.0
# The temperatures that an epoch is judged at; the loss at the best of them is hardly above the smallest of all.
GRID = np.exp(np.linspace(-LARGEST_LOGARITHM, LARGEST_LOGARITHM, 101))


def temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature T for which logits / T give the smallest cross-entropy of the labels.

    Guo et al. 2017, "On Calibration of Modern Neural Networks". It changes no label. Where every label is right, any
    smaller T would be better still: see `smoothed_targets`.

    Args:
        labels: int [texts].
        logits: float [texts, 1 or classes]; a single one is the log-odds of the second of two classes.
    """
    targets, values = smoothed_targets(labels, logits.shape[1]), class_logits(logits)

    def loss(logarithm: float) -> float:
        return summed_losses(targets, values, [np.exp(logarithm)])[0]

    bounds = (-LARGEST_LOGARITHM, LARGEST_LOGARITHM)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def smoothed_targets(labels: np.ndarray, outputs: int) -> np.ndarray:
    """Return float64 [texts, classes]: the probabilities that a calibrated model is to come near to.

    As Platt 1999 does, "Probabilistic Outputs for Support Vector Machines", a class with n texts counts as if one more
    text of each class had been seen there: (n + 1) / (n + classes) for the right class, 1 / (n + classes) for another.

    Args:
        labels: int [texts].
        outputs: logits of a text; one is for two classes.
    """
    classes = max(2, outputs)
    counts = np.bincount(labels, minlength=classes)[labels]
    targets = np.repeat(1 / (counts + classes)[:, None], classes, axis=1)
    targets[np.arange(len(labels)), labels] *= counts + 1
    return targets


def summed_losses(targets: np.ndarray, logits: np.ndarray, temperatures: Iterable[float]) -> list[float]:
    """Return the cross-entropy of all texts together, in nats, for each temperature.

    Args:
        targets: float [texts, classes].
        logits: float [texts, 1 or classes].
        temperatures: what the logits are divided by.
    """
    values = class_logits(logits)
    right = np.sum(targets * values, axis=1)
    return [float(np.sum(logsumexp(values / one, axis=1) - right / one)) for one in temperatures]
