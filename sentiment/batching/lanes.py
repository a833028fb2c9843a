"""Parallel streams of concatenated texts, for models that carry their state from window to window."""

from collections.abc import Iterator

import numpy as np

from sentiment.batching.tokens import PADDING_ID, TokenizedTexts


class Lanes:
    """Concatenation of shuffled texts, divided into parallel streams, and these into consecutive windows.

    Each text begins with the padding id as its start token. Row i of a window continues row i of the previous window;
    the last words of an epoch that do not fill a window are omitted.

    Args:
        tokens: the texts.
        lanes: the number of streams, rows of a window.
        window: the number of predicted words in a row of a window.
        backwards: whether each text is read from its end.

    Raises:
        ValueError: if the texts do not fill one window.
    """

    def __init__(self, tokens: TokenizedTexts, lanes: int, window: int, *, backwards: bool = False) -> None:
        self.tokens = tokens
        self.lanes = lanes
        self.window = window
        self.backwards = backwards
        self._length = (len(tokens.values) + len(tokens) - 1) // lanes  # predicted words of a stream
        if len(self) == 0:
            raise ValueError(f"{len(tokens.values):,} words do not fill {lanes} streams of {window}")

    def __len__(self) -> int:
        return self._length // self.window

    def windows(self, seed: int, epoch: int, first: int = 0) -> Iterator[np.ndarray]:
        """Yield int32 [lanes, window + 1], the last column of one being the first of the next.

        The order of the texts depends only on the seed and the epoch. With `first`, that many windows are skipped.
        """
        words = self._row(np.random.default_rng([seed, epoch]).permutation(len(self.tokens)))
        starts = np.arange(self.lanes)[:, None] * self._length
        for number in range(first, len(self)):
            yield words[starts + np.arange(number * self.window, (number + 1) * self.window + 1)]

    def _row(self, order: np.ndarray) -> np.ndarray:
        """Return all texts in an order, int32 [words + texts], each after the padding id."""
        drawn = self.tokens.take(order)
        lengths = drawn.lengths
        places = np.arange(len(drawn.values)) + np.repeat(np.arange(1, len(order) + 1), lengths)
        if self.backwards:  # reverse the words of each text
            ends = np.repeat(drawn.offsets[:-1] + drawn.offsets[1:] - 1, lengths)
            values = drawn.values[ends - np.arange(len(drawn.values))]
        else:
            values = drawn.values
        row = np.full(len(values) + len(order), PADDING_ID, np.int32)
        row[places] = values
        return row
