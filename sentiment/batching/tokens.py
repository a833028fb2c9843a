"""Tokenized texts as two flat arrays."""

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

import numpy as np

PADDING_ID = 0
UNKNOWN_ID = 1
RESERVED_IDS = 2
TOKENS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class TokenizedTexts:
    """Ids of many texts, in memory or on disk.

    Attributes:
        values: int32 [tokens], the concatenated ids of all texts; a `numpy.memmap` if they are on disk.
        offsets: int64 [texts + 1]; the ids of text i are ``values[offsets[i]:offsets[i + 1]]``.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_parts(cls, parts: Iterable[tuple[np.ndarray, np.ndarray]], folder: Path | None = None) -> Self:
        """Concatenate pairs of ids of several texts and their lengths; with `folder`, in an unnamed file there.

        Raises:
            OSError: if the file cannot be written.
        """
        lengths = [np.zeros(0, np.int64)]
        if folder is None:
            ids = [np.zeros(0, np.int32)]
            for part_values, part_lengths in parts:
                ids.append(part_values)
                lengths.append(part_lengths)
            return cls(np.concatenate(ids).astype(np.int32), _offsets(lengths))
        with TemporaryFile(dir=folder) as file:  # freed when nothing maps it any more
            for part_values, part_lengths in parts:
                file.write(part_values.astype(np.int32).tobytes())
                lengths.append(part_lengths)
            file.flush()
            empty = file.tell() == 0
            values = np.zeros(0, np.int32) if empty else np.memmap(file, np.int32, mode="r")
        return cls(values, _offsets(lengths))

    @classmethod
    def from_ids(cls, texts: Sequence[Sequence[int]]) -> Self:
        """Concatenate the ids of texts, one sequence of integers each."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return cls.from_parts([(np.fromiter(chain.from_iterable(texts), np.int32, int(lengths.sum())), lengths)])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def on_disk(self) -> bool:
        """Whether the ids are on disk."""
        return isinstance(self.values, np.memmap)

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text, int64 [texts]."""
        return np.diff(self.offsets)

    @property
    def known(self) -> np.ndarray:
        """Share of the tokens of each text that are in the vocabulary, float64 [texts]; each text has a token."""
        counts = np.add.reduceat(self.values > UNKNOWN_ID, self.offsets[:-1], dtype=np.int64)
        shares: np.ndarray = counts / self.lengths
        return shares

    def part(self, start: int, stop: int) -> Self:
        """Return the texts from `start` to before `stop`, without copying their ids."""
        offsets = self.offsets[start:stop + 1]
        return type(self)(self.values[offsets[0]:offsets[-1]], offsets - offsets[0])

    def take(self, rows: np.ndarray) -> Self:
        """Return the texts at `rows`, in that order, in memory; the pages read from disk are released."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        offsets = _offsets([lengths])
        values = np.empty(offsets[-1], np.int32)
        for place in np.argsort(rows, kind="stable"):  # in the order on disk
            values[offsets[place]:offsets[place + 1]] = self.row(rows[place])
        self._release()
        return type(self)(values, offsets)

    def row(self, index: int) -> np.ndarray:
        """Return the ids of one text, int32 [tokens]."""
        return self.values[self.offsets[index]:self.offsets[index + 1]]

    def counts(self, vocabulary_size: int) -> np.ndarray:
        """Return the number of occurrences of each id, int64 [vocabulary_size]."""
        counts = np.zeros(vocabulary_size, np.int64)
        for values in self.pieces():
            counts += np.bincount(values, minlength=vocabulary_size)
        return counts

    def pieces(self) -> Iterable[np.ndarray]:
        """Yield all ids, int32 [tokens], some millions at a time."""
        for start in range(0, len(self.values), TOKENS_AT_ONCE):
            yield self.values[start:start + TOKENS_AT_ONCE]
            self._release()

    def padded(self, rows: np.ndarray, length: int) -> np.ndarray:
        """Return the ids of the texts at `rows`, padded with zeros, int32 [rows, length].

        Raises:
            ValueError: if a text is longer than `length`.
        """
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        if lengths.max(initial=0) > length:
            raise ValueError(f"a text of {lengths.max()} tokens does not fit into {length}")
        columns = np.arange(length)
        inside = columns < lengths[:, None]
        source = np.where(inside, starts[:, None] + columns, 0)
        return np.where(inside, self.values[source], PADDING_ID).astype(np.int32)

    def _release(self) -> None:
        """Release the pages read so far from this process's memory; they stay in the page cache."""
        mapped = getattr(self.values, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def _offsets(lengths: list[np.ndarray]) -> np.ndarray:
    """Return the offsets of texts from their lengths in parts, int64 [texts + 1]."""
    return np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
