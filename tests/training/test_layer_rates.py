"""Each pretrained layer has a rate of its own, and learns from a step of its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.small_models import build

from sentiment.config import TrainingConfig
from sentiment.training.layer_rates import set_layer_rates
from sentiment.training.optimization import WarmupDecay, make_optimizer

STARTED = ["embedding", "lstm_1", "lstm_2"]


def moved(optimizer: str, *, decay: float = 1.0, steps: float = 0.0, made: int = 1, layered: bool = True
          ) -> dict[str, float]:
    """Return how far each layer moves at the last of some steps with gradients of ones."""
    keras.utils.set_random_seed(1)
    model = build("stacked-lstm")
    one = make_optimizer(TrainingConfig(optimizer=optimizer, schedule="constant", learning_rate=0.01), 10,
                         layered=layered)
    one.build(model.trainable_variables)
    if layered:
        set_layer_rates(one, model, STARTED, decay, steps)
    for _ in range(made):
        before = {layer.name: layer.get_weights() for layer in model.layers}
        one.apply([tf.ones(weight.shape) for weight in model.trainable_variables], model.trainable_variables)
    return {layer.name: float(np.mean([np.abs(new - old).mean() for new, old in zip(
        layer.get_weights(), before[layer.name], strict=True)])) for layer in model.layers if layer.trainable_variables}


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_the_rate_falls_from_layer_to_layer(optimizer: str) -> None:
    plain, layered = moved(optimizer, layered=False), moved(optimizer, decay=2.6)
    for depth, name in enumerate(["logits", *reversed(STARTED)]):
        assert layered[name] == pytest.approx(plain[name] / 2.6**depth, rel=1e-3)


@pytest.mark.parametrize(("made", "learning"), [
    (1, ["logits"]), (3, ["logits"]), (4, ["logits", "lstm_2"]), (6, ["logits", "lstm_2"]),
    (7, ["logits", "lstm_2", "lstm_1"]), (10, ["logits", "lstm_2", "lstm_1", "embedding"])])
def test_layers_begin_to_learn_one_after_another(made: int, learning: list[str]) -> None:
    distances = moved("sgd", steps=3, made=made)
    assert {name for name, distance in distances.items() if distance > 0} == set(learning)


def test_without_decay_and_delay_nothing_differs() -> None:
    assert moved("adam", made=3) == moved("adam", made=3, layered=False)


def test_the_slanted_triangle_against_its_paper() -> None:
    """Equation 3 of Howard & Ruder 2018 with T = 100 steps, cut_frac = 0.1 and ratio = 32."""
    schedule = WarmupDecay(0.01, 99, 0.1, "slanted-triangular")
    for t in range(1, 100):
        cut = 10
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.1 - 1))
        assert float(schedule(t - 1)) == pytest.approx(0.01 * (1 + p * 31) / 32, rel=1e-4)
