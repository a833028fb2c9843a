"""Logits to labels: abstentions, and remarks on texts of which little is known."""

from typing import Any

import numpy as np
import pytest

from sentiment.errors import UserError
from sentiment.predictions import FEW_KNOWN, check_abstention, known_remark, predictions

CLASSES = ("a", "b", "c")


def test_a_score_below_the_threshold_has_no_label() -> None:
    logits = np.log([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5]])
    first, second = predictions(logits, np.array([1.0, 0.25]), CLASSES, abstain_below=0.6)
    assert (first.label, second.label, second.best) == ("a", None, "c")
    assert [first.score, second.score] == pytest.approx([0.7, 0.5])
    assert second.scores == pytest.approx({"a": 0.2, "b": 0.3, "c": 0.5})
    assert (first.known, second.known) == (1.0, 0.25)
    assert [one.label for one in predictions(logits, np.ones(2), CLASSES, abstain_below=first.score)] == ["a", None]
    assert [one.label for one in predictions(logits, np.ones(2), CLASSES)] == ["a", "c"]


@pytest.mark.parametrize("threshold", [0, 1, 0.5, np.float32(0.25), np.int64(1)])
def test_thresholds_are_probabilities(threshold: Any) -> None:
    check_abstention(threshold)


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf"), "0.5", None, True, [0.5]])
def test_other_thresholds_are_refused(threshold: Any) -> None:
    with pytest.raises(UserError, match="--abstain-below must be a probability, from 0 to 1, not "):
        check_abstention(threshold)


def test_remarks() -> None:
    assert known_remark(0.25) == "25% of words known"
    assert known_remark(0.0) == "no word known"
    assert known_remark(FEW_KNOWN) == known_remark(1.0) == ""
    assert known_remark(np.nextafter(FEW_KNOWN, 0)) != ""
