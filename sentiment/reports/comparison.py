"""Report of a comparison of several models on the same texts."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations

import numpy as np

from sentiment.data import Examples
from sentiment.evaluation import evaluate, plots, shown
from sentiment.evaluation.statistics import McNemar, mcnemar
from sentiment.predictions import probabilities
from sentiment.reports.document import Paragraph, Part, Picture, Report, Section, Table
from sentiment.reports.evaluation import snippet

DIFFERING = 12
HEADERS = ("model", "accuracy", "macro F1", "log loss", "calibration error", "ROC AUC")
KEYS = ("accuracy", "macro_f1", "log_loss", "calibration_error", "roc_auc")


def comparison_rows(logits: Mapping[str, np.ndarray], labels: np.ndarray, classes: tuple[str, ...]) -> list[list[str]]:
    """Return one row of metrics per model, from its logits, float [texts, 1 or classes]."""
    metrics = {name: evaluate(labels, values, classes) for name, values in logits.items()}
    return [[name, *(shown(found[key]) for key in KEYS)] for name, found in metrics.items()]


def pairwise(logits: Mapping[str, np.ndarray], labels: np.ndarray) -> dict[tuple[str, str], McNemar]:
    """Return McNemar's test for each pair of models."""
    right = {name: probabilities(values).argmax(axis=1) == labels for name, values in logits.items()}
    return {pair: mcnemar(right[pair[0]], right[pair[1]]) for pair in combinations(right, 2)}


def comparison_report(logits: Mapping[str, np.ndarray], examples: Examples, classes: tuple[str, ...], dataset: str,
                      notes: Sequence[str] = ()) -> Report:
    """Return the report of several models, by name, on the same labelled texts, with notes on the data."""
    labels = examples.labels
    tests = [[f"{first} / {second}", f"{found.first_alone:,}", f"{found.second_alone:,}", f"{found.p_value:.2g}"]
             for (first, second), found in pairwise(logits, labels).items()]
    pictures: list[Part] = [Picture("calibration", "Reliability diagrams: accuracy by predicted probability",
                                    partial(plots.reliability, labels, logits))]
    if len(classes) == 2:
        scores = {name: probabilities(values)[:, 1] for name, values in logits.items()}
        pictures.insert(0, Picture("roc", "ROC curves: true positive rate by false positive rate",
                                   partial(plots.overlaid_roc, labels, scores)))
    return Report(f"{', '.join(logits)} on {dataset}", [
        Section("Metrics", [*(Paragraph(f"Note: {note}.") for note in notes),
                            Table(HEADERS, comparison_rows(logits, labels, classes))]),
        Section("Texts that only one model gets right", [
            Paragraph("Exact McNemar's test: the probability of so uneven a split if both were right equally often."),
            Table(["models", "only the first", "only the second", "p"], tests)]),
        Section("Curves", pictures), _differing(logits, examples, classes)])


def _differing(logits: Mapping[str, np.ndarray], examples: Examples, classes: tuple[str, ...]) -> Section:
    """Return the texts on which the models disagree, first those whose right class differs most in probability."""
    scores = {name: probabilities(values) for name, values in logits.items()}
    predicted = np.stack([values.argmax(axis=1) for values in scores.values()])
    of_right = np.stack([values[np.arange(len(examples)), examples.labels] for values in scores.values()])
    gaps = np.where((predicted != predicted[0]).any(axis=0), np.ptp(of_right, axis=0), -1.0)
    rows = [int(row) for row in np.argsort(-gaps, kind="stable")[:DIFFERING] if gaps[row] >= 0]
    texts = examples.take(np.sort(np.array(rows, int)))
    shown = dict(zip(sorted(rows), texts.texts, strict=True))
    cells = [[snippet(shown[row]), classes[examples.labels[row]],
              *(f"{classes[values[row].argmax()]} {values[row].max():.3f}" for values in scores.values())]
             for row in rows]
    count = int((gaps >= 0).sum())
    text = f"The models disagree on {count:,} of {len(examples):,} texts. Their probabilities differ most on:"
    words = tuple(range(2 + len(logits)))
    return Section("Texts on which they differ", [
        Paragraph(text if count else "The models agree on every text."),
        *([Table(["text", "label", *logits], cells, words=words)] if cells else [])])
