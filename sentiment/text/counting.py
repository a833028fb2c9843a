"""Word counts in bounded memory."""

from collections import Counter
from collections.abc import Iterable

CAPACITY = 1 << 21  # distinct words, in about 300 MB


class WordCounts:
    """Approximate word counts in bounded memory; the rarest words are dropped if there are too many distinct ones.

    A word that was dropped and occurs again starts from zero, so its count may be too low, by at most `missed`: the sum
    of the thresholds at which words were dropped (after Misra & Gries 1982, "Finding repeated elements"). Up to
    `capacity` distinct words, all counts are exact and `missed` is 0.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.missed = 0
        self._counts: Counter[bytes] = Counter()

    def __len__(self) -> int:
        return len(self._counts)

    def update(self, words: Iterable[bytes]) -> None:
        """Count words."""
        self._counts.update(words)
        if len(self._counts) > self.capacity:
            self._forget()

    def ranked(self) -> list[tuple[str, int]]:
        """Return the words and their counts, by descending count, ties by spelling."""
        ranked = sorted((-count, word.decode("utf-8")) for word, count in self._counts.items())
        return [(word, -count) for count, word in ranked]

    def _forget(self) -> None:
        """Drop the rarest words to free at least half of the capacity."""
        threshold = sorted(self._counts.values(), reverse=True)[self.capacity // 2]
        self._counts = Counter({word: count for word, count in self._counts.items() if count > threshold})
        self.missed += threshold
