"""Probabilities that mean what they say: one factor for all logits, found on the validation split."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

LARGEST_LOGARITHM = 5.0


def temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature T for which logits / T give the smallest cross-entropy of the labels.

    Guo et al. 2017, "On Calibration of Modern Neural Networks". It changes no label. Where every label is right, any
    smaller T would be better still; so, as Platt 1999 does, a class with n texts counts as if one more text of each
    class had been seen there: the target is (n + 1) / (n + classes) for the right class, 1 / (n + classes) for another.

    Args:
        labels: int [texts].
        logits: float [texts, 1 or classes]; a single one is the log-odds of the second of two classes.
    """
    values = np.asarray(logits, np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    classes = values.shape[1]
    counts = np.bincount(labels, minlength=classes)[labels]
    targets = np.repeat(1 / (counts + classes)[:, None], classes, axis=1)
    targets[np.arange(len(labels)), labels] *= counts + 1

    def loss(logarithm: float) -> float:
        scaled = values / np.exp(logarithm)
        return float(np.mean(logsumexp(scaled, axis=1) - np.sum(targets * scaled, axis=1)))

    bounds = (-LARGEST_LOGARITHM, LARGEST_LOGARITHM)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
