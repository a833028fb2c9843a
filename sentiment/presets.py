"""Whole recipes by name, for `train --preset`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentiment.config import OF_TEACHER, SHARED, PretrainConfig
from sentiment.errors import UserError
from sentiment.machine import multiplies_bfloat16

Options = dict[str, dict[str, Any]]  # values by section and field
Given = Mapping[str, Mapping[str, Any]]
Names = Mapping[str, tuple[str, ...]]
HALVES: Options = {"runtime": {"mixed_precision": True}}
# Of the options for the classifier, those that its pretraining takes over.
TAKEN_OVER: Names = {
    "data": ("dataset", "data_dir", "text_column", "label_column", "group_column", "encoding", "separator", "header",
             "quoting", "merge_labels", "min_class_size", "test_file", "validation_file", "random_split",
             "train_share", "unlabelled", "validation_fraction", "test_fraction"),
    "text": (*SHARED["text"], "truncate"),
    "model": SHARED["model"],
    "runtime": ("seed", "strategy", "mixed_precision", "checkpoint_minutes", "checkpoint_steps"),
}
# ... and what the linear model beside a classifier.
TAKEN_OVER_BY_LINEAR: Names = {
    "data": tuple(name for name in TAKEN_OVER["data"] if name != "unlabelled"),
    "training": ("class_weights",), "runtime": ("seed",),
}


@dataclass(frozen=True)
class Preset:
    """A recipe.

    Attributes:
        summary: its time, memory and test accuracy, as measured on IMDB with 2 cores.
        options: of the classifier, by section and field.
        pretraining: of what it starts from, in the same form; None if it starts from nothing.
        first: of a classifier that comes before it and, together with NB-SVM, teaches it; None if nobody teaches.
        halves: whether to compute in bfloat16 where the processor has products of it.
        with_linear: whether the run is the mean of the classifier and of an NB-SVM.
    """

    summary: str
    options: Given = field(default_factory=dict)
    pretraining: Given | None = None
    first: Given | None = None
    halves: bool = False
    with_linear: bool = False

    def beside(self, given: Given) -> Options:
        """Return the options of the classifier for this machine and those given, which win."""
        return self._beside(self.options, given)

    def first_beside(self, given: Given) -> Options:
        """Return the options of the classifier that teaches, likewise; it learns from labels alone."""
        return self._beside(self.first or {}, without(given, {"data": ("unlabelled",), "training": OF_TEACHER}))

    def _beside(self, of_preset: Given, given: Given) -> Options:
        options = merged(of_preset, HALVES if self.halves and multiplies_bfloat16() else {})
        if "attention" in given.get("model", {}):
            options.get("model", {}).pop("pooling", None)
        return merged(options, given)

    def pretrains(self, given: Given) -> bool:
        """Return whether the classifier starts from what the preset pretrains, not from a network that is given."""
        return self.pretraining is not None and "pretrained" not in given.get("training", {})

    def teaches(self, given: Given) -> bool:
        """Return whether the classifier learns from what the preset trains before, not from a teacher that is given."""
        return self.first is not None and "teacher" not in given.get("training", {})

    def linear_options(self, given: Given) -> Options:
        """Return the options of the NB-SVM beside a classifier with these options.

        Raises:
            UserError: if texts are to be streamed, which it cannot do.
        """
        if given.get("data", {}).get("stream"):
            raise UserError("NB-SVM holds the texts in memory: leave --stream out")
        return merged({"model": {"architecture": "nb-svm"}}, taken_over(given, TAKEN_OVER_BY_LINEAR))

    def pretraining_config(self, given: Given) -> PretrainConfig:
        """Return how to pretrain for a classifier with these options, those of the preset included.

        Raises:
            UserError: if texts are to be streamed, which pretraining cannot do.
        """
        if given.get("data", {}).get("stream"):
            raise UserError("pretraining holds the texts in memory: leave --stream out")
        return PretrainConfig().updated(merged(self.pretraining or {}, taken_over(given, TAKEN_OVER)))


PRESETS = {
    "fast": Preset("two and a half minutes, 1.4 GB, accuracy 0.891",
                   {"text": {"max_length": 200}, "model": {"units": 32, "embedding_size": 64}}),
    "default": Preset("five minutes, 1.9 GB, accuracy 0.904"),
    "wide": Preset("nine minutes, 3.1 GB, accuracy 0.922", with_linear=True),
    "best": Preset("three hours and a half with AMX, 9.4 GB, accuracy 0.929",
                   {"model": {"pooling": "concat", "word_dropout": 0.15, "embedding_dropout": 0.3,
                              "output_dropout": 0.3},
                    "training": {"layer_decay": 1.6, "schedule": "slanted-triangular", "batch_size": 64,
                                 "learning_rate": 1.4e-3}},
                   pretraining={"model": {"units": 512}, "pretraining": {"window": 70},
                                "training": {"batch_size": 128, "learning_rate": 2.5e-3}},
                   first={"model": {"pooling": "concat"},
                          "training": {"layer_decay": 2.6, "schedule": "slanted-triangular"}},
                   halves=True),
}


def taken_over(given: Given, names: Names) -> Options:
    """Return those of the options given that are named."""
    return {section: {name: value for name, value in given.get(section, {}).items() if name in names[section]}
            for section in names}


def without(given: Given, names: Names) -> Options:
    """Return the options given but for those that are named."""
    return {section: {name: value for name, value in options.items() if name not in names.get(section, ())}
            for section, options in given.items()}


def merged(first: Given, second: Given) -> Options:
    """Return the options of both; where both have one, that of the second."""
    return {section: {**first.get(section, {}), **second.get(section, {})} for section in {**first, **second}}
