"""Every architecture keeps every contract. A new one is one more row in `CASES`."""

from pathlib import Path

import keras
import numpy as np
import pytest

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.config import ModelConfig
from sentiment.errors import UserError
from sentiment.objectives import cross_entropy

CASES = ["rnn", "lstm", "gru", "bilstm", "bigru", "stacked-lstm", "stacked-bilstm", "stacked-gru"]
SEQUENTIAL = {"rnn", "lstm", "gru"}
VOCABULARY = 30
IDS = np.random.default_rng(2).integers(1, VOCABULARY, size=(6, 9)).astype(np.int32)
LENGTHS = [9, 7, 1, 4, 9, 2]
for _row, _length in enumerate(LENGTHS):
    IDS[_row, _length:] = 0


def build(name: str, classes: int = 2, pooling: str = "concat", **options: object) -> keras.Model:
    config = ModelConfig.from_dict({"architecture": name, "units": 5, "embedding_size": 4, "pooling": pooling,
                                    **options})
    return architectures.build(config, Sizes(VOCABULARY, classes))


def logits(model: keras.Model, ids: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(ids, training=False)))


def test_the_table_is_the_registry() -> None:
    assert sorted(CASES) == [entry.name for entry in architectures.architectures()]
    assert all(entry.summary for entry in architectures.architectures())


@pytest.mark.parametrize("name", CASES)
def test_sequential_or_functional(name: str) -> None:
    assert isinstance(build(name), keras.Sequential) == (name in SEQUENTIAL)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("classes", "width"), [(2, 1), (3, 3)])
def test_logits_have_the_right_shape(name: str, classes: int, width: int) -> None:
    model = build(name, classes)
    values = logits(model, IDS)
    assert values.shape == (6, width)
    assert values.dtype == np.float32
    assert model.get_layer("logits").activation is keras.activations.linear


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "concat"])
@pytest.mark.parametrize("name", CASES)
def test_padding_never_changes_a_logit(name: str, pooling: str) -> None:
    model = build(name, pooling=pooling)
    padded = np.concatenate([IDS, np.zeros((6, 11), np.int32)], axis=1)
    np.testing.assert_allclose(logits(model, padded), logits(model, IDS), atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "concat"])
@pytest.mark.parametrize("name", CASES)
def test_a_batch_of_one_is_a_row_of_a_batch(name: str, pooling: str) -> None:
    model = build(name, pooling=pooling)
    together = logits(model, IDS)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(logits(model, IDS[row:row + 1, :length])[0], together[row], atol=1e-5)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "bilstm", "bigru"])
def test_last_pooling_is_what_keras_returns_without_sequences(name: str) -> None:
    """An independent way to the last state: Keras's own `return_sequences=False`."""
    model = build(name, pooling="last")
    recurrent = next(layer for layer in model.layers if "rnn" in layer.name or "lstm" in layer.name
                     or "gru" in layer.name)
    config = recurrent.get_config()
    (config["layer"]["config"] if "layer" in config else config)["return_sequences"] = False
    if "backward_layer" in config:
        config["backward_layer"]["config"]["return_sequences"] = False
    alone = type(recurrent).from_config(config)
    embedded = model.get_layer("embedding")(IDS)
    states = alone(embedded, mask=IDS != 0)
    alone.set_weights(recurrent.get_weights())
    states = alone(embedded, mask=IDS != 0)
    expected = keras.ops.convert_to_numpy(model.get_layer("logits")(states))
    np.testing.assert_allclose(logits(model, IDS), expected, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_save_and_load(name: str, tmp_path: Path) -> None:
    model = build(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(logits(loaded, IDS), logits(model, IDS), atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_learns_a_tiny_set(name: str) -> None:
    model = build(name, units=16, embedding_size=16, word_dropout=0.0, embedding_dropout=0.0, output_dropout=0.0)
    labels = np.array([0, 1, 1, 0, 0, 1], np.int32)
    model.compile(keras.optimizers.Adam(0.03), loss=lambda right, values: cross_entropy(right[:, 0], values))
    history = model.fit(IDS, labels[:, None], epochs=40, batch_size=6, verbose=0).history["loss"]
    assert history[-1] < 0.05 < history[0]
    assert ((logits(model, IDS)[:, 0] > 0) == labels).all()


@pytest.mark.parametrize("name", CASES)
def test_word_vectors_start_the_embedding(name: str) -> None:
    model, vectors = build(name), np.random.default_rng(1).normal(size=(VOCABULARY, 4)).astype(np.float32)
    architectures.set_word_vectors(model, vectors)
    assert (model.get_layer("embedding").get_weights()[0] == vectors).all()


@pytest.mark.parametrize("name", CASES)
def test_dropout_is_active_in_training_only(name: str) -> None:
    model = build(name, recurrent_dropout=0.2)
    assert (logits(model, IDS) == logits(model, IDS)).all()
    first, second = (keras.ops.convert_to_numpy(model(IDS, training=True)) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("name", CASES)
def test_l2_counts_every_kernel_once(name: str) -> None:
    model = build(name, l2=0.5)
    kernels = [weight for weight in model.trainable_weights if "kernel" in weight.name]
    expected = sum(0.5 * float(np.sum(np.square(keras.ops.convert_to_numpy(weight)))) for weight in kernels)
    np.testing.assert_allclose(float(sum(model.losses)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("stacked")])
def test_depth(name: str) -> None:
    names = [layer.name for layer in build(name, layers=3).layers]
    assert sum(part in layer for layer in names for part in ("lstm_", "gru_")) == 3


def test_unknown_names_and_options_that_do_not_apply() -> None:
    with pytest.raises(UserError, match=r"no architecture 'bilstn'; did you mean 'bilstm'\? \(there are bigru, bilstm"):
        build("bilstn")
    with pytest.raises(UserError, match="'lstm' has one recurrent layer: --layers goes with stacked-bilstm"):
        build("lstm", layers=2)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        architectures.register("lstm", "again")(lambda config, sizes: keras.Model())
