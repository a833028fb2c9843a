"""The steps that architectures share: embed the ids, run a recurrent layer, pool and classify."""

from typing import Any

import keras
import numpy as np

from sentiment.architectures.registry import Sizes
from sentiment.config import ModelConfig
from sentiment.layers import MaskedPooling, WordDropout

CELLS: dict[str, type[keras.layers.Layer]] = {
    "rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
DEFAULT_LAYERS = 2
EMBEDDING = "embedding"


def _regularizer(config: ModelConfig) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L2(config.l2) if config.l2 else None


def ids_input() -> Any:
    """The model's input: int32 [batch, time]."""
    return keras.Input((None,), dtype="int32", name="ids")


def embedding(config: ModelConfig, sizes: Sizes) -> list[keras.layers.Layer]:
    """Layers from ids [batch, time] to vectors [batch, time, embedding]; the mask is `ids != 0`."""
    return [
        WordDropout(config.word_dropout, name="word_dropout"),
        keras.layers.Embedding(sizes.vocabulary_size, config.embedding_size, mask_zero=True, name=EMBEDDING),
        keras.layers.SpatialDropout1D(config.embedding_dropout, name="embedding_dropout"),
    ]


def set_word_vectors(model: keras.Model, vectors: np.ndarray) -> None:
    """Start the embedding of a model from word vectors, float32 [vocabulary, embedding]."""
    model.get_layer(EMBEDDING).embeddings.assign(vectors)


def recurrent(cell: str, config: ModelConfig, sizes: Sizes, name: str) -> keras.layers.Layer:
    """A recurrent layer that returns the states of all steps, [batch, time, units]."""
    cudnn = {} if cell == "rnn" else {"use_cudnn": sizes.use_cudnn}
    return CELLS[cell](
        config.units, return_sequences=True, recurrent_dropout=config.recurrent_dropout,
        kernel_regularizer=_regularizer(config), recurrent_regularizer=_regularizer(config), name=name, **cudnn)


def bidirectional(cell: str, config: ModelConfig, sizes: Sizes, name: str) -> keras.layers.Layer:
    """A forward and a backward layer side by side, [batch, time, 2 * units] (Schuster & Paliwal 1997)."""
    return keras.layers.Bidirectional(recurrent(cell, config, sizes, f"{name}_cell"), merge_mode="concat", name=name)


def head(config: ModelConfig, sizes: Sizes, *, is_bidirectional: bool) -> list[keras.layers.Layer]:
    """Layers from states [batch, time, features] to float32 logits [batch, 1 or classes]."""
    return [
        MaskedPooling(config.pooling, bidirectional=is_bidirectional, name="pooling"),
        keras.layers.Dropout(config.output_dropout, name="output_dropout"),
        keras.layers.Dense(sizes.logits, kernel_regularizer=_regularizer(config), dtype="float32", name="logits"),
    ]


def chained(layers: list[keras.layers.Layer], values: Any) -> Any:
    """Apply layers one after another."""
    for layer in layers:
        values = layer(values)
    return values
