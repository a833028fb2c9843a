"""Presets: whole recipes by name, for `train --preset`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sentiment.config.declaration import Options, merged
from sentiment.machine import multiplies_bfloat16


@dataclass(frozen=True)
class Preset:
    """A recipe: the options of a classifier, and of the models that are trained before it.

    Attributes:
        summary: its time, memory and test accuracy, measured on IMDB with 2 cores.
        options: of the classifier.
        pretraining: options of the network that it starts from; None if it starts from random weights.
        first: options of the classifier whose ensemble with an NB-SVM is the teacher; None without a teacher.
        halves: whether to compute in bfloat16 if the processor has bfloat16 matrix products.
        with_linear: whether the run is the ensemble of the classifier and an NB-SVM.
    """

    summary: str
    options: Options = field(default_factory=dict)
    pretraining: Options | None = None
    first: Options | None = None
    halves: bool = False
    with_linear: bool = False

    def for_machine(self, options: Options) -> Options:
        """Return the options with those that depend on the processor."""
        halves = {"runtime": {"mixed_precision": True}} if self.halves and multiplies_bfloat16() else {}
        return merged(options, halves)


PRESETS: Mapping[str, Preset] = {
    "fast": Preset("a minute and a half, 2.4 GB, accuracy 0.906",
                   {"text": {"max_length": 400}, "model": {"architecture": "bimingru", "embedding_size": 128}}),
    "default": Preset("five minutes, 1.9 GB, accuracy 0.904"),
    "wide": Preset("nine minutes, 3.1 GB, accuracy 0.922", with_linear=True),
    "best": Preset("three and a half hours with AMX, 9.4 GB, accuracy 0.929",
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
