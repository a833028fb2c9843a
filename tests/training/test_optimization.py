import math

import keras
import numpy as np
import pytest

from sentiment.config import OPTIMIZERS, TrainingConfig
from sentiment.training.optimization import WarmupDecay, make_optimizer


@pytest.mark.parametrize(("shape", "falling"), [
    ("linear", lambda q: 1 - q), ("cosine", lambda q: (1 + math.cos(math.pi * q)) / 2)])
def test_schedule_against_its_formula(shape: str, falling: object) -> None:
    schedule = WarmupDecay(peak=0.5, steps=99, warmup=0.2, shape=shape)
    for step in range(99):
        done = (step + 1) / 100
        expected = 0.5 * (done / 0.2 if done < 0.2 else falling((done - 0.2) / 0.8))  # type: ignore[operator]
        assert float(schedule(step)) == pytest.approx(expected, abs=1e-6)
    assert float(schedule(0)) > 0
    assert float(schedule(98)) > 0
    assert float(schedule(500)) == pytest.approx(0, abs=1e-7)


def test_schedule_without_warmup_starts_at_the_peak() -> None:
    assert float(WarmupDecay(0.1, 1000, 0.0, "cosine")(0)) == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_lowers_a_loss(name: str) -> None:
    weight = keras.Variable(np.array([3.0], np.float32))
    optimizer = make_optimizer(TrainingConfig(optimizer=name, learning_rate=0.05, schedule="linear"), steps=60)
    for _ in range(60):
        optimizer.apply([2 * weight.value], [weight])
    assert abs(float(weight.value[0])) < 2.0
    assert type(optimizer).__name__.lower() == name


def test_weight_decay_is_of_adamw_and_spares_biases() -> None:
    optimizer = make_optimizer(TrainingConfig(optimizer="adamw", learning_rate=0.1, weight_decay=0.5,
                                              schedule="constant"), steps=1)
    kernel = keras.Variable(np.ones(1, np.float32), name="kernel")
    bias = keras.Variable(np.ones(1, np.float32), name="bias")
    optimizer.apply([np.zeros(1, np.float32)] * 2, [kernel, bias])
    assert float(kernel.value[0]) == pytest.approx(0.95)
    assert float(bias.value[0]) == 1.0
