"""A trained model for raw texts."""

import os
from collections.abc import Iterable, Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from sentiment.artifacts import RunFolder
from sentiment.batching import Batches, bucket_lengths, map_batches
from sentiment.precision import precision
from sentiment.predictions import Prediction, check_process, predictions, probabilities, text_parts
from sentiment.text import TextPreprocessor

BATCH_SIZE = 192
BUCKETS = 16
TEXTS_AT_ONCE = 1 << 16


class Classifier:
    """Predicts the class of raw texts.

    Attributes:
        class_names: the names of the classes by index.
        model: the Keras model, ids to logits.
        preprocessor: raw texts to ids.
        model_function: ids int32 [texts, time] to logits, as a `tf.function` that is traced once for all shapes.
    """

    def __init__(self, model: keras.Model, preprocessor: TextPreprocessor, class_names: Sequence[str]) -> None:
        self.model = model
        self.preprocessor = preprocessor
        self.class_names = tuple(class_names)
        self._process = os.getpid()
        self.model_function = tf.function(partial(model, training=False),
                                          input_signature=[tf.TensorSpec([None, None], tf.int32)])

    def words_read(self, text: str) -> list[str]:
        """Return the words of a text that the model reads, standardised and truncated, at least one."""
        return self.preprocessor.words_read(text)

    def ids(self, text: str) -> np.ndarray:
        """Return the ids of these words, int32 [words]."""
        return self.preprocessor.tokenize([text]).row(0)

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [texts, 1 or classes] for ids int32 [texts, time], padded on the right."""
        return np.asarray(self.model_function(ids))

    def predict_logits(self, texts: Iterable[str]) -> np.ndarray:
        """Return float32 [texts, 1 or classes]; one logit is the log-odds of the second of two classes.

        Raises:
            TypeError: for one string, a whole DataFrame, or a value that is no string.
            RuntimeError: in a process that was forked after the model was loaded.
        """
        check_process(self._process)
        parts = [np.zeros((0, self.model.output_shape[-1]), np.float32)]
        for part in text_parts(texts, TEXTS_AT_ONCE):
            tokens = self.preprocessor.tokenize(part)
            boundaries = bucket_lengths(tokens.lengths, BUCKETS, self.preprocessor.config.max_length)
            batches = Batches(tokens, boundaries, BATCH_SIZE).by_length()
            parts.append(map_batches(batches, len(tokens), self.model_function))
        return np.concatenate(parts)

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return float64 [texts, classes]: the probability of each class; each row adds up to 1."""
        return probabilities(self.predict_logits(texts))

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Return a prediction for each text, in order; an empty text is answered as an unknown word.

        Raises:
            TypeError: as `predict_logits`.
        """
        return predictions(self.predict_logits(texts), self.class_names)


def load(path: str | os.PathLike[str], *, mixed_precision: bool = False) -> Classifier:
    """Load the classifier that a finished run left in its folder; see `sentiment.load`.

    Raises:
        UserError: if the folder is missing, incomplete, damaged or not of this project.
    """
    folder = RunFolder.open(path)
    with precision(mixed_precision):
        model = folder.load_model()
    return Classifier(model, folder.load_preprocessor(), folder.load_class_names())
