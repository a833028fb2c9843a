"""Intervals over the folds of a cross-validation."""

import pytest

from sentiment.evaluation.statistics import fold_interval


def test_interval_over_folds_by_hand() -> None:
    # Mean 0.85, standard deviation 0.05; 0.05 * sqrt(1/5 + 1/4) * 2.776, Student's t with 4 degrees of freedom.
    assert fold_interval([0.8, 0.9, 0.85, 0.8, 0.9]) == pytest.approx((0.85 - 0.0931184, 0.85 + 0.0931184), abs=1e-5)
