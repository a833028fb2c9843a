"""Plots of an evaluation report and of a comparison: precision and recall, calibration, accuracy by slice."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from sentiment.evaluation.metrics import by_confidence, calibration_error
from sentiment.evaluation.plots import BLUE, GREY, drawn, line_style
from sentiment.evaluation.slices import Slice

MOST_POINTS = 400
MOST_CURVES = 10


def precision_recall_curves(labels: np.ndarray, scores: np.ndarray, class_names: tuple[str, ...], path: Path) -> None:
    """Draw precision by recall of the second of two classes, or of each of several against the rest (at most ten)."""
    with drawn(path, 5, 4.6) as axes:
        for index in [1] if len(class_names) == 2 else range(min(len(class_names), MOST_CURVES)):
            of_class = labels == index
            if not of_class.any():
                continue
            precision, recall, _ = precision_recall_curve(of_class, scores[:, index])
            kept = np.unique(np.linspace(0, len(recall) - 1, MOST_POINTS).astype(int))
            area = average_precision_score(of_class, scores[:, index])
            axes.plot(recall[kept], precision[kept], label=f"{class_names[index]} (average precision {area:.4f})")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
        axes.legend(loc="lower left")


def reliability(labels: np.ndarray, curves: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw how many answers are right by the score of the winning class (DeGroot & Fienberg 1983), in 15 bins.

    Args:
        labels: int [texts].
        curves: float logits [texts, 1 or classes] by the name of the curve.
        path: of the picture.
    """
    with drawn(path, 5, 4.6) as axes:
        lowest = 1.0
        for place, (name, logits) in enumerate(curves.items()):
            confidence, right, bins = by_confidence(labels, logits)
            points = [(float(confidence[bins == each].mean()), float(right[bins == each].mean()))
                      for each in np.unique(bins)]
            lowest = min(lowest, *(value for point in points for value in point))
            axes.plot(*zip(*points, strict=True), marker="os^v"[place % 4], **line_style(1 + place % 4),
                      label=f"{name} (error {calibration_error(labels, logits):.4f})")
        axes.plot([lowest, 1], [lowest, 1], color=GREY, linestyle=":", label="calibrated")
        axes.set(xlabel="score of the answer", ylabel="share that is right", aspect="equal")
        axes.legend(fontsize="small")


def slices(found: Sequence[Slice], label: str, path: Path) -> None:
    """Draw the accuracy of each slice with its interval, and how many texts it has."""
    with drawn(path, 7, 1.2 + 0.36 * len(found)) as axes:
        places = np.arange(len(found))
        values = np.array([one.accuracy for one in found])
        errors = np.abs(np.array([one.interval for one in found]).T - values)
        axes.errorbar(values, places, xerr=errors, fmt="o", color=BLUE, capsize=3)
        axes.set_yticks(places, [f"{one.name}  ({one.texts:,})" for one in found])
        axes.set(xlabel="accuracy", ylabel=label, ylim=(len(found) - 0.5, -0.5))


def overlaid_roc(labels: np.ndarray, scores: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw the ROC curves of several models for the second of two classes; scores are float [texts] by model."""
    with drawn(path, 5.6, 5.2) as axes:
        for place, (name, values) in enumerate(scores.items()):
            false_rate, true_rate, _ = roc_curve(labels == 1, values)
            area = np.trapezoid(true_rate, false_rate)
            kept = np.unique(np.linspace(0, len(true_rate) - 1, MOST_POINTS).astype(int))
            axes.plot(false_rate[kept], true_rate[kept], label=f"{name} (area {area:.4f})",
                      **line_style(1 + place % 4))
        axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
        axes.legend(loc="lower right", fontsize="small")
