"""Recurrent architectures: stacked layers, unidirectional or bidirectional, with attention or pooling."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from sentiment import layers
from sentiment.architectures import blocks
from sentiment.architectures.combinations import depth
from sentiment.architectures.readout import readout
from sentiment.architectures.registry import EMBEDDED, Sizes, register
from sentiment.config import ModelConfig

LAYERS = {"rnn": keras.layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}
CELLS = {"rnn": layers.SimpleRNNCell, "lstm": layers.LSTMCell, "gru": layers.GRUCell}
SCANS = {"qrnn": layers.QRNN, "sru": layers.SRU, "mingru": layers.MinGRU, "minlstm": layers.MinLSTM,
         "rglru": layers.RGLRU}
BATCH_NORMALIZATION = "batch_normalization"
INITIALIZERS = {"orthogonal": "orthogonal", "glorot": "glorot_uniform", "identity": "identity"}
RECURRENT = EMBEDDED | {"units", "layers", "residual", "skip", "normalization", "attention", "heads", "hops",
                        "hops_penalty", "window", "pooling"}
OF_STATES = {"recurrent_initializer", "recurrent_dropout", "weight_drop"}  # of a recurrent kernel
OF_CELL = {"rnn": {"activation", *OF_STATES}, "lstm": {"forget_bias", *OF_STATES}, "gru": {"gru_reset", *OF_STATES},
           "qrnn": {"qrnn_window", "zoneout", "forget_bias"},
           **{cell: {"forget_bias"} for cell in ("sru", "mingru", "minlstm")}}


def recurrent(cell: str, config: ModelConfig, sizes: Sizes, name: str, *, both_ways: bool = False,
              return_state: bool = False) -> keras.layers.Layer:
    """Return a recurrent layer over float [batch, time, features] with the options of a configuration.

    Args:
        cell: a name in LAYERS or SCANS.
        config: of the model.
        sizes: of the model.
        name: of the layer.
        both_ways: whether it is bidirectional (Schuster & Paliwal 1997); the outputs of the directions are
            concatenated, [batch, time, 2 * units], or summed.
        return_state: whether the final states are returned as well.

    Returns:
        A layer of `sentiment.layers`, or Keras's simple RNN, that returns the outputs of all steps, float
        [batch, time, units]; a cell of `sentiment.layers.recurrent` in an `RNN` if an option needs one.
    """
    kept: dict[str, Any] = {"return_sequences": True, "return_state": return_state,
                            "name": f"{name}_cell" if both_ways else name}
    layer = _maker(cell, config, sizes)(**kept)
    return layers.Bidirectional(layer, merge_mode=config.merge, name=name) if both_ways else layer


def _maker(cell: str, config: ModelConfig, sizes: Sizes) -> Callable[..., keras.layers.Layer]:
    """Return the constructor of a unidirectional layer, without the arguments for its name and outputs."""
    if cell in SCANS:
        of_scan: dict[str, tuple[str, Any]] = {
            "forget_bias": ("unit_forget_bias", config.forget_bias), "qrnn_window": ("window", config.qrnn_window),
            "zoneout": ("zoneout", config.zoneout)}
        return partial(SCANS[cell], config.units, **dict(of_scan[option] for option in OF_CELL.get(cell, ())))
    options: dict[str, Any] = {"recurrent_dropout": config.recurrent_dropout,
                               "recurrent_initializer": INITIALIZERS[config.recurrent_initializer]}
    of_cell: dict[str, dict[str, Any]] = {"rnn": {"activation": config.activation.replace("-", "_")},
                                          "lstm": {"unit_forget_bias": config.forget_bias},
                                          "gru": {"reset_after": config.gru_reset == "after"}}
    options |= of_cell[cell]
    if config.normalization in ("layer", "weight") or config.weight_drop:
        kind = layers.LayerNormLSTMCell if config.normalization == "layer" else CELLS[cell]
        weighted = config.normalization == "weight"
        return partial(layers.RNN, kind(config.units, weight_normalization=weighted, weight_drop=config.weight_drop,
                                        **options))
    if cell != "rnn":
        options["use_cudnn"] = sizes.use_cudnn
    return partial(LAYERS[cell], config.units, **options)


def suffix_of(number: int, config: ModelConfig) -> str:
    """Return the suffix of a layer's name: empty for a single layer, else `_1`, `_2`, ..."""
    return "" if depth(config) == 1 else f"_{number}"


def encode(cell: str, config: ModelConfig, sizes: Sizes, words: Any, *, both_ways: bool) -> list[Any]:
    """Run all recurrent layers over embedded words [batch, time, embedding].

    Between layers there is dropout with one mask for all steps. With `--residual` each layer except the first adds its
    input to its output (He et al. 2016); with `--skip` each layer reads the words and all layers below (Huang et al.
    2017, and Graves 2013, where the classifier also reads every layer).

    Returns:
        The states that the classifier reads, each [batch, time, units or 2 * units]: the last layer's, or with
        `--skip` every layer's.
    """
    outputs: list[Any] = []
    below = words
    for number in range(1, depth(config) + 1):
        suffix = suffix_of(number, config)
        if number > 1:
            below = keras.layers.SpatialDropout1D(config.output_dropout, name=f"dropout{suffix}")(below)
        name = f"{'bi' if both_ways else ''}{cell}{suffix}"
        states = recurrent(cell, config, sizes, name, both_ways=both_ways)(below)
        if config.normalization == "batch":
            states = keras.layers.BatchNormalization(name=f"{BATCH_NORMALIZATION}{suffix}")(states)
        below = connect(config, words, outputs, states)
    return outputs if config.skip else outputs[-1:]


