"""Tests of the fused LSTM, GRU and bidirectional layers against those of Keras."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_checks import check_gradient, check_half, check_saving, gradient_of_penalty, set_weights
from helpers.selection import selected

from sentiment.layers import GRU, LSTM, QRNN, Bidirectional, MinGRU
from sentiment.layers.cores import loops_of_a_layer
from sentiment.layers.tensorflow import recurrence
from sentiment.layers.tensorflow.recurrence import Loop
from sentiment.layers.tensorflow.steps import LSTMStep

BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 4
WEIGHTS = (FEATURES + UNITS) * 4 * UNITS  # of an LSTM's kernels
RANDOM = np.random.default_rng(4)
WORDS = RANDOM.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)
MASKS: dict[str, Any] = {"no mask": None, "right": np.arange(TIME) < np.array([5, 2, 0, 1])[:, None],
         "holes": np.array([[0, 1, 0, 1, 1], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)}
PAIRS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "lstm": (LSTM, keras.layers.LSTM, {}),
    "lstm without bias": (LSTM, keras.layers.LSTM, {"use_bias": False}),
    "gru": (GRU, keras.layers.GRU, {}),
    "gru without bias": (GRU, keras.layers.GRU, {"use_bias": False}),
    "gru before": (GRU, keras.layers.GRU, {"reset_after": False}),
}
SHORT = ["lstm without bias", "gru", "gru before"]
RETURNS = [(True, True), (True, False), (False, True), (False, False)]


def pair(name: str, **options: Any) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Return the fused layer and that of Keras with the same weights."""
    ours, theirs, of_kind = PAIRS[name]
    layers = ours(UNITS, **of_kind, **options), theirs(UNITS, use_cudnn=False, **of_kind, **options)
    for layer in layers:
        layer.build(WORDS.shape)
        set_weights(layer)
    return layers


def start_of(name: str) -> list[Any]:
    return [tf.constant(RANDOM.normal(size=(BATCH, UNITS)), tf.float32) for _ in range(2 if "lstm" in name else 1)]


def answers_and_gradients(layer: keras.layers.Layer, mask: Any, states: Sequence[Any], training: bool = True
                          ) -> list[np.ndarray]:
    """Return the results of a layer, and the gradients of their weighted sum by words, states and weights."""
    words = tf.constant(WORDS)
    with tf.GradientTape() as tape:
        tape.watch([words, *states])
        answers = layer(words, mask=None if mask is None else tf.constant(mask), training=training,
                        initial_state=list(states) or None)
        answers = list(answers) if isinstance(answers, (list, tuple)) else [answers]
        total = tf.add_n([tf.reduce_sum(answer * tf.cos(tf.range(tf.size(answer), dtype=tf.float32) ** 2).numpy(
            ).reshape(answer.shape)) for answer in answers])
    gradients = tape.gradient(total, [words, *states, *(weight.value for weight in layer.trainable_weights)])
    return [np.asarray(value) for value in [*answers, *gradients]]


def assert_same(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)


