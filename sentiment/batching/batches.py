"""Batches of texts of similar length, padded to a few lengths."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentiment.batching.tokens import UNKNOWN_ID, TokenizedTexts

LENGTH_MULTIPLE = 8
WINDOW_BATCHES = 50
# Texts on disk are shuffled in memory in buffers of this size, which are read in contiguous blocks.
BUFFER_TEXTS = 1 << 16
BLOCK_TEXTS = 256


def bucket_lengths(lengths: np.ndarray, buckets: int, max_length: int) -> np.ndarray:
    """Return the lengths that batches are padded to: quantiles of `lengths`, and `max_length` as the last.

    Args:
        lengths: int [texts], the lengths of the training texts.
        buckets: the maximum number of lengths.
        max_length: the maximum length of a text.

    Returns:
        int64 [at most buckets], ascending.
    """
    quantiles = np.quantile(lengths, np.arange(1, buckets) / buckets) if len(lengths) else np.zeros(0)
    rounded = np.ceil(quantiles / LENGTH_MULTIPLE) * LENGTH_MULTIPLE
    return np.unique(np.append(rounded[rounded < max_length], max_length)).astype(np.int64)


@dataclass(frozen=True)
class Batch:
    """A padded batch.

    Attributes:
        ids: int32 [batch, time].
        rows: int64 [texts], the indices of its texts in the corpus. Further rows of the batch are filling rows of one
            unknown token.
    """

    ids: np.ndarray
    rows: np.ndarray


class Batches:
    """Batches of tokenized texts, of equal size, padded to one of a few lengths."""

    def __init__(self, tokens: TokenizedTexts, boundaries: np.ndarray, batch_size: int) -> None:
        """Use `boundaries` from `bucket_lengths`; `batch_size` is over all devices."""
        self.tokens = tokens
        self.boundaries = boundaries
        self.batch_size = batch_size
        self._lengths = tokens.lengths
        window = batch_size * WINDOW_BATCHES
        self._buffer = max(1, BUFFER_TEXTS // window) * window if tokens.on_disk else max(1, len(tokens))

    def __len__(self) -> int:
        return -(-len(self.tokens) // self.batch_size)

    def shuffled(self, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield all texts once, in an order that depends only on the seed and the epoch.

        The texts are shuffled, sorted by length within windows of 50 batches, and divided into batches, which are
        shuffled. Every batch has `batch_size` rows; the last one has filling rows. With `first`, that many batches are
        skipped.

        Texts on disk are shuffled in two steps: contiguous blocks over the whole corpus, and the texts and batches
        within some hundred blocks that are read into memory together. A corpus that fits into one such buffer is
        shuffled like one in memory.
        """
        random = np.random.default_rng([seed, epoch])
        for rows in _pieces(self._shuffled_rows(random), self._buffer):
            batches = self._windowed(rows)
            order = random.permutation(len(batches))[first:]
            first = max(0, first - len(batches))
            if len(order):
                yield from self._padded(rows, [batches[index] for index in order], filled=True)

    def by_length(self, *, filled: bool = False) -> Iterator[Batch]:
        """Yield all texts once, the shortest first; with `filled`, every batch has `batch_size` rows.

        Texts on disk are sorted only within the part that is read into memory together.
        """
        for rows in _pieces(np.arange(len(self.tokens)), self._buffer):
            order = np.argsort(self._lengths[rows], kind="stable")
            yield from self._padded(rows, _pieces(order, self.batch_size), filled=filled)

    def _shuffled_rows(self, random: np.random.Generator) -> np.ndarray:
        """Return the shuffled order of the texts, int64 [texts]."""
        texts = len(self.tokens)
        if texts <= self._buffer:
            return random.permutation(texts)
        blocks = random.permutation(-(-texts // BLOCK_TEXTS))
        order = (blocks[:, None] * BLOCK_TEXTS + np.arange(BLOCK_TEXTS)).ravel()
        order = order[order < texts]
        for rows in _pieces(order, self._buffer):
            random.shuffle(rows)
        return order

    def _windowed(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return batches of indices into `rows`, of similar length within each window."""
        lengths = self._lengths[rows]
        windows = _pieces(np.arange(len(rows)), self.batch_size * WINDOW_BATCHES)
        return [batch for window in windows
                for batch in _pieces(window[np.argsort(lengths[window], kind="stable")], self.batch_size)]

    def _padded(self, rows: np.ndarray, batches: Sequence[np.ndarray], *, filled: bool) -> Iterator[Batch]:
        """Yield batches of indices into `rows`, padded to a boundary and filled to the batch size."""
        tokens, own = (self.tokens.take(rows), None) if self.tokens.on_disk else (self.tokens, rows)
        for places in batches:
            length = int(self.boundaries[np.searchsorted(self.boundaries, self._lengths[rows[places]].max())])
            ids = tokens.padded(places if own is None else own[places], length)
            if filled and len(places) < self.batch_size:
                filling = np.zeros((self.batch_size - len(places), length), np.int32)
                filling[:, 0] = UNKNOWN_ID
                ids = np.concatenate([ids, filling])
            yield Batch(ids, rows[places])


def _pieces(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Return consecutive pieces of `size` rows as views."""
    return [rows[start:start + size] for start in range(0, len(rows), size)]


def map_batches(batches: Iterator[Batch], texts: int, step: Callable[[np.ndarray], Any],
                mapped: Callable[..., Iterable[Any]] = map) -> np.ndarray:
    """Apply `step` (ids [batch, time] to an array [batch, features]) and put the rows back in order.

    Args:
        batches: all of them.
        texts: the number of their rows, without filling rows.
        step: the function to apply.
        mapped: `map`, or the `map` of a pool, for several batches at once.

    Returns:
        float32 [texts, features].
    """
    results: np.ndarray | None = None
    for batch, found in mapped(lambda batch: (batch, step(batch.ids)), batches):
        values = np.asarray(found)[: len(batch.rows)]
        if results is None:
            results = np.zeros((texts, *values.shape[1:]), np.float32)
        results[batch.rows] = values
    return np.zeros((0, 0), np.float32) if results is None else results
