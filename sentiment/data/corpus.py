"""Corpus: labelled texts in three splits, with class names; the result of every data source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from sentiment.data.streams import StreamedTexts, blank_among, digests_of

# In memory, or in files that are read at each iteration.
Texts: TypeAlias = list[str] | StreamedTexts


def taken(texts: Texts, rows: np.ndarray) -> Texts:
    """Return the texts at `rows`, in that order; rows of files must be ascending."""
    return texts.take(rows) if isinstance(texts, StreamedTexts) else [texts[row] for row in rows]


def blank(texts: Texts) -> np.ndarray:
    """Return whether each text is empty or white space, bool [texts]."""
    return texts.blank if isinstance(texts, StreamedTexts) else blank_among(texts)


def identities(texts: Texts) -> np.ndarray:
    """Return a number for each text, equal for equal texts, int64 [texts], from 0 in order of first occurrence."""
    values: np.ndarray = pd.factorize(texts.digests if isinstance(texts, StreamedTexts)
                                      else np.array(texts, dtype=object))[0]
    return values


def occurring(texts: Texts, others: Texts) -> np.ndarray:
    """Return whether each text occurs in `others`, bool [texts]."""
    return np.isin(digests(texts), digests(others))


def digests(texts: Texts) -> np.ndarray:
    """Return a digest of each text, uint64 [texts]."""
    return texts.digests if isinstance(texts, StreamedTexts) else digests_of(texts)


@dataclass(frozen=True)
class Examples:
    """Labelled texts.

    Attributes:
        texts: the raw texts.
        labels: int32 [texts], indices into the class names of the corpus.
        groups: a name per text; texts of one group stay in one split. None if unknown.
        facts: other attributes of the texts, int or str [texts] by name, for slices in reports.
        weights: float32 [texts], at least 0: factors of the losses of training texts. The sum of the weighted losses of
            a batch is divided by the number of its texts, so a mean weight of 1 keeps the scale of the loss. A text of
            weight 0 does not contribute to the gradient. Validation and test texts are not weighted. None for no
            weights.

    Raises:
        ValueError: for negative or infinite weights, or another number of weights than labels.
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
        """Return the examples at `rows`, in that order; rows of texts in files must be ascending."""
        groups = None if self.groups is None else [self.groups[row] for row in rows]
        facts = {name: values[rows] for name, values in self.facts.items()}
        weights = None if self.weights is None else self.weights[rows]
        return Examples(taken(self.texts, rows), self.labels[rows], groups, facts, weights)


class HeldOut:
    """Test split that can be read only once, so that no choice can depend on it."""

    def __init__(self, read: Callable[[], Examples]) -> None:
        self._read: Callable[[], Examples] | None = read

    def read(self) -> Examples:
        """Return the examples.

        Raises:
            RuntimeError: on the second call.
        """
        if self._read is None:
            raise RuntimeError("the test split of this corpus was already read: it is read once, at the end")
        read, self._read = self._read, None
        return read()


def without_folder(name: str) -> str:
    """Return the last part of a path; other names are unchanged.

    Example:
        >>> without_folder("/home/me/reviews.csv"), without_folder("imdb")
        ('reviews.csv', 'imdb')
    """
    return Path(name).name or name


@dataclass(frozen=True)
class Corpus:
    """Corpus: a data set with its splits.

    Attributes:
        name: `imdb`, `sample` or the path of the data.
        class_names: the names of the classes, in the order of the label indices.
        train, validation: the examples for training and for validation.
        test: read once, after all choices.
        unlabelled: returns the unlabelled texts; an empty list if there are none.
        notes: caveats about the results, one sentence each, with file names without folders.
        read: the unlabelled texts that were loaded for this corpus, by name of their source.
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
        """Name without its folder, for published results."""
        return without_folder(self.name)
