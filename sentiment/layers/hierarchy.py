"""Layers that split texts into sentences and join the sentence vectors."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

MOST_DOUBLINGS = 17  # enough for texts of 131,072 words


@keras.saving.register_keras_serializable("sentiment")
class SplitSentences(keras.layers.Layer):
    """Split each text into its sentences, one row each.

    A sentence ends after the last of one or several end ids in a row; one longer than `max_words` takes
    several rows.

    Args:
        end_ids: the ids that end a sentence.
        max_words: the words of a row.

    Call arguments:
        ids: int32 [batch, time], 0 at padding.
        words: float [batch, time, features], the embedded ids.

    Returns:
        float [batch * sentences, max_words, features]; its mask bool [batch * sentences, max_words], in which every
        row has at least one true place (as cuDNN requires); and bool [batch, sentences], true at real sentences.
        `sentences` is the largest number in the batch where shapes may be dynamic (TensorFlow), else `time`.
    """

    def __init__(self, end_ids: Sequence[int], max_words: int = 40, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.end_ids = tuple(end_ids)
        self.max_words = max_words

    def places(self, ids: Any) -> tuple[Any, Any]:
        """Return the row of each word among its text's rows, and its position in the row, int32 [batch, time] each."""
        batch, time = ops.shape(ids)[0], ops.shape(ids)[1]
        steps = ops.broadcast_to(ops.arange(time, dtype="int32"), (batch, time))
        ends = ops.zeros_like(ids, dtype="bool")
        for end_id in self.end_ids:
            ends = ops.logical_or(ends, ops.equal(ids, end_id))
        after = ops.pad(ends, [[0, 0], [1, 0]])[:, :time]  # the previous word ends a sentence
        starts = ops.logical_or(ops.equal(steps, 0), ops.logical_and(after, ops.logical_not(ends)))
        offset = steps - _running_max(ops.where(starts, steps, 0))  # from the first word of the sentence
        again = ops.logical_and(offset > 0, ops.equal(offset % self.max_words, 0))
        rows = ops.cumsum(ops.cast(ops.logical_or(starts, again), "int32"), axis=1) - 1
        return rows, offset % self.max_words

    def call(self, ids: Any, words: Any) -> tuple[Any, Any, Any]:
        """Split; see the class."""
        batch, time, features = ops.shape(ids)[0], ops.shape(ids)[1], words.shape[-1]
        rows, places = self.places(ids)
        real = ops.not_equal(ids, 0)
        dynamic = keras.backend.backend() == "tensorflow"
        sentences = ops.max(ops.where(real, rows, 0)) + 1 if dynamic else time
        size = batch * sentences * self.max_words
        targets = (ops.arange(batch, dtype="int32")[:, None] * sentences + rows) * self.max_words + places
        targets = ops.reshape(ops.where(real, targets, size), (-1, 1))  # padding goes to a position that is removed
        cut = ops.scatter(targets, ops.reshape(words, (-1, features)), (size + 1, features))[:-1]
        counts = ops.scatter(targets, ops.ones((batch * time,), "int32"), (size + 1,))[:-1]
        mask = ops.reshape(counts > 0, (-1, self.max_words))
        first = ops.equal(ops.arange(self.max_words), 0)[None, :]
        return (ops.reshape(cut, (-1, self.max_words, features)), ops.logical_or(mask, first),
                ops.reshape(ops.any(mask, axis=1), (-1, sentences)))

    def compute_output_spec(self, ids: Any, words: Any) -> tuple[Any, Any, Any]:
        """Return the shapes and types of the result."""
        return (keras.KerasTensor((None, self.max_words, words.shape[-1]), dtype=words.dtype),
                keras.KerasTensor((None, self.max_words), dtype="bool"), keras.KerasTensor((None, None), dtype="bool"))

    def compute_mask(self, ids: Any, mask: Any = None) -> None:
        """Return None, because the masks are among the outputs."""
        return


def _running_max(values: Any) -> Any:
    """Return the running maximum in each row of int32 [batch, time], at least 0.

    By doubling: after k shifts of 1, 2, 4, ... each position has the maximum of the last 2^k. Operators for segments or
        running
    maxima are missing in ONNX and LiteRT.
    """
    for power in range(MOST_DOUBLINGS):
        shift = 1 << power  # beyond the length of the text, the shift has no effect
        moved = ops.concatenate([ops.zeros_like(values[:, :shift]), values[:, :-shift]], axis=1)
        values = ops.maximum(values, moved)
    return values


@keras.saving.register_keras_serializable("sentiment")
class JoinSentences(keras.layers.Layer):
    """Reshape the sentence vectors of each text to a sequence.

    Call arguments:
        vectors: float [batch * sentences, features].
        real: bool [batch, sentences], true at real sentences.

    Returns:
        float [batch, sentences, features].
    """

    def call(self, vectors: Any, real: Any) -> Any:
        """Join; see the class."""
        return ops.reshape(vectors, (ops.shape(real)[0], ops.shape(real)[1], vectors.shape[-1]))
