"""Results of a run as text, and the schema of its metrics.json; imports no TensorFlow."""

from collections.abc import Mapping
from typing import Any

MODEL, MAJORITY, LINEAR = "model", "majority class", "tfidf-lr"
# Schemas for `sentiment.stored.read_json`.
ACCURACY = {"accuracy": float, "macro_f1?": float, "log_loss?": float}
SCORES = {**ACCURACY, "texts?": int, "calibration_error?": float, "roc_auc?": (float, type(None)),
          "classes?": {str: {str: float}}, "confusion_matrix?": [[int]]}
INTERVAL = {"mean": float, "interval": [float]}
MEASURED = {  # keys that earlier versions did not write are optional
    "dataset?": {"name": str, "train_texts": int, "validation_texts": int, "test_texts": int, "classes": [str],
                 "notes": [str]},
    "test?": SCORES, "validation?": SCORES,
    "folds?": ({"count": int, "seconds": float, "accuracy": INTERVAL}, type(None)),
    "baselines?": ({"models": {str: {"test": ACCURACY, "validation": ACCURACY}}, "verdict": str, "majority?": str,
                    "seconds?": float}, type(None)),
    "training?": {"epochs": int, "best_epoch": (int, type(None)), "parameters": int, "vocabulary": int, "devices": str,
                  "members?": {str: float}},
    "calibration?": {"temperature": float}, "test_texts_seen?": {str: (float, type(None))}, "seconds?": {str: float},
    "peak_memory_bytes?": int, "versions?": {str: str}, "date?": str}
TRAINED_ON = {"data": str, "texts": int, "test_texts": int, "test_accuracy": float, "date": (str, type(None))}


def trained_on(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a training for users of the model; empty for a run that lacks it.

    Returns:
        The name of the data, the numbers of training texts and test texts, the test accuracy, and the date in UTC, None
        for a run of an earlier version.
    """
    data, test = measured.get("dataset"), measured.get("test")
    if data is None or test is None:
        return {}
    return {"data": data["name"], "texts": data["train_texts"], "test_texts": data["test_texts"],
            "test_accuracy": test["accuracy"], "date": measured.get("date")}


def mean_of(weights: Mapping[str, float]) -> str:
    """Return a description of the members of an ensemble and their weights."""
    return f"the mean of {', '.join(f'{name} ({weight:.2f})' for name, weight in weights.items())}"


def over_folds(folds: dict[str, Any]) -> str:
    """Return a phrase with the mean accuracy over folds and its interval."""
    low, high = folds["accuracy"]["interval"]
    return (f"accuracy {folds['accuracy']['mean']:.4f} over {folds['count']} folds, 95 % interval {low:.3f} to "
            f"{high:.3f}")


def baseline_rows(measured: Mapping[str, Any]) -> list[list[str]]:
    """Return the table of a run's model and its baselines, with a header, from its metrics.json."""
    models = {MODEL: {split: measured[split] for split in ("test", "validation")}, **measured["baselines"]["models"]}
    return [[MODEL, "test accuracy", "validation accuracy", "test macro F1", "test log loss"],
            *([name, *(f"{value:.4f}" for value in (found["test"]["accuracy"], found["validation"]["accuracy"],
                                                    found["test"]["macro_f1"], found["test"]["log_loss"]))]
              for name, found in models.items())]
