"""Readout: attention or pooling over the states of all words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras

from sentiment.config import ModelConfig
from sentiment.layers import (
    AdditiveAttention,
    CosineAttention,
    DotProductAttention,
    EuclideanAttention,
    LuongAttention,
    SelfAttentivePooling,
)

NAME = "attention"
DEFAULT_POOLING = "max"
# Takes the states [batch, time, features] and the last states [batch, features].
Builder = Callable[[ModelConfig, Any, Any], Any]


@dataclass(frozen=True)
class Attention:
    """A kind of attention: its builder, and whether its output is one vector per text."""

    is_pooled: bool
    build: Builder


def _queried_by_last(layer: Callable[[ModelConfig], keras.layers.Layer]) -> Builder:
    """Attention with the last state as the query; the output is the context and the query, concatenated."""

    def build(config: ModelConfig, states: Any, last: Any) -> Any:
        context, _ = layer(config)(last, states)  # [batch, features]
        return keras.layers.Concatenate(name="context_and_state")([context, last])

    return build


def _luong(score: str, place: str = "global") -> Builder:
    """Attention with the last state as the query; the output is Luong's attentional state tanh(W [c; h])."""

    def build(config: ModelConfig, states: Any, last: Any) -> Any:
        context, _ = LuongAttention(score, place, config.window, name=NAME)(last, states)  # [batch, features]
        both = keras.layers.Concatenate(name="context_and_state")([context, last])
        return keras.layers.Dense(last.shape[-1], "tanh", use_bias=False, name="attentional_state")(both)

    return build


def _luong_monotonic(config: ModelConfig, states: Any, last: Any) -> Any:
    """Local attention with each state as a query; the output is a sequence of attentional states."""
    context, _ = LuongAttention("general", "local-m", config.window, name=NAME)(states, states)
    both = keras.layers.Concatenate(name="context_and_state")([context, states])  # [batch, time, 2 * features]
    return keras.layers.Dense(states.shape[-1], "tanh", use_bias=False, name="attentional_state")(both)


def _added_and_normalized(states: Any, attended: Any) -> Any:
    """Return LN(h + attention(h)), the sublayer of Vaswani et al. 2017."""
    added = keras.layers.Add(name="attention_residual")([states, attended])
    return keras.layers.LayerNormalization(name="attention_normalization")(added)


def _dot_product(config: ModelConfig, states: Any, last: Any) -> Any:
    """Dot-product self-attention over the states."""
    return _added_and_normalized(states, DotProductAttention(name=NAME)(states, states)[0])


def _multi_head(config: ModelConfig, states: Any, last: Any) -> Any:
    """Multi-head self-attention over the states."""
    layer = keras.layers.MultiHeadAttention(config.heads, max(1, states.shape[-1] // config.heads), name=NAME)
    return _added_and_normalized(states, layer(states, states, return_attention_scores=True)[0])


def _self_attentive(config: ModelConfig, states: Any, last: Any) -> Any:
    """Self-attentive pooling: concatenated hops of weighted sums."""
    return SelfAttentivePooling(config.units, config.hops, config.hops_penalty, name=NAME)(states)[0]


ATTENTIONS: dict[str, Attention] = {
    "additive": Attention(True, _queried_by_last(lambda config: AdditiveAttention(config.units, name=NAME))),
    "luong-dot": Attention(True, _luong("dot")),
    "luong-general": Attention(True, _luong("general")),
    "luong-concat": Attention(True, _luong("concat")),
    "luong-local-m": Attention(False, _luong_monotonic),
    "luong-local-p": Attention(True, _luong("general", "local-p")),
    "dot-product": Attention(False, _dot_product),
    "multi-head": Attention(False, _multi_head),
    "self-attentive": Attention(True, _self_attentive),
    "cosine": Attention(True, _queried_by_last(lambda config: CosineAttention(config.units, name=NAME))),
    "euclidean": Attention(True, _queried_by_last(lambda config: EuclideanAttention(config.units, name=NAME))),
}


class Readout(NamedTuple):
    """Attention and pooling of a configuration.

    Attributes:
        attention: over the states; None for none.
        pooling: of the states or of the result of attention.
    """

    attention: Attention | None
    pooling: str

    @property
    def pools(self) -> bool:
        """Whether the states are pooled, that is, attention does not return one vector."""
        return self.attention is None or not self.attention.is_pooled


def readout(config: ModelConfig) -> Readout:
    """Return the readout of `--attention` and `--pooling`."""
    attention = None if config.attention == "none" else ATTENTIONS[config.attention]
    return Readout(attention, config.pooling or DEFAULT_POOLING)
