import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax

from sentiment.losses import cross_entropy, distillation, divergence, entropy, log_probabilities, unit_norm

RANDOM = np.random.default_rng(1)
ONE, OTHER = RANDOM.normal(size=(2, 5, 1)).astype(np.float32) * 3
MANY, MORE = RANDOM.normal(size=(2, 5, 4)).astype(np.float32) * 3
LABELS = np.array([0, 1, 1, 0, 1], np.int32)


def table(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities by SciPy."""
    if logits.shape[1] == 1:
        return np.asarray(np.log(np.concatenate([expit(-logits.astype(float)), expit(logits.astype(float))], axis=1)))
    return np.asarray(log_softmax(logits.astype(float), axis=1))


@pytest.mark.parametrize(("fixed", "logits"), [(ONE, OTHER), (MANY, MORE)])
def test_against_scipy(fixed: np.ndarray, logits: np.ndarray) -> None:
    p, q = table(fixed), table(logits)
    np.testing.assert_allclose(log_probabilities(logits), q, atol=1e-5)
    np.testing.assert_allclose(divergence(fixed, logits), (np.exp(p) * (p - q)).sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(divergence(fixed, fixed), np.zeros(5), atol=1e-6)
    np.testing.assert_allclose(entropy(logits), -(np.exp(q) * q).sum(axis=1), atol=1e-5)


@pytest.mark.parametrize(("taught", "logits"), [(ONE, OTHER), (MANY, MORE)])
def test_distillation_against_scipy(taught: np.ndarray, logits: np.ndarray) -> None:
    p, q = table(taught / 3), table(logits / 3)
    np.testing.assert_allclose(distillation(taught, logits, 3.0), 9 * (np.exp(p) * (p - q)).sum(axis=1), atol=1e-4)


def test_divergence_holds_the_first_constant() -> None:
    fixed, logits = tf.Variable(MANY), tf.Variable(MORE)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(divergence(fixed, logits))
    gradients = tape.gradient(loss, [fixed, logits])
    assert gradients[0] is None
    np.testing.assert_allclose(gradients[1], np.exp(table(MORE)) - np.exp(table(MANY)), atol=1e-5)  # q - p


def test_extreme_logits_stay_finite() -> None:
    extreme = np.array([[-1e4], [1e4], [0.0]], np.float32)
    for values in (divergence(extreme, extreme[::-1].copy()), entropy(extreme), log_probabilities(extreme)):
        assert np.isfinite(np.asarray(values)).all()


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e20])
def test_unit_norm_of_each_text(size: float) -> None:
    values = (RANDOM.normal(size=(3, 4, 2)) * size).astype(np.float32)
    values[1] = 0
    scaled = np.asarray(unit_norm(values)).reshape(3, -1)
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), [1, 0, 1], atol=1e-5)
    expected = values[0].ravel().astype(float) / np.linalg.norm(values[0].astype(float))
    if size >= 1:
        np.testing.assert_allclose(scaled[0], expected, atol=1e-5)


@pytest.mark.parametrize("logits", [ONE, MANY])
def test_label_smoothing_is_cross_entropy_with_soft_targets(logits: np.ndarray) -> None:
    classes = max(2, logits.shape[1])
    targets = 0.9 * np.eye(classes)[LABELS] + 0.1 / classes
    np.testing.assert_allclose(cross_entropy(LABELS, logits, 0.1), -(targets * table(logits)).sum(axis=1), atol=1e-5)
