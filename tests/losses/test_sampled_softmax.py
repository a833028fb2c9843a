import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from sentiment.losses.sampled_softmax import full_softmax, log_frequencies, sample_words, sampled_softmax

RANDOM = np.random.default_rng(1)
VECTORS, TABLE = RANDOM.normal(size=(6, 3)).astype(np.float32), RANDOM.normal(size=(50, 3)).astype(np.float32)
COUNTS = RANDOM.integers(0, 40, 50)
TARGETS = np.array([1, 5, 9, 49, 5, 0], np.int32)


def test_frequencies() -> None:
    expected = np.maximum(COUNTS, 1) / np.maximum(COUNTS, 1).sum()
    np.testing.assert_allclose(np.exp(log_frequencies(COUNTS)), expected, rtol=1e-5)


def test_sampled_softmax_against_tensorflow() -> None:
    """With ln p as the bias of a word, as the module says what a word's score is."""
    sampled = np.array([3, 5, 7, 7, 30, 1, 11, 2], np.int32)
    frequencies = log_frequencies(COUNTS)

    def expected_count(ids: np.ndarray) -> tf.Tensor:
        return tf.constant(len(sampled) * np.exp(frequencies[ids]))

    candidates = (tf.constant(sampled, tf.int64), expected_count(TARGETS[:, None]), expected_count(sampled))
    expected = tf.nn.sampled_softmax_loss(TABLE, frequencies, TARGETS[:, None].astype(np.int64), VECTORS, len(sampled),
                                          50, sampled_values=candidates)
    np.testing.assert_allclose(sampled_softmax(TARGETS, VECTORS, TABLE, sampled), expected, atol=1e-4)


def test_full_softmax_against_scipy() -> None:
    scores = VECTORS.astype(float) @ TABLE.T + log_frequencies(COUNTS)
    expected = -log_softmax(scores, axis=1)[np.arange(6), TARGETS]
    np.testing.assert_allclose(full_softmax(TARGETS, VECTORS, TABLE, log_frequencies(COUNTS)), expected, atol=1e-5)


def test_a_large_sample_tends_to_all_words() -> None:
    frequencies = log_frequencies(COUNTS)
    sampled = np.asarray(sample_words(RANDOM.random(400_000).astype(np.float32), frequencies))
    # Words drawn from the distribution without the target, which is not counted where it is hit, make up for it.
    rough = np.asarray(sampled_softmax(TARGETS, VECTORS, TABLE, sampled)) - np.log(len(sampled))
    right = (VECTORS * TABLE[TARGETS]).sum(axis=1)
    weights = np.exp(VECTORS @ TABLE.T) * np.exp(frequencies)
    weights[np.arange(6), TARGETS] = 0
    np.testing.assert_allclose(rough, np.log(weights.sum(axis=1)) - right, atol=0.05)


def test_words_are_drawn_as_often_as_they_occur() -> None:
    frequencies = log_frequencies(COUNTS)
    drawn = np.asarray(sample_words(RANDOM.random(200_000).astype(np.float32), frequencies))
    assert drawn.dtype == np.int32
    np.testing.assert_allclose(np.bincount(drawn, minlength=50) / len(drawn), np.exp(frequencies), atol=0.004)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_ends_of_what_is_drawn(chance: float) -> None:
    drawn = np.asarray(sample_words(np.array([chance], np.float32), log_frequencies(COUNTS)))
    assert 0 <= drawn[0] < 50
