import numpy as np
import pytest

from sentiment.batching import Batches, TokenizedTexts, bucket_lengths
from sentiment.training.feed import endless, training_dataset


@pytest.fixture
def batches() -> Batches:
    """333 texts, of which text i is the word i + 2 over and over."""
    lengths = np.random.default_rng(5).integers(1, 60, size=333)
    values = np.repeat(np.arange(333) + 2, lengths).astype(np.int32)
    return Batches(TokenizedTexts(values, np.concatenate([[0], np.cumsum(lengths)])), bucket_lengths(lengths, 6, 64),
                   batch_size=16)


def test_shares_of_a_training_batch_add_up_to_one(batches: Batches) -> None:
    labels = (np.arange(333) % 2).astype(np.int32)
    for (ids, given, shares), nothing in training_dataset(batches, labels, seed=1, epoch=0).as_numpy_iterator():
        real = ids[:, 0] > 1
        rows = ids[real, 0] - 2
        assert given[real].tolist() == labels[rows].tolist()
        assert np.allclose(shares, real / real.sum())
        assert nothing == ()


def test_texts_without_labels_go_on_from_epoch_to_epoch(batches: Batches) -> None:
    tokens = TokenizedTexts(batches.tokens.values, batches.tokens.offsets[:221])  # 220 texts, four batches a pass
    source, seen = endless(Batches(tokens, batches.boundaries, 60), seed=3), []
    for epoch in range(3):
        dataset = training_dataset(Batches(batches.tokens, batches.boundaries, 60), np.zeros(333, np.int32), 1, epoch,
                                   source)
        seen += [ids[shares > 0, 0] - 2 for _, (ids, shares) in dataset.as_numpy_iterator()]
    assert len(seen) == 18
    for start in range(0, 16, 4):
        assert sorted(np.concatenate(seen[start:start + 4])) == list(range(220))


def test_what_a_teacher_says_comes_with_the_rows(batches: Batches) -> None:
    logits = np.arange(333, dtype=np.float32)[:, None] * [1, -1, 2]
    others = endless(batches, 3, taught=logits)
    dataset = training_dataset(batches, np.zeros(333, np.int32), 1, 0, others, taught=logits)
    for (ids, _, shares, taught), other in dataset.as_numpy_iterator():
        for rows, weights, values in ((ids, shares, taught), other):
            real = weights > 0
            np.testing.assert_array_equal(values[real], logits[rows[real, 0] - 2])
            assert not values[~real].any()


def test_no_thread_tunes_the_data_set(batches: Batches) -> None:
    """It may hold up the end of an epoch."""
    assert training_dataset(batches, np.zeros(333, np.int32), 1, 0).options().autotune.enabled is False
