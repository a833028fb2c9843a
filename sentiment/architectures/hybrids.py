"""Hybrid architectures: recurrent layers over convolutions or over sentences."""

import keras

from sentiment import layers
from sentiment.architectures import blocks
from sentiment.architectures.readout import NAME
from sentiment.architectures.recurrent import encode, recurrent, summarize
from sentiment.architectures.registry import EMBEDDED, Sizes, register
from sentiment.config import ModelConfig

WIDTH = 3
CELL = EMBEDDED | {"units", "recurrent_dropout", "weight_drop", "recurrent_initializer"}


@register("cnn-lstm", "an LSTM over convolutions of 3 words (Zhou et al. 2015)", uses=CELL | {"pooling"})
def cnn_lstm(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """C-LSTM: an LSTM over the features of a convolution."""
    ids, words = blocks.ids_and_words(config, sizes)
    features = layers.MaskedConv1D(config.units, WIDTH, padding="same", activation="relu", name="convolution")(words)
    states = encode("lstm", config, sizes, features, both_ways=False)  # [batch, time, units]
    return blocks.classifier(config, sizes, ids, summarize(config, states, both_ways=False))


@register("han", "hierarchical attention: words to sentences to the text (Yang et al. 2016)", uses=CELL | {"gru_reset"},
          text={"periods": True})
def han(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Bidirectional GRU with attention pooling over the words of each sentence, then over the sentences."""
    ids, words = blocks.ids_and_words(config, sizes)
    split = layers.SplitSentences(sizes.sentence_ends, name="split_sentences")
    rows, row_mask, real = split(ids, words)  # [batch * sentences, words, embedding]
    states = recurrent("gru", config, sizes, "words_bigru", both_ways=True)(rows, mask=row_mask)
    pool = layers.SelfAttentivePooling(2 * config.units, use_bias=True, name=f"words_{NAME}")
    sentences, _ = pool(states, mask=row_mask)  # [batch * sentences, 2 * units]
    sentences = layers.JoinSentences(name="join_sentences")(sentences, real)  # [batch, sentences, 2 * units]
    states = recurrent("gru", config, sizes, "sentences_bigru", both_ways=True)(sentences, mask=real)
    pool = layers.SelfAttentivePooling(2 * config.units, use_bias=True, name=f"sentences_{NAME}")
    features, _ = pool(states, mask=real)  # [batch, 2 * units]
    return blocks.classifier(config, sizes, ids, features)
