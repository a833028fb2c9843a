import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from sentiment.predictions import probabilities
from sentiment.training.calibration import GRID, mean_weights, smoothed_targets, summed_losses, temperature

RANDOM = np.random.default_rng(3)


def test_the_factor_of_a_logistic_regression() -> None:
    """Many texts: Platt's targets do not matter, and scikit-learn finds the same factor without an intercept."""
    logits = RANDOM.normal(0, 2, size=(20_000, 1))
    labels = (RANDOM.random(20_000) < expit(logits[:, 0] / 3)).astype(np.int32)
    alone = LogisticRegression(C=np.inf, fit_intercept=False).fit(logits, labels)
    assert 1 / temperature(labels, logits) == pytest.approx(alone.coef_[0, 0], rel=2e-3)
    assert temperature(labels, logits) == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("scale", [0.25, 1.0, 6.0])
def test_three_classes(scale: float) -> None:
    logits = RANDOM.normal(0, 2, size=(20_000, 3))
    labels = np.array([RANDOM.choice(3, p=row) for row in softmax(logits, axis=1)])
    assert temperature(labels, logits * scale) == pytest.approx(scale, rel=0.05)


def test_one_logit_is_two() -> None:
    logits = RANDOM.normal(size=(50, 1))
    labels = RANDOM.integers(0, 2, 50)
    both = np.concatenate([-logits / 2, logits / 2], axis=1)
    assert temperature(labels, logits) == pytest.approx(temperature(labels, both), rel=1e-6)


def test_all_right_is_not_certain() -> None:
    """Platt's target for 50 texts a class is 51 / 52."""
    labels = np.repeat([0, 1], 50)
    logits = np.where(labels == 1, 0.3, -0.3)[:, None]
    right = probabilities(logits / temperature(labels, logits))[np.arange(100), labels]
    np.testing.assert_allclose(right, 51 / 52, rtol=1e-4)


@pytest.mark.parametrize("scale", [0.05, 1.03, 30.0])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_grid_is_fine_enough(scale: float, outputs: int) -> None:
    logits = np.random.default_rng(3).normal(0, 2, size=(500, outputs))
    shares = np.concatenate([1 - expit(logits), expit(logits)], axis=1) if outputs == 1 else softmax(logits, axis=1)
    labels = np.array([RANDOM.choice(len(row), p=row) for row in shares])
    targets = smoothed_targets(labels, outputs)
    best = summed_losses(targets, logits * scale, [temperature(labels, logits * scale)])[0]
    np.testing.assert_allclose(targets.sum(axis=1), 1)
    assert best * (1 - 1e-9) <= min(summed_losses(targets, logits * scale, GRID)) <= best * 1.001


def test_weights_of_a_logistic_regression() -> None:
    """Many texts: Platt's targets do not matter, and scikit-learn finds the same weights without an intercept."""
    logits = RANDOM.normal(0, 2, size=(2, 20_000, 1))
    labels = (RANDOM.random(20_000) < expit(0.6 * logits[0, :, 0] + 0.2 * logits[1, :, 0])).astype(np.int32)
    found = mean_weights(labels, logits)
    alone = LogisticRegression(C=np.inf, fit_intercept=False).fit(logits[:, :, 0].T, labels).coef_[0]
    np.testing.assert_allclose(found, alone / np.sum(alone), atol=2e-3)
    np.testing.assert_allclose(found, [0.75, 0.25], atol=0.03)


def test_weights_for_three_classes() -> None:
    logits = RANDOM.normal(0, 2, size=(2, 20_000, 3))
    labels = np.array([RANDOM.choice(3, p=row) for row in softmax(0.3 * logits[0] + 0.6 * logits[1], axis=1)])
    np.testing.assert_allclose(mean_weights(labels, logits), [1 / 3, 2 / 3], atol=0.03)


def test_no_weight_is_below_0() -> None:
    """To subtract the second, which is the noise in the first, would fit best."""
    right, noise = RANDOM.normal(0, 2, size=(2, 20_000, 1))
    labels = (RANDOM.random(20_000) < expit(right[:, 0])).astype(np.int32)
    np.testing.assert_allclose(mean_weights(labels, np.stack([right + noise, noise])), [1, 0], atol=1e-6)


def test_weights_of_models_that_know_nothing_are_equal() -> None:
    labels = np.repeat([0, 1], 50)
    wrong = np.where(labels == 1, -1.0, 1.0)[None, :, None]
    np.testing.assert_allclose(mean_weights(labels, np.concatenate([wrong, 2 * wrong])), [0.5, 0.5])
