"""Recurrent layers on top of one another (Graves, Mohamed & Hinton 2013)."""

import keras

from sentiment.architectures import blocks
from sentiment.architectures.registry import Sizes, register
from sentiment.config import ModelConfig


def _functional(cell: str, config: ModelConfig, sizes: Sizes, *, both_ways: bool) -> keras.Model:
    layer = blocks.bidirectional if both_ways else blocks.recurrent
    ids = blocks.ids_input()
    states = blocks.chained(blocks.embedding(config, sizes), ids)  # [batch, time, embedding]
    for number in range(1, (config.layers or blocks.DEFAULT_LAYERS) + 1):
        if number > 1:
            states = keras.layers.SpatialDropout1D(config.output_dropout, name=f"dropout_{number}")(states)
        states = layer(cell, config, sizes, name=f"{cell}_{number}")(states)  # [batch, time, units or 2 * units]
    logits = blocks.chained(blocks.head(config, sizes, is_bidirectional=both_ways), states)
    return keras.Model(ids, logits, name=f"stacked_{'bi' if both_ways else ''}{cell}")


@register("stacked-lstm", "two or more LSTM layers on top of one another (Graves et al. 2013)", stacked=True)
def stacked_lstm(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Each LSTM reads the states of the one below."""
    return _functional("lstm", config, sizes, both_ways=False)


@register("stacked-gru", "two or more GRU layers on top of one another", stacked=True)
def stacked_gru(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Each GRU reads the states of the one below."""
    return _functional("gru", config, sizes, both_ways=False)


@register("stacked-bilstm", "two or more bidirectional LSTM layers (Graves et al. 2013)", stacked=True)
def stacked_bilstm(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Each layer reads the text in both directions over the states of the one below."""
    return _functional("lstm", config, sizes, both_ways=True)
