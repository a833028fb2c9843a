"""Predictions of finished runs for evaluation and comparison.

TensorFlow is imported only to predict: the texts are read before, and stored predictions need none.
"""

import filecmp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.artifacts import RunPaths
from sentiment.config import DataConfig, Role, RunConfig, flag_of
from sentiment.data import Examples, digests, load_corpus, load_for_evaluation
from sentiment.errors import UserError
from sentiment.evaluation import evaluate
from sentiment.predictions import probabilities
from sentiment.reports import evaluation_report
from sentiment.reports.document import Report

if TYPE_CHECKING:
    from sentiment.artifacts import RunFolder
    from sentiment.inference import Classifier

OTHER_TEXTS = "; compare them on labelled texts that neither was trained on: add --dataset FILE"


@dataclass(frozen=True)
class Labelled:
    """Labelled texts that runs are evaluated on.

    Attributes:
        dataset: the name of the data.
        examples: the texts with their labels.
        class_names: by index.
        notes: caveats about the data.
        is_test: whether they are the test split of the runs.
    """

    dataset: str
    examples: Examples
    class_names: tuple[str, ...]
    notes: tuple[str, ...]
    is_test: bool


@dataclass(frozen=True)
class RunPredictions:
    """Predictions of models on the same labelled texts.

    Attributes:
        dataset: the name of the data.
        labels: int32 [texts].
        class_names: by index.
        logits: float32 [texts, 1 or classes] by the name of the model.
        notes: caveats about the models and the data.
        classifiers: the models by name; empty for stored predictions.
        overlaps: overlap of the texts with the training and validation texts of a model, by its name; see `overlap`.
    """

    dataset: str
    labels: np.ndarray
    class_names: tuple[str, ...]
    logits: dict[str, np.ndarray]
    notes: tuple[str, ...]
    classifiers: "dict[str, Classifier]" = field(default_factory=dict)
    overlaps: dict[str, dict[str, Any]] = field(default_factory=dict)


def texts_for(folders: Sequence[RunPaths], data: DataConfig | None) -> Labelled:
    """Read the test split of the first of finished runs, or other labelled texts.

    Raises:
        UserError: if the texts cannot be read, the classes of two models differ, or, without `data`, their test splits.
    """
    first, classes = folders[0].load_config(), folders[0].load_class_names()
    check_classes({str(folder.path): folder.load_class_names() for folder in folders})
    if data is not None:
        examples, notes = load_for_evaluation(data, first.runtime.seed, classes)
        return Labelled(data.dataset, examples, classes, notes, is_test=False)
    check_test(folders, OTHER_TEXTS)
    corpus = load_corpus(first.data, first.runtime.seed)
    return Labelled(corpus.name, corpus.test.read(), classes, corpus.notes, is_test=True)


def stored_predictions(folders: Sequence[RunPaths]) -> RunPredictions | None:
    """Return the predictions on their test split that finished runs have stored; None if they must be predicted anew.

    They must, if a file is missing or damaged, the labels of two differ, or a run was measured by cross-validation.

    Raises:
        UserError: if the classes or the test splits of two models differ.
    """
    check_classes({str(folder.path): folder.load_class_names() for folder in folders})
    check_test(folders, OTHER_TEXTS)
    classes, configs = folders[0].load_class_names(), [folder.load_config() for folder in folders]
    stored = [folder.load_test(len(classes)) for folder in folders]
    dataset = folders[0].load_metrics().get("dataset")
    if dataset is None or any(config.data.folds for config in configs):
        return None
    found = [one for one in stored if one is not None and np.array_equal(one[0], (stored[0] or one)[0])]
    if len(found) < len(folders):
        return None
    names = names_of(folders)
    of_models = [f"{name}: {note}" for name, config in zip(names, configs, strict=True) for note in config.data.notes]
    return RunPredictions(configs[0].data.dataset, found[0][0], classes,
                          {name: logits for name, (_, logits) in zip(names, found, strict=True)},
                          (*of_models, *dataset["notes"]))


