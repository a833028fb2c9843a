"""Comparison of a model with its baselines by significance tests, and a verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from sentiment.evaluation.metrics import evaluate
from sentiment.evaluation.statistics import mcnemar
from sentiment.measured import LINEAR, MAJORITY, MODEL
from sentiment.predictions import probabilities

KEYS = ("accuracy", "macro_f1", "log_loss")
SIGNIFICANCE = 0.05  # p-value below which a difference is significant
SMALLEST_SHOWN = 0.001


@dataclass(frozen=True)
class Baselines:
    """Predictions of baselines trained on the training texts of a run.

    Attributes:
        logits: float32 [test texts, 1 or classes], by name of the baseline.
        validation: accuracy, macro F1 and log loss on the validation split, by name.
        majority: the most frequent class of the training texts.
        seconds: to fit them and predict with them.
    """

    logits: Mapping[str, np.ndarray]
    validation: Mapping[str, Mapping[str, float]]
    majority: str
    seconds: float

    def compared(self, labels: np.ndarray, logits: np.ndarray, class_names: tuple[str, ...], name: str,
                 matrix: list[list[int]]) -> dict[str, Any]:
        """Compare a model with the baselines on test texts.

        Args:
            labels: int [texts].
            logits: float32 [texts, 1 or classes], of the model.
            class_names: by index.
            name: of the model's architecture.
            matrix: the confusion matrix of the model, int [classes, classes].

        Returns:
            JSON-ready: `models`, the metrics on `validation` and `test` by name of the baseline; `mcnemar`, McNemar's
            exact test for each pair, with the numbers of texts that only the `first` and only the `second` model gets
            right; `majority`, `seconds`; and the result of `judge`.
        """
        models = {baseline: {"validation": dict(self.validation[baseline]), "test": brief(labels, values, class_names)}
                  for baseline, values in self.logits.items()}
        right = {one: probabilities(values).argmax(axis=1) == labels
                 for one, values in {MODEL: logits, **self.logits}.items()}
        tests = [{"first": first, "second": second, **mcnemar(right[first], right[second])._asdict()}
                 for first, second in combinations(right, 2)]
        return {"models": models, "mcnemar": tests, "majority": self.majority, "seconds": self.seconds,
                **judge(tests, name, self.majority, matrix)}


def brief(labels: np.ndarray, logits: np.ndarray, class_names: tuple[str, ...]) -> dict[str, float]:
    """Return the metrics of the comparison: accuracy, macro F1 and log loss."""
    metrics = evaluate(labels, logits, class_names)
    return {key: metrics[key] for key in KEYS}


def judge(tests: Iterable[Mapping[str, Any]], name: str, majority: str, matrix: list[list[int]]) -> dict[str, Any]:
    """Judge whether a model is better than its baselines.

    A model is better than another if it is right on more texts, and McNemar's exact test rejects at 5 % that both are
    right equally often.

    Args:
        tests: the pairs of `Baselines.compared`.
        name: of the model's architecture.
        majority: the class that the majority baseline always predicts.
        matrix: the confusion matrix of the model, int [classes, classes].

    Returns:
        `verdict`, sentences, and `recommended`, the simplest of the best models: the name of a baseline, or None for
        the model itself.
    """
    found = {(one["first"], one["second"]): one for one in tests}

    def is_better(first: str, second: str) -> bool:
        one, swapped = (found[first, second], 1) if (first, second) in found else (found[second, first], -1)
        return bool(one["p_value"] < SIGNIFICANCE and swapped * (one["first_alone"] - one["second_alone"]) > 0)

    def chance(other: str) -> str:
        p_value = found[MODEL, other]["p_value"]
        return f"McNemar's test, p {f'= {p_value:.2g}' if p_value >= SMALLEST_SHOWN else f'< {SMALLEST_SHOWN}'}"

    always, has_linear = f"always predicting '{majority}'", (MODEL, LINEAR) in found
    if not is_better(MODEL, MAJORITY):
        verdict = f"{name} is not more accurate than {always} by more than chance ({chance(MAJORITY)})"
        if _depends_on_text(matrix):
            verdict += ", but it does distinguish the classes"
            if has_linear and is_better(LINEAR, MODEL):
                return {"recommended": LINEAR, "verdict": f"{verdict}. {LINEAR} is more accurate than it by more than "
                        f"chance ({chance(LINEAR)}): train that, or this model for longer"}
            return {"recommended": None, "verdict": f"{verdict}: judge it by the precision and recall of the class "
                    "that matters"}
        if has_linear and is_better(LINEAR, MAJORITY):
            return {"recommended": LINEAR, "verdict": f"{verdict}: it has learned nothing, but {LINEAR} has. Train "
                    "that, or this model for longer or with another learning rate"}
        others = f", and neither has {LINEAR}" if has_linear else ""
        return {"recommended": MAJORITY, "verdict": f"{verdict}: it has learned nothing{others}. Check the texts and "
                "labels, and train on more of them"}
    if not has_linear:
        return {"recommended": None, "verdict": f"{name} is more accurate than {always} by more than chance "
                f"({chance(MAJORITY)})"}
    if is_better(MODEL, LINEAR):
        return {"recommended": None, "verdict": f"{name} is more accurate than {always} and than {LINEAR} by more than "
                f"chance ({chance(LINEAR)})"}
    compared = f"{LINEAR} is more accurate than {name} by more than chance" if is_better(LINEAR, MODEL) else \
        f"{name} is not more accurate than {LINEAR} by more than chance"
    return {"recommended": LINEAR, "verdict": f"{compared} ({chance(LINEAR)}): {LINEAR} is simpler and faster, so "
            "better suited"}


def _depends_on_text(matrix: list[list[int]]) -> bool:
    """Whether predictions and classes agree by more than chance, by the chi-squared test of independence."""
    counts = np.array(matrix)
    by_chance = counts.sum(axis=0) @ counts.sum(axis=1) / counts.sum()
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    return min(counts.shape) > 1 and np.trace(np.array(matrix)) > by_chance and \
        bool(stats.chi2_contingency(counts).pvalue < SIGNIFICANCE)
