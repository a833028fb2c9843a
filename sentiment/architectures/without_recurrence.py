"""Architectures without recurrence, as baselines."""

from typing import Any

import keras

from sentiment import layers
from sentiment.architectures import blocks
from sentiment.architectures.readout import NAME, readout
from sentiment.architectures.registry import EMBEDDED, Sizes, register
from sentiment.config import ModelConfig

CONVOLUTION_WIDTHS = (3, 4, 5)
TRANSFORMER_LAYERS = 2
INNER_FACTOR = 4
# Dropping a word also drops both of its bigrams, so too few vectors are left for a mean.
WITHOUT_DROPOUT = {"word_dropout": 0.0, "embedding_dropout": 0.0, "output_dropout": 0.0}


@register("attention", "attention alone: embedding, a layer on each word, an attention pool", uses=EMBEDDED | {"units"})
def attention(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Attention pooling of h_t = relu(W x_t + b) with weights softmax(v . tanh(U h_t + b)) (Yang et al. 2016)."""
    ids, words = blocks.ids_and_words(config, sizes)
    hidden = keras.layers.Dense(config.units, "relu", name="hidden")(words)  # [batch, time, units]
    features, _ = layers.SelfAttentivePooling(config.units, use_bias=True, name=NAME)(hidden)  # [batch, units]
    return blocks.classifier(config, sizes, ids, features)


@register("fasttext", "the mean of the vectors of words and bigrams (Joulin et al. 2017)",
          uses=EMBEDDED | {"bigram_buckets"}, model={"embedding_size": 128, **WITHOUT_DROPOUT})
def fasttext(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Mean of the vectors of words and bigrams."""
    ids = blocks.ids_input()
    word_dropout, embedding, *changes = blocks.embedding(config, sizes)
    known = word_dropout(ids)
    words = layers.BigramEmbedding(config.bigram_buckets, name="bigrams")(embedding(known), known)
    words = blocks.chained(changes, words)  # [batch, time, embedding]
    return blocks.classifier(config, sizes, ids, layers.MaskedPooling("mean", name="pooling")(words))


@register("cnn", "convolutions over 3, 4 and 5 words, max-pooled (Kim 2014)", uses=EMBEDDED | {"units"})
def cnn(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Convolutions with `units` filters of each width and max pooling over time."""
    ids, words = blocks.ids_and_words(config, sizes)
    pools = []
    for width in CONVOLUTION_WIDTHS:
        convolution = layers.MaskedConv1D(config.units, width, padding="same", activation="relu",
                                          name=f"convolution_{width}")
        pools.append(layers.MaskedPooling("max", name=f"pooling_{width}")(convolution(words)))
    return blocks.classifier(config, sizes, ids, keras.layers.Concatenate(name="widths")(pools))  # [batch, 3 * units]


@register("transformer", "a small Transformer encoder, normalised before each sublayer (Vaswani et al. 2017)",
          uses=EMBEDDED | {"layers", "heads", "pooling"}, model={"embedding_size": 128}, text={"max_length": 400})
def transformer(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Transformer encoder with sinusoidal positions: each layer adds MHA(LN(x)), then W relu(V LN(x))."""
    ids, words = blocks.ids_and_words(config, sizes)
    states = layers.SinusoidalPositions(name="positions")(words)
    for number in range(1, (config.layers or TRANSFORMER_LAYERS) + 1):
        states = _transformer_layer(config, states, number)
    states = keras.layers.LayerNormalization(name="normalization")(states)
    features = layers.MaskedPooling(readout(config).pooling, name="pooling")(states)
    return blocks.classifier(config, sizes, ids, features)


def _transformer_layer(config: ModelConfig, states: Any, number: int) -> Any:
    """Transformer layer: self-attention and a feed-forward layer, each with a residual connection."""
    size = config.embedding_size
    attend = keras.layers.MultiHeadAttention(config.heads, size // config.heads, name=f"{NAME}_{number}")
    normal = keras.layers.LayerNormalization(name=f"attention_normalization_{number}")(states)
    attended, _ = attend(normal, normal, return_attention_scores=True)
    states = keras.layers.Add(name=f"attention_residual_{number}")([states, attended])
    normal = keras.layers.LayerNormalization(name=f"inner_normalization_{number}")(states)
    inner = keras.layers.Dense(INNER_FACTOR * size, "relu", name=f"inner_{number}")(normal)
    outer = keras.layers.Dense(size, name=f"outer_{number}")(inner)
    return keras.layers.Add(name=f"inner_residual_{number}")([states, outer])
