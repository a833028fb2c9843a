"""Convolution, positions, the place for perturbations, and every layer on the JAX backend."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks import check_gradient, check_half, check_saving, first, on_jax, set_weights

from sentiment import layers
from sentiment.layers import EmbeddedWords, MaskedConv1D, SinusoidalPositions

WORDS = np.random.default_rng(2).normal(size=(3, 6, 4)).astype(np.float32)
LENGTHS = [6, 3, 1]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_convolution_of_the_text_alone(width: int) -> None:
    layer = MaskedConv1D(5, width, padding="same", activation="relu")
    layer(WORDS)
    set_weights(layer)
    kernel, bias = layer.get_weights()
    changed = np.where(MASK[:, :, None], WORDS, 9).astype(np.float32)
    result = np.asarray(layer(changed, mask=MASK))
    before = (width - 1) // 2
    for row, length in enumerate(LENGTHS):
        padded = np.pad(WORDS[row, :length], [[before, width - 1 - before], [0, 0]])
        for step in range(length):
            expected = np.einsum("wf,wfu->u", padded[step:step + width], kernel) + bias
            np.testing.assert_allclose(result[row, step], np.maximum(expected, 0), atol=1e-5)


def test_positions_against_the_formula() -> None:
    result = np.asarray(SinusoidalPositions()(WORDS)) - 2 * WORDS  # sqrt(4) is 2
    for step in range(6):
        expected = [np.sin(step), np.cos(step), np.sin(step / 100), np.cos(step / 100)]  # 10000^(2 / 4) is 100
        np.testing.assert_allclose(result[1, step], expected, atol=1e-5)


def test_embedded_words_change_only_within_the_block() -> None:
    layer = EmbeddedWords()
    assert (np.asarray(layer(WORDS)) == WORDS).all()
    with layer.changed(lambda words: words + 1):
        np.testing.assert_allclose(layer(WORDS), WORDS + 1)
    assert (np.asarray(layer(WORDS)) == WORDS).all()


MAKERS: dict[str, Any] = {
    "MaskedConv1D": lambda **k: MaskedConv1D(5, 3, padding="same", **k),
    "SinusoidalPositions": lambda **k: SinusoidalPositions(**k), "EmbeddedWords": lambda **k: EmbeddedWords(**k),
}


@pytest.mark.parametrize("name", MAKERS)
def test_gradient_saving_precision(name: str, tmp_path: Path) -> None:
    check_gradient(MAKERS[name], [WORDS])
    check_saving(MAKERS[name](), [WORDS], tmp_path)
    check_half(MAKERS[name], [WORDS])


ON_JAX = {
    "AdditiveAttention": ("layers.AdditiveAttention(5)", 2), "CosineAttention": ("layers.CosineAttention(5)", 2),
    "DotProductAttention": ("layers.DotProductAttention()", 2),
    "EuclideanAttention": ("layers.EuclideanAttention(5)", 2),
    "LuongAttention": ("layers.LuongAttention('concat', 'local-p', 2)", 2),
    "SelfAttentivePooling": ("layers.SelfAttentivePooling(5, 2)", 1),
    "MaskedPooling": ("layers.MaskedPooling('concat')", 1),
    "MaskedConv1D": ("layers.MaskedConv1D(5, 3, padding='same')", 1),
    "SinusoidalPositions": ("layers.SinusoidalPositions()", 1), "EmbeddedWords": ("layers.EmbeddedWords()", 1),
    "LSTMCell": ("layers.RNN(layers.LSTMCell(5, weight_normalization=True), return_sequences=True)", 1),
    "GRUCell": ("layers.RNN(layers.GRUCell(5), return_sequences=True)", 1),
    "SimpleRNNCell": ("layers.RNN(layers.SimpleRNNCell(5, weight_drop=0.3), return_sequences=True)", 1),
    "LayerNormLSTMCell": ("layers.RNN(layers.LayerNormLSTMCell(5), return_sequences=True)", 1),
}
# Layers whose inputs are ids have a test of their own beside their formula; RNN runs with each cell above.
ELSEWHERE = {"BigramEmbedding", "JoinSentences", "LinearNgrams", "RNN", "SplitSentences", "WordDropout"}


def test_every_layer_is_run_on_jax() -> None:
    assert set(ON_JAX) | ELSEWHERE == set(layers.__all__)


@pytest.mark.parametrize("name", ON_JAX)
def test_on_jax(name: str, tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install '.[jax]'")
    make, inputs = ON_JAX[name]
    layer = eval(make, {"layers": layers})  # noqa: S307
    given = [WORDS[:, :2], WORDS][-inputs:]
    layer(*given)
    set_weights(layer)
    np.testing.assert_allclose(on_jax(make, layer, given, tmp_path), np.asarray(first(layer(*given))), atol=1e-5)


def test_layers_of_ids_on_jax(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install '.[jax]'")
    ids = np.array([[3, 4, 5, 0, 0, 0], [2, 3, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]], np.int32)
    pairs = layers.BigramEmbedding(20)
    pairs(WORDS, ids)
    np.testing.assert_allclose(on_jax("layers.BigramEmbedding(20)", pairs, [WORDS, ids], tmp_path),
                               np.asarray(pairs(WORDS, ids)), atol=1e-6)
    assert (on_jax("layers.WordDropout(0.5)", layers.WordDropout(0.5), [ids], tmp_path) == ids).all()
    real = ids[:, :2] > 0
    joined = on_jax("layers.JoinSentences()", layers.JoinSentences(), [WORDS[:, 0].repeat(2, axis=0), real], tmp_path)
    assert joined.shape == (3, 2, 4)
