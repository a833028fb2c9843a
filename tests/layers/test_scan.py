"""Tests of the elementwise linear recurrent layers against NumPy, Keras's RNN and the associative scan."""

import doctest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_checks import check_gradient, check_half, check_saving, gradient_of_penalty, set_weights
from helpers.selection import selected

from sentiment.layers import QRNN, RGLRU, SRU, Bidirectional, Embedding, MinGRU, MinLSTM, fused, recurrent
from sentiment.layers import scan as scan_module
from sentiment.layers.scan import ScanRNN, _associative_recurrence
from sentiment.layers.tensorflow import scan
from sentiment.layers.tensorflow.scan import BLOCK

UNITS, FEATURES, TIME = 5, 4, BLOCK + 3  # more than a block, and not a multiple of one
RANDOM = np.random.default_rng(2)
LENGTHS = [TIME, BLOCK, 0, 1]
WORDS = RANDOM.normal(size=(4, TIME, FEATURES)).astype(np.float32)
MASKS: dict[str, Any] = {"no mask": None, "right": np.arange(TIME) < np.array(LENGTHS)[:, None],
         "holes": RANDOM.random((4, TIME)) < np.array([[0.5], [0.9], [0.0], [0.2]])}
KINDS: dict[str, Callable[..., ScanRNN]] = {
    "qrnn": lambda **k: QRNN(UNITS, **k), "qrnn f 1": lambda **k: QRNN(UNITS, pooling="f", window=1, **k),
    "qrnn ifo 3": lambda **k: QRNN(UNITS, pooling="ifo", window=3, **k),
    "sru": lambda **k: SRU(UNITS, **k), "sru highway": lambda **k: SRU(FEATURES, **k),
    "mingru": lambda **k: MinGRU(UNITS, **k), "minlstm": lambda **k: MinLSTM(UNITS, use_bias=False, **k),
    "rglru": lambda **k: RGLRU(UNITS, **k),
}
SHORT = ["qrnn ifo 3", "sru highway", "rglru"]
STATE = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers_in_any_order() -> None:
    RANDOM.bit_generator.state = STATE


def made(name: str, **options: Any) -> ScanRNN:
    layer = KINDS[name](**{"return_sequences": True, **options})
    layer.build(WORDS.shape)
    set_weights(layer)
    return layer


def starts_of(layer: ScanRNN) -> list[Any]:
    return [tf.constant(RANDOM.normal(size=(len(WORDS), size)), tf.float32) for size in layer.state_size]


def sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))


