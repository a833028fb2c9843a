"""Predictions of finished runs for evaluation and comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sentiment.artifacts import RunFolder, load_classifier
from sentiment.config import DataConfig, Role, RunConfig
from sentiment.data import Examples, digests, load_corpus, load_for_evaluation
from sentiment.errors import UserError
from sentiment.evaluation import evaluate
from sentiment.inference import Classifier
from sentiment.predictions import probabilities
from sentiment.reports import evaluation_report
from sentiment.reports.document import Report


@dataclass(frozen=True)
class Answers:
    """Predictions of models on the same labelled texts.

    Attributes:
        dataset: the name of the data.
        examples: the labelled texts.
        class_names: by index.
        classifiers: the models by name.
        logits: float32 [texts, 1 or classes] by the name of the model.
        notes: caveats about the data.
        overlaps: overlap of the texts with the training and validation texts of a model, by its name; see `overlap`.
    """

    dataset: str
    examples: Examples
    class_names: tuple[str, ...]
    classifiers: dict[str, Classifier]
    logits: dict[str, np.ndarray]
    notes: tuple[str, ...]
    overlaps: dict[str, dict[str, Any]] = field(default_factory=dict)


def answers_of_all(folders: Sequence[RunFolder], data: DataConfig | None, *, mixed_precision: bool = False) -> Answers:
    """Return the predictions of finished runs on the test split of the first, or on other labelled texts.

    Raises:
        UserError: if the classes of two models differ, or, without `data`, their training data.
    """
    first = folders[0].load_config()
    classes = folders[0].load_class_names()
    check_classes({str(folder.path): folder.load_class_names() for folder in folders})
    if data is None:
        check_test(folders, ": pass other texts with --dataset")
    if data is None:
        corpus = load_corpus(first.data, first.runtime.seed)
        name, examples, notes = corpus.name, corpus.test.read(), corpus.notes
    else:
        name = data.dataset
        examples, notes = load_for_evaluation(data, first.runtime.seed, classes)
    classifiers = {model: load_classifier(folder.path, mixed_precision=mixed_precision)
                   for model, folder in zip(names_of(folders), folders, strict=True)}
    logits = {model: classifier.predict_logits(examples.texts) for model, classifier in classifiers.items()}
    notes = (*(f"{model}: {note}" if len(folders) > 1 else note
               for model, classifier in classifiers.items() for note in classifier.notes), *notes)
    if data is None:
        return Answers(name, examples, classes, classifiers, logits, notes)
    overlaps = {model: overlap(folder, examples, logits[model])
                for model, folder in zip(logits, folders, strict=True)}
    notes_on_overlaps = tuple(overlap_note(one, len(examples), model if len(folders) > 1 else "the model")
                              for model, one in overlaps.items() if one["texts"])
    return Answers(name, examples, classes, classifiers, logits, (*notes, *notes_on_overlaps), overlaps)


def overlap(folder: RunFolder, examples: Examples, logits: np.ndarray) -> dict[str, Any]:
    """Return the number of texts that a run was trained or validated on, and its accuracy on the others.

    Args:
        folder: of the run.
        examples: labelled texts.
        logits: float32 [texts, 1 or classes] of the run.

    Returns:
        `texts`, an int, or None if the run has no digests of its texts, and `accuracy_without`, a float, or None if no
        other text is left.
    """
    seen = folder.load_seen()
    if seen is None:
        return {"texts": None, "accuracy_without": None}
    known = np.isin(digests(examples.texts), np.concatenate(seen))
    right = (probabilities(logits).argmax(axis=1) == examples.labels)[~known]
    return {"texts": int(known.sum()), "accuracy_without": float(right.mean()) if len(right) else None}


def overlap_note(found: dict[str, Any], total: int, name: str) -> str:
    """Return a sentence on texts that a model was trained or validated on, from the result of `overlap`."""
    rest = "no other is left" if found["accuracy_without"] is None else \
        f"its accuracy on the other {total - found['texts']:,} is {found['accuracy_without']:.4f}"
    return f"{name} was trained or validated on {found['texts']:,} of the {total:,} texts; {rest}"


def check_classes(models: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse models whose classes differ from those of the first; `models` are class names by model.

    Raises:
        UserError: naming both.
    """
    (first, classes), *others = models.items()
    for name, own in others:
        if own != classes:
            raise UserError(f"{name} has the classes {', '.join(own)}, {first} {', '.join(classes)}")


def check_test(folders: Sequence[RunFolder], advice: str = "") -> None:
    """Refuse runs whose test split differs from that of the first, because they may have been trained on it.

    Raises:
        UserError: a message that ends with `advice`.
    """
    first = folders[0].load_config()
    for folder in folders[1:]:
        if not _same_test(folder.load_config(), first):
            raise UserError(f"{folder.path} was trained on other data or another split than {folders[0].path}, which "
                            f"may hold texts of its test split{advice}")


def _same_test(one: RunConfig, other: RunConfig) -> bool:
    """Whether two runs have the same test split: of a named corpus, from a file, or drawn in the same way."""
    fixed = one.data.dataset in ("imdb", "sample") or one.data.test_file is not None
    drawn = one.runtime.seed == other.runtime.seed and all(
        getattr(one.data, name) == getattr(other.data, name) for name in DataConfig.names(Role.SPLIT))
    same = (one.data.dataset, one.data.test_file) == (other.data.dataset, other.data.test_file)
    return same and (fixed or drawn)


def names_of(folders: Sequence[RunFolder]) -> list[str]:
    """Return the last part of each folder's path, or the whole path if two would be equal."""
    names = [folder.path.name for folder in folders]
    return [folder.path.name if names.count(folder.path.name) == 1 else str(folder.path) for folder in folders]


def metrics_of(found: Answers) -> dict[str, Any]:
    """Return the metrics of the first model, those of `evaluation.evaluate` with `dataset` and `notes`."""
    logits = next(iter(found.logits.values()))
    return {"dataset": found.dataset, "notes": list(found.notes),
            **evaluate(found.examples.labels, logits, found.class_names),
            "seen_in_training": next(iter(found.overlaps.values()), None)}


def report_of(folder: RunFolder, found: Answers) -> Report:
    """Return the report of a finished run, the first model of the predictions."""
    name, logits = next(iter(found.logits.items()))
    return evaluation_report(found.classifiers[name], name, found.dataset, found.examples, logits,
                             measured=folder.load_metrics(), notes=found.notes)
