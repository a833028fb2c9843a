"""Probabilities that mean what they say: factors of the logits that are found on the validation split."""

from collections.abc import Iterable

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp, softmax

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


def mean_weights(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return float64 [models]: the weights, together 1 and none below 0, of the mean of logits that fits best.

    It is the one that has the smallest cross-entropy at its best temperature. Breiman 1996, "Stacked Regressions", has
    shown why no weight is to be below 0, and Ting & Witten 1999, "Issues in Stacked Generalization", weigh the
    probabilities of classifiers so.

    Args:
        labels: int [texts].
        logits: float [models, texts, 1 or classes].
    """
    targets, values = smoothed_targets(labels, logits.shape[2]), np.stack([class_logits(one) for one in logits])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        weighed = np.tensordot(weights, values, axes=1)
        slope = np.einsum("tc,mtc->m", softmax(weighed, axis=1) - targets, values)
        return summed_losses(targets, weighed, [1.0])[0] / len(labels), slope / len(labels)

    equal = np.full(len(logits), 1 / len(logits))
    found = minimize(loss, equal / temperature(labels, np.mean(logits, axis=0)), jac=True, method="L-BFGS-B",
                     bounds=[(0, None)] * len(logits)).x
    return found / np.sum(found) if np.any(found) else equal


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
