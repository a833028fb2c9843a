"""Texts as ids, kept in two flat arrays instead of a list of many small ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np

PADDING_ID = 0
UNKNOWN_ID = 1
RESERVED_IDS = 2


@dataclass(frozen=True)
class TokenizedTexts:
    """The ids of many texts.

    Attributes:
        values: int32 [tokens], the ids of all texts behind one another.
        offsets: int64 [texts + 1]; the ids of text i are ``values[offsets[i]:offsets[i + 1]]``.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_parts(cls, parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> Self:
        """Join (ids of several texts, their lengths) pairs."""
        values, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for part_values, part_lengths in parts:
            values.append(part_values)
            lengths.append(part_lengths)
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
        return cls(np.concatenate(values).astype(np.int32), offsets)

    @classmethod
    def from_ids(cls, texts: Sequence[Sequence[int]]) -> Self:
        """Join the ids of texts, a sequence of integers each."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return cls.from_parts([(np.fromiter(chain.from_iterable(texts), np.int32, int(lengths.sum())), lengths)])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def followed_by(self, other: Self) -> Self:
        """Return these texts and then the other ones."""
        return type(self)(np.concatenate([self.values, other.values]),
                          np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]]))

    @property
    def lengths(self) -> np.ndarray:
        """int64 [texts], the number of tokens of each text."""
        return np.diff(self.offsets)

    def row(self, index: int) -> np.ndarray:
        """Return the ids of one text, int32 [tokens]."""
        return self.values[self.offsets[index]:self.offsets[index + 1]]

    def padded(self, rows: np.ndarray, length: int) -> np.ndarray:
        """Return int32 [rows, length]: the ids of the texts at `rows`, then zeros.

        Raises:
            ValueError: if a text is longer than `length`.
        """
        lengths = self.lengths[rows]
        if lengths.max(initial=0) > length:
            raise ValueError(f"a text of {lengths.max()} tokens does not fit into {length}")
        columns = np.arange(length)
        inside = columns < lengths[:, None]
        source = np.where(inside, self.offsets[rows][:, None] + columns, 0)
        return np.where(inside, self.values[source], PADDING_ID).astype(np.int32)
