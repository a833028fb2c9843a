import numpy as np
import pytest
from sklearn import metrics

from sentiment.evaluation.slices import by_length, by_negation, by_value, coverage, slice_of, thresholds
from sentiment.predictions import predictions, probabilities

RANDOM = np.random.default_rng(6)


def test_a_slice_and_wilsons_interval() -> None:
    """Wilson 1927 for 8 of 10 at 95 %: 0.4902 to 0.9433."""
    found = slice_of("all", np.array([True] * 8 + [False] * 2))
    assert (found.name, found.texts, found.accuracy) == ("all", 10, 0.8)
    assert found.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_tenths_by_length() -> None:
    lengths = RANDOM.permutation(np.arange(1, 1001))
    found = by_length(lengths, lengths > 100)
    assert [one.name for one in found][:2] == ["1 to 100", "101 to 200"]
    assert [one.texts for one in found] == [100] * 10
    assert [one.accuracy for one in found] == [0.0] + [1.0] * 9


def test_equal_lengths_stay_together() -> None:
    found = by_length(np.array([7] * 50 + [9] * 3), np.ones(53, bool))
    assert [(one.name, one.texts) for one in found] == [("7", 50), ("9", 3)]


def test_negations_are_counted() -> None:
    texts = ["a good film", "I can't, I won’t, not without you", "Never! No. None", "a knot, a notion", "not bad"]
    found = by_negation(texts, np.array([True, False, True, True, False]))
    assert [(one.name, one.texts, one.accuracy) for one in found] == [
        ("0", 2, 1.0), ("1", 1, 0.0), ("2 to 3", 1, 1.0), ("4 to 7", 1, 0.0)]


def test_by_value() -> None:
    found = by_value(np.array([10, 2, 10]), np.array([True, False, False]))
    assert [(one.name, one.texts, one.accuracy) for one in found] == [("2", 1, 0.0), ("10", 2, 0.5)]


def test_thresholds_against_scikit_learn() -> None:
    labels, scores = RANDOM.integers(0, 2, 500), RANDOM.random(500)
    for row in thresholds(labels, scores):
        answered = scores >= row.probability
        assert row.precision == pytest.approx(metrics.precision_score(labels, answered))
        assert row.recall == pytest.approx(metrics.recall_score(labels, answered))
        assert row.f1 == pytest.approx(metrics.f1_score(labels, answered))
        assert row.answered == answered.mean()


def test_coverage() -> None:
    scores = np.array([[0.95, 0.05], [0.4, 0.6], [0.25, 0.75]])
    rows = {row.probability: row for row in coverage(np.array([0, 0, 1]), scores)}
    assert min(rows) == 0.5
    assert rows[0.5][1:] == pytest.approx((3, 1.0, 2 / 3))
    assert rows[0.7][1:] == pytest.approx((2, 2 / 3, 1.0))
    assert rows[0.99] == (0.99, 0, 0.0, None)


def test_coverage_of_many_classes() -> None:
    """Winning classes have 0.31 to 0.61, and what predict labels is what is counted."""
    logits = np.log([[0.1, 0.1, 0.31, 0.24, 0.24], [0.61, 0.1, 0.1, 0.1, 0.09], [0.2, 0.41, 0.1, 0.1, 0.19]])
    rows = coverage(np.array([2, 1, 1]), probabilities(logits))
    assert [row.probability for row in rows][:4] == [0.2, 0.3, 0.4, 0.5]
    assert [row.texts for row in rows][:5] == [3, 3, 2, 1, 1]
    assert [row.accuracy for row in rows][:4] == pytest.approx([2 / 3, 2 / 3, 0.5, 0])
    for row in rows:
        found = predictions(logits, np.ones(3), "abcde", abstain_below=row.probability)
        assert sum(one.label is not None for one in found) == row.texts
