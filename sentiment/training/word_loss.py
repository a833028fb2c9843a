"""Word-prediction loss of language models and autoencoders."""

from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.batching import PADDING_ID
from sentiment.losses.sampled_softmax import full_softmax, log_frequencies, sample_words, sampled_softmax
from sentiment.training.noise import Noise

SAMPLES = 200  # stream of noise


class WordLoss:
    """Summed cross-entropy of the words without padding, with sampled or full softmax.

    Args:
        table: the embedding, a variable float32 [vocabulary, features].
        counts: int [vocabulary], the frequency of each word.
        sampled: the number of sampled words in training.
    """

    def __init__(self, table: Any, counts: np.ndarray, sampled: int) -> None:
        self.table = table
        self.frequencies = log_frequencies(counts)
        self.sampled = sampled

    def draw(self, noise: Noise) -> Any:
        """Draw the sampled words of a step, int32 [sampled]; call it once per step."""
        return sample_words(noise.uniform([self.sampled], SAMPLES), self.frequencies)

    def from_sample(self, ids: Any, vectors: Any, drawn: Any) -> tuple[Any, Any]:
        """Return the loss with sampled softmax, and the number of words, float32.

        Args:
            ids: int32 [batch, time].
            vectors: float [batch, time, features].
            drawn: the sampled words, from `draw`.
        """
        words, features = _real(ids, vectors)
        losses = sampled_softmax(words, features, tf.convert_to_tensor(self.table), drawn)
        return tf.reduce_sum(losses), tf.cast(tf.shape(words)[0], tf.float32)

    def from_all(self, ids: Any, vectors: Any) -> tuple[Any, Any]:
        """Return the loss over the whole vocabulary, and the number of words, int32."""
        words, features = _real(ids, vectors)
        losses = full_softmax(words, features, tf.convert_to_tensor(self.table), self.frequencies)
        return tf.reduce_sum(losses), tf.shape(words)[0]


def mean_over_replicas(total: Any, words: Any) -> Any:
    """Return this replica's part of the mean loss of the words on all replicas."""
    words = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, words)
    return total / tf.maximum(words, 1.0)


def _real(ids: Any, vectors: Any) -> tuple[Any, Any]:
    """Return the words that are not padding, [words], and their vectors, [words, features]."""
    real = tf.where(ids != PADDING_ID)
    return tf.gather_nd(ids, real), tf.gather_nd(vectors, real)
