import numpy as np
import pytest
from sklearn.metrics import log_loss

from sentiment.losses import cross_entropy, predicted_classes
from sentiment.predictions import probabilities

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_against_scikit_learn(classes: int) -> None:
    logits = RANDOM.normal(scale=3, size=(50, 1 if classes == 2 else classes)).astype(np.float32)
    labels = RANDOM.integers(0, classes, size=50).astype(np.int32)
    losses = np.asarray(cross_entropy(labels, logits))
    expected = log_loss(labels, probabilities(logits), labels=list(range(classes)))
    assert losses.shape == (50,)
    np.testing.assert_allclose(losses.mean(), expected, rtol=1e-5)
    assert (np.asarray(predicted_classes(logits)) == probabilities(logits).argmax(axis=1)).all()


def test_large_logits_stay_finite() -> None:
    logits = np.array([[1000.0], [-1000.0]], np.float32)
    np.testing.assert_allclose(cross_entropy(np.array([1, 1]), logits), [0.0, 1000.0])
    np.testing.assert_allclose(probabilities(logits), [[0.0, 1.0], [1.0, 0.0]])
