"""Language models, to pretrain recurrent classifiers."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import keras

from sentiment.architectures import blocks
from sentiment.architectures.combinations import check_plain_layers, depth
from sentiment.architectures.recurrent import BOTH_WAYS, ONE_WAY, recurrent, suffix_of
from sentiment.architectures.registry import Sizes
from sentiment.config import ModelConfig
from sentiment.errors import UserError

FORWARD, BACKWARD = "forward", "backward"


def check_language_model(config: ModelConfig) -> None:
    """Refuse a classifier that a language model cannot pretrain.

    Raises:
        UserError: with the reason.
    """
    if config.architecture not in (*ONE_WAY, *BOTH_WAYS):
        raise UserError(f"a language model starts recurrent layers: use {', '.join((*ONE_WAY, *BOTH_WAYS))}, not "
                        f"'{config.architecture}'")
    if config.architecture in BOTH_WAYS and depth(config) > 1:
        raise UserError("a second bidirectional layer has seen the words that a language model would predict: use "
                        "--layers 1, or an architecture that reads one way")
    check_plain_layers(config, "a language model")


@dataclass(frozen=True)
class Direction:
    """Recurrent layers of one direction.

    Attributes:
        name: `forward` or `backward`.
        layers: its recurrent layers, the lowest first.
        states: the features of the state tensors of each.
    """

    name: str
    layers: tuple[keras.layers.Layer, ...]
    states: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class LanguageModel:
    """Language model over windows of text, with one network for each direction.

    Attributes:
        network: from a list with, for each direction, the ids int32 [streams, time] and all initial states, float
            [streams, features] each, to a list with, for each direction, the predicted vectors of the next words,
            float32 [streams, time, embedding], and all final states. The backward direction gets its words in reverse
            order.
        directions: forward, and for a bidirectional classifier backward.
    """

    network: keras.Model
    directions: tuple[Direction, ...]

    @property
    def table(self) -> Any:
        """The embedding, a variable float32 [vocabulary, embedding], also the output weights (tied)."""
        return self.network.get_layer(blocks.EMBEDDING).embeddings

    @property
    def states(self) -> tuple[int, ...]:
        """The features of the state tensors of one direction."""
        return tuple(size for sizes in self.directions[0].states for size in sizes)

    def start(self, classifier: keras.Model, config: ModelConfig) -> list[str]:
        """Copy the embedding and the recurrent weights to a classifier; return its layers' names, lowest first."""
        blocks.set_word_vectors(classifier, blocks.word_vectors_of(self.network))
        names = [f"{_cell_of(config, 'bi')}{suffix_of(number, config)}" for number in range(1, depth(config) + 1)]
        for direction in self.directions:
            for name, layer in zip(names, direction.layers, strict=True):
                started = classifier.get_layer(name)
                if len(self.directions) == 2:
                    started = started.forward_layer if direction.name == FORWARD else started.backward_layer
                started.set_weights(layer.get_weights())
        return [blocks.EMBEDDING, *names]


def _cell_of(config: ModelConfig, prefix: str = "") -> str:
    """Return the name of the cell, with a prefix for a bidirectional architecture."""
    if config.architecture in ONE_WAY:
        return ONE_WAY[config.architecture]
    return prefix + BOTH_WAYS[config.architecture]


def build_language_model(config: ModelConfig, sizes: Sizes) -> LanguageModel:
    """Build a language model for each direction of the classifier of this configuration.

    Both share the embedding, whose rows also score the next word ("tied weights", Press & Wolf 2017; Inan et al.
    2017); each has its own recurrent layers and its own projection to the size of the embedding. Dropout has one mask
    for all steps of a window (Gal & Ghahramani 2016).

    Raises:
        UserError: for a classifier that a language model cannot pretrain.
    """
    check_language_model(config)
    embed = blocks.embedding(config, sizes, masked=False)
    inputs: list[Any] = []
    outputs: list[Any] = []
    directions = []
    for name in (FORWARD,) if config.architecture in ONE_WAY else (FORWARD, BACKWARD):
        direction = _direction(name, config, sizes)
        directions.append(direction)
        states = [keras.Input((size,), name=f"{name}_state_{number}")
                  for number, size in enumerate(size for sizes in direction.states for size in sizes)]
        own_inputs = [blocks.ids_input(f"{name}_ids"), *states]
        inputs += own_inputs
        outputs += _read(direction, config, blocks.chained(embed, own_inputs[0]), states)
    return LanguageModel(keras.Model(inputs, outputs, name="language_model"), tuple(directions))


def _direction(name: str, config: ModelConfig, sizes: Sizes) -> Direction:
    """Build the recurrent layers of a direction."""
    cell = _cell_of(config)
    layers = tuple(recurrent(cell, config, sizes, f"{name}_{cell}{suffix_of(number, config)}", return_state=True)
                   for number in range(1, depth(config) + 1))
    for layer, features in zip(layers, (config.embedding_size, *[config.units] * (len(layers) - 1)), strict=True):
        layer.build((None, None, features))
    return Direction(name, layers, tuple(tuple(keras.tree.flatten(layer.cell.state_size)) for layer in layers))


def _read(direction: Direction, config: ModelConfig, words: Any, states: list[Any]) -> list[Any]:
    """Run a direction over embedded words [streams, time, embedding]; return the predicted vectors and final states."""
    after: list[Any] = []
    given = iter(states)
    for number, (layer, sizes) in enumerate(zip(direction.layers, direction.states, strict=True)):
        if number:
            dropout = keras.layers.SpatialDropout1D(config.output_dropout, name=f"{direction.name}_dropout_{number}")
            words = dropout(words)
        words, *new = layer(words, initial_state=list(islice(given, len(sizes))))  # [streams, time, units]
        after += new
    words = keras.layers.SpatialDropout1D(config.output_dropout, name=f"{direction.name}_output_dropout")(words)
    written = keras.layers.Dense(config.embedding_size, name=f"{direction.name}_written")(words)
    return [written, *after]
