"""The norms against the chain rule by hand, and the command."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.commands import Cli

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.batching import TokenizedTexts
from sentiment.config import ModelConfig
from sentiment.errors import UserError
from sentiment.training.gradient_flow import VARIANTS, Sample, Variant, gradient_norms, sample_of

RANDOM = np.random.default_rng(1)
SAMPLE = Sample(RANDOM.integers(1, 20, size=(5, 12)).astype(np.int32), np.array([0, 1, 1, 0, 1], np.int32))
VECTORS = RANDOM.normal(size=(20, 6)).astype(np.float32)
CONFIG = ModelConfig(units=4, embedding_size=6)


def test_an_elman_network_by_the_chain_rule() -> None:
    """dL/dh_(t-1) = U diag(1 - h_t^2) dL/dh_t."""
    variant = Variant("x", {}, gain=0.9)
    norms = gradient_norms("rnn", variant, CONFIG, Sizes(20, 2), SAMPLE, VECTORS, seed=3)
    keras.utils.set_random_seed(3)
    config = ModelConfig(architecture="rnn", units=4, embedding_size=6, pooling="last")
    model = architectures.build(config, Sizes(20, 2))
    kernel, recurrent, bias = model.get_layer("rnn").get_weights()
    recurrent = recurrent * 0.9
    weights, offset = model.get_layer("logits").get_weights()
    expected = np.zeros((5, 12))
    for row in range(5):
        states = [np.zeros(4)]
        for word in SAMPLE.ids[row]:
            states.append(np.tanh(VECTORS[word] @ kernel + states[-1] @ recurrent + bias))
        probability = 1 / (1 + np.exp(-(states[-1] @ weights[:, 0] + offset[0])))
        gradient = (probability - SAMPLE.labels[row]) * weights[:, 0]
        for step in range(12, 0, -1):
            expected[row, step - 1] = np.linalg.norm(gradient)
            gradient = recurrent @ ((1 - states[step] ** 2) * gradient)
    np.testing.assert_allclose(norms, expected.mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize(("name", "variant"), [(name, one) for name, many in VARIANTS.items() for one in many],
                         ids=lambda value: value if isinstance(value, str) else value.label)
def test_every_variant_gives_a_norm_a_step(name: str, variant: Variant) -> None:
    norms = gradient_norms(name, variant, CONFIG, Sizes(20, 2), SAMPLE, VECTORS, seed=3)
    assert norms.shape == (12,)
    assert np.isfinite(norms).all()
    assert (norms > 0).all()


def test_clipping_scales_all_steps_alike() -> None:
    free, clipped = (gradient_norms("rnn", Variant("x", {"activation": "relu"}, 3.0, limit), CONFIG, Sizes(20, 2),
                                    SAMPLE, VECTORS, seed=3) for limit in (0.0, 0.01))
    assert (clipped < free).all()
    np.testing.assert_allclose(clipped / free, (clipped / free)[0], rtol=1e-6)


def test_the_texts_are_the_ends_of_long_ones() -> None:
    lengths = np.array([3, *[20] * 20])
    tokens = TokenizedTexts(np.arange(lengths.sum(), dtype=np.int32), np.concatenate([[0], np.cumsum(lengths)]))
    sample = sample_of(tokens, np.arange(21, dtype=np.int32), steps=8, texts=5, seed=1)
    assert sample.ids.shape == (5, 8)
    for ids, label in zip(sample.ids, sample.labels, strict=True):
        assert (ids == tokens.row(int(label))[-8:]).all()
    assert sample_of(tokens, np.arange(21, dtype=np.int32), 50, 5, 1).ids.shape == (5, 20)
    with pytest.raises(UserError, match="3 texts are too few"):
        sample_of(TokenizedTexts(np.zeros(6, np.int32), np.array([0, 2, 4, 6])), np.zeros(3, np.int32), 2, 5, 1)


def test_the_command(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    picture = tmp_path / "flow.png"
    code, out, err = run_cli("gradients", "--arch", "rnn", "--dataset", tiny_csv, "--steps", "5", "--units", "4",
                             "--output", picture, "--json")
    assert code == 0, err
    assert {label: len(values) for label, values in json.loads(out)["rnn"].items()} == {
        one.label: 5 for one in VARIANTS["rnn"]}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run_cli("gradients", "--steps", "1")[0] == 1
    code, _, err = run_cli("gradients", "--output", "flow.txt")
    assert (code, err) == (1, "error: --output must be a .png, .svg or .pdf file, not flow.txt\n")
    assert run_cli("gradients", "--arch", "bilstm")[0] == 2
