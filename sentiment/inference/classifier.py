"""Text classifier in Keras."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.inference.predictor import Predictor
from sentiment.startup import use_tensorflow
from sentiment.text import TextPreprocessor, TextToIds

BATCH_SIZE = 192
TEXTS_AT_ONCE = 1 << 16


def compiled(model: keras.Model) -> Any:
    """Return a model from ids int32 [texts, time] as a `tf.function` for inference, traced once for all shapes."""
    return tf.function(partial(model, training=False), input_signature=[tf.TensorSpec([None, None], tf.int32)])


class Classifier(Predictor):
    """Text classifier with a Keras model.

    Args:
        model: ids int32 [texts, time] to logits float32 [texts, 1 or classes].
        preprocessor: raw texts to ids.
        class_names: the names of the classes by index.
        notes, trained_on: as for `Predictor`.

    Raises:
        RuntimeError: in a process that was forked after TensorFlow had been used.

    Attributes:
        class_names: the names of the classes by index.
        model: the Keras model.
        preprocessor: raw texts to ids.
        model_function: the model as a `tf.function` that is traced once for all shapes.

    Example:
        >>> import keras, sentiment, tensorflow as tf
        >>> text_model = sentiment.load("models/imdb").text_model
        >>> text_model(tf.constant(["A wonderful film."])).shape
        TensorShape([1, 1])
        >>> text_model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
        >>> history = text_model.fit(tf.constant(["A wonderful film."]), tf.constant([1.0]), verbose=0)
    """

    preprocessor: TextPreprocessor

    def __init__(self, model: keras.Model, preprocessor: TextPreprocessor, class_names: Sequence[str],
                 notes: Sequence[str] = (), trained_on: Mapping[str, Any] | None = None) -> None:
        use_tensorflow()
        super().__init__(preprocessor, class_names, width=model.output_shape[-1], batch_size=BATCH_SIZE,
                         texts_at_once=TEXTS_AT_ONCE, notes=notes, trained_on=trained_on)
        self.model = model
        self.model_function = compiled(model)

    @cached_property
    def text_model(self) -> keras.Model:
        """The Keras model with preprocessing: strings [texts] to logits float32 [texts, 1 or classes].

        It shares the weights with the classifier, so `fit` changes the predictions, which are then not calibrated.
        NumPy arrays of strings need dtype object for Keras. The layer `ids` returns the ids.
        """
        texts = keras.Input((), dtype="string", name="texts")
        return keras.Model(texts, self.model(TextToIds(self.preprocessor, name="ids")(texts)))

    def _batch_logits(self, ids: np.ndarray) -> tf.Tensor:
        return self.model_function(ids)

    def check_process(self) -> None:
        """Refuse a forked child.

        Raises:
            RuntimeError: in a forked child of a process that had used TensorFlow.
        """
        use_tensorflow()