def reference(name: str, layer: ScanRNN, text: np.ndarray, start: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Run the formulas over one text of float [time, features], with the inputs before it, [window - 1, features]."""
    weights = {weight.name: np.asarray(weight) for weight in layer.cell.weights}
    kernel, bias = weights["kernel"], weights.get("bias", 0)
    state, outputs, read = start, [], np.concatenate([before, text])
    for step, word in enumerate(text):
        total = read[step:step + layer.cell.window].reshape(-1) @ kernel + bias
        parts = np.split(total, kernel.shape[1] // layer.units)
        if name.startswith("qrnn"):
            z, f = np.tanh(parts[0]), sigmoid(parts[1])
            state = f * state + (sigmoid(parts[3]) if "ifo" in name else 1 - f) * z
            outputs.append(state if "f 1" in name else sigmoid(parts[2]) * state)
        elif name.startswith("sru"):
            f, r = sigmoid(parts[1]), sigmoid(parts[2])
            state = f * state + (1 - f) * parts[0]
            outputs.append(r * state + (1 - r) * (word if name == "sru highway" else parts[3]))
        elif name == "mingru":
            z = sigmoid(parts[0])
            state = (1 - z) * state + z * parts[1]
            outputs.append(state)
        elif name == "minlstm":
            f, i = sigmoid(parts[0]), sigmoid(parts[1])
            state = f / (f + i) * state + i / (f + i) * parts[2]
            outputs.append(state)
        else:
            a = sigmoid(weights["decay"]) ** (8 * sigmoid(parts[1]))
            state = a * state + np.sqrt(1 - a ** 2) * sigmoid(parts[2]) * parts[0]
            outputs.append(state)
    return np.array(outputs).reshape(len(text), layer.units)


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", selected(KINDS, SHORT))
def test_outputs_match_a_numpy_reference(name: str, mask: str, backwards: bool) -> None:
    layer = made(name, go_backwards=backwards)
    starts, real = starts_of(layer), MASKS[mask] if MASKS[mask] is not None else np.ones((4, TIME), bool)
    for training in (False, True):
        states = np.asarray(layer(WORDS, mask=MASKS[mask], initial_state=starts, training=training))
        for row, text in enumerate(WORDS):
            order = slice(None, None, -1 if backwards else 1)
            before = np.asarray(starts[1])[row].reshape(-1, FEATURES) if len(starts) > 1 else text[:0]
            expected = reference(name, layer, text[order][real[row][order]], np.asarray(starts[0])[row], before)
            np.testing.assert_allclose(states[row][real[row][order]], expected, atol=1e-5)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", selected(KINDS, SHORT))
def test_layer_matches_keras_rnn_of_its_cell(name: str, mask: str) -> None:
    for options in ({}, {"return_sequences": False}, {"go_backwards": True}, {"zero_output_for_mask": True}):
        layer = made(name, return_state=True, **options)
        steps = keras.layers.RNN(layer.cell, return_state=True, **{"return_sequences": True, **options})
        starts = starts_of(layer)
        if name.startswith("qrnn") and mask == "holes":
            starts = starts[:1] + [tf.zeros_like(start) for start in starts[1:]]
        for mine, other in zip(layer(WORDS, mask=MASKS[mask], initial_state=starts),
                               steps(WORDS, mask=MASKS[mask], initial_state=starts), strict=True):
            assert mine.shape == other.shape
            np.testing.assert_allclose(mine, other, atol=1e-5)


def answers_and_gradients(layer: ScanRNN, run: Callable[[], Any], watched: list[Any]) -> list[np.ndarray]:
    watched = [*watched, *(weight.value for weight in layer.trainable_weights)]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        answers = list(run())
        total = tf.add_n([tf.reduce_sum(answer * np.cos(np.arange(answer.numpy().size) ** 2).reshape(answer.shape))
                          for answer in answers])
    return [np.asarray(tf.convert_to_tensor(value)) for value in [*answers, *tape.gradient(total, watched)]]


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", selected(KINDS, SHORT))
def test_outputs_and_gradients_match_the_associative_scan(name: str, mask: str, backwards: bool) -> None:
    layer = made(name, return_state=True, go_backwards=backwards, zero_output_for_mask=backwards)
    words, starts, real = tf.constant(WORDS), starts_of(layer), MASKS[mask]

    def composed() -> list[Any]:
        outputs, finals = _associative_recurrence(
            layer.cell, words, None if real is None else tf.constant(real), starts, go_backwards=backwards,
            zero_output_for_mask=backwards, training=False)
        return [outputs, *finals]

    expected = answers_and_gradients(layer, composed, [words, *starts])
    for training in (False, True):
        found = answers_and_gradients(
            layer, lambda: layer(words, mask=real, initial_state=starts, training=training), [words, *starts])  # noqa: B023
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, other, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("mask", ["no mask", "right"])
@pytest.mark.parametrize("name", selected(KINDS, SHORT))
def test_a_batch_without_rows(name: str, mask: str) -> None:
    layer, words, real = made(name, return_state=True), tf.constant(WORDS[:0]), MASKS[mask]
    for run in (layer, tf.function(layer)):
        for options in ({}, {"training": True}):
            with tf.GradientTape() as tape:
                tape.watch(words)
                outputs, *finals = run(words, mask=None if real is None else tf.constant(real[:0]), **options)
            assert outputs.shape == (0, TIME, layer.units)
            assert [state.shape for state in finals] == [(0, size) for size in layer.state_size]
            assert tape.gradient(outputs, words).shape == words.shape


@pytest.mark.parametrize("name", selected(KINDS, SHORT))
def test_numerical_gradient_saving_and_half_precision(name: str, tmp_path: Path) -> None:
    check_gradient(lambda: KINDS[name](return_sequences=True), [WORDS], mask=MASKS["right"], training=True)
    check_saving(Bidirectional(KINDS[name]()), [WORDS], tmp_path)
    check_half(lambda **k: KINDS[name](**k), [WORDS], mask=MASKS["right"])


@pytest.mark.parametrize("wrapper", [keras.layers.Bidirectional, Bidirectional])
@pytest.mark.parametrize("name", selected(KINDS, ["qrnn ifo 3", "mingru"]))
def test_bidirectional_outputs_match_a_numpy_reference(name: str, wrapper: Any) -> None:
    both = wrapper(KINDS[name](return_sequences=True))
    both(WORDS)
    set_weights(both)
    states = np.asarray(both(WORDS, mask=MASKS["right"]))
    layers = both.forward_layer, both.backward_layer
    start, before = np.zeros(layers[0].units), np.zeros((layers[0].cell.window - 1, FEATURES))
    for row, length in enumerate(LENGTHS):
        text = WORDS[row, :length]
        forward = reference(name, layers[0], text, start, before)
        backward = reference(name, layers[1], text[::-1], start, before)[::-1]
        np.testing.assert_allclose(states[row, :length], np.concatenate([forward, backward], axis=1), atol=1e-5)
        assert not states[row, length:].any()


@pytest.mark.parametrize("name", selected(KINDS, ["qrnn ifo 3"]))
def test_stateful_layer_over_pieces_matches_the_whole_sequence(name: str) -> None:
    layer, whole = made(name, stateful=True), made(name)
    expected = np.asarray(whole(WORDS))
    for _ in range(2):
        parts = [np.asarray(layer(WORDS[:, start:start + 7])) for start in range(0, TIME, 7)]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-5)
        layer.reset_state()


@pytest.mark.parametrize("name", selected(KINDS, SHORT))
def test_one_graph_handles_every_batch_size_and_length(name: str) -> None:
    """In float64, because fused operations of a graph round differently."""
    layer, traces = made(name, dtype="float64"), []

    @tf.function(input_signature=[tf.TensorSpec([None, None, FEATURES], tf.float64),
                                  tf.TensorSpec([None, None], tf.bool)])
    def run(words: Any, mask: Any) -> Any:
        traces.append(1)
        with tf.GradientTape() as tape:
            tape.watch(words)
            states = layer(words, mask=mask, training=True)
        return states, tape.gradient(states, words)

    for batch, time in ((1, 1), (3, BLOCK), (2, 2 * BLOCK + 1)):
        words = tf.constant(RANDOM.normal(size=(batch, time, FEATURES)), tf.float64)
        mask = tf.sequence_mask(RANDOM.integers(1, time + 1, batch), time)
        with tf.GradientTape() as tape:
            tape.watch(words)
            expected = layer(words, mask=mask)
        for mine, other in zip(run(words, mask), [expected, tape.gradient(expected, words)], strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-5)
    assert len(traces) == 1


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", selected(KINDS, ["qrnn ifo 3", "mingru"]))
def test_second_derivative_matches_the_associative_scan(name: str, training: bool, monkeypatch: pytest.MonkeyPatch
                                                        ) -> None:
    layer = made(name, return_sequences=False)
    found = gradient_of_penalty(layer, WORDS, training=training)
    monkeypatch.setattr(scan_module, "on_gpu", lambda: True)
    np.testing.assert_allclose(found, gradient_of_penalty(layer, WORDS, training=training), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", selected(KINDS, ["qrnn ifo 3", "mingru"]))
def test_gradient_of_a_graph_traced_without_a_tape(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, runs = made(name), []
    backward = scan._backward

    def counted(*arguments: Any) -> Any:
        runs.append(1)
        return backward(*arguments)

    monkeypatch.setattr(scan, "_backward", counted)
    run = tf.function(lambda words: layer(words, mask=MASKS["right"]), input_signature=[
        tf.TensorSpec([None, TIME, FEATURES])])
    run.get_concrete_function()
    words, watched = tf.constant(WORDS), [weight.value for weight in layer.trainable_weights]
    gradients = []
    for read, count in ((run, 0), (run.python_function, 1)):
        with tf.GradientTape() as tape:
            tape.watch(words)
            total = tf.reduce_sum(read(words) ** 2)
        gradients.append(tape.gradient(total, [words, *watched]))
        assert len(runs) == count
    for automatic, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(automatic, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", selected(KINDS, SHORT))
@pytest.mark.parametrize("size", [0.0, 300.0, -300.0])
def test_outputs_and_gradients_of_saturated_gates_are_finite(name: str, size: float) -> None:
    layer, words = made(name), tf.constant(np.ones_like(WORDS))
    layer.set_weights([np.full_like(weight, size) for weight in layer.get_weights()])
    for value in answers_and_gradients(layer, lambda: [layer(words, training=True)], [words]):
        assert np.isfinite(value).all()


@pytest.mark.parametrize("name", selected(KINDS, ["sru highway", "mingru"]))
def test_distinct_words_of_an_embedding_are_projected_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.array([[1, 2, 2, 3], [3, 3, 0, 0]])
    embedding, layer, rows = Embedding(9, FEATURES, mask_zero=True), made(name), []
    parts = scan._parts

    def counted(cell: Any, windows: Any, weights: Any) -> Any:
        rows.append(len(windows))
        return parts(cell, windows, weights)

    monkeypatch.setattr(scan, "_parts", counted)
    found, plain = layer(embedding(ids)), layer(tf.identity(embedding(ids)), mask=tf.constant(ids != 0))
    np.testing.assert_allclose(found, plain, atol=1e-6)
    assert rows == ([4, 2 * BLOCK] if layer.cell.window == 1 else [2 * BLOCK] * 2)


def test_zoneout_applies_in_training_only() -> None:
    layer = QRNN(400, pooling="f", window=1, zoneout=0.3, seed=1, return_sequences=True)
    steps = np.asarray(layer(WORDS, training=True))
    kept = (np.diff(steps, axis=1) == 0).mean()
    assert kept == pytest.approx(0.3, abs=0.02)
    plain = QRNN(400, pooling="f", window=1, return_sequences=True)
    plain.build(WORDS.shape)
    plain.set_weights(layer.get_weights()[:2])
    np.testing.assert_allclose(layer(WORDS), plain(WORDS), atol=1e-6)
    assert (np.asarray(layer(WORDS, training=True)) != steps).any()


def test_a_cell_run_step_by_step_has_zoneout() -> None:
    steps = keras.layers.RNN(QRNN(400, pooling="f", window=1, zoneout=0.3, seed=1).cell, return_sequences=True)
    assert (np.diff(steps(WORDS, training=True), axis=1) == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert np.diff(steps(WORDS), axis=1).all()


@pytest.mark.parametrize("device", ["on_gpu", "on_tpu"])
def test_gpu_and_tpu_use_the_associative_scan(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, calls = made("qrnn", return_state=True), []
    expected = layer(WORDS, mask=MASKS["holes"])

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        return _associative_recurrence(*arguments, **options)

    monkeypatch.setattr(scan_module, device, lambda: True)
    monkeypatch.setattr(scan_module, "_associative_recurrence", counted)
    for time, count in ((TIME, 1), (None, 1)):  # without a number of steps a loop runs
        run = tf.function(lambda words, mask: layer(words, mask=mask), input_signature=[
            tf.TensorSpec([None, time, FEATURES]), tf.TensorSpec([None, time], tf.bool)])
        for mine, other in zip(run(WORDS, MASKS["holes"]), expected, strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-5)
        assert len(calls) == count


@pytest.mark.parametrize("kind", [QRNN, SRU, MinGRU, MinLSTM])
@pytest.mark.parametrize("added", [True, False])
def test_initial_forget_bias(kind: Any, added: bool) -> None:
    """With inputs of zeros, a state of ones decays to the value of the forget gate."""
    layer = kind(UNITS, unit_forget_bias=added, return_state=True)
    states = [tf.ones([1, UNITS]), tf.zeros([1, FEATURES])][:2 if kind is QRNN else 1]
    share = float(sigmoid(np.array(float(added))))
    expected = share / (share + 0.5) if kind is MinLSTM else share
    kept = layer(np.zeros((1, 1, FEATURES), "float32"), initial_state=states)[1]
    np.testing.assert_allclose(kept, np.full((1, UNITS), expected), rtol=1e-6)


def test_docstring_examples_run() -> None:
    for module, examples in ((scan_module, 5), (fused, 3), (recurrent, 2)):
        result = doctest.testmod(module)
        assert (result.failed, result.attempted) == (0, 3 * examples)


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="pooling must be one of f, fo, ifo, not 'of'"):
        QRNN(3, pooling="of")
    with pytest.raises(ValueError, match="pooling must be one of f, fo, ifo, not \\['f'\\]"):
        QRNN(3, pooling=["f"])
    for window in (0, 4, 2.0, True, "2", None):
        with pytest.raises(ValueError, match=f"window must be a whole number from 1 to 3, not {window!r}"):
            QRNN(3, window=window)
    for zoneout in (1, -0.1, float("nan"), "0.1", None):
        with pytest.raises(ValueError, match=f"zoneout must be at least 0 and below 1, not {zoneout!r}"):
            QRNN(3, zoneout=zoneout)
    for units in (0, -1, 2.5, 4.0, True, "4", None):
        with pytest.raises(ValueError, match=f"units must be a whole number of at least 1, not {units!r}"):
            MinGRU(units)  # type: ignore[arg-type]
    assert SRU(np.int64(3)).get_config()["units"] == 3  # type: ignore[arg-type]
    for option in ("dropout", "recurrent_dropout", "input_shape"):
        with pytest.raises(TypeError, match=option):
            MinGRU(3, **{option: 0.5})  # type: ignore[arg-type]


def test_options_of_any_keras_layer() -> None:
    layer = MinGRU(UNITS, activity_regularizer="l2")
    outputs = np.asarray(layer(WORDS))
    np.testing.assert_allclose(layer.losses[0], 0.01 * (outputs ** 2).sum() / len(WORDS), rtol=1e-5)
    assert MinGRU.from_config(layer.get_config()).activity_regularizer is not None


@pytest.mark.parametrize("name", selected(KINDS, ["qrnn ifo 3"]))
def test_shapes_before_it_is_built(name: str) -> None:
    shapes = KINDS[name](return_state=True).compute_output_shape(WORDS.shape)
    assert list(shapes) == [tuple(value.shape) for value in KINDS[name](return_state=True)(WORDS)]


@pytest.mark.parametrize("name", selected(KINDS, SHORT))
def test_last_output_for_an_export(name: str) -> None:
    layer = KINDS[name]()
    expected = np.asarray(layer(WORDS))
    with fused.replaced_loops(lambda *_: None):
        np.testing.assert_allclose(layer(WORDS), expected, atol=1e-5)
