"""Pretrainable networks, by method."""

from collections.abc import Callable
from typing import Any, Protocol

import keras

from sentiment.architectures.autoencoder import build_autoencoder
from sentiment.architectures.language_model import build_language_model
from sentiment.architectures.registry import Sizes
from sentiment.config import ModelConfig


class Pretrainable(Protocol):
    """Protocol of networks whose lower layers can initialise a classifier."""

    @property
    def network(self) -> keras.Model:
        """Trained Keras model."""

    @property
    def table(self) -> Any:
        """Embedding, a variable float32 [vocabulary, embedding]."""

    def start(self, classifier: keras.Model, config: ModelConfig) -> list[str]:
        """Copy the weights to a classifier of the same configuration; return its layers' names, lowest first."""


BUILDERS: dict[str, Callable[[ModelConfig, Sizes], Pretrainable]] = {
    "language-model": build_language_model, "autoencoder": build_autoencoder}
