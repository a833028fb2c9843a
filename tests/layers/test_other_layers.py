"""Tests of the masked convolution, sinusoidal positions and perturbed embeddings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.layer_checks import check_gradient, check_half, check_saving, set_weights

from sentiment.layers import EmbeddedWords, MaskedConv1D, SinusoidalPositions

WORDS = np.random.default_rng(2).normal(size=(3, 6, 4)).astype(np.float32)
LENGTHS = [6, 3, 1]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_convolution_ignores_masked_steps(width: int) -> None:
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


def test_positions_match_the_formula() -> None:
    result = np.asarray(SinusoidalPositions()(WORDS)) - 2 * WORDS  # sqrt(4) is 2
    for step in range(6):
        expected = [np.sin(step), np.cos(step), np.sin(step / 100), np.cos(step / 100)]  # 10000^(2 / 4) is 100
        np.testing.assert_allclose(result[1, step], expected, atol=1e-5)


def test_perturbation_applies_only_within_the_block() -> None:
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
def test_numerical_gradient_saving_and_half_precision(name: str, tmp_path: Path) -> None:
    check_gradient(MAKERS[name], [WORDS])
    check_saving(MAKERS[name](), [WORDS], tmp_path)
    check_half(MAKERS[name], [WORDS])
