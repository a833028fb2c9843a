import numpy as np
import pytest

from sentiment.batching import Batches, TokenizedTexts, bucket_lengths, map_batches

LENGTHS = np.random.default_rng(5).integers(1, 60, size=333)


@pytest.fixture
def batches() -> Batches:
    values = np.concatenate([np.full(length, row + 2) for row, length in enumerate(LENGTHS)]).astype(np.int32)
    tokens = TokenizedTexts(values, np.concatenate([[0], np.cumsum(LENGTHS)]))
    return Batches(tokens, bucket_lengths(LENGTHS, 6, 64), batch_size=16)


def test_bucket_lengths() -> None:
    found = bucket_lengths(np.arange(1, 101), buckets=4, max_length=90)
    assert found.tolist() == [32, 56, 80, 90]
    assert bucket_lengths(np.array([5, 5, 5]), 12, 400).tolist() == [8, 400]
    assert bucket_lengths(np.array([], int), 12, 400).tolist() == [400]
    assert len(bucket_lengths(LENGTHS, 1, 64)) == 1


def test_padded_rows() -> None:
    tokens = TokenizedTexts(np.array([2, 3, 4, 5], np.int32), np.array([0, 3, 4]))
    assert tokens.padded(np.array([1, 0]), 4).tolist() == [[5, 0, 0, 0], [2, 3, 4, 0]]
    with pytest.raises(ValueError, match="3 tokens does not fit into 2"):
        tokens.padded(np.array([0]), 2)


def test_an_epoch_has_every_text_once_in_few_shapes(batches: Batches) -> None:
    seen, shapes = [], set()
    for batch in batches.shuffled(seed=1, epoch=0):
        shapes.add(batch.ids.shape)
        seen += batch.rows.tolist()
        for row, ids in zip(batch.rows, batch.ids, strict=False):
            assert ids[ids > 0].tolist() == [row + 2] * LENGTHS[row]
    assert sorted(seen) == list(range(333))
    assert {size for size, _ in shapes} == {16}
    assert len(shapes) <= 6
    assert len(batches) == len(list(batches.shuffled(1, 0))) == 21


def test_filling_is_one_unknown_word(batches: Batches) -> None:
    short = next(batch for batch in batches.shuffled(1, 0) if len(batch.rows) < 16)
    filling = short.ids[len(short.rows):]
    assert filling[:, 0].tolist() == [1] * len(filling)
    assert not filling[:, 1:].any()


def test_order_depends_on_seed_and_epoch_alone(batches: Batches) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [row for batch in batches.shuffled(seed, epoch) for row in batch.rows.tolist()]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_little_is_padding(batches: Batches) -> None:
    shuffled = sum(batch.ids.size for batch in batches.shuffled(1, 0))
    assert shuffled < 1.35 * LENGTHS.sum()
    assert shuffled < 0.7 * 60 * len(LENGTHS)


@pytest.mark.parametrize("filled", [True, False])
def test_map_batches_puts_rows_back_in_order(batches: Batches, filled: bool) -> None:
    result = map_batches(batches.by_length(filled=filled), 333, lambda ids: ids.max(axis=1, keepdims=True))
    assert result[:, 0].tolist() == list(range(2, 335))
