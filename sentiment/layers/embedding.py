"""An embedding that fetches the rows of a batch and no others, and tells the layer behind it where they come from."""

from typing import Any

import keras
from keras import ops

from sentiment.layers.reading import Embedded

_ORIGIN = "_sentiment_embedded"


@keras.saving.register_keras_serializable("sentiment")
class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding`, which on TensorFlow does not read its whole table once rows of it have been updated.

    Once single rows of a variable are written, TensorFlow copies the whole variable at each plain read, as Keras's
    layer makes it; a sparse read fetches the rows alone. Arguments, weights and results are those of Keras.
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
    """Return where a tensor comes from, if it is what an `Embedding` of this file returned, unchanged."""
    return getattr(tensor, _ORIGIN, None)
