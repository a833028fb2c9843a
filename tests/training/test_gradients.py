import numpy as np
import pytest
import tensorflow as tf

from sentiment.config import TrainingConfig
from sentiment.training.averaging import WeightAverage
from sentiment.training.gradients import transformed
from sentiment.training.noise import Noise

GRADIENTS = [tf.constant([3.0, -0.1]), tf.constant([[4.0]])]


def changed(scale: float = 1.0, step: int = 0, **options: float) -> list[np.ndarray]:
    config = TrainingConfig.from_dict({"clip_norm": 0.0, **options})
    return [np.asarray(value) for value in transformed(GRADIENTS, config, tf.constant(scale), Noise(1, step))]


def test_nothing_asked_nothing_done() -> None:
    assert [value.tolist() for value in changed()] == [value.numpy().tolist() for value in GRADIENTS]


def test_clipping_by_norm_and_by_value() -> None:
    np.testing.assert_allclose(np.concatenate([value.ravel() for value in changed(clip_norm=2.5)]),
                               np.array([3, -0.1, 4]) / np.sqrt(25.01) * 2.5, rtol=1e-5)
    assert [value.ravel().tolist() for value in changed(clip_value=1.0)] == [[1.0, pytest.approx(-0.1)], [1.0]]
    both = np.concatenate([value.ravel() for value in changed(clip_value=1.0, clip_norm=1.0)])
    np.testing.assert_allclose(both, np.array([1, -0.1, 1]) / np.sqrt(2.01), rtol=1e-5)
    assert [value.ravel().tolist() for value in changed(clip_norm=100.0)] == [[3.0, pytest.approx(-0.1)], [4.0]]


def test_limits_are_for_the_gradient_without_the_loss_scale() -> None:
    assert [value.ravel().tolist() for value in changed(2.0, clip_value=1.0)] == [[2.0, pytest.approx(-0.1)], [2.0]]
    norm = np.sqrt(sum(np.square(value).sum() for value in changed(2.0, clip_norm=1.0)))
    assert norm == pytest.approx(2.0, rel=1e-5)


def test_a_norm_that_is_not_finite_changes_nothing() -> None:
    config = TrainingConfig(clip_norm=1.0)
    (value,) = transformed([tf.constant([np.inf, 1.0])], config, tf.constant(1.0), Noise(1, 0))
    assert value.numpy().tolist() == [np.inf, 1.0]


@pytest.mark.parametrize("step", [0, 50])
def test_noise_has_the_variance_of_the_formula(step: int) -> None:
    config = TrainingConfig(clip_norm=0.0, gradient_noise=0.3)
    (value,) = transformed([tf.zeros(200_000)], config, tf.constant(1.0), Noise(1, step))
    assert np.var(value.numpy()) == pytest.approx(0.3 / (1 + step) ** 0.55, rel=0.02)


def test_the_average_follows_its_formula_and_gives_the_weights_back() -> None:
    weight = tf.Variable([1.0, 2.0])

    class Holder:
        value = weight

    average, expected = WeightAverage([Holder()], 0.5), np.array([1.0, 2.0])
    for step in range(1, 30):
        weight.assign(weight * 1.1)
        average.update()
        kept = min(0.5, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * weight.numpy()
    before = weight.numpy()
    with average.in_place():
        np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-5)
    assert (weight.numpy() == before).all()
