"""Metrics from labels and logits, with NumPy and scikit-learn only."""

from typing import Any

import numpy as np
from sklearn import metrics

from sentiment.predictions import class_logits, probabilities

CALIBRATION_BINS = 15


def log_loss(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the mean cross-entropy in nats, exact also if a probability rounds to 0."""
    logits = class_logits(logits)
    chosen = logits[np.arange(len(labels)), labels]
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - chosen))


def calibration_error(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the expected calibration error: the mean difference between confidence and accuracy.

    Guo et al. 2017, over 15 bins of equal width of the predicted class's probability, weighted by their texts.
    """
    confidence, right, bins = by_confidence(labels, logits)
    gaps = np.bincount(bins, weights=confidence - right, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def by_confidence(labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the predicted class's probability, whether it is right, and its bin of 15 of equal width; [texts] each."""
    scores = probabilities(logits)
    confidence = scores.max(axis=1)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return confidence, scores.argmax(axis=1) == labels, bins


def evaluate(labels: np.ndarray, logits: np.ndarray, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Compute all metrics of a classifier on labelled texts.

    Args:
        labels: int [texts], the true classes.
        logits: float [texts, 1 or classes].
        class_names: by index.

    Returns:
        JSON-ready: `texts`, `accuracy`, `log_loss`, `calibration_error`, `roc_auc` (one against the rest, macro mean,
        for more than two classes; None if a class has no text), `macro_f1`, `classes` (precision, recall, F1 and the
        number of texts by class name) and `confusion_matrix` (rows are the true classes).
    """
    scores = probabilities(logits)
    predicted = scores.argmax(axis=1)
    indices = list(range(len(class_names)))
    found = metrics.precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    by_class = zip(*(values.tolist() for values in found), strict=True)
    classes = {name: dict(zip(("precision", "recall", "f1", "texts"), values, strict=True))
               for name, values in zip(class_names, by_class, strict=True)}
    return {
        "texts": len(labels),
        "accuracy": float(np.mean(predicted == labels)),
        "log_loss": log_loss(labels, logits),
        "calibration_error": calibration_error(labels, logits),
        "roc_auc": _roc_auc(labels, scores),
        "macro_f1": float(np.mean(found[2])),
        "classes": classes,
        "confusion_matrix": metrics.confusion_matrix(labels, predicted, labels=indices).tolist(),
    }


def shown(value: float | None) -> str:
    """Return a metric with four digits, or a dash if it is undefined."""
    return "-" if value is None else f"{value:.4f}"


def _roc_auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    classes = scores.shape[1]
    if len(np.unique(labels)) < classes:
        return None
    if classes == 2:
        return float(metrics.roc_auc_score(labels, scores[:, 1]))
    return float(metrics.roc_auc_score(labels, scores, multi_class="ovr", labels=list(range(classes))))
