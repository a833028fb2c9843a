"""Report of an evaluation."""

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.data import Examples
from sentiment.evaluation import calibration_error, evaluate, plots, shown
from sentiment.evaluation import slices as sliced
from sentiment.evaluation.many_classes import rows_shown
from sentiment.measured import baseline_rows
from sentiment.predictions import probabilities
from sentiment.reports.document import Excerpt, Paragraph, Part, Picture, Report, Section, Table

if TYPE_CHECKING:
    from sentiment.explain import Explainer
    from sentiment.inference import Classifier

REVIEWS = 6  # shown texts of each kind
SNIPPET_WORDS = 60
LEGEND = ("What each word adds to the logit of the predicted class, by integrated gradients. Words for it are blue, "
          "strong ones underlined; words against it are orange, with a wavy line. Words in a dotted frame are not in "
          "the vocabulary, and text in grey italics is not read.")
SUSPECTED = 10


def evaluation_report(classifier: "Classifier", name: str, dataset: str, examples: Examples, logits: np.ndarray, *,
                      measured: Mapping[str, Any], notes: Sequence[str]) -> Report:
    """Return the report of a classifier on labelled texts.

    Args:
        classifier: the model.
        name: of the model.
        dataset: the name of the data.
        examples: the texts and their labels.
        logits: float [texts, 1 or classes], of the model.
        measured: the metrics of the run, the content of its metrics.json.
        notes: caveats about the data.
    """
    labels, classes = examples.labels, classifier.class_names
    texts = list(examples.texts)
    scores = probabilities(logits)
    metrics = evaluate(labels, logits, classes)
    right = scores.argmax(axis=1) == labels
    sections = [
        _summary(metrics, notes), *_baselines(measured), _classes(metrics, labels, scores, classes),
        _calibration(labels, logits, measured["calibration"]["temperature"]), _thresholds(labels, scores, classes),
        _slices("Accuracy by length", "length", "words", sliced.by_length(sliced.word_counts(texts), right)),
        _slices("Accuracy by negation", "negation", "negations", sliced.by_negation(texts, right)),
        *(_slices(f"Accuracy by {fact}", fact, fact, sliced.by_value(values, right))
          for fact, values in examples.facts.items()),
        *_reviews(classifier, texts, labels, scores), _suspects(texts, labels, scores, classes)]
    return Report(f"{name} on {dataset}", sections)


def _summary(metrics: dict[str, Any], notes: Sequence[str]) -> Section:
    names = {"accuracy": "accuracy", "macro_f1": "macro F1", "roc_auc": "ROC AUC", "log_loss": "log loss",
             "calibration_error": "expected calibration error"}
    rows = [*([name, shown(metrics[key])] for key, name in names.items()), ["texts", f"{metrics['texts']:,}"]]
    return Section("Summary", [*(Paragraph(f"Note: {note}.") for note in notes), Table(["measure", "value"], rows)])


def _baselines(measured: Mapping[str, Any]) -> list[Section]:
    """Return the baselines on the run's own splits and the verdict; empty for a run without baselines."""
    if measured.get("baselines") is None:
        return []
    header, *rows = baseline_rows(measured)
    return [Section("Baselines", [
        Paragraph("On the validation and test split of the training; the baselines learned from the same texts."),
        Table(header, rows), Paragraph(f"{measured['baselines']['verdict']}.")])]


def _classes(metrics: dict[str, Any], labels: np.ndarray, scores: np.ndarray, classes: tuple[str, ...]) -> Section:
    shown_classes, note = rows_shown(metrics["classes"])
    rows = [[name, f"{row['precision']:.4f}", f"{row['recall']:.4f}", f"{row['f1']:.4f}", f"{row['texts']:,}"]
            for name, row in shown_classes.items()]
    return Section("By class", [
        *([Paragraph(note)] if note else []), Table(["class", "precision", "recall", "F1", "texts"], rows),
        Picture("confusion_matrix", "The most frequent confusions: true classes and predicted classes"
                if len(classes) > plots.MOST_CLASSES else "Confusion matrix: true classes by predicted classes",
                partial(plots.confusion_matrix, metrics)),
        Picture("roc", "ROC curve: true positive rate by false positive rate",
                partial(plots.roc_curves, labels, scores, classes)),
        Picture("precision_recall", "Precision-recall curve: precision by recall",
                partial(plots.precision_recall_curves, labels, scores, classes))])


