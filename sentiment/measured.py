"""Results of a run in words, from the content of its metrics.json; nothing heavy is imported."""

from collections.abc import Mapping
from typing import Any

MODEL, MAJORITY, LINEAR = "model", "majority class", "tfidf-lr"


def mean_of(weights: Mapping[str, float]) -> str:
    """Return a description of the members of an ensemble and their weights."""
    return f"the mean of {', '.join(f'{name} ({weight:.2f})' for name, weight in weights.items())}"


def over_folds(folds: dict[str, Any]) -> str:
    """Return the mean accuracy over folds and its interval in words."""
    low, high = folds["accuracy"]["interval"]
    return (f"accuracy {folds['accuracy']['mean']:.4f} over {folds['count']} folds, 95 % interval {low:.3f} to "
            f"{high:.3f}")


def baseline_rows(measured: Mapping[str, Any]) -> list[list[str]]:
    """Return a table of the model of a run and its baselines, with a header, from the content of its metrics.json."""
    models = {MODEL: {split: measured[split] for split in ("test", "validation")}, **measured["baselines"]["models"]}
    return [[MODEL, "test accuracy", "validation accuracy", "test macro F1", "test log loss"],
            *([name, *(f"{value:.4f}" for value in (found["test"]["accuracy"], found["validation"]["accuracy"],
                                                    found["test"]["macro_f1"], found["test"]["log_loss"]))]
              for name, found in models.items())]
