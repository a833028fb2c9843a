import numpy as np
import pytest

from sentiment.evaluation import calibration_error, evaluate, log_loss
from sentiment.predictions import probabilities


def test_two_classes_against_counts_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    logits = np.array([[-2.0], [-1.0], [1.0], [3.0], [-0.5]])
    found = evaluate(labels, logits, ("neg", "pos"))
    assert found["accuracy"] == 3 / 5
    assert found["confusion_matrix"] == [[2, 1], [1, 1]]
    assert found["classes"]["pos"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "texts": 2}
    assert found["classes"]["neg"]["precision"] == pytest.approx(2 / 3)
    assert found["roc_auc"] == pytest.approx(5 / 6)  # of the 6 pairs, only 1.0 over -0.5 is wrong
    expected = np.mean(np.log1p(np.exp(np.where(labels == 1, -1, 1) * logits[:, 0])))
    assert found["log_loss"] == pytest.approx(expected)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0.5) / 2)


def test_three_classes() -> None:
    labels = np.array([0, 1, 2, 2])
    logits = np.array([[3.0, 0, 0], [0, 2, 0], [0, 0, 1], [5, 0, 0]])
    found = evaluate(labels, logits, ("a", "b", "c"))
    assert found["accuracy"] == 0.75
    assert found["confusion_matrix"][2] == [1, 0, 1]
    assert found["log_loss"] == pytest.approx(-np.mean(np.log(probabilities(logits)[np.arange(4), labels])))


def test_a_class_without_a_text() -> None:
    found = evaluate(np.array([0, 0]), np.array([[1.0], [-1.0]]), ("a", "b"))
    assert found["roc_auc"] is None
    assert found["classes"]["b"]["recall"] == 0.0


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    assert log_loss(np.array([0]), np.array([[2000.0]])) == pytest.approx(2000.0)


def test_calibration_error_by_hand() -> None:
    """Bins of 1/15: 0.60 and 0.61 share the bin from 0.6 to 0.667, 0.9 stands alone."""
    scores = np.array([0.61, 0.62, 0.9, 1.0])
    logits = np.log(scores[:3] / (1 - scores[:3]))
    logits = np.append(logits, 800.0)[:, None]
    labels = np.array([1, 0, 1, 1])
    expected = 2 / 4 * abs(0.615 - 0.5) + 1 / 4 * abs(0.9 - 1) + 1 / 4 * 0
    assert calibration_error(labels, logits) == pytest.approx(expected)
    assert calibration_error(1 - labels, -logits) == pytest.approx(expected)


def test_honest_scores_have_a_small_calibration_error() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 1.5, size=(50_000, 4))
    labels = np.array([random.choice(4, p=row) for row in probabilities(logits)])
    assert calibration_error(labels, logits) < 0.01
    assert calibration_error(labels, 3 * logits) > 0.1
