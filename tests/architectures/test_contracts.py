"""Tests of the contracts of models over all architectures; a new one is a row in `CASES`."""

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.selection import selected
from helpers.small_models import CASES, IDS, LABELS, LENGTHS, SENTENCE_ENDS, VOCABULARY, build, lively, logits, small

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.config import RunConfig, TrainingConfig
from sentiment.errors import UserError
from sentiment.layers import EmbeddedWords
from sentiment.losses import cross_entropy
from sentiment.training.noise import Noise
from sentiment.training.objective import Objective

PLAIN = [entry.name for entry in architectures.architectures()]
LEARNT_BY_STEPS = [case for case, (name, _) in CASES.items() if architectures.named(name).by_gradient]
# In the short suite.
SHORT = ["rnn", "bilstm", "gru", "biqrnn", "attention", "fasttext", "cnn", "transformer", "han", "nb-svm",
         "bilstm multi-head", "bilstm layer", "bilstm batch"]
SHORT_BY_STEPS = [case for case in SHORT if case in LEARNT_BY_STEPS]
NO_DROPOUT = dict.fromkeys(["word_dropout", "embedding_dropout", "output_dropout", "recurrent_dropout", "weight_drop",
                            "zoneout"], 0.0)


@cache
def built(name: str, classes: int) -> tuple[keras.Model, list[np.ndarray]]:
    """Build the model of a case once; return it and its initial weights."""
    architecture, options = CASES[name]
    model = lively(architecture, classes, **options)
    return model, model.get_weights()


def case(name: str, classes: int = 2) -> keras.Model:
    """Return the model of a case with its initial weights."""
    model, weights = built(name, classes)
    model.set_weights(weights)
    return model


def test_every_registered_architecture_has_a_case() -> None:
    assert {name for name, _ in CASES.values()} == {entry.name for entry in architectures.architectures()}
    assert all(entry.summary for entry in architectures.architectures())


@pytest.mark.parametrize("name", selected(CASES, SHORT))
@pytest.mark.parametrize(("classes", "width"), [(2, 1), (3, 3)])
def test_shape_and_dtype_of_logits(name: str, classes: int, width: int) -> None:
    values = logits(case(name, classes))
    assert values.shape == (6, width)
    assert values.dtype == np.float32
    assert np.unique(values.round(4), axis=0).shape[0] > 3  # texts differ


@pytest.mark.parametrize("name", selected(CASES, SHORT))
def test_padding_never_changes_a_logit(name: str) -> None:
    model = case(name)
    padded = np.concatenate([IDS, np.zeros((6, 11), np.int32)], axis=1)
    np.testing.assert_allclose(logits(model, padded), logits(model), atol=1e-5)


@pytest.mark.parametrize("name", selected(CASES, SHORT))
def test_batch_of_one_matches_a_row_of_a_batch(name: str) -> None:
    model = case(name)
    together = logits(model)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(logits(model, IDS[row:row + 1, :length])[0], together[row], atol=1e-5)


