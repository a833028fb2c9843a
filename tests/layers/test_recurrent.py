"""Tests of the recurrent cells with additional options against NumPy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_checks import check_gradient, check_half, check_saving, set_weights

from sentiment.layers import RNN, GRUCell, LayerNormLSTMCell, LSTMCell, SimpleRNNCell
from sentiment.layers.tensorflow.recurrence import Loop

WORDS = np.random.default_rng(2).normal(size=(3, 6, 4)).astype(np.float32)
LENGTHS = [6, 3, 1]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]
UNITS = 5

CELLS: dict[str, Callable[..., Any]] = {
    "rnn": lambda **k: SimpleRNNCell(UNITS, **k),
    "lstm": lambda **k: LSTMCell(UNITS, **k),
    "gru": lambda **k: GRUCell(UNITS, **k),
    "gru before": lambda **k: GRUCell(UNITS, reset_after=False, **k),
    "rnn weight": lambda **k: SimpleRNNCell(UNITS, activation="leaky_relu", weight_normalization=True, **k),
    "lstm weight": lambda **k: LSTMCell(UNITS, weight_normalization=True, **k),
    "gru weight": lambda **k: GRUCell(UNITS, weight_normalization=True, **k),
    "layer": lambda **k: LayerNormLSTMCell(UNITS, **k),
    "layer weight": lambda **k: LayerNormLSTMCell(UNITS, weight_normalization=True, **k),
}


def layer_of(name: str, **options: Any) -> keras.layers.Layer:
    of_layer = {"dtype": options["dtype"]} if "dtype" in options else {}
    return RNN(CELLS[name](**options), return_sequences=True, **of_layer)


def sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))


def normalized(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / np.sqrt(values.var() + 1e-3))


def reference(name: str, weights: dict[str, np.ndarray], text: np.ndarray) -> np.ndarray:
    """Run the formulas over one text of float [time, features]."""
    kernel, recurrent, bias = weights["kernel"], weights["recurrent_kernel"], weights["bias"]
    if "weight" in name:
        kernel = weights["kernel_gain"] * kernel / np.linalg.norm(kernel, axis=0)
        recurrent = weights["recurrent_gain"] * recurrent / np.linalg.norm(recurrent, axis=0)
    hidden, carry, states = np.zeros(UNITS), np.zeros(UNITS), []
    for word in text:
        if name.startswith("rnn"):
            total = word @ kernel + hidden @ recurrent + bias
            hidden = np.tanh(total) if name == "rnn" else np.where(total > 0, total, 0.2 * total)
        elif name.startswith("gru"):
            hidden = gru_step(kernel, recurrent, bias, word, hidden, after="before" not in name)
        else:
            inner, outer = word @ kernel, hidden @ recurrent
            if name.startswith("layer"):
                inner, outer = weights["input_scale"] * normalized(inner), weights["state_scale"] * normalized(outer)
            i, f, g, o = np.split(inner + outer + bias, 4)
            carry = sigmoid(f) * carry + sigmoid(i) * np.tanh(g)
            shown = weights["carry_scale"] * normalized(carry) + weights["carry_bias"] if "layer" in name else carry
            hidden = sigmoid(o) * np.tanh(shown)
        states.append(hidden)
    return np.array(states)


def gru_step(kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray, word: np.ndarray, hidden: np.ndarray, *,
             after: bool) -> np.ndarray:
    k_z, k_r, k_h = np.split(kernel, 3, axis=1)
    u_z, u_r, u_h = np.split(recurrent, 3, axis=1)
    inner, outer = (bias[0], bias[1]) if after else (bias, np.zeros_like(bias))
    (b_z, b_r, b_h), (c_z, c_r, c_h) = np.split(inner, 3), np.split(outer, 3)
    z = sigmoid(word @ k_z + b_z + hidden @ u_z + c_z)
    r = sigmoid(word @ k_r + b_r + hidden @ u_r + c_r)
    past = r * (hidden @ u_h + c_h) if after else (r * hidden) @ u_h
    return np.asarray(z * hidden + (1 - z) * np.tanh(word @ k_h + b_h + past))


def named_weights(layer: keras.layers.Layer) -> dict[str, np.ndarray]:
    return {weight.name: np.asarray(value) for weight, value in zip(layer.weights, layer.get_weights(), strict=True)}


@pytest.mark.parametrize("name", CELLS)
def test_outputs_match_a_numpy_reference(name: str) -> None:
    layer = layer_of(name)
    layer(WORDS)
    set_weights(layer)
    states = np.asarray(layer(WORDS, mask=tf.constant(MASK)))
    for row, length in enumerate(LENGTHS):
        expected = reference(name, named_weights(layer), WORDS[row, :length])
        np.testing.assert_allclose(states[row, :length], expected, atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_numerical_gradient_in_inference(name: str) -> None:
    check_gradient(lambda **k: layer_of(name, **k), [WORDS[:2]], mask=tf.constant(MASK[:2]))


@pytest.mark.parametrize("name", ["lstm weight", "gru weight", "gru before", "layer weight"])
def test_numerical_gradient_in_training(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    run = Loop.run

    def counted(*args: Any) -> Any:
        runs.append(1)
        return run(*args)

    monkeypatch.setattr(Loop, "run", counted)
    check_gradient(lambda **k: layer_of(name, **k), [WORDS[:2]], mask=tf.constant(MASK[:2]), training=True)
    assert bool(runs) == (name != "layer weight")  # the fast loop, where it has a step for the cell


@pytest.mark.parametrize("name", CELLS)
def test_saving_and_half_precision(name: str, tmp_path: Path) -> None:
    check_saving(layer_of(name), [WORDS], tmp_path)
    check_half(lambda **k: layer_of(name, **k), [WORDS], mask=tf.constant(MASK))


@pytest.mark.parametrize("name", CELLS)
def test_bidirectional_outputs_match_a_numpy_reference(name: str) -> None:
    both = keras.layers.Bidirectional(layer_of(name))
    both(WORDS)
    set_weights(both)
    states = np.asarray(both(WORDS, mask=tf.constant(MASK)))
    for row, length in enumerate(LENGTHS):
        forward = reference(name, named_weights(both.forward_layer), WORDS[row, :length])
        backward = reference(name, named_weights(both.backward_layer), WORDS[row, :length][::-1])[::-1]
        np.testing.assert_allclose(states[row, :length], np.concatenate([forward, backward], axis=1), atol=1e-5)


@pytest.mark.parametrize("kind", [keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN])
def test_cell_without_options_matches_keras(kind: Any) -> None:
    name = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}[kind.__name__]
    ours, theirs = layer_of(name), kind(UNITS, return_sequences=True)
    ours(WORDS)
    theirs(WORDS)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(WORDS), theirs(WORDS), atol=1e-6)


def test_weight_normalisation_keeps_initial_outputs_and_ignores_kernel_scale() -> None:
    plain, normal = layer_of("lstm"), layer_of("lstm weight")
    plain(WORDS)
    normal(WORDS)
    weights = named_weights(normal)
    plain.set_weights([weights["kernel"], weights["recurrent_kernel"], weights["bias"]])
    expected = np.asarray(plain(WORDS))
    np.testing.assert_allclose(normal(WORDS), expected, atol=1e-6)
    normal.cell.stored_kernel.assign(weights["kernel"] * 7)
    np.testing.assert_allclose(normal(WORDS), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "layer"])
def test_weight_drop_uses_one_mask_for_all_steps(name: str) -> None:
    """The outputs match the reference with one masked kernel, read from the cell, at all steps."""
    layer = layer_of(name, weight_drop=0.5, seed=4)
    layer(WORDS)
    set_weights(layer)
    seen: list[np.ndarray] = []
    make_pass = layer.cell.one_pass

    def spy(training: bool) -> Any:
        context = make_pass(training)

        class Spying:
            def __enter__(self) -> None:
                context.__enter__()
                seen.append(np.asarray(layer.cell.recurrent_kernel))

            def __exit__(self, *details: Any) -> None:
                context.__exit__(*details)

        return Spying()

    object.__setattr__(layer.cell, "one_pass", spy)
    states = np.asarray(layer(WORDS, training=True))
    weights = named_weights(layer)
    kept = seen[0] != 0
    assert 0.2 < kept.mean() < 0.8
    np.testing.assert_allclose(seen[0][kept], 2 * weights["recurrent_kernel"][kept], rtol=1e-6)
    dropped = {**weights, "recurrent_kernel": seen[0]}
    np.testing.assert_allclose(states[0], reference(name, dropped, WORDS[0]), atol=1e-5)
    np.testing.assert_allclose(layer(WORDS)[0], reference(name, weights, WORDS[0]), atol=1e-5)  # not in inference
    assert (np.asarray(layer(WORDS, training=True)) != states).any()  # another mask each pass


@pytest.mark.parametrize("kind", [LayerNormLSTMCell, LSTMCell, GRUCell, SimpleRNNCell])
def test_recurrent_dropout_uses_one_mask_for_all_steps(kind: Any) -> None:
    """A dropped feature of the state is dropped at every step of a text (Gal & Ghahramani 2016)."""
    cell = kind(UNITS, recurrent_dropout=0.5, seed=3)
    seen: list[np.ndarray] = []
    get_mask = cell.get_recurrent_dropout_mask

    def spy(state: Any) -> Any:
        mask = get_mask(state)
        seen.append(np.asarray(mask[0] if isinstance(mask, list) else mask))
        return mask

    object.__setattr__(cell, "get_recurrent_dropout_mask", spy)
    RNN(cell, unroll=True)(WORDS, training=True)
    assert len(seen) > 5
    assert all((mask == seen[0]).all() for mask in seen)
    assert (seen[0] == 0).any()
    assert (seen[0][0] != seen[0][1]).any()  # each text has its own


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weight_drop must be at least 0 and below 1, not 1\.0"):
        LSTMCell(3, weight_drop=1.0)
    with pytest.raises(ValueError, match="put a dropout layer before it"):
        LayerNormLSTMCell(3, dropout=0.5)
