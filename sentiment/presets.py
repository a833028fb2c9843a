"""Whole recipes by name, for `train --preset`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentiment.config import SHARED, PretrainConfig
from sentiment.errors import UserError
from sentiment.machine import multiplies_bfloat16

Options = dict[str, dict[str, Any]]  # values by section and field
Given = Mapping[str, Mapping[str, Any]]
HALVES: Options = {"runtime": {"mixed_precision": True}}
# Of the options for the classifier, those that its pretraining takes over.
TAKEN_OVER = {
    "data": ("dataset", "data_dir", "text_column", "label_column", "group_column", "test_file", "validation_file",
             "random_split", "train_share", "unlabelled", "validation_fraction", "test_fraction"),
    "text": (*SHARED["text"], "truncate"),
    "model": SHARED["model"],
    "runtime": ("seed", "strategy", "mixed_precision", "checkpoint_minutes", "checkpoint_steps"),
}


@dataclass(frozen=True)
class Preset:
    """A recipe.

    Attributes:
        summary: its time, memory and test accuracy, as measured on IMDB with 2 cores.
        options: of the classifier, by section and field.
        pretraining: of what it starts from, in the same form; None if it starts from nothing.
        halves: whether to compute in bfloat16 where the processor has products of it.
    """

    summary: str
    options: Given = field(default_factory=dict)
    pretraining: Given | None = None
    halves: bool = False

    def beside(self, given: Given) -> Options:
        """Return the options of the classifier for this machine and those given, which win."""
        options = merged(self.options, HALVES if self.halves and multiplies_bfloat16() else {})
        if "attention" in given.get("model", {}):
            options.get("model", {}).pop("pooling", None)
        return merged(options, given)

    def pretrains(self, given: Given) -> bool:
        """Return whether the classifier starts from what the preset pretrains, not from a network that is given."""
        return self.pretraining is not None and "pretrained" not in given.get("training", {})

    def pretraining_config(self, given: Given) -> PretrainConfig:
        """Return how to pretrain for a classifier with these options, those of the preset included.

        Raises:
            UserError: if texts are to be streamed, which pretraining cannot do.
        """
        if given.get("data", {}).get("stream"):
            raise UserError("pretraining holds the texts in memory: leave --stream out")
        taken = {section: {name: value for name, value in given.get(section, {}).items() if name in names}
                 for section, names in TAKEN_OVER.items()}
        return PretrainConfig().updated(merged(self.pretraining or {}, taken))


PRESETS = {
    "fast": Preset("a minute and a half, 1.3 GB, accuracy 0.888",
                   {"text": {"max_length": 200}, "model": {"units": 32, "embedding_size": 64}}),
    "default": Preset("three minutes, 1.5 GB, accuracy 0.899"),
    "best": Preset("an hour, 2.7 GB, accuracy 0.910",
                   {"model": {"pooling": "concat"},
                    "training": {"layer_decay": 2.6, "schedule": "slanted-triangular"}},
                   {"training": {"epochs": 3}}, halves=True),
}


def merged(first: Given, second: Given) -> Options:
    """Return the options of both; where both have one, that of the second."""
    return {section: {**first.get(section, {}), **second.get(section, {})} for section in {**first, **second}}
