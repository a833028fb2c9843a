"""Networks for pretraining on unlabelled texts, by the name of the method."""

from collections.abc import Callable
from typing import Any, Protocol

import keras

from sentiment.architectures.autoencoder import build_autoencoder
from sentiment.architectures.language_model import build_language_model
from sentiment.architectures.registry import Sizes
from sentiment.config import ModelConfig


class Pretrainable(Protocol):
    """Network whose lower layers can initialise a classifier."""

    @property
    def network(self) -> keras.Model:
        """The Keras model that is trained."""

    @property
    def table(self) -> Any:
        """The embedding, a variable float32 [vocabulary, embedding]."""

    def start(self, classifier: keras.Model, config: ModelConfig) -> list[str]:
        """Copy the weights to a classifier of the same configuration; return its layers' names, lowest first."""


BUILDERS: dict[str, Callable[[ModelConfig, Sizes], Pretrainable]] = {
    "language-model": build_language_model, "autoencoder": build_autoencoder}
