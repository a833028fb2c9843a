"""Tests of language models and autoencoders against Keras, and of classifiers that start from them."""

from typing import Any

import keras
import numpy as np
import pytest
from helpers.small_models import IDS, VOCABULARY, enlivened, small

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.architectures.autoencoder import Autoencoder, build_autoencoder
from sentiment.architectures.language_model import LanguageModel, build_language_model
from sentiment.config import ModelConfig
from sentiment.errors import UserError

SIZES = Sizes(VOCABULARY, 2)
Case = tuple[str, dict[str, Any]]
BOTH: list[Case] = [
    ("rnn", {}), ("lstm", {}), ("gru", {}), ("stacked-lstm", {}), ("lstm", {"layers": 3}),
    ("lstm", {"normalization": "layer"}), ("gru", {"normalization": "weight"}),
    ("qrnn", {"layers": 2}), ("mingru", {}), ("sru", {}), ("minlstm", {}), ("rglru", {"layers": 2})]
ONLY_LANGUAGE_MODELS: list[Case] = [("birnn", {}), ("bilstm", {}), ("bigru", {}), ("bilstm", {"merge": "sum"}),
                                    ("biqrnn", {})]
REFERENCE = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def config_of(name: str, **options: Any) -> ModelConfig:
    return ModelConfig.from_dict(small(name, **options))


def read(model: LanguageModel, ids: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
    """Read the same ids in each direction; return all outputs."""
    inputs: list[Any] = []
    count = len(model.states)
    for number in range(len(model.directions)):
        inputs += [ids, *states[number * count:(number + 1) * count]]
    return [np.asarray(value) for value in model.network(inputs, training=False)]


def zeros(model: LanguageModel) -> list[np.ndarray]:
    return [np.zeros((len(IDS), size), np.float32) for size in model.states] * len(model.directions)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "bilstm", "bigru"])
def test_language_model_matches_keras_layers(name: str) -> None:
    model = build_language_model(config_of(name), SIZES)
    enlivened(model.network)
    outputs = read(model, IDS, zeros(model))
    words = model.table.numpy()[IDS]  # padding included: it starts a text here
    for number, direction in enumerate(model.directions):
        layer = REFERENCE[name.removeprefix("bi")](5, return_sequences=True, return_state=True)
        layer.build(words.shape)
        layer.set_weights(direction.layers[0].get_weights())
        states, *last = layer(words)
        expected = model.network.get_layer(f"{direction.name}_written")(states)
        vectors, *after = outputs[number * (len(model.states) + 1):(number + 1) * (len(model.states) + 1)]
        np.testing.assert_allclose(vectors, expected, atol=1e-4)
        for mine, theirs in zip(after, last, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), [*BOTH, *ONLY_LANGUAGE_MODELS])
def test_states_carried_over_windows_match_one_window(name: str, options: dict[str, Any]) -> None:
    model = build_language_model(config_of(name, **options), SIZES)
    enlivened(model.network)
    whole = read(model, IDS, zeros(model))
    first = read(model, IDS[:, :4], zeros(model))
    size = len(model.states) + 1
    carried = [value for number in range(len(model.directions)) for value in first[number * size + 1:][:size - 1]]
    second = read(model, IDS[:, 4:], carried)
    for number in range(len(model.directions)):
        joined = np.concatenate([first[number * size], second[number * size]], axis=1)
        np.testing.assert_allclose(joined, whole[number * size], atol=1e-4)
        for mine, theirs in zip(second[number * size + 1:][:size - 1], whole[number * size + 1:], strict=False):
            np.testing.assert_allclose(mine, theirs, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), [*BOTH, *ONLY_LANGUAGE_MODELS])
def test_classifier_starts_from_a_language_model(name: str, options: dict[str, Any]) -> None:
    config = config_of(name, **options)
    model, classifier = build_language_model(config, SIZES), architectures.build(config, SIZES)
    enlivened(model.network)
    names = model.start(classifier, config)
    assert len(names) == 1 + (options.get("layers") or (2 if name.startswith("stacked") else 1))
    np.testing.assert_array_equal(architectures.word_vectors_of(classifier), model.table.numpy())
    for number, layer_name in enumerate(names[1:]):
        started = [weight for direction in model.directions for weight in direction.layers[number].get_weights()]
        for mine, theirs in zip(classifier.get_layer(layer_name).get_weights(), started, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(("name", "options"), BOTH)
def test_classifier_starts_from_an_autoencoder(name: str, options: dict[str, Any]) -> None:
    config = config_of(name, **options)
    model, classifier = build_autoencoder(config, SIZES), architectures.build(config, SIZES)
    enlivened(model.network)
    names = model.start(classifier, config)
    assert len(names) == 1 + (options.get("layers") or (2 if name.startswith("stacked") else 1))
    for one in names:
        for mine, theirs in zip(classifier.get_layer(one).get_weights(), model.network.get_layer(one).get_weights(),
                                strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_autoencoder_matches_keras_layers_with_shared_weights() -> None:
    """The reference encodes the text, then decodes the text shifted by one step from the encoder's final state."""
    network = build_autoencoder(config_of("lstm"), SIZES).network
    words = network.get_layer("embedding")(IDS)
    layer = keras.layers.LSTM(5, return_sequences=True, return_state=True)
    layer(words)
    layer.set_weights(network.get_layer("lstm").get_weights())
    written = np.asarray(network(IDS))
    for row, length in enumerate((IDS > 0).sum(axis=1)):
        text = np.asarray(words)[row:row + 1, :length]
        _, *states = layer(text)
        behind = np.concatenate([np.zeros((1, 1, 4)), text[:, :-1]], axis=1)
        decoded, *_ = layer(behind, initial_state=states)
        expected = network.get_layer("written")(decoded)
        np.testing.assert_allclose(written[row, :length], expected[0], atol=1e-5)


@pytest.mark.parametrize("dropout", ["embedding_dropout", "output_dropout", "word_dropout"])
def test_dropout_is_active_in_training_only(dropout: str) -> None:
    options = {"embedding_dropout": 0.0, "output_dropout": 0.0, "word_dropout": 0.0, dropout: 0.5}
    for built in (build_language_model(config_of("stacked-lstm", **options), SIZES),
                  build_autoencoder(config_of("lstm", **options), SIZES)):
        inputs = IDS if isinstance(built, Autoencoder) else [IDS, *zeros(built)]
        first, second, third, fourth = (
            keras.ops.convert_to_numpy(keras.tree.flatten(built.network(inputs, training=training))[0])
            for training in (False, False, True, True))
        np.testing.assert_array_equal(first, second)
        if dropout != "output_dropout" or not isinstance(built, Autoencoder):  # which has one layer, and none between
            assert (third != fourth).any()


@pytest.mark.parametrize(("options", "message"), [
    ({"architecture": "bilstm"}, "unidirectional encoder: use rnn, lstm, gru, stacked-lstm, .*not 'bilstm'"),
    ({"architecture": "lstm", "layers": 2, "skip": True}, "omit --residual, --skip"),
])
def test_autoencoder_refuses_unsupported_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_autoencoder(ModelConfig.from_dict(options), SIZES)


@pytest.mark.parametrize(("options", "message"), [
    ({"architecture": "cnn"}, "pretrains recurrent layers: use rnn, lstm, .*bigru, .*not 'cnn'"),
    ({"architecture": "bilstm", "layers": 2}, "has seen the words that a language model would predict"),
    ({"architecture": "lstm", "layers": 2, "residual": True}, "omit --residual, --skip"),
])
def test_language_model_refuses_unsupported_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_language_model(ModelConfig.from_dict(options), SIZES)
