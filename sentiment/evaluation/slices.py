"""Accuracy by length, by negation, by score and by threshold."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn import metrics

TENTHS = 10
NEGATION = re.compile(r"\b(?:not|no|never|none|nobody|nothing|neither|nor|nowhere|hardly|cannot|without)\b|n['’]t\b",
                      re.IGNORECASE)
NEGATIONS = ((0, 0), (1, 1), (2, 3), (4, 7), (8, None))
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
CERTAINTIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


class Slice(NamedTuple):
    """Slice of the texts: its name, number of texts, accuracy, and 95 % interval (Wilson 1927)."""

    name: str
    texts: int
    accuracy: float
    interval: tuple[float, float]


class Threshold(NamedTuple):
    """Precision, recall and F1 at a decision threshold, and the share of texts that reach it."""

    probability: float
    precision: float
    recall: float
    f1: float
    answered: float


class Coverage(NamedTuple):
    """Number and share of texts whose score reaches a threshold, and their accuracy."""

    probability: float
    texts: int
    share: float
    accuracy: float | None


def slice_of(name: str, right: np.ndarray) -> Slice:
    """Return the slice of at least one text from whether each prediction is right, bool [texts]."""
    count, total = int(right.sum()), len(right)
    interval = stats.binomtest(count, total).proportion_ci(method="wilson")
    return Slice(name, total, count / total, (float(interval.low), float(interval.high)))


def word_counts(texts: Iterable[str]) -> np.ndarray:
    """Return the number of words of each text, separated by white space, int [texts]."""
    return np.fromiter((len(text.split()) for text in texts), int)


def by_length(lengths: np.ndarray, right: np.ndarray) -> list[Slice]:
    """Return slices by deciles of the number of words, the shortest first; equal lengths stay together."""
    bounds = np.unique(np.quantile(lengths, np.arange(1, TENTHS + 1) / TENTHS, method="inverted_cdf"))
    bins = np.searchsorted(bounds, lengths)
    return [slice_of(_range(int(lengths[bins == place].min()), int(lengths[bins == place].max())), right[bins == place])
            for place in range(len(bounds)) if (bins == place).any()]


def by_negation(texts: Sequence[str], right: np.ndarray) -> list[Slice]:
    """Return slices by the number of negations (not, n't, never, without, ...)."""
    counts = np.fromiter((len(NEGATION.findall(text)) for text in texts), int, len(texts))
    slices = []
    for low, high in NEGATIONS:
        inside = (counts >= low) & (counts <= (high if high is not None else counts.max(initial=0)))
        if inside.any():
            slices.append(slice_of(_range(low, high), right[inside]))
    return slices


def by_value(values: np.ndarray, right: np.ndarray) -> list[Slice]:
    """Return one slice per value, int or str [texts], in order."""
    return [slice_of(str(value), right[values == value]) for value in np.unique(values)]


def thresholds(labels: np.ndarray, scores: np.ndarray) -> list[Threshold]:
    """Return precision, recall and F1 of the second of two classes by threshold of its scores, float [texts]."""
    rows = []
    for probability in THRESHOLDS:
        answered = scores >= probability
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            labels == 1, answered, average="binary", zero_division=0)
        rows.append(Threshold(probability, float(precision), float(recall), float(f1), float(answered.mean())))
    return rows


def coverage(labels: np.ndarray, scores: np.ndarray) -> list[Coverage]:
    """Return coverage and selective accuracy (El-Yaniv & Wiener 2010) by threshold of scores, float [texts, classes].

    No threshold is below 1 / classes, which every score reaches.
    """
    certainty, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    rows = []
    for probability in (one for one in CERTAINTIES if one >= 1 / scores.shape[1]):
        sure = certainty >= probability
        rows.append(Coverage(probability, int(sure.sum()), float(sure.mean()),
                             float(right[sure].mean()) if sure.any() else None))
    return rows


def _range(low: int, high: int | None) -> str:
    return f"{low:,} or more" if high is None else f"{low:,}" if low == high else f"{low:,} to {high:,}"
