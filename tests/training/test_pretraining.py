"""The sequence autoencoder: what it computes, that it learns, and that the classifier starts from it."""

from typing import Any

import keras
import numpy as np
import pytest
from small_models import IDS, TOKENS, VOCABULARY, small

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.architectures.autoencoder import build_autoencoder, copy_encoder
from sentiment.batching import Batches, bucket_lengths
from sentiment.config import ModelConfig, TrainingConfig
from sentiment.errors import UserError
from sentiment.training.pretraining import start_from_autoencoder
from sentiment.training.strategy import make_strategy

SIZES = Sizes(VOCABULARY, 2)
NO_DROPOUT = {"word_dropout": 0.0, "embedding_dropout": 0.0}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("rnn", {}), ("lstm", {}), ("gru", {}), ("stacked-lstm", {}), ("lstm", {"layers": 3}),
    ("lstm", {"normalization": "layer"}), ("gru", {"normalization": "weight"})]


def test_it_is_an_encoder_and_a_decoder_with_the_same_weights() -> None:
    """By Keras layers alone: the text read, then the text one step behind, from where the encoder stopped."""
    config = ModelConfig.from_dict(small("lstm"))
    model = build_autoencoder(config, SIZES)
    words = model.get_layer("embedding")(IDS)
    layer = keras.layers.LSTM(5, return_sequences=True, return_state=True)
    layer(words)
    layer.set_weights(model.get_layer("lstm").get_weights())
    written = np.asarray(model(IDS))
    for row, length in enumerate((IDS > 0).sum(axis=1)):
        text = np.asarray(words)[row:row + 1, :length]
        _, *states = layer(text)
        behind = np.concatenate([np.zeros((1, 1, 4)), text[:, :-1]], axis=1)
        decoded, *_ = layer(behind, initial_state=states)
        expected = model.get_layer("written")(decoded)
        np.testing.assert_allclose(written[row, :length], expected[0], atol=1e-5)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_classifier_takes_the_encoder(name: str, options: dict[str, Any]) -> None:
    config = ModelConfig.from_dict(small(name, **options))
    autoencoder, classifier = build_autoencoder(config, SIZES), architectures.build(config, SIZES)
    names = copy_encoder(autoencoder, classifier)
    assert len(names) == 1 + (options.get("layers") or (2 if name.startswith("stacked") else 1))
    for one in names:
        for mine, theirs in zip(classifier.get_layer(one).get_weights(), autoencoder.get_layer(one).get_weights(),
                                strict=True):
            assert (mine == theirs).all()


def test_it_learns_to_write_what_it_read() -> None:
    config = ModelConfig.from_dict(small("lstm", units=16, embedding_size=16, **NO_DROPOUT))
    classifier = architectures.build(config, SIZES)
    before = [weight.copy() for weight in classifier.get_layer("lstm").get_weights()]
    training = TrainingConfig(pretraining_epochs=60, learning_rate=0.02, batch_size=3)
    batches = Batches(TOKENS, bucket_lengths(TOKENS.lengths, 2, 9), 3)
    losses = start_from_autoencoder(classifier, config, training, SIZES, batches, make_strategy("single"), seed=1)
    assert len(losses) == 60
    assert losses[-1] < 0.5 * losses[0]
    assert all((one != other).any() for one, other in zip(before, classifier.get_layer("lstm").get_weights(),
                                                          strict=True))


@pytest.mark.parametrize(("options", "message"), [
    ({"architecture": "bilstm"}, "reads one way: use rnn, lstm, gru, stacked-lstm, stacked-gru, not 'bilstm'"),
    ({"architecture": "lstm", "layers": 2, "skip": True}, "leave out --residual, --skip"),
])
def test_what_it_cannot_start(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_autoencoder(ModelConfig.from_dict(options), SIZES)
