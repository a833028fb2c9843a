"""Batches of texts of similar length, padded to a few lengths only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentiment.batching.tokens import UNKNOWN_ID, TokenizedTexts

LENGTH_MULTIPLE = 8
WINDOW_BATCHES = 50


def bucket_lengths(lengths: np.ndarray, buckets: int, max_length: int) -> np.ndarray:
    """Choose the lengths that batches are padded to: quantiles of `lengths`, and `max_length` last.

    Args:
        lengths: int [texts], the lengths of the training texts.
        buckets: the largest number of lengths.
        max_length: the length that every text fits into.

    Returns:
        int64 [at most buckets], rising.
    """
    quantiles = np.quantile(lengths, np.arange(1, buckets) / buckets) if len(lengths) else np.zeros(0)
    rounded = np.ceil(quantiles / LENGTH_MULTIPLE) * LENGTH_MULTIPLE
    return np.unique(np.append(rounded[rounded < max_length], max_length)).astype(np.int64)


@dataclass(frozen=True)
class Batch:
    """A padded batch.

    Attributes:
        ids: int32 [batch, time].
        rows: int64 [texts], the positions of its texts in the corpus. Where the batch has more rows than
            that, the rest is filling: one unknown word each.
    """

    ids: np.ndarray
    rows: np.ndarray


class Batches:
    """Cuts tokenised texts into batches of equal size whose lengths come from a short list."""

    def __init__(self, tokens: TokenizedTexts, boundaries: np.ndarray, batch_size: int) -> None:
        """Use `boundaries` as `bucket_lengths` gives them; `batch_size` is over all devices."""
        self.tokens = tokens
        self.boundaries = boundaries
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.tokens) // self.batch_size)

    def shuffled(self, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield all texts once, in an order that depends on the seed and the epoch alone.

        The texts are shuffled, sorted by length within windows of 50 batches, cut into batches, and the
        batches shuffled. Every batch has `batch_size` rows; the last one is filled up. With `first`, that many
        batches are left out at the start.
        """
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(self.tokens))
        lengths = self.tokens.lengths
        window = self.batch_size * WINDOW_BATCHES
        batches: list[np.ndarray] = []
        for start in range(0, len(order), window):
            rows = order[start:start + window]
            rows = rows[np.argsort(lengths[rows], kind="stable")]
            batches += [rows[place:place + self.batch_size] for place in range(0, len(rows), self.batch_size)]
        for index in random.permutation(len(batches))[first:]:
            yield self._batch(batches[index], self.batch_size)

    def by_length(self, *, filled: bool = False) -> Iterator[Batch]:
        """Yield all texts once, the shortest first; with `filled`, every batch has `batch_size` rows."""
        order = np.argsort(self.tokens.lengths, kind="stable")
        for first in range(0, len(order), self.batch_size):
            rows = order[first:first + self.batch_size]
            yield self._batch(rows, self.batch_size if filled else len(rows))

    def _batch(self, rows: np.ndarray, size: int) -> Batch:
        longest = int(self.tokens.lengths[rows].max())
        length = int(self.boundaries[np.searchsorted(self.boundaries, longest)])
        ids = self.tokens.padded(rows, length)
        if len(rows) < size:
            filling = np.zeros((size - len(rows), length), np.int32)
            filling[:, 0] = UNKNOWN_ID
            ids = np.concatenate([ids, filling])
        return Batch(ids, rows)


def map_batches(batches: Iterator[Batch], texts: int, step: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Apply `step` (ids [batch, time] to an array [batch, features]) and put the rows back in order.

    Returns:
        float32 [texts, features].
    """
    results: np.ndarray | None = None
    for batch in batches:
        values = np.asarray(step(batch.ids))[: len(batch.rows)]
        if results is None:
            results = np.zeros((texts, *values.shape[1:]), np.float32)
        results[batch.rows] = values
    return np.zeros((0, 0), np.float32) if results is None else results
