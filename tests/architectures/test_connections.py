"""Tests of residual and dense connections against layers applied one by one."""

from typing import Any

import keras
import numpy as np
import pytest
from helpers.small_models import IDS, lively, logits

MASK = keras.ops.convert_to_tensor(IDS != 0)


def layers_of(model: keras.Model, cell: str, below: Any, connect: Any) -> list[Any]:
    """Run the three recurrent layers of a model; ``connect(words, outputs)`` gives the input of the next."""
    outputs: list[Any] = []
    for number in (1, 2, 3):
        outputs.append(model.get_layer(f"{cell}_{number}")(connect(below, outputs), mask=MASK))
    return outputs


def maxima(states: Any) -> np.ndarray:
    real = (IDS != 0)[:, :, None]
    return np.asarray(np.where(real, np.asarray(states), -np.inf).max(axis=1))


@pytest.mark.parametrize("cell", ["gru", "bilstm"])
def test_dense_connections(cell: str) -> None:
    model = lively(cell, layers=3, skip=True)
    words = model.get_layer("embedding")(IDS)
    outputs = layers_of(model, cell, words, lambda below, done: keras.ops.concatenate([below, *done], axis=-1))
    features = np.concatenate([maxima(states) for states in outputs], axis=1)
    np.testing.assert_allclose(model.get_layer("logits")(features), logits(model), atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "bilstm"])
def test_residual_connections(cell: str) -> None:
    model = lively(cell, layers=3, residual=True)
    states = model.get_layer(f"{cell}_1")(model.get_layer("embedding")(IDS), mask=MASK)
    for number in (2, 3):
        states = states + model.get_layer(f"{cell}_{number}")(states, mask=MASK)
    np.testing.assert_allclose(model.get_layer("logits")(maxima(states)), logits(model), atol=1e-5)
