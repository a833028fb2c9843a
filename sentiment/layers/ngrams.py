"""N-gram layers: hashed bigrams for an embedding, exact n-grams for a linear model."""

from typing import Any

import keras
from keras import ops

LOW_BITS = 1024
# Below 2 ** 19, so that the sum in `bigram_buckets` stays below 2 ** 31.
FACTORS = (444_443, 501_131, 354_371, 402_583)


def bigram_buckets(ids: Any, buckets: int) -> Any:
    """Return the hash of each bigram, int32 [batch, time], from 1 to `buckets`; 0 at the last word and at padding.

    Both ids are split at their tenth bit, and the hash is the sum of the four parts times four primes.
    """
    following = ops.pad(ids, [[0, 0], [0, 1]])[:, 1:]
    parts = (ids // LOW_BITS, ids % LOW_BITS, following // LOW_BITS, following % LOW_BITS)
    total = sum(part % LOW_BITS * factor for part, factor in zip(parts, FACTORS, strict=True))
    return ops.where(ops.equal(following, 0), 0, total % buckets + 1)


@keras.saving.register_keras_serializable("sentiment")
class BigramEmbedding(keras.layers.Layer):
    """Bigram embedding: adds to each embedded word the vector of its bigram with the next word.

    Bigrams share the rows of a table by their hash (Joulin et al. 2017, "Bag of Tricks for Efficient Text
    Classification").

    Args:
        buckets: the number of rows of the table.

    Call arguments:
        words: float [batch, time, features], the embedded ids.
        ids: int32 [batch, time], 0 at padding.

    Returns:
        float [batch, time, features].
    """

    def __init__(self, buckets: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.buckets = buckets
        self.supports_masking = True

    def build(self, words_shape: Any, ids_shape: Any) -> None:
        """Create the table."""
        self.table = self.add_weight(shape=(self.buckets + 1, words_shape[-1]), name="bigrams", initializer="uniform")

    def call(self, words: Any, ids: Any) -> Any:
        """Add; see the class."""
        buckets = bigram_buckets(ids, self.buckets)
        pairs = ops.take(ops.convert_to_tensor(self.table), buckets, axis=0)
        return words + pairs * ops.cast(buckets > 0, words.dtype)[:, :, None]


@keras.saving.register_keras_serializable("sentiment")
class LinearNgrams(keras.layers.Layer):
    """Linear model over the exact n-grams of a text.

    With x_t the value of the term t and w_t its weights, the logits are sum_t x_t w_t + b, where

    - `tf-idf`: x_t = (1 + ln(count of t in the text)) idf_t, divided by the Euclidean norm of all x;
    - `binary`: x_t = 1 if t is in the text.

    The weights are set by `sentiment.training.linear`.

    Args:
        terms: the number of n-grams.
        order: the number of words of the longest n-gram.
        outputs: the number of logits.
        counting: `tf-idf` or `binary`.

    Call arguments:
        ids: int32 [batch, time], 0 at padding.

    Returns:
        float32 [batch, outputs].
    """

    def __init__(self, terms: int, order: int, outputs: int, counting: str, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **{key: value for key, value in kwargs.items() if key != "dtype"})
        self.terms = terms
        self.order = order
        self.outputs = outputs
        self.counting = counting

    def build(self, ids_shape: Any) -> None:
        """Create the sorted table of n-grams and their weights."""
        self.keys = self.add_weight(shape=(self.terms, self.order), name="keys", dtype="int32", initializer="zeros",
                                    trainable=False, autocast=False)
        self.idf = self.add_weight(shape=(self.terms,), name="idf", initializer="ones", trainable=False)
        self.kernel = self.add_weight(shape=(self.terms, self.outputs), name="kernel", initializer="zeros")
        self.bias = self.add_weight(shape=(self.outputs,), name="bias", initializer="zeros")

    def ngrams(self, ids: Any) -> Any:
        """Return the ids of each n-gram, padded with zeros, int32 [batch, order * time, order]."""
        time = ops.shape(ids)[1]
        following = ops.pad(ids, [[0, 0], [0, self.order - 1]])
        words = [following[:, start:start + time] for start in range(self.order)]
        found = []
        for length in range(1, self.order + 1):
            whole = ops.not_equal(words[length - 1], 0)
            parts = [ops.where(whole, words[place] if place < length else 0, 0) for place in range(self.order)]
            found.append(ops.stack(parts, axis=-1))
        return ops.concatenate(found, axis=1)

    def rows_of(self, ngrams: Any) -> Any:
        """Return the row of each n-gram in the sorted table, int32 [batch, n-grams]; `terms` if it is missing."""
        keys = ops.convert_to_tensor(self.keys)
        low = ops.zeros_like(ngrams[..., 0])
        high = low + self.terms
        for _ in range(self.terms.bit_length()):  # binary search for the first key that is not smaller
            middle = (low + high) // 2
            smaller = _smaller(ops.take(keys, ops.minimum(middle, self.terms - 1), axis=0), ngrams, self.order)
            smaller = ops.logical_and(smaller, low < high)
            low, high = ops.where(smaller, middle + 1, low), ops.where(smaller, high, middle)
        found = ops.take(keys, ops.minimum(low, self.terms - 1), axis=0)
        known = ops.logical_and(ops.all(ops.equal(found, ngrams), axis=-1), low < self.terms)
        return ops.where(ops.logical_and(known, ngrams[..., 0] > 0), low, self.terms)

    def values(self, ids: Any) -> tuple[Any, Any]:
        """Return the row of each n-gram, and its share of the term's value, int32 and float32 [batch, n-grams].

        The shares of all occurrences of a term add up to the term's value x_t.
        """
        rows = self.rows_of(self.ngrams(ids))
        batch, places = ops.shape(rows)[0], ops.shape(rows)[1]
        known = ops.cast(rows < self.terms, "float32")
        order = ops.argsort(rows, axis=1)
        ordered = ops.take_along_axis(rows, order, axis=1)
        new = ops.not_equal(ordered, ops.pad(ordered, [[0, 0], [1, 0]], constant_values=-1)[:, :places])
        runs = ops.cumsum(ops.cast(new, "int32"), axis=1) - 1 + ops.arange(batch, dtype="int32")[:, None] * places
        runs = ops.reshape(runs, (-1,))
        counts = ops.segment_sum(ops.ones((batch * places,), "float32"), runs, num_segments=batch * places)
        counts = ops.reshape(ops.take(counts, runs), (batch, places))
        counts = ops.take_along_axis(counts, ops.argsort(order, axis=1), axis=1)  # restore the order of the text
        if self.counting == "binary":
            return rows, known / counts
        weights = ops.take(ops.convert_to_tensor(self.idf), ops.minimum(rows, self.terms - 1), axis=0)
        values = known * (1.0 + ops.log(counts)) * weights
        norm = ops.sqrt(ops.sum(ops.square(values) / counts, axis=1, keepdims=True))
        return rows, values / counts / ops.maximum(norm, 1e-12)

    def call(self, ids: Any) -> Any:
        """Compute the logits; see the class."""
        rows, values = self.values(ids)
        weights = ops.take(ops.convert_to_tensor(self.kernel), ops.minimum(rows, self.terms - 1), axis=0)
        return ops.sum(weights * values[:, :, None], axis=1) + self.bias

    def compute_output_shape(self, ids_shape: Any) -> tuple[int | None, int]:
        """Return (batch, outputs)."""
        return (ids_shape[0], self.outputs)


def _smaller(one: Any, other: Any, order: int) -> Any:
    """Compare n-grams [..., order] lexicographically."""
    result = ops.zeros_like(one[..., 0], dtype="bool")
    for place in reversed(range(order)):
        left, right = one[..., place], other[..., place]
        result = ops.logical_or(left < right, ops.logical_and(ops.equal(left, right), result))
    return result
