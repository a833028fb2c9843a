"""Stateful encoders: recurrent layers of a model with their states as inputs and outputs."""

from typing import Any

import keras

from sentiment.architectures import blocks
from sentiment.architectures.combinations import depth
from sentiment.architectures.recurrent import BATCH_NORMALIZATION, ONE_WAY, connect, suffix_of
from sentiment.config import ModelConfig
from sentiment.errors import UserError
from sentiment.layers import RNN


def check_stateful(config: ModelConfig) -> None:
    """Refuse a model that cannot read a text in pieces.

    Raises:
        UserError: with the reason.
    """
    if config.architecture not in ONE_WAY:
        raise UserError(f"a model that reads piece by piece must be unidirectional: train {', '.join(ONE_WAY)}; this "
                        f"is '{config.architecture}'")
    if config.attention != "none":
        raise UserError(f"--attention {config.attention} attends to all words, so it cannot read piece by piece: "
                        "train with --pooling")


def stateful_encoder(config: ModelConfig, model: keras.Model) -> keras.Model:
    """Return the encoder of a trained model, with its weights and with states as inputs and outputs.

    Returns:
        A model from [ids int32 [batch, time], states ...] to [outputs ..., states ...]: the states of all steps that
        the classifier pools, float [batch, time, units], with `--skip` one per layer, and the final state of each
        layer.
    """
    check_stateful(config)
    cell = ONE_WAY[config.architecture]
    ids = blocks.ids_input()
    words = below = model.get_layer(blocks.EMBEDDING)(ids)  # [batch, time, embedding]
    starts: list[Any] = []
    ends: list[Any] = []
    outputs: list[Any] = []
    for number in range(1, depth(config) + 1):
        suffix = suffix_of(number, config)
        trained = model.get_layer(f"{cell}{suffix}")
        kind = RNN if isinstance(trained, RNN) else keras.layers.RNN
        layer = kind(trained.cell, return_sequences=True, return_state=True, name=f"{cell}{suffix}")
        sizes = keras.tree.flatten(trained.cell.state_size)
        start = [keras.Input((size,), name=f"state_{number}_{place}") for place, size in enumerate(sizes)]
        states, *end = layer(below, initial_state=start)
        starts += start
        ends += end
        if config.normalization == "batch":
            states = model.get_layer(f"{BATCH_NORMALIZATION}{suffix}")(states)
        below = connect(config, words, outputs, states)
    read = outputs if config.skip else outputs[-1:]
    return keras.Model([ids, *starts], [*read, *ends], name="stateful")
