"""Cross-entropy over a large vocabulary from a sample of it."""

from typing import Any

import keras
from keras import ops

HIT = -1e30


def log_uniform_log_probabilities(ids: Any, vocabulary_size: int) -> Any:
    """Return ln P(id) under P(id) = ln((id + 1) / id) / ln(vocabulary_size), for ids from 1 by falling frequency.

    Words by rank follow Zipf's law, and so does this distribution (TensorFlow's log-uniform candidate sampler).
    """
    ranks = ops.cast(ids, "float32")
    return ops.log(ops.log1p(1.0 / ranks)) - ops.log(ops.log(float(vocabulary_size)))


def sample_ids(count: int, vocabulary_size: int, seed: Any) -> Any:
    """Draw `count` ids from 1 to vocabulary_size - 1 with the distribution above, int32 [count], with repeats."""
    chances = keras.random.uniform((count,), seed=seed)
    drawn = ops.cast(ops.floor(ops.exp(chances * ops.log(float(vocabulary_size)))), "int32")
    return ops.clip(drawn, 1, vocabulary_size - 1)


def sampled_softmax(targets: Any, vectors: Any, table: Any, sampled: Any) -> Any:
    """Return the cross-entropy of each target against the target and the sampled words only, in nats.

    With v the vector of a step, w_k the row of word k, and Q(k) = count P(k) how often k is expected in the sample,
    the logits are v . w_k - ln Q(k); sampled words that are the target do not count (Jean et al. 2015, "On Using
    Very Large Target Vocabulary for Neural Machine Translation"; Bengio & Senecal 2008).

    Args:
        targets: int32 [steps], ids from 1.
        vectors: float [steps, features].
        table: float [vocabulary, features].
        sampled: int32 [count], as `sample_ids` gives them.

    Returns:
        float32 [steps].
    """
    size, count = table.shape[0], sampled.shape[0]
    vectors, table = ops.cast(vectors, "float32"), ops.cast(table, "float32")

    def correction(ids: Any) -> Any:
        return log_uniform_log_probabilities(ids, size) + ops.log(float(count))

    right = ops.sum(vectors * ops.take(table, targets, axis=0), axis=-1) - correction(targets)  # [steps]
    others = ops.matmul(vectors, ops.transpose(ops.take(table, sampled, axis=0))) - correction(sampled)[None, :]
    others = ops.where(ops.equal(targets[:, None], sampled[None, :]), HIT, others)  # [steps, count]
    return ops.logsumexp(ops.concatenate([right[:, None], others], axis=-1), axis=-1) - right
