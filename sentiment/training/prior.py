"""Transfer learning: pretrained weights and teacher logits of a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np

from sentiment.config import ModelConfig
from sentiment.data import Texts, digests


@dataclass(frozen=True)
class Pretrained:
    """Pretrained network or classifier from which a classifier is initialised.

    Attributes:
        name: of its source.
        words: its vocabulary, from id 2 on.
        start: copies the weights to a classifier with a configuration and class names; returns the names of the
            initialised layers, the lowest first.
        digests: uint64 [texts], of its training texts; see `sentiment.data.digests`.
    """

    name: str
    words: tuple[str, ...]
    start: Callable[[keras.Model, ModelConfig, Sequence[str]], list[str]]
    digests: np.ndarray

    def has_read(self, texts: Texts) -> np.ndarray:
        """Return whether it was trained on each text, bool [texts]."""
        return np.isin(digests(texts), self.digests)


class TeacherLogits(NamedTuple):
    """Teacher logits for distillation.

    Attributes:
        labelled: float32 [training texts, 1 or classes].
        unlabelled: float32 [unlabelled texts, 1 or classes], or None.
    """

    labelled: np.ndarray
    unlabelled: np.ndarray | None


@dataclass(frozen=True)
class Prior:
    """Optional pretrained weights and teacher logits of a run."""

    pretrained: Pretrained | None = None
    teacher: TeacherLogits | None = None

    @property
    def words(self) -> tuple[str, ...] | None:
        """Vocabulary of the pretrained network, if there is one."""
        return self.pretrained.words if self.pretrained else None


NO_PRIOR = Prior()
