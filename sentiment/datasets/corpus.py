"""What every source of data yields: texts, labels and the names of the classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Examples:
    """Labelled texts.

    Attributes:
        texts: the raw texts.
        labels: int32 [texts], indices into the class names of the corpus.
        groups: a name per text; texts of one group stay on one side of a split. None where unknown.
    """

    texts: list[str]
    labels: np.ndarray
    groups: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | np.ndarray) -> "Examples":
        """Return the examples at `rows`, in that order."""
        groups = None if self.groups is None else [self.groups[row] for row in rows]
        return Examples([self.texts[row] for row in rows], self.labels[np.asarray(rows, dtype=np.int64)], groups)


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


@dataclass(frozen=True)
class Corpus:
    """A data set, split.

    Attributes:
        name: `imdb`, `sample` or the path that it was read from.
        class_names: the names of the classes, in the order of the label indices.
        train, validation: the examples to learn from and to choose by.
        test: read once, after all choices.
        unlabelled: reads the texts without labels; an empty list where there are none.
        notes: facts that a reader of the results must know, one sentence each.
    """

    name: str
    class_names: tuple[str, ...]
    train: Examples
    validation: Examples
    test: HeldOut
    unlabelled: Callable[[], list[str]] = list
    notes: tuple[str, ...] = field(default=())