@pytest.fixture
def looped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the runs of the fused loop."""
    runs: list[int] = []
    run = Loop.run

    def counted(self: Loop, *args: Any) -> Any:
        runs.append(1)
        return run(self, *args)

    monkeypatch.setattr(Loop, "run", counted)
    return runs


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
def test_outputs_and_gradients_match_keras(name: str, mask: str, backwards: bool, looped: list[int]) -> None:
    for sequences, state in RETURNS:
        mine, other = pair(name, go_backwards=backwards, return_sequences=sequences, return_state=state)
        for states in ([], start_of(name)):
            assert_same(answers_and_gradients(mine, MASKS[mask], states),
                        answers_and_gradients(other, MASKS[mask], states))
    assert len(looped) == 2 * len(RETURNS)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
def test_fused_gradient_is_used_under_a_tape_without_training(name: str, mask: str, monkeypatch: pytest.MonkeyPatch
                                                              ) -> None:
    backwards: list[int] = []
    backward = Loop._backward

    def noted(*arguments: Any) -> Any:
        backwards.append(1)
        return backward(*arguments)

    monkeypatch.setattr(Loop, "_backward", noted)
    mine, other = pair(name, return_sequences=True, return_state=True)
    states = start_of(name)
    assert_same(answers_and_gradients(mine, MASKS[mask], states, training=False),
                answers_and_gradients(other, MASKS[mask], states, training=False))
    assert backwards


@pytest.mark.parametrize("mask", ["no mask", "holes"])
@pytest.mark.parametrize("name", selected(PAIRS, ["lstm", "gru"]))
def test_gradient_of_a_graph_traced_without_a_tape(name: str, mask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small batch has the gradient of one operation, a larger one the automatic gradient of the loop."""
    monkeypatch.setattr(recurrence, "FEW_PRODUCTS", BATCH * WEIGHTS)
    mine, other = pair(name, return_sequences=True, return_state=True)
    shapes = [tf.TensorSpec([None, None, FEATURES]), *([tf.TensorSpec([None, None], tf.bool)] * (mask != "no mask"))]
    run = tf.function(lambda words, mask=None: mine(words, mask=mask), input_signature=shapes)
    run.get_concrete_function()
    for times in (1, 2):
        words = tf.constant(np.tile(WORDS, (times, 1, 1)))
        masks = [] if mask == "no mask" else [tf.constant(np.tile(MASKS[mask], (times, 1)))]
        results = []
        for layer, read in ((mine, run), (other, partial(other, mask=masks[0]) if masks else other)):
            with tf.GradientTape() as tape:
                tape.watch(words)
                answers = read(words, *masks) if read is run else read(words)
                total = tf.add_n([tf.reduce_mean(answer ** 2) for answer in answers])
            gradients = tape.gradient(total, [words, *(weight.value for weight in layer.trainable_weights)])
            results.append([*answers, *gradients])
        assert_same(*results)


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("mask", MASKS)
def test_small_batches_of_an_lstm_run_in_one_operation(mask: str, backwards: bool, monkeypatch: pytest.MonkeyPatch
                                                       ) -> None:
    monkeypatch.setattr(recurrence, "FEW_PRODUCTS", BATCH * WEIGHTS)
    batches: list[Any] = []
    whole = LSTMStep.all_steps

    def noted(self: LSTMStep, words: Any, states: Any) -> Any:
        batches.append(words.shape[1])
        return whole(self, words, states)

    monkeypatch.setattr(LSTMStep, "all_steps", noted)
    for sequences, state in RETURNS:
        mine, other = pair("lstm", return_sequences=sequences, return_state=state, go_backwards=backwards,
                           zero_output_for_mask=backwards)
        for states in ([], start_of("lstm")):
            answers = [layer(WORDS, mask=MASKS[mask], initial_state=states or None) for layer in (mine, other)]
            assert_same(*(one if state else [one] for one in answers))
    assert batches == [BATCH] * 2 * len(RETURNS)
    mine(np.tile(WORDS, (2, 1, 1)))
    LSTM(UNITS, dtype="float16")(WORDS)
    LSTM(512)(WORDS)
    assert len(batches) == 2 * len(RETURNS)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
