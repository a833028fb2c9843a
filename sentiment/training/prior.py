"""What a classifier learns from beside its texts and labels: a pretrained network and a teacher."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np

from sentiment.architectures.pretrainable import Pretrainable
from sentiment.config import OF_TEACHER, SHARED, PretrainConfig, RunConfig, flag_of
from sentiment.datasets import Texts, digests
from sentiment.errors import UserError

OF_PRETRAINED = ("layer_decay", "unfreeze")


@dataclass(frozen=True)
class Pretrained:
    """A pretrained network.

    Attributes:
        name: where it is from.
        config: how it was made.
        words: its vocabulary, from id 2 on.
        network: with its weights.
        digests: uint64 [texts], of each text that it has read; see `sentiment.datasets.digests`.
    """

    name: str
    config: PretrainConfig
    words: tuple[str, ...]
    network: Pretrainable
    digests: np.ndarray

    def check(self, config: RunConfig) -> None:
        """Refuse a classifier that it does not fit.

        Raises:
            UserError: naming the flags.
        """
        values = shared_values(self.config)
        differing = config.differing_flags(values)
        if differing:
            raise UserError(f"{self.name} was pretrained with another value of {', '.join(differing)}: leave that out")

    def has_read(self, texts: Texts) -> np.ndarray:
        """Return bool [texts]: which of them it was pretrained on."""
        return np.isin(digests(texts), self.digests)

    def start(self, classifier: keras.Model, config: RunConfig) -> list[str]:
        """Give the classifier its weights; return the names of the layers that have them, the lowest first."""
        return self.network.start(classifier, config.model)


class TeacherLogits(NamedTuple):
    """What a teacher answers.

    Attributes:
        labelled: float32 [training texts, 1 or classes].
        unlabelled: float32 [texts without labels, 1 or classes], or None.
    """

    labelled: np.ndarray
    unlabelled: np.ndarray | None


@dataclass(frozen=True)
class Prior:
    """What there is; see `Pretrained` and `TeacherLogits`."""

    pretrained: Pretrained | None = None
    teacher: TeacherLogits | None = None

    @property
    def words(self) -> tuple[str, ...] | None:
        """The vocabulary, if something determines it."""
        return self.pretrained.words if self.pretrained else None


NO_PRIOR = Prior()


def shared_values(config: PretrainConfig) -> dict[str, dict[str, object]]:
    """Return the values that a classifier takes over: ``{"model": {"units": 256, ...}, ...}``."""
    values = config.to_dict()
    return {section: {name: values[section][name] for name in names} for section, names in SHARED.items()}


def check_options(config: RunConfig) -> None:
    """Refuse options that need a pretrained network or a teacher where there is none, or that do not go with one.

    Raises:
        UserError: with the reason.
    """
    training = config.training
    changed = {declared.name: flag_of(declared) for declared in dataclasses.fields(training)
               if getattr(training, declared.name) != declared.default}
    for flag in (changed[name] for name in OF_PRETRAINED if name in changed):
        if training.pretrained is None:
            raise UserError(f"{flag} is for layers that were pretrained: it goes with --pretrained")
        if training.optimizer == "adamw":
            raise UserError(f"{flag} does not go with --optimizer adamw, which would shrink the weights of layers that "
                            "do not learn yet")
    for flag in (changed[name] for name in OF_TEACHER if name in changed):
        if training.teacher is None:
            raise UserError(f"{flag} goes with --teacher")
    if training.pretrained is not None and training.embedding_start != "svd":
        raise UserError("--pretrained brings an embedding: leave --embedding-start out")
