"""Sampled and full softmax over a large vocabulary.

The logit of word k is ln p_k + v . w_k, with v the vector of a step, w_k the embedding and p_k the relative frequency
of the word; so the vectors model the deviation from the unigram distribution, which corresponds to a zero vector.
"""

from typing import Any

import numpy as np
from keras import ops

HIT = -1e30


def log_frequencies(counts: np.ndarray) -> np.ndarray:
    """Return ln p of each word, float32, from counts, int [vocabulary], which are raised to at least 1."""
    raised = np.maximum(counts, 1).astype(np.float64)
    logarithms: np.ndarray = np.log(raised / raised.sum()).astype(np.float32)
    return logarithms


def sample_words(chances: Any, frequencies: Any) -> Any:
    """Draw words by frequency, int32 [count], by inverse transform of uniform random numbers.

    Args:
        chances: float32 [count].
        frequencies: ln p, float32 [vocabulary].
    """
    rising = ops.cumsum(ops.exp(frequencies))
    drawn = ops.searchsorted(rising, chances * rising[-1], side="right")
    return ops.clip(ops.cast(drawn, "int32"), 0, frequencies.shape[0] - 1)


def sampled_softmax(targets: Any, vectors: Any, table: Any, sampled: Any) -> Any:
    """Return the cross-entropy of each target against the target and the sampled words only, in nats.

    A sampled logit is corrected by - ln Q(k), with Q(k) = count p_k the expected count of k in the sample (Bengio &
    Senecal 2008; Jean et al. 2015, "On Using Very Large Target Vocabulary for Neural Machine Translation"). Because
    words are drawn by frequency, ln p_k - ln Q(k) is constant, and only v . w_k remains. Sampled words that equal the
    target are masked.

    Args:
        targets: int32 [steps].
        vectors: float [steps, features]; the products with the sampled rows have this dtype.
        table: float [vocabulary, features].
        sampled: int32 [count], from `sample_words`.

    Returns:
        float32 [steps].
    """
    rows = ops.cast(ops.take(table, sampled, axis=0), vectors.dtype)
    others = ops.cast(ops.matmul(vectors, ops.transpose(rows)), "float32")
    vectors, table = ops.cast(vectors, "float32"), ops.cast(table, "float32")
    right = ops.sum(vectors * ops.take(table, targets, axis=0), axis=-1)  # [steps]
    others = ops.where(ops.equal(targets[:, None], sampled[None, :]), HIT, others)  # [steps, count]
    return ops.logaddexp(ops.logsumexp(others, axis=-1), right) - right


def full_softmax(targets: Any, vectors: Any, table: Any, frequencies: Any) -> Any:
    """Return the cross-entropy of each target against all words, in nats, float32 [steps].

    Args:
        targets: int32 [steps].
        vectors: float [steps, features].
        table: float [vocabulary, features].
        frequencies: ln p, float32 [vocabulary].
    """
    vectors, table = ops.cast(vectors, "float32"), ops.cast(table, "float32")
    scores = ops.matmul(vectors, ops.transpose(table)) + frequencies
    right = ops.squeeze(ops.take_along_axis(scores, targets[:, None], axis=-1), axis=-1)
    return ops.logsumexp(scores, axis=-1) - right
