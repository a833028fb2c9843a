"""Sequence autoencoder for the pretraining of recurrent classifiers."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from sentiment.architectures import blocks
from sentiment.architectures.combinations import check_plain_layers, depth
from sentiment.architectures.recurrent import ONE_WAY, recurrent, suffix_of
from sentiment.architectures.registry import Sizes
from sentiment.config import ModelConfig
from sentiment.errors import UserError


def check_autoencoder(config: ModelConfig) -> None:
    """Refuse a classifier that cannot be pretrained by an autoencoder.

    Raises:
        UserError: with the reason.
    """
    if config.architecture not in ONE_WAY:
        raise UserError(f"an autoencoder pretrains a unidirectional encoder: use {', '.join(ONE_WAY)}, not "
                        f"'{config.architecture}'")
    check_plain_layers(config, "an autoencoder")


@dataclass(frozen=True)
class Autoencoder:
    """Encoder-decoder that reconstructs a text.

    Attributes:
        network: from ids int32 [batch, time] to float32 [batch, time, embedding]: at each step a vector whose product
            with the embedding of a word is the logit of that word.
    """

    network: keras.Model

    @property
    def table(self) -> Any:
        """Embedding, a variable float32 [vocabulary, embedding]; also the output weights (tied)."""
        return self.network.get_layer(blocks.EMBEDDING).embeddings

    def start(self, classifier: keras.Model, config: ModelConfig) -> list[str]:
        """Copy the embedding and the recurrent weights to a classifier; return its layers' names, lowest first."""
        names = [layer.name for layer in self.network.layers
                 if layer.name == blocks.EMBEDDING or isinstance(layer, keras.layers.RNN)]
        for name in names:
            classifier.get_layer(name).set_weights(self.network.get_layer(name).get_weights())
        return names


def build_autoencoder(config: ModelConfig, sizes: Sizes) -> Autoencoder:
    """Build an encoder-decoder that reconstructs a text (Sutskever et al. 2014; Dai & Le 2015).

    The encoder's last states are the decoder's initial states. The decoder has the same weights (as in Dai & Le) and
    reads the text shifted by one step. Its layers have the names of the classifier's.

    Raises:
        UserError: for a classifier that cannot be pretrained by an autoencoder.
    """
    check_autoencoder(config)
    cell = ONE_WAY[config.architecture]
    ids, words = blocks.ids_and_words(config, sizes)
    mask = ops.not_equal(ids, 0)
    encoded, decoded = words, ops.pad(words, [[0, 0], [1, 0], [0, 0]])[:, :-1]
    for number in range(1, depth(config) + 1):
        layer = recurrent(cell, config, sizes, f"{cell}{suffix_of(number, config)}", return_state=True)
        encoded, *states = layer(encoded, mask=mask)
        decoded, *_ = layer(decoded, initial_state=states, mask=mask)  # [batch, time, units]
    written = keras.layers.Dense(config.embedding_size, name="written")(decoded)
    return Autoencoder(keras.Model(ids, written, name="autoencoder"))
