"""One recurrent layer over the words: Elman 1990, Hochreiter & Schmidhuber 1997, Cho et al. 2014."""

import keras

from sentiment.architectures import blocks
from sentiment.architectures.registry import Sizes, register
from sentiment.config import ModelConfig


def _sequential(cell: str, config: ModelConfig, sizes: Sizes) -> keras.Model:
    return keras.Sequential(
        [
            blocks.ids_input(),
            *blocks.embedding(config, sizes),
            blocks.recurrent(cell, config, sizes, name=cell),
            *blocks.head(config, sizes, is_bidirectional=False),
        ],
        name=cell)


@register("rnn", "one tanh recurrent layer (Elman 1990)")
def rnn(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """h_t = tanh(W x_t + U h_(t-1) + b)."""
    return _sequential("rnn", config, sizes)


@register("lstm", "one long short-term memory layer (Hochreiter & Schmidhuber 1997)")
def lstm(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """c_t = f * c_(t-1) + i * g, h_t = o * tanh(c_t), with gates i, f, o from x_t and h_(t-1)."""
    return _sequential("lstm", config, sizes)


@register("gru", "one gated recurrent unit layer (Cho et al. 2014)")
def gru(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """h_t = z * h_(t-1) + (1 - z) * g, with update gate z and a reset gate inside the candidate g."""
    return _sequential("gru", config, sizes)
