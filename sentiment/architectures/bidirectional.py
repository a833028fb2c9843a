"""A recurrent layer in each direction, side by side (Schuster & Paliwal 1997)."""

import keras

from sentiment.architectures import blocks
from sentiment.architectures.registry import Sizes, register
from sentiment.config import ModelConfig


def _functional(cell: str, config: ModelConfig, sizes: Sizes) -> keras.Model:
    ids = blocks.ids_input()
    words = blocks.chained(blocks.embedding(config, sizes), ids)  # [batch, time, embedding]
    states = blocks.bidirectional(cell, config, sizes, name=f"bi{cell}")(words)  # [batch, time, 2 * units]
    logits = blocks.chained(blocks.head(config, sizes, is_bidirectional=True), states)  # [batch, 1 or classes]
    return keras.Model(ids, logits, name=f"bi{cell}")


@register("bilstm", "an LSTM in each direction (Graves & Schmidhuber 2005)")
def bilstm(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Two LSTMs read the text forwards and backwards."""
    return _functional("lstm", config, sizes)


@register("bigru", "a GRU in each direction")
def bigru(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Two GRUs read the text forwards and backwards."""
    return _functional("gru", config, sizes)
