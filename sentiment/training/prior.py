"""What a classifier learns from beside its texts and labels: a pretrained network and a teacher."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np

from sentiment.config import ModelConfig, RunConfig, flag_of
from sentiment.data import Texts, digests
from sentiment.errors import UserError


@dataclass(frozen=True)
class Pretrained:
    """A pretrained network, or a classifier, as the start of a classifier.

    Attributes:
        name: where it is from.
        words: its vocabulary, from id 2 on.
        start: gives a classifier, by its configuration and class names, the weights; returns the names of the layers
            that have them, the lowest first.
        digests: uint64 [texts], of each text that it has read; see `sentiment.data.digests`.
    """

    name: str
    words: tuple[str, ...]
    start: Callable[[keras.Model, ModelConfig, Sequence[str]], list[str]]
    digests: np.ndarray

    def has_read(self, texts: Texts) -> np.ndarray:
        """Return bool [texts]: which of them it was pretrained on."""
        return np.isin(digests(texts), self.digests)


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


def check_options(config: RunConfig) -> None:
    """Refuse options that need a pretrained network or a teacher where there is none, or that do not go with one.

    Raises:
        UserError: with the reason.
    """
    training = config.training
    for declared in training.changed():
        needed = declared.metadata["needs"]
        if needed and getattr(training, needed) is None:
            raise UserError(f"{flag_of(declared)} goes with --{needed}")
        if needed == "pretrained" and training.optimizer == "adamw":
            raise UserError(f"{flag_of(declared)} does not go with --optimizer adamw, which would shrink the weights "
                            "of layers that do not learn yet")
    if training.pretrained is not None and training.embedding_start != "svd":
        raise UserError("--pretrained brings an embedding: leave --embedding-start out")
