"""An embedding that fetches the rows of a batch and no others."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("sentiment")
class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding`, which on TensorFlow does not read its whole table once rows of it have been updated.

    Once single rows of a variable are written, TensorFlow copies the whole variable at each plain read, as Keras's
    layer makes it; a sparse read fetches the rows alone. Arguments, weights and results are those of Keras.
    """

    def call(self, inputs: Any) -> Any:
        """Return the vectors of int ids [batch, time], float [batch, time, features]."""
        if keras.backend.backend() != "tensorflow" or self.lora_enabled or self.quantization_mode:
            return super().call(inputs)
        import tensorflow as tf

        return ops.cast(tf.gather(self.embeddings.value, inputs), self.compute_dtype)
