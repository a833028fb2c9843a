"""Embedding with a sparse read, whose output keeps its ids and vectors for the next layer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

_ORIGIN = "_sentiment_embedded"


class Embedded(NamedTuple):
    """Origin of embedded words.

    Attributes:
        ids: int [batch, time].
        vectors: from ids, int [words], to vectors, float [words, features].
    """

    ids: Any
    vectors: Callable[[Any], Any]


@keras.saving.register_keras_serializable("sentiment")
class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding` with a sparse read on TensorFlow.

    After single rows of a variable were written, TensorFlow copies the whole variable at each plain read, as in Keras's
    layer; a sparse read fetches only the rows. Arguments, weights and results are those of Keras.
    """

    def call(self, inputs: Any) -> Any:
        """Return the vectors of ids [batch, time], whole numbers, float [batch, time, features]."""
        if keras.backend.backend() != "tensorflow" or self.lora_enabled or self.quantization_mode:
            return super().call(inputs)
        ids = inputs if inputs.dtype in ("int32", "int64") else ops.cast(inputs, "int32")
        embedded = self._rows(ids)
        setattr(embedded, _ORIGIN, Embedded(ids, self._rows))
        return embedded

    def _rows(self, ids: Any) -> Any:
        import tensorflow as tf

        return ops.cast(tf.gather(self.embeddings.value, ids), self.compute_dtype)


def origin(tensor: Any) -> Embedded | None:
    """Return the origin of a tensor that an `Embedding` of this module returned, else None."""
    return getattr(tensor, _ORIGIN, None)
