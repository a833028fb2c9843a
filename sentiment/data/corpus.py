"""Corpus: labelled texts in three splits, with the names of the classes; the result of every source of data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from sentiment.data.streams import StreamedTexts, blank_among, digests_of

# In memory, or in files that are read each time that one iterates over them.
Texts: TypeAlias = list[str] | StreamedTexts


def taken(texts: Texts, rows: np.ndarray) -> Texts:
    """Return the texts at `rows`, in that order; rows of files must be rising."""
    return texts.take(rows) if isinstance(texts, StreamedTexts) else [texts[row] for row in rows]


def blank(texts: Texts) -> np.ndarray:
    """Return bool [texts]: which hold nothing but white space."""
    return texts.blank if isinstance(texts, StreamedTexts) else blank_among(texts)


def identities(texts: Texts) -> np.ndarray:
    """Return int64 [texts]: a number each, the same for equal texts, from 0 on as they first occur."""
    values: np.ndarray = pd.factorize(texts.digests if isinstance(texts, StreamedTexts)
                                      else np.array(texts, dtype=object))[0]
    return values


def occurring(texts: Texts, others: Texts) -> np.ndarray:
    """Return bool [texts]: which of them occur among the others."""
    return np.isin(digests(texts), digests(others))


def digests(texts: Texts) -> np.ndarray:
    """Return uint64 [texts]: a digest of each."""
    return texts.digests if isinstance(texts, StreamedTexts) else digests_of(texts)


@dataclass(frozen=True)
class Examples:
    """Labelled texts.

    Attributes:
        texts: the raw texts.
        labels: int32 [texts], indices into the class names of the corpus.
        groups: a name per text; texts of one group stay on one side of a split. None where unknown.
        facts: what else is known of each text, int or str [texts] by name; reports tell accuracy by it.
        weights: float32 [texts], at least 0: factors of the losses of training texts. The sum of the weighted losses of
            a batch is divided by the number of its texts, whatever their weights, so a mean weight of 1 keeps the scale
            of the loss. A text of weight 0 adds nothing to the gradient. Validation and tests weigh all texts alike.
            None for no weights.

    Raises:
        ValueError: for weights that are negative or not finite, or not as many as the labels.
    """

    texts: Texts
    labels: np.ndarray
    groups: list[str] | None = None
    facts: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.weights is None:
            return
        if len(self.weights) != len(self.labels):
            raise ValueError(f"{len(self.labels):,} labels, but {len(self.weights):,} weights")
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            raise ValueError("weights must be finite, and at least 0")

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Examples":
        """Return the examples at `rows`, in that order; those whose texts are in files must be rising."""
        groups = None if self.groups is None else [self.groups[row] for row in rows]
        facts = {name: values[rows] for name, values in self.facts.items()}
        weights = None if self.weights is None else self.weights[rows]
        return Examples(taken(self.texts, rows), self.labels[rows], groups, facts, weights)


class HeldOut:
    """A test split that is handed out once, so that no choice can depend on it twice."""

    def __init__(self, read: Callable[[], Examples]) -> None:
        self._read: Callable[[], Examples] | None = read

    def read(self) -> Examples:
        """Return the examples.

        Raises:
            RuntimeError: at the second call.
        """
        if self._read is None:
            raise RuntimeError("the test split of this corpus was already read: it is read once, at the end")
        read, self._read = self._read, None
        return read()


def without_folder(name: str) -> str:
    """Return the last part of a path; names that are none stay.

    Example:
        >>> without_folder("/home/me/reviews.csv"), without_folder("imdb")
        ('reviews.csv', 'imdb')
    """
    return Path(name).name or name


@dataclass(frozen=True)
class Corpus:
    """A data set, split.

    Attributes:
        name: `imdb`, `sample` or the path that it was read from.
        class_names: the names of the classes, in the order of the label indices.
        train, validation: the examples to learn from and to choose by.
        test: read once, after all choices.
        unlabelled: reads the unlabelled texts; an empty list where there are none.
        notes: facts that a reader of the results must know, one sentence each, which name files without their folder.
        read: the unlabelled texts that were read for this corpus, by the name of their source.
    """

    name: str
    class_names: tuple[str, ...]
    train: Examples
    validation: Examples
    test: HeldOut
    unlabelled: Callable[[], Texts] = list
    notes: tuple[str, ...] = field(default=())
    read: dict[str, Texts] = field(default_factory=dict, compare=False, repr=False)

    @property
    def file_name(self) -> str:
        """The name without its folder, for results that are published."""
        return without_folder(self.name)
