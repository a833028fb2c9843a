"""Statistics of several runs: standard deviations, intervals, and tests of the difference between two models."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class Summary(NamedTuple):
    """Summary of values: count, mean, standard deviation, and the 95 % interval of the mean."""

    runs: int
    mean: float
    deviation: float | None
    interval: tuple[float, float] | None


class Difference(NamedTuple):
    """Paired difference: number of pairs, mean difference, and p-value of the paired t-test."""

    pairs: int
    mean: float
    p_value: float | None


class McNemar(NamedTuple):
    """McNemar's test: numbers of texts that only the first or only the second model gets right; two-sided p-value."""

    first_alone: int
    second_alone: int
    p_value: float


def summary(values: list[float]) -> Summary:
    """Summarise the values of runs; the interval is Student's t for the mean over seeds, None for a single run."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Summary(len(values), mean, None, None)
    deviation = float(np.std(values, ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * deviation / len(values) ** 0.5
    return Summary(len(values), mean, deviation, (mean - half, mean + half))


def paired_difference(values: dict[int, float], base: dict[int, float]) -> Difference | None:
    """Compare runs with those of the base with the same seeds; None if there is no such pair."""
    seeds = sorted(values.keys() & base.keys())
    if not seeds:
        return None
    own, other = np.array([values[seed] for seed in seeds]), np.array([base[seed] for seed in seeds])
    mean = float(np.mean(own - other))
    if len(seeds) < 2 or np.ptp(own - other) == 0:
        return Difference(len(seeds), mean, None)
    return Difference(len(seeds), mean, float(stats.ttest_rel(own, other).pvalue))


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """Test whether two models are right equally often on the same texts (McNemar 1947, by the binomial distribution).

    Args:
        first: bool [texts], whether the first model is right.
        second: bool [texts], whether the second model is right.
    """
    first_alone, second_alone = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    both = first_alone + second_alone
    p_value = float(stats.binomtest(first_alone, both).pvalue) if both else 1.0
    return McNemar(first_alone, second_alone, p_value)


def fold_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of a mean over at least two folds of a cross-validation.

    The corrected variance of Nadeau & Bengio 2003, "Inference for the Generalization Error": because the training sets
    overlap, the variance of the values is multiplied by 1 / folds + test texts / training texts, which is
    1 / folds + 1 / (folds - 1), instead of 1 / folds. Student's t has folds - 1 degrees of freedom.

    Example:
        >>> [round(bound, 3) for bound in fold_interval([0.8, 0.9, 0.85, 0.8, 0.9])]
        [0.757, 0.943]
    """
    folds = len(values)
    variance = float(np.var(values, ddof=1)) * (1 / folds + 1 / (folds - 1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, folds - 1)) * variance**0.5
    return float(np.mean(values)) - half, float(np.mean(values)) + half