def predict_with_all(folders: Sequence[RunPaths], texts: Labelled, *, mixed_precision: bool = False
                     ) -> RunPredictions:
    """Return the predictions of finished runs on labelled texts."""
    from sentiment.artifacts import RunFolder, load_classifier

    classifiers = {model: load_classifier(folder.path, mixed_precision=mixed_precision)
                   for model, folder in zip(names_of(folders), folders, strict=True)}
    logits = {model: classifier.predict_logits(texts.examples.texts) for model, classifier in classifiers.items()}
    notes = (*(f"{model}: {note}" if len(folders) > 1 else note
               for model, classifier in classifiers.items() for note in classifier.notes), *texts.notes)
    overlaps = {} if texts.is_test else {model: overlap(RunFolder(folder.path), texts.examples, logits[model])
                                         for model, folder in zip(logits, folders, strict=True)}
    notes_on_overlaps = tuple(overlap_note(one, len(texts.examples), model if len(folders) > 1 else "the model")
                              for model, one in overlaps.items() if one["texts"])
    return RunPredictions(texts.dataset, texts.examples.labels, texts.class_names, logits, (*notes, *notes_on_overlaps),
                          classifiers, overlaps)


def overlap(folder: "RunFolder", examples: Examples, logits: np.ndarray) -> dict[str, Any]:
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


def check_test(folders: Sequence[RunPaths], advice: str = "") -> None:
    """Refuse runs whose test split differs from that of the first, because they may have been trained on it.

    Raises:
        UserError: a message that ends with `advice`.
    """
    first = folders[0].load_config()
    for folder in folders[1:]:
        difference = _difference(first, folder.load_config(), partial(_same_texts, folders[0], folder))
        if difference:
            raise UserError(f"{folders[0].path} and {folder.path} have different test splits ({difference}), so test "
                            "texts of one may be training texts of the other, whose accuracy on them would be too high"
                            f"{advice}")


def _same_texts(one: RunPaths, other: RunPaths) -> bool:
    """Whether two runs were trained and validated on the same texts, by the stored digests; false if one has none."""
    pairs = ((one.texts, other.texts), (one.validation_texts, other.validation_texts))
    return all(first.is_file() and second.is_file() and filecmp.cmp(first, second, shallow=False)
               for first, second in pairs)


def _difference(one: RunConfig, other: RunConfig, same_texts: Callable[[], bool]) -> str:
    """Return why the test splits of two runs differ; empty if they are of one named corpus, file, or random split.

    Columns may differ if `same_texts` returns true: one run may name those that another found by their usual names.
    """
    names = [config.data.dataset if config.data.test_file is None else
             f"{config.data.dataset} with --test-file {config.data.test_file}" for config in (one, other)]
    if names[0] != names[1]:
        return f"of {' and of '.join(names)}"
    if one.data.dataset in ("imdb", "sample") or one.data.test_file is not None:
        return ""
    differing = [declared for declared in DataConfig.options(Role.SPLIT)
                 if getattr(one.data, declared.name) != getattr(other.data, declared.name)]
    if any(Role.COLUMN in declared.metadata["roles"] for declared in differing) and same_texts():
        differing = [declared for declared in differing if Role.COLUMN not in declared.metadata["roles"]]
    flags = [flag_of(declared) for declared in differing]
    flags += ["--seed"] if one.runtime.seed != other.runtime.seed else []
    return f"drawn with different values of {', '.join(flags)}" if flags else ""


def names_of(folders: Sequence[RunPaths]) -> list[str]:
    """Return the last part of each folder's path, or the whole path if two would be equal."""
    names = [folder.path.name for folder in folders]
    return [folder.path.name if names.count(folder.path.name) == 1 else str(folder.path) for folder in folders]


def metrics_of(found: RunPredictions) -> dict[str, Any]:
    """Return the metrics of the first model, those of `evaluation.evaluate` with `dataset` and `notes`."""
    logits = next(iter(found.logits.values()))
    return {"dataset": found.dataset, "notes": list(found.notes),
            **evaluate(found.labels, logits, found.class_names),
            "seen_in_training": next(iter(found.overlaps.values()), None)}


def report_of(folder: RunPaths, texts: Labelled, found: RunPredictions) -> Report:
    """Return the report of a finished run, the first model of the predictions on labelled texts."""
    name, logits = next(iter(found.logits.items()))
    return evaluation_report(found.classifiers[name], name, found.dataset, texts.examples, logits,
                             measured=folder.load_metrics(), notes=found.notes)