def _calibration(labels: np.ndarray, logits: np.ndarray, temperature: float) -> Section:
    before = logits * temperature
    text = ("A prediction with probability 0.9 should be right nine times out of ten. The logits were divided by a "
            f"temperature of {temperature:.3f}, found on the validation split (Guo et al. 2017); the expected "
            f"calibration error, over 15 bins, is {calibration_error(labels, logits):.4f}, and was "
            f"{calibration_error(labels, before):.4f} before.")
    curves = {"before": before, "calibrated on validation": logits}
    return Section("Calibration", [Paragraph(text), Picture(
        "calibration", "Reliability diagram: accuracy by predicted probability",
        partial(plots.reliability, labels, curves))])


def _thresholds(labels: np.ndarray, scores: np.ndarray, classes: tuple[str, ...]) -> Section:
    parts: list[Part] = []
    if len(classes) == 2:
        parts += [Paragraph(f"Where '{classes[1]}' is predicted from a threshold of its probability on:"), Table(
            ["threshold", "precision", "recall", "F1", "share predicted so"],
            [[f"{row.probability:g}", f"{row.precision:.4f}", f"{row.recall:.4f}", f"{row.f1:.4f}",
              f"{row.answered:.1%}"] for row in sliced.thresholds(labels, scores[:, 1])])]
    parts += [Paragraph("Accuracy by coverage: with --abstain-below P, texts whose predicted probability is below P "
                        "get no label, and the accuracy is that of the others."), Table(
        ["P", "texts with a label", "coverage", "accuracy of these"],
        [[f"{row.probability:g}", f"{row.texts:,}", f"{row.share:.1%}", shown(row.accuracy)]
         for row in sliced.coverage(labels, scores)])]
    return Section("Thresholds", parts)


def _slices(heading: str, name: str, label: str, found: list[sliced.Slice]) -> Section:
    rows = [[one.name, f"{one.texts:,}", f"{one.accuracy:.4f}", f"{one.interval[0]:.4f} to {one.interval[1]:.4f}"]
            for one in found]
    return Section(heading, [
        Picture(f"accuracy_by_{name}", f"{heading}, with 95 % intervals", partial(plots.slices, found, label)),
        Table([label, "texts", "accuracy", "95 % interval"], rows)])


def _reviews(classifier: "Classifier", texts: list[str], labels: np.ndarray, scores: np.ndarray) -> list[Section]:
    """Return the texts with the lowest score of the true class, and those with the least certain predictions."""
    of_right = scores[np.arange(len(labels)), labels]
    two_best = np.sort(scores, axis=1)[:, -2:]
    most_wrong = np.argsort(of_right, kind="stable")[:REVIEWS]
    kinds = {"Most wrong": most_wrong[scores[most_wrong].argmax(axis=1) != labels[most_wrong]],
             "Least sure": np.argsort(two_best[:, 1] - two_best[:, 0], kind="stable")[:REVIEWS]}
    from sentiment.explain import Explainer  # which imports TensorFlow

    explainer = Explainer(classifier)
    return [Section(heading, [Paragraph(LEGEND), *(_excerpt(explainer, texts[row], labels[row]) for row in rows)])
            for heading, rows in kinds.items() if len(rows)]


def _excerpt(explainer: "Explainer", text: str, label: int) -> Excerpt:
    from sentiment.explain import coloured_text

    explanation = explainer.explain(text)
    labelled = explainer.classifier.class_names[label]
    heading = f"Labelled {labelled}, predicted {explanation.label} ({explanation.score:.4f})"
    return Excerpt(heading, coloured_text(explanation), snippet(text))


def _suspects(texts: list[str], labels: np.ndarray, scores: np.ndarray, classes: tuple[str, ...]) -> Section:
    """Return the texts whose label is likely to be wrong (Northcutt et al. 2021), if cleanlab is installed."""
    heading = "Suspected label errors"
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        return Section(heading, [Paragraph("Finding them needs cleanlab: pip install '.[cleanlab]'.")])
    if len(np.unique(labels)) < len(classes):
        return Section(heading, [Paragraph("Some classes have no texts.")])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues")  # one line per class with few texts
        rows = find_label_issues(labels, scores, return_indices_ranked_by="self_confidence", n_jobs=1)
    text = (f"{len(rows):,} of {len(labels):,} labels look wrong by confident learning (cleanlab); a model with "
            f"many errors finds many. The {min(len(rows), SUSPECTED)} most suspect:")
    cells = [[snippet(texts[row]), classes[labels[row]], classes[scores[row].argmax()], f"{scores[row].max():.4f}"]
             for row in rows[:SUSPECTED]]
    table = [Table(["text", "label", "predicted", "probability"], cells, words=(0, 1, 2))] if len(rows) else []
    return Section(heading, [Paragraph(text), *table])


def snippet(text: str) -> str:
    """Return the beginning of a text."""
    words = text.split()
    return " ".join(words[:SNIPPET_WORDS]) + (" …" if len(words) > SNIPPET_WORDS else "")
