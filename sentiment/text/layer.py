"""Text vectorization as a Keras layer."""

from dataclasses import asdict
from typing import Any, Self

import keras

from sentiment.config import TextConfig
from sentiment.text.preprocessor import TextPreprocessor


@keras.saving.register_keras_serializable("sentiment")
class TextToIds(keras.layers.Layer):
    """Text vectorization layer: standardises, splits, looks up, truncates and pads raw texts as in training.

    Takes a string tensor [texts] and returns int32 [texts, longest], 0 for padding. TensorFlow only, and on the CPU.

    Args:
        preprocessor: raw texts to ids.

    Example:
        >>> import tensorflow as tf
        >>> from sentiment.config import TextConfig
        >>> from sentiment.text import TextPreprocessor, TextToIds
        >>> layer = TextToIds(TextPreprocessor(TextConfig(), ["film", "good"]))
        >>> layer(tf.constant(["A good film.", "Film"])).numpy().tolist()
        [[1, 3, 2], [2, 0, 0]]
    """

    def __init__(self, preprocessor: TextPreprocessor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.vectorization = preprocessor.vectorization  # an exported model must contain its table
        self.supports_jit = False  # XLA does not support strings

    def call(self, texts: Any) -> Any:
        """Return the ids."""
        return self.preprocessor.padded_ids(texts)

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        """Return the symbolic ids."""
        return keras.KerasTensor((texts.shape[0], None), "int32")

    def get_config(self) -> dict[str, Any]:
        """Return the options and words of the preprocessor."""
        return {**super().get_config(), "text": asdict(self.preprocessor.config),
                "words": list(self.preprocessor.words)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build the layer from `get_config`."""
        preprocessor = TextPreprocessor(TextConfig.from_dict(config.pop("text")), config.pop("words"))
        return cls(preprocessor, **config)
