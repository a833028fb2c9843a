from collections import Counter

import numpy as np
import pytest

from sentiment.text.counting import WordCounts

# Zipf's law: a few frequent words, and a long tail of rare ones.
WORDS = [b"w%d" % number for number in np.minimum(np.random.default_rng(1).zipf(1.3, 40_000), 10**9)]


def counted(capacity: int, words: list[bytes]) -> WordCounts:
    counts = WordCounts(capacity)
    for start in range(0, len(words), 1000):
        counts.update(words[start:start + 1000])
    return counts


def test_exact_while_there_is_room() -> None:
    counts = counted(10**6, WORDS)
    expected = sorted(Counter(word.decode() for word in WORDS).items(), key=lambda pair: (-pair[1], pair[0]))
    assert counts.ranked() == expected
    assert counts.missed == 0


@pytest.mark.parametrize("capacity", [50, 400, 3000])
def test_bounded_and_as_wrong_as_it_says(capacity: int) -> None:
    counts, exact = counted(capacity, WORDS), Counter(WORDS)
    assert len(exact) > capacity >= len(counts)
    assert counts.missed > 0
    found = dict(counts.ranked())
    for word, count in exact.items():
        assert count - counts.missed <= found.get(word.decode(), 0) <= count
    if capacity == 3000:
        assert [word for word, _ in counts.ranked()[:20]] == [word.decode() for word, _ in exact.most_common(20)]


def test_as_few_are_forgotten_as_must_be() -> None:
    counts = WordCounts(4)
    counts.update([b"a"] * 5 + [b"b"] * 4 + [b"c"] * 3 + [b"d"] * 2 + [b"e"])
    assert counts.ranked() == [("a", 5), ("b", 4)]
    assert counts.missed == 3


def test_nothing_is_left_of_equal_words() -> None:
    counts = WordCounts(2)
    counts.update([b"a", b"b", b"c"])
    assert len(counts) == 0
    assert counts.missed == 1
