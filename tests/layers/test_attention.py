"""Tests of every attention layer against NumPy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers.layer_checks import check_gradient, check_half, check_saving, set_weights

from sentiment.layers import (
    AdditiveAttention,
    CosineAttention,
    DotProductAttention,
    EuclideanAttention,
    LuongAttention,
    SelfAttentivePooling,
)

RANDOM = np.random.default_rng(1)
VALUES = RANDOM.normal(size=(4, 7, 6)).astype(np.float32)
QUERY = RANDOM.normal(size=(4, 3, 6)).astype(np.float32)
LENGTHS = [7, 4, 1, 5]
MASK = np.arange(7) < np.array(LENGTHS)[:, None]

Weights = list[np.ndarray]


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


# The score of one query and one value; `w` are the layer's weights in order.
SCORES: dict[str, Callable[[np.ndarray, np.ndarray, Weights], Any]] = {
    "additive": lambda q, h, w: np.tanh(q @ w[0] + h @ w[1]) @ w[2][:, 0],
    "dot-product": lambda q, h, w: q @ h / np.sqrt(6),
    "luong-dot": lambda q, h, w: q @ h,
    "luong-general": lambda q, h, w: q @ w[0].T @ h,
    "luong-concat": lambda q, h, w: np.tanh(np.concatenate([w[0], w[1]]).T @ np.concatenate([q, h])) @ w[2][:, 0],
    "cosine": lambda q, h, w: w[2] * cosine(q @ w[0], h @ w[1]),
    "euclidean": lambda q, h, w: -np.sum((q @ w[0] - h @ w[1]) ** 2) / np.sqrt(5),
}
MAKERS: dict[str, Callable[..., keras.layers.Layer]] = {
    "additive": lambda **k: AdditiveAttention(5, **k),
    "dot-product": lambda **k: DotProductAttention(**k),
    "luong-dot": lambda **k: LuongAttention("dot", **k),
    "luong-general": lambda **k: LuongAttention("general", **k),
    "luong-concat": lambda **k: LuongAttention("concat", **k),
    "cosine": lambda **k: CosineAttention(5, **k),
    "euclidean": lambda **k: EuclideanAttention(5, **k),
    "local-p": lambda **k: LuongAttention("general", "local-p", 2, **k),
}


def built(name: str) -> keras.layers.Layer:
    layer = MAKERS[name]()
    layer(QUERY, VALUES)
    set_weights(layer)
    return layer


def arrays(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(output)) for output in outputs]


@pytest.mark.parametrize("name", SCORES)
def test_outputs_match_a_numpy_reference(name: str) -> None:
    layer = built(name)
    context, weights = arrays(layer(QUERY, VALUES, values_mask=MASK))
    assert context.shape == (4, 3, 6)
    for row, length in enumerate(LENGTHS):
        for place in range(3):
            scores = np.array([SCORES[name](QUERY[row, place], value, layer.get_weights())
                               for value in VALUES[row, :length]])
            np.testing.assert_allclose(weights[row, place, :length], softmax(scores), atol=1e-5)
            assert not weights[row, place, length:].any()
            np.testing.assert_allclose(context[row, place], softmax(scores) @ VALUES[row, :length], atol=1e-5)


def test_predictive_local_attention_matches_a_numpy_reference() -> None:
    layer = built("local-p")
    context, weights = arrays(layer(QUERY, VALUES, values_mask=MASK))
    score_kernel, position_kernel, position_score_kernel = layer.get_weights()
    for row, length in enumerate(LENGTHS):
        for place in range(3):
            query, steps = QUERY[row, place], np.arange(length)
            centre = length / (1 + np.exp(-np.tanh(query @ position_kernel) @ position_score_kernel[:, 0]))
            near = np.abs(steps - centre) <= 2
            expected = np.zeros(7)
            expected[:length][near] = softmax((VALUES[row, :length] @ score_kernel @ query)[near])
            expected[:length] *= np.exp(-((steps - centre) ** 2) / (2 * 1.0**2))
            np.testing.assert_allclose(weights[row, place], expected, atol=1e-5)
            np.testing.assert_allclose(context[row, place], expected @ VALUES[row], atol=1e-5)


def test_monotonic_local_attention_is_centred_on_each_step() -> None:
    layer = LuongAttention("dot", "local-m", 2)
    context, weights = arrays(layer(VALUES, VALUES, values_mask=MASK))
    for row, length in enumerate(LENGTHS):
        for step in range(length):
            window = range(max(0, step - 2), min(length, step + 3))
            expected = np.zeros(7)
            expected[list(window)] = softmax(np.array([VALUES[row, step] @ VALUES[row, other] for other in window]))
            np.testing.assert_allclose(weights[row, step], expected, atol=1e-5)
            np.testing.assert_allclose(context[row, step], expected @ VALUES[row], atol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_one_query_per_text(name: str) -> None:
    layer = built(name)
    for one, many in zip(arrays(layer(QUERY[:, 1], VALUES, values_mask=MASK)),
                         arrays(layer(QUERY, VALUES, values_mask=MASK)), strict=True):
        np.testing.assert_allclose(one, many[:, 1], atol=1e-6)


@pytest.mark.parametrize("name", MAKERS)
def test_masked_steps_have_no_effect(name: str) -> None:
    layer = built(name)
    changed = np.where(MASK[:, :, None], VALUES, 50).astype(np.float32)
    expected = arrays(layer(QUERY, VALUES, values_mask=MASK))[0]
    np.testing.assert_allclose(arrays(layer(QUERY, changed, values_mask=MASK))[0], expected, atol=1e-5)
    alone = arrays(layer(QUERY[1:2], VALUES[1:2, :4]))[0]
    np.testing.assert_allclose(alone, expected[1:2], atol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_fully_masked_text_gives_zeros(name: str) -> None:
    for output in arrays(built(name)(QUERY, VALUES, values_mask=np.zeros_like(MASK))):
        assert (output == 0).all()


@pytest.mark.parametrize("name", MAKERS)
def test_numerical_gradient(name: str) -> None:
    check_gradient(MAKERS[name], [VALUES[:2, :3].copy(), VALUES[:2]], values_mask=MASK[:2])


@pytest.mark.parametrize("name", MAKERS)
def test_saving_and_half_precision(name: str, tmp_path: Path) -> None:
    check_saving(MAKERS[name](), [QUERY, VALUES], tmp_path)
    check_half(MAKERS[name], [0.3 * QUERY, VALUES], values_mask=MASK)


def test_mask_is_propagated_by_keras() -> None:
    ids = np.array([[3, 4, 5, 0], [6, 0, 0, 0]], np.int32)
    given = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(9, 6, mask_zero=True)(given)
    _, weights = DotProductAttention()(states, states)
    assert not np.asarray(keras.Model(given, weights)(ids))[1, 0, 1:].any()


def test_unknown_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="score must be one of dot, general, concat and place one of global, loc"):
        LuongAttention("additive")


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("hops", [1, 3])
def test_self_attentive_pooling_matches_a_numpy_reference(hops: int, use_bias: bool) -> None:
    layer = SelfAttentivePooling(5, hops, use_bias=use_bias)
    layer(VALUES)
    set_weights(layer)
    sums, weights = arrays(layer(VALUES, mask=MASK))
    hidden_kernel, hop_kernel, *bias = layer.get_weights()
    for row, length in enumerate(LENGTHS):
        states = VALUES[row, :length]
        scores = np.tanh(states @ hidden_kernel + (bias[0] if bias else 0)) @ hop_kernel
        matrix = np.stack([softmax(scores[:, hop]) for hop in range(hops)])
        np.testing.assert_allclose(weights[row, :, :length], matrix, atol=1e-5)
        np.testing.assert_allclose(sums[row], (matrix @ states).ravel(), atol=1e-5)
        assert not weights[row, :, length:].any()


def test_penalty_of_hops_is_a_loss_in_training() -> None:
    layer = SelfAttentivePooling(5, 3, penalty=0.5)
    _, weights = arrays(layer(VALUES, mask=MASK, training=True))
    expected = np.mean([np.linalg.norm(matrix @ matrix.T - np.eye(3), "fro") ** 2 for matrix in weights])
    np.testing.assert_allclose(float(layer.losses[0]), 0.5 * expected, rtol=1e-5)
    layer(VALUES, mask=MASK)
    assert layer.losses == []


def test_numerical_gradient_saving_and_half_precision_of_pooling(tmp_path: Path) -> None:
    def make(**options: Any) -> keras.layers.Layer:
        return SelfAttentivePooling(5, 2, use_bias=True, **options)

    check_gradient(make, [VALUES[:2]], mask=MASK[:2])
    check_saving(make(), [VALUES], tmp_path)
    check_half(make, [VALUES], mask=MASK)
