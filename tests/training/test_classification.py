from typing import Any

import keras
import numpy as np
import pytest

from sentiment.batching import Batches, TokenizedTexts, bucket_lengths
from sentiment.config import TrainingConfig
from sentiment.training.classification import ClassificationTask
from sentiment.training.loop import dataset_of
from sentiment.training.prior import TeacherLogits

LABELS = (np.arange(333) % 2).astype(np.int32)


@pytest.fixture
def batches() -> Batches:
    """333 texts, of which text i is the word i + 2 over and over."""
    lengths = np.random.default_rng(5).integers(1, 60, size=333)
    values = np.repeat(np.arange(333) + 2, lengths).astype(np.int32)
    return Batches(TokenizedTexts(values, np.concatenate([[0], np.cumsum(lengths)])), bucket_lengths(lengths, 6, 64),
                   batch_size=16)


def make_task(batches: Batches, **options: Any) -> ClassificationTask:
    ids = keras.Input((None,), dtype="int32")
    return ClassificationTask(keras.Model(ids, ids), TrainingConfig(), batches, LABELS, batches, LABELS,
                              np.ones(2, np.float32), **options)


def test_shares_of_a_training_batch_add_up_to_one(batches: Batches) -> None:
    for (ids, given, shares), nothing in make_task(batches).batches(0, 0):
        real = ids[:, 0] > 1
        rows = ids[real, 0] - 2
        assert given[real].tolist() == LABELS[rows].tolist()
        assert np.allclose(shares, real / real.sum())
        assert nothing == ()


def test_unlabelled_texts_go_on_from_epoch_to_epoch(batches: Batches) -> None:
    tokens = TokenizedTexts(batches.tokens.values, batches.tokens.offsets[:221])  # 220 texts, four batches a pass
    task = make_task(Batches(batches.tokens, batches.boundaries, 60),
                     unlabelled=Batches(tokens, batches.boundaries, 60))
    assert len(task) == 6
    # The second epoch is begun anew after its second batch, as after an interruption.
    parts = [[*task.batches(0, 0)], [*task.batches(1, 0)][:2], [*task.batches(1, 2)], [*task.batches(2, 0)]]
    seen = [ids[shares > 0, 0] - 2 for part in parts for _, (ids, shares) in part]
    assert len(seen) == 18
    for start in range(0, 16, 4):
        assert sorted(np.concatenate(seen[start:start + 4])) == list(range(220))


def test_what_a_teacher_says_comes_with_the_rows(batches: Batches) -> None:
    logits = np.arange(333, dtype=np.float32)[:, None] * np.array([1, -1, 2], np.float32)
    task = make_task(batches, unlabelled=batches, teacher=TeacherLogits(logits, -logits))
    for (ids, _, shares, taught), (other_ids, other_shares, other_taught) in task.batches(0, 0):
        for rows, weights, values in ((ids, shares, taught), (other_ids, other_shares, -other_taught)):
            real = weights > 0
            np.testing.assert_array_equal(values[real], logits[rows[real, 0] - 2])
            assert not values[~real].any()


def test_batches_are_as_the_signature_says(batches: Batches) -> None:
    logits = np.zeros((333, 1), np.float32)
    for options in ({}, {"unlabelled": batches}, {"unlabelled": batches, "teacher": TeacherLogits(logits, logits)}):
        task = make_task(batches, **options)
        dataset = dataset_of(lambda of=task: of.batches(0, 0), task.signature)  # type: ignore[misc]
        assert sum(1 for _ in dataset) == len(task)
        assert dataset.options().autotune.enabled is False  # its thread may hold up the end of an epoch