def connect(config: ModelConfig, words: Any, outputs: list[Any], states: Any) -> Any:
    """Append the states of a layer to `outputs`; return the input of the layer above it."""
    number = len(outputs) + 1
    if config.residual and outputs:
        states = keras.layers.Add(name=f"residual_{number}")([outputs[-1], states])
    outputs.append(states)
    return keras.layers.Concatenate(name=f"skip_{number}")([words, *outputs]) if config.skip else states


def _concatenated(parts: list[Any], name: str) -> Any:
    return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name=name)(parts)


def summarize(config: ModelConfig, encoded: list[Any], *, both_ways: bool) -> Any:
    """Apply attention or pooling to the states of the layers in `encoded`; return [batch, features]."""

    def pooled(mode: str, sequences: list[Any], name: str, apart: bool) -> Any:
        numbers = [""] if len(sequences) == 1 else [f"_{number}" for number in range(1, len(sequences) + 1)]
        parts = [layers.MaskedPooling(mode, bidirectional=apart, name=name + number)(states)
                 for number, states in zip(numbers, sequences, strict=True)]
        return _concatenated(parts, f"{name}_layers")

    chosen = readout(config)
    attention = chosen.attention
    apart = both_ways and config.merge == "concat"
    if attention is None:
        return pooled(chosen.pooling, encoded, "pooling", apart)
    queries = attention.is_pooled and config.attention != "self-attentive"
    last = pooled("last", encoded, "last_state", apart) if queries else None
    attended = attention.build(config, _concatenated(encoded, "all_layers"), last)
    return pooled(chosen.pooling, [attended], "pooling", apart=False) if chosen.pools else attended


ONE_WAY = {"rnn": "rnn", "lstm": "lstm", "gru": "gru", "stacked-lstm": "lstm", "stacked-gru": "gru",
           **{cell: cell for cell in SCANS}}
BOTH_WAYS = {f"bi{cell}": cell for cell in ("rnn", "lstm", "gru", "qrnn", "sru", "mingru", "minlstm")}


def _register(name: str, cell: str, summary: str, *, both_ways: bool, **defaults: Any) -> None:
    uses = RECURRENT | OF_CELL.get(cell, set()) | ({"merge"} if both_ways else set())

    @register(name, summary, uses=uses, model=defaults)
    def build(config: ModelConfig, sizes: Sizes) -> keras.Model:
        ids, words = blocks.ids_and_words(config, sizes)
        encoded = encode(cell, config, sizes, words, both_ways=both_ways)
        return blocks.classifier(config, sizes, ids, summarize(config, encoded, both_ways=both_ways))


_register("rnn", "rnn", "a plain recurrent layer: h_t = tanh(W x_t + U h_(t-1) + b) (Elman 1990)", both_ways=False)
_register("lstm", "lstm", "a long short-term memory layer (Hochreiter & Schmidhuber 1997)", both_ways=False)
_register("gru", "gru", "a gated recurrent unit layer (Cho et al. 2014)", both_ways=False)
_register("birnn", "rnn", "a plain recurrent layer in each direction (Schuster & Paliwal 1997)", both_ways=True)
_register("bilstm", "lstm", "an LSTM in each direction (Graves & Schmidhuber 2005)", both_ways=True,
          attention="luong-concat")
_register("bigru", "gru", "a GRU in each direction", both_ways=True)
_register("stacked-lstm", "lstm", "two or more LSTM layers on top of one another (Graves et al. 2013)",
          both_ways=False)
_register("stacked-gru", "gru", "two or more GRU layers on top of one another", both_ways=False)
_register("stacked-bilstm", "lstm", "two or more bidirectional LSTM layers (Graves et al. 2013)", both_ways=True)
_register("qrnn", "qrnn", "a quasi-recurrent layer: windows of words, elementwise recurrence (Bradbury et al. 2017)",
          both_ways=False)
_register("sru", "sru", "a simple recurrent unit layer, elementwise recurrence (Lei et al. 2018)", both_ways=False)
_register("mingru", "mingru", "a minimal GRU layer, elementwise recurrence (Feng et al. 2024)", both_ways=False)
_register("minlstm", "minlstm", "a minimal LSTM layer, elementwise recurrence (Feng et al. 2024)", both_ways=False)
_register("rglru", "rglru", "a real-gated linear recurrent unit layer (De et al. 2024)", both_ways=False)
_register("biqrnn", "qrnn", "a quasi-recurrent layer in each direction", both_ways=True, attention="luong-concat")
_register("bisru", "sru", "a simple recurrent unit layer in each direction", both_ways=True, attention="luong-concat")
_register("bimingru", "mingru", "a minimal GRU in each direction", both_ways=True, attention="luong-concat")
_register("biminlstm", "minlstm", "a minimal LSTM in each direction", both_ways=True, attention="luong-concat")