@pytest.mark.parametrize("name", selected(LEARNT_BY_STEPS, SHORT_BY_STEPS))
def test_classifier_starts_from_the_weights_of_another(name: str) -> None:
    trained, (architecture, options) = case(name), CASES[name]
    started = build(architecture, **options)
    names = architectures.start_from(trained, started, head=True)
    assert (names[0], names[-1]) == ("embedding", "logits")
    np.testing.assert_array_equal(logits(started), logits(trained))
    of_three = build(architecture, 3, **options)
    before = of_three.get_layer("logits").get_weights()
    assert architectures.start_from(trained, of_three, head=False) == names[:-1]
    for one, other in zip(before, of_three.get_layer("logits").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", selected(CASES, SHORT))
def test_loaded_model_matches_the_saved_one(name: str, tmp_path: Path) -> None:
    model = case(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(logits(loaded), logits(model), atol=1e-6)


# Training is slow to compile, so it is tried for each architecture, each attention and each cell.
TRAINED = [case for case in LEARNT_BY_STEPS if case in PLAIN or CASES[case][1].keys() & {"attention", "normalization"}]


@pytest.mark.parametrize("name", selected(TRAINED, ["bilstm"]))
def test_gradient_descent_learns_six_texts(name: str) -> None:
    architecture, options = CASES[name]
    sizes = {"units": 16, "embedding_size": 16}
    uses = architectures.named(architecture).uses
    wanted = {**options, **sizes, **NO_DROPOUT}
    model = build(architecture, **{key: value for key, value in wanted.items() if key in uses})
    model.compile(keras.optimizers.Adam(0.02), loss=lambda right, values: cross_entropy(right[:, 0], values))
    history = model.fit(IDS, LABELS[:, None], epochs=50, batch_size=6, verbose=0).history["loss"]
    assert history[-1] < 0.1 < history[0]
    if options.get("normalization") != "batch":  # its moving averages lag behind
        assert ((logits(model)[:, 0] > 0) == LABELS).all()


@pytest.mark.parametrize("name", [case for case in CASES if case not in LEARNT_BY_STEPS])
def test_linear_models_fit_six_texts(name: str) -> None:
    assert ((logits(case(name))[:, 0] > 0) == LABELS).all()
    assert (logits(case(name, 3)).argmax(axis=1) == np.arange(6) % 3).sum() >= 5


@pytest.mark.parametrize("name", selected(TRAINED, {*SHORT} & {*TRAINED}))
def test_every_objective_trains_every_weight(name: str) -> None:
    """One step of the mixed objective gives every weight a finite gradient."""
    architecture, options = CASES[name]
    model = lively(architecture, **options)
    config = TrainingConfig(objective="mixed")
    objective = Objective(model, config, np.ones(2, np.float32))
    assert isinstance(model.get_layer("embedded"), EmbeddedWords)
    shares = np.full(6, 1 / 6, np.float32)
    with tf.GradientTape() as tape:
        loss, _ = objective((tf.constant(IDS), tf.constant(LABELS), tf.constant(shares)),
                            (tf.constant(IDS), tf.constant(shares)), Noise(1, 0))
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(keras.ops.convert_to_numpy(tf.convert_to_tensor(gradient))).all(), variable.path


@pytest.mark.parametrize("name", selected(LEARNT_BY_STEPS, SHORT_BY_STEPS))
def test_word_vectors_initialise_the_embedding(name: str) -> None:
    model, vectors = case(name), np.random.default_rng(1).normal(size=(VOCABULARY, 4)).astype(np.float32)
    architectures.set_word_vectors(model, vectors)
    assert (model.get_layer("embedding").get_weights()[0] == vectors).all()


@pytest.mark.parametrize("name", selected(LEARNT_BY_STEPS, SHORT_BY_STEPS))
def test_dropout_is_active_in_training_only(name: str) -> None:
    model = case(name)
    assert (logits(model) == logits(model)).all()
    first, second = (keras.ops.convert_to_numpy(model(IDS, training=True)) for _ in range(2))
    assert (first != second).any()


OTHER_VALUES: dict[str, Any] = {
    "embedding_size": 8, "units": 7, "layers": 3, "activation": "relu", "gru_reset": "before", "forget_bias": False,
    "recurrent_initializer": "glorot", "merge": "sum", "residual": True, "skip": True, "normalization": "batch",
    "attention": "additive", "heads": 1, "hops": 2, "hops_penalty": 0.5, "window": 1, "pooling": "mean",
    "bigram_buckets": 3, "word_dropout": 0.9, "embedding_dropout": 0.1, "recurrent_dropout": 0.4, "weight_drop": 0.4,
    "qrnn_window": 3, "zoneout": 0.4,
    "output_dropout": 0.1}
# Options that an option needs.
NEEDED: dict[str, dict[str, Any]] = {
    "residual": {"layers": 2}, "skip": {"layers": 2}, "heads": {"attention": "multi-head"},
    "hops": {"attention": "self-attentive"}, "hops_penalty": {"attention": "self-attentive", "hops": 2},
    "window": {"attention": "luong-local-m"}}


@cache
def fingerprint(name: str, options: frozenset[tuple[str, Any]]) -> tuple[Any, ...]:
    """Build a model; return the shapes of its weights, the logits of a pass in training, and the sum of its losses."""
    keras.utils.set_random_seed(3)
    model = build(name, **dict(options))
    embedding = model.get_layer("embedding")
    embedding.set_weights([embedding.get_weights()[0] * 40])
    keras.utils.set_random_seed(5)
    outcome = keras.ops.convert_to_numpy(model(IDS, training=True))
    return ([weight.shape for weight in model.get_weights()], outcome.round(6).tolist(), round(float(sum(
        float(loss) for loss in model.losses)), 6))


OPTIONS = [(entry.name, option) for entry in architectures.architectures() for option in sorted(entry.uses)
           if option != "architecture"]


SHORT_OPTIONS = list({option: (name, option) for name, option in OPTIONS}.values())  # each with one architecture


@pytest.mark.parametrize(("name", "option"), selected(OPTIONS, SHORT_OPTIONS))
def test_every_option_changes_the_model(name: str, option: str) -> None:
    needed = {} if name == "transformer" else NEEDED.get(option, {})
    without, changed = (fingerprint(name, frozenset({**needed, **change}.items()))
                        for change in ({}, {option: OTHER_VALUES[option]}))
    assert without != changed


def test_every_option_is_used_by_an_architecture() -> None:
    fields = {declared.name for declared in dataclasses.fields(RunConfig().model)}
    assert {option for entry in architectures.architectures() for option in entry.uses} == fields
    assert set(OTHER_VALUES) | {"architecture"} == fields


@pytest.mark.parametrize(("options", "message"), [
    ({"architecture": "bilstn"}, r"no architecture 'bilstn'; did you mean 'bilstm'\? \(there are attention, bigru"),
    ({"architecture": "cnn", "layers": 2}, r"'cnn' does not use --layers, which is for bigru, bilstm, bimingru, "),
    ({"architecture": "lstm", "activation": "relu"}, "'lstm' does not use --activation, which is for birnn, rnn"),
    ({"architecture": "nb-svm", "units": 3}, "'nb-svm' does not use --units"),
    ({"architecture": "lstm", "residual": True}, "--residual and --skip connect layers: pass --layers 2 or more"),
    ({"layers": 2, "residual": True, "skip": True}, "--residual and --skip exclude each other"),
    ({"attention": "additive", "pooling": "max"}, "--attention additive already reduces a text to one vector"),
    ({"merge": "sum", "pooling": "last"}, "--merge sum mixes: use max or mean"),
    ({"merge": "sum", "attention": "cosine"}, "--merge sum mixes: use --merge concat"),
    ({"heads": 2}, "--heads needs --attention multi-head"),
    ({"hops": 2}, "need --attention self-attentive"),
    ({"attention": "self-attentive", "hops_penalty": 1.0}, "pass --hops 2 or more"),
    ({"window": 3, "attention": "luong-dot"}, "--window needs --attention luong-local-m or luong-local-p"),
    ({"architecture": "gru", "normalization": "layer"}, "--normalization layer is built into the LSTM"),
    ({"architecture": "rnn", "normalization": "weight"}, "--normalization weight is for LSTM and GRU"),
    ({"architecture": "minlstm", "normalization": "layer"}, "--normalization layer is built into the LSTM"),
    ({"architecture": "biqrnn", "normalization": "weight"}, "--normalization weight is for LSTM and GRU"),
    ({"architecture": "sru", "weight_drop": 0.5}, "'sru' does not use --weight-drop, which is for bigru"),
    ({"architecture": "mingru", "zoneout": 0.5}, "'mingru' does not use --zoneout, which is for biqrnn, qrnn"),
    ({"recurrent_initializer": "identity"}, "the kernels of gates are not square"),
    ({"architecture": "transformer", "embedding_size": 6}, "4 does not divide 6"),
])
def test_invalid_options_are_refused_with_the_reason(options: dict[str, Any], message: str) -> None:
    config = RunConfig().updated({"model": options}).model
    with pytest.raises(UserError, match=message):
        architectures.find(config)


def test_unused_options_of_a_saved_model_are_ignored() -> None:
    old, new = (RunConfig().updated({"model": {"architecture": "nb-svm", "units": units}}).model for units in (3, 64))
    made = [architectures.build(config, Sizes(VOCABULARY, 2)) for config in (old, new)]
    assert made[0].count_params() == made[1].count_params()
    with pytest.raises(UserError, match="--heads must divide --embedding-size"):
        architectures.build(RunConfig().updated({"model": {"architecture": "transformer", "embedding_size": 6}}).model,
                            Sizes(VOCABULARY, 2))


def test_registration_refuses_duplicates_and_unknown_options() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        architectures.register("lstm", "again")(lambda config, sizes: keras.Model())
    with pytest.raises(ValueError, match="uses unit, not fields of ModelConfig"):
        architectures.register("new", "misspelt", uses={"unit"})


def test_options_of_small_models() -> None:
    assert small("fasttext") == {"architecture": "fasttext", "embedding_size": 4, "bigram_buckets": 50}
    assert SENTENCE_ENDS == (5, 6)


@pytest.mark.parametrize("name", selected(CASES, SHORT))
@pytest.mark.parametrize("classes", [2, 3])
def test_scaling_the_weights_scales_the_logits(name: str, classes: int) -> None:
    model = case(name, classes)
    before = logits(model)
    architectures.scale_logits(model, 0.25)
    np.testing.assert_allclose(logits(model), before / 4, atol=1e-5)
