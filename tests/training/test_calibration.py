import doctest

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from sentiment.training import calibration
from sentiment.training.calibration import (
    GRID,
    calibrated_loss,
    is_miscalibrated,
    mean_weights,
    score_and_information,
    summed_losses,
    temperature,
)

RANDOM = np.random.default_rng(3)


def test_the_factor_of_a_logistic_regression() -> None:
    """Many texts: the prior does not matter, and scikit-learn finds the same factor without an intercept."""
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


@pytest.mark.parametrize("margin", [0.3, 3.0])
def test_all_right_is_not_certain(margin: float) -> None:
    """The temperature is where the slope of the summed loss is that of the prior, -log T / T."""
    labels = np.repeat([0, 1], 50)
    logits = np.where(labels == 1, margin, -margin)[:, None]
    found = temperature(labels, logits)
    assert 0.05 < found < 1
    assert 100 * margin * expit(-margin / found) / found == pytest.approx(-np.log(found), rel=1e-3)


@pytest.mark.parametrize("classes", [2, 4, 20])
@pytest.mark.parametrize("texts", [5, 20])
def test_few_texts_do_not_spoil_what_is_calibrated(classes: int, texts: int) -> None:
    """Of 200 draws from calibrated logits 5 % are changed by chance, and the error grows by a hundredth at most."""
    random = np.random.default_rng(classes + texts)
    found = []
    for _ in range(200):
        logits = random.normal(0, 2, size=(classes * texts, classes))
        labels = (softmax(logits, axis=1).cumsum(axis=1) > random.random((len(logits), 1))).argmax(axis=1)
        found.append(temperature(labels, logits))
    assert np.mean(np.array(found) != 1) < 0.1
    assert 0.2 < min(found) <= max(found) < 5


def test_the_score_is_a_derivative_and_its_variance_that_of_drawn_labels() -> None:
    logits = RANDOM.normal(0, 2, size=(300, 4))
    labels = RANDOM.integers(0, 4, 300)
    score, information = score_and_information(labels, logits)
    up, down = summed_losses(labels, logits, [np.exp(1e-4), np.exp(-1e-4)])
    assert score == pytest.approx((up - down) / 2e-4, rel=1e-4)
    shares = softmax(logits, axis=1)
    scores = [score_and_information((shares.cumsum(axis=1) > RANDOM.random((300, 1))).argmax(axis=1), logits)[0]
              for _ in range(3000)]
    assert np.mean(scores) == pytest.approx(0, abs=3 * np.sqrt(information / 3000))
    assert np.var(scores) == pytest.approx(information, rel=0.1)


@pytest.mark.parametrize("scale", [0.05, 1.0, 1.03, 30.0])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_loss_of_an_epoch_is_that_at_its_temperature(scale: float, outputs: int) -> None:
    """Within a thousandth, as the grid is that fine; the sums of two halves make the whole."""
    random = np.random.default_rng(3)
    logits = random.normal(0, 2, size=(500, outputs))
    shares = np.concatenate([1 - expit(logits), expit(logits)], axis=1) if outputs == 1 else softmax(logits, axis=1)
    labels, logits = np.array([random.choice(len(row), p=row) for row in shares]), logits * scale
    expected = summed_losses(labels, logits, [temperature(labels, logits)])[0]
    halves = [(summed_losses(labels[part], logits[part], GRID), score_and_information(labels[part], logits[part]))
              for part in (slice(200), slice(200, None))]
    losses = np.sum([losses for losses, _ in halves], axis=0).tolist()
    score, information = np.sum([sums for _, sums in halves], axis=0)
    assert is_miscalibrated(score, information) == (temperature(labels, logits) != 1) == (scale in (0.05, 30.0))
    assert calibrated_loss(losses, score, information) == pytest.approx(expected, rel=2e-3)


def test_the_example_of_the_docstring(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctest.testmod(calibration, extraglobs={"np": np}).failed == 0


def test_weights_of_a_logistic_regression() -> None:
    """Many texts: the prior does not matter, and scikit-learn finds the same weights without an intercept."""
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