def test_small_batches_use_fewer_cores(name: str, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One graph for 1 to 24 rows; each of up to three cores gets at least six."""
    monkeypatch.setattr(recurrence, "loops_of_a_layer", lambda: 3)
    monkeypatch.setattr(recurrence, "LEAST_VALUES", 6 * UNITS)
    monkeypatch.setattr(recurrence, "FEW_PRODUCTS", 0)
    mine, other = pair(name, return_sequences=True, return_state=True)

    @tf.function(input_signature=[tf.TensorSpec([None, None, FEATURES])])
    def run(words: Any) -> Any:
        mask = tf.sequence_mask(tf.range(tf.shape(words)[0]) % TIME, TIME) if masked else None
        answers = mine(words, mask=mask)
        with tf.GradientTape() as tape:
            tape.watch(words)
            total = tf.add_n([tf.reduce_sum(answer ** 2) for answer in mine(words, mask=mask, training=True)])
        return [*answers, tape.gradient(total, words)]

    for rows in (1, 11, 12, 24):
        words = tf.constant(RANDOM.normal(size=(rows, TIME, FEATURES)), tf.float32)
        mask = tf.sequence_mask(tf.range(rows) % TIME, TIME) if masked else None
        with tf.GradientTape() as tape:
            tape.watch(words)
            answers = other(words, mask=mask)
            total = tf.add_n([tf.reduce_sum(answer ** 2) for answer in answers])
        assert_same(run(words), [*answers, tape.gradient(total, words)])


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("mask", ["right", "holes"])
def test_zero_output_for_mask_matches_keras(mask: str, backwards: bool) -> None:
    for sequences, state in RETURNS:
        mine, other = pair("lstm", go_backwards=backwards, return_sequences=sequences, return_state=state,
                           zero_output_for_mask=True)
        assert_same(answers_and_gradients(mine, MASKS[mask], []), answers_and_gradients(other, MASKS[mask], []))


@pytest.mark.parametrize("loops", [2, 3, 6])
@pytest.mark.parametrize("mask", MASKS)
def test_batch_split_over_cores_matches_keras(loops: int, mask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence, "loops_of_a_layer", lambda: loops)
    monkeypatch.setattr(recurrence, "LEAST_VALUES", 1)
    for sequences, state in RETURNS:
        mine, other = pair("lstm", return_sequences=sequences, return_state=state, go_backwards=True)
        states = start_of("lstm")
        assert_same(answers_and_gradients(mine, MASKS[mask], states),
                    answers_and_gradients(other, MASKS[mask], states))


@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
def test_one_graph_handles_every_batch_size_and_length(name: str) -> None:
    mine, other = pair(name, return_sequences=True)
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None, None, FEATURES]), tf.TensorSpec([None, None], tf.bool)])
    def run(words: Any, mask: Any) -> Any:
        traces.append(1)
        with tf.GradientTape() as tape:
            tape.watch(words)
            states = mine(words, mask=mask, training=True)
        return states, tape.gradient(states, words)

    for batch, time in ((1, 1), (3, 2), (2, 9)):
        words = tf.constant(RANDOM.normal(size=(batch, time, FEATURES)), tf.float32)
        mask = tf.sequence_mask(RANDOM.integers(1, time + 1, batch), time)
        with tf.GradientTape() as tape:
            tape.watch(words)
            expected = other(words, mask=mask, training=True)
        assert_same(run(words, mask), [expected, tape.gradient(expected, words)])
    assert len(traces) == 1


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_static_batch_size_matches_keras(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence, "loops_of_a_layer", lambda: 2)
    monkeypatch.setattr(recurrence, "LEAST_VALUES", 1)
    for name in PAIRS:
        mine, other = pair(name, return_sequences=True)
        run = tf.function(lambda words, layer=mine: layer(words, training=True),
                          input_signature=[tf.TensorSpec([rows, None, FEATURES])])
        np.testing.assert_allclose(run(WORDS[:rows]), other(WORDS[:rows]), atol=1e-5)


@pytest.mark.parametrize("merge", ["concat", "sum"])
@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
def test_bidirectional_matches_keras(name: str, merge: str, looped: list[int]) -> None:
    mine, other = pair(name, return_sequences=True)
    mine, other = Bidirectional(mine, merge_mode=merge), keras.layers.Bidirectional(other, merge_mode=merge)
    for layer in (mine, other):
        layer.build(WORDS.shape)
        set_weights(layer)
    for mask in MASKS.values():
        assert_same(answers_and_gradients(mine, mask, []), answers_and_gradients(other, mask, []))
    assert len(looped) == 2 * len(MASKS)


def test_each_direction_uses_half_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(6), raising=False)
    counts: list[int] = []
    count = loops_of_a_layer

    def counted() -> int:
        counts.append(count())
        return 1

    monkeypatch.setattr(recurrence, "loops_of_a_layer", counted)
    for layer in (LSTM(2), Bidirectional(LSTM(2)), LSTM(2)):
        layer(WORDS, training=True)
    assert counts == [6, 3, 3, 6]


@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
@pytest.mark.parametrize("training", [True, False])
def test_second_derivative_matches_keras(name: str, training: bool) -> None:
    mine, other = pair(name)
    np.testing.assert_allclose(gradient_of_penalty(mine, WORDS, training=training),
                               gradient_of_penalty(other, WORDS, training=training), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
def test_numerical_gradient_saving_and_half_precision(name: str, tmp_path: Path) -> None:
    kind, _, options = PAIRS[name]
    check_gradient(lambda: kind(UNITS, return_sequences=True, **options), [WORDS], mask=MASKS["right"], training=True)
    check_saving(Bidirectional(kind(UNITS, **options)), [WORDS], tmp_path)
    check_half(lambda **k: kind(UNITS, **options, **k), [WORDS], mask=MASKS["right"])


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_gradients_in_half_precision_are_near_float32(name: str) -> None:
    kind, _, options = PAIRS[name]
    exact, half = kind(UNITS, **options), kind(UNITS, dtype="mixed_bfloat16", **options)
    for layer in (exact, half):
        layer.build(WORDS.shape)
        set_weights(layer)
    gradients = []
    for layer in (exact, half):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.cast(layer(WORDS, mask=MASKS["right"], training=True), tf.float32))
        gradients.append(tape.gradient(total, [weight.value for weight in layer.trainable_weights]))
    for expected, gradient in zip(*gradients, strict=True):
        assert gradient.dtype == tf.float32
        np.testing.assert_allclose(gradient, expected, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("name", selected(PAIRS, SHORT))
def test_input_dropout_matches_keras(name: str, looped: list[int]) -> None:
    mine, other = pair(name, dropout=0.5, seed=7, return_sequences=True)
    np.testing.assert_allclose(mine(WORDS, training=True), other(WORDS, training=True), atol=1e-5)
    assert looped


@pytest.mark.parametrize("options", [{"unroll": True}, {"activation": "relu"}, {"recurrent_activation": "hard_sigmoid"},
                                     {"recurrent_dropout": 0.5, "seed": 3}])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_unsupported_options_run_in_keras(name: str, options: dict[str, Any], looped: list[int]) -> None:
    mine, other = pair(name, **options)
    np.testing.assert_allclose(mine(WORDS, training=True), other(WORDS, training=True), atol=1e-6)
    assert not looped


def test_gpu_runs_keras_unless_cudnn_is_disabled(monkeypatch: pytest.MonkeyPatch, looped: list[int]) -> None:
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["GPU:0"] if kind == "GPU" else [])
    LSTM(UNITS, use_cudnn=False)(WORDS)
    assert len(looped) == 1
    monkeypatch.setattr(keras.layers.LSTM, "inner_loop", lambda *_: (_ for _ in ()).throw(KeyError("Keras")))
    with pytest.raises(KeyError, match="Keras"):
        LSTM(UNITS)(WORDS)


def test_saved_weights_are_interchangeable_with_keras(tmp_path: Path) -> None:
    def model(*layers: Any) -> keras.Model:
        return keras.Sequential([keras.Input((None, FEATURES)), *layers])

    mine = model(Bidirectional(LSTM(3, return_sequences=True)), GRU(2), keras.layers.Dense(1))
    stock = model(keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True)), keras.layers.GRU(2),
                  keras.layers.Dense(1))
    mine.save_weights(tmp_path / "mine.weights.h5")
    stock.load_weights(tmp_path / "mine.weights.h5")
    np.testing.assert_allclose(stock(WORDS), mine(WORDS), atol=1e-6)
    for layer in stock.layers:
        set_weights(layer)
    stock.save_weights(tmp_path / "stock.weights.h5")
    mine.load_weights(tmp_path / "stock.weights.h5")
    np.testing.assert_allclose(stock(WORDS), mine(WORDS), atol=1e-6)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_stateful_layer_matches_keras(name: str) -> None:
    mine, other = pair(name, stateful=True)
    for part in (WORDS[:, :2], WORDS[:, 2:]):
        np.testing.assert_allclose(mine(part), other(part), atol=1e-5)


def test_saved_model_contains_no_custom_gradient(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((None, FEATURES)), Bidirectional(LSTM(3))])
    model.export(tmp_path / "exported", verbose=False)
    graph = (tmp_path / "exported" / "saved_model.pb").read_bytes()
    assert b"CustomGradient" not in graph
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(loaded.serve(WORDS), model(WORDS), atol=1e-6)


@pytest.mark.parametrize("kind", [LSTM, GRU, MinGRU, QRNN])
def test_initial_states_and_masks_of_other_shapes(kind: Any) -> None:
    layer = kind(UNITS, return_sequences=True, return_state=True)
    sizes = [state.shape[1] for state in layer(WORDS)[1:]]
    row = [RANDOM.normal(size=(1, size)).astype(np.float32) for size in sizes]
    real = MASKS["holes"]
    expected = layer(WORDS, initial_state=[np.repeat(state, BATCH, axis=0) for state in row], mask=real)
    unknown = tf.function(lambda state: layer(WORDS, initial_state=[state, *row[1:]], mask=real), input_signature=[
        tf.TensorSpec([None, UNITS])])
    for found in (layer(WORDS, initial_state=row, mask=real), layer(WORDS, initial_state=row, mask=real.astype(int)),
                  layer(WORDS, initial_state=row, mask=real.astype("float32"), training=True), unknown(row[0])):
        assert_same(found, expected)
    several = [np.repeat(state, 2, axis=0) for state in row]
    for states in (several, [state[:, :1] for state in row], [*row, row[0]], [state[0] for state in row]):
        with pytest.raises(ValueError, match=rf"initial_state must have the shapes \[\({BATCH}, {UNITS}\)"):
            layer(WORDS, initial_state=states, mask=real)
    with pytest.raises(tf.errors.InvalidArgumentError):
        unknown(several[0])
    for mask in (real[:, :2], real[:2], real[:, :, None], real.tolist()):
        with pytest.raises(ValueError, match=rf"mask must have the shape \({BATCH}, {TIME}\), not \("):
            layer(WORDS, mask=mask)
