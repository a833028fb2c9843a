"""The verdict on a model and its baselines, from the pairs of McNemar's test."""

import numpy as np
import pytest

from sentiment.evaluation.baselines import judge
from sentiment.evaluation.statistics import mcnemar
from sentiment.measured import LINEAR, MAJORITY, MODEL

CHANCE, PERFECT = [[25, 25], [25, 25]], [[50, 0], [0, 50]]


def pairs(**accuracies: int) -> list[dict[str, object]]:
    """Tests on 100 texts, of which each model gets the first so many right."""
    names = {"model": MODEL, "majority": MAJORITY, "linear": LINEAR}
    right = {names[name]: np.arange(100) < count for name, count in accuracies.items()}
    return [{"first": first, "second": second, **mcnemar(right[first], right[second])._asdict()}
            for place, first in enumerate(right) for second in list(right)[place + 1:]]


@pytest.mark.parametrize(("right", "matrix", "recommended", "says"), [
    ({"model": 90, "majority": 50, "linear": 80}, PERFECT, None,
     "gru is more accurate than always predicting 'ham' and than tfidf-lr by more than chance"),
    ({"model": 82, "majority": 50, "linear": 80}, PERFECT, LINEAR,
     "gru is not more accurate than tfidf-lr by more than chance (McNemar's test, p = 0.5): tfidf-lr is simpler"),
    ({"model": 80, "majority": 50, "linear": 90}, PERFECT, LINEAR,
     "tfidf-lr is more accurate than gru by more than chance (McNemar's test, p = 0.002): tfidf-lr is simpler"),
    ({"model": 51, "majority": 50, "linear": 90}, CHANCE, LINEAR,
     "gru is not more accurate than always predicting 'ham' by more than chance (McNemar's test, p = 1): it has "
     "learned nothing, but tfidf-lr has"),
    ({"model": 51, "majority": 50, "linear": 52}, CHANCE, MAJORITY, "it has learned nothing, and neither has tfidf-lr"),
    ({"model": 40, "majority": 50, "linear": 52}, CHANCE, MAJORITY, "it has learned nothing, and neither has tfidf-lr"),
    # Of 5 spam mails it finds 4, and takes 4 others for spam: no more accurate, and yet of use.
    ({"model": 95, "majority": 95, "linear": 95}, [[91, 4], [1, 4]], None, "but it does distinguish the classes"),
    ({"model": 58, "majority": 55, "linear": 95}, [[40, 15], [20, 25]], LINEAR,
     "it does distinguish the classes. tfidf-lr is more accurate than it by more than chance"),
    # The same as the last but one, with the classes swapped: worse than chance is no use.
    ({"model": 5, "majority": 50, "linear": 50}, [[4, 46], [46, 4]], MAJORITY, "it has learned nothing"),
    ({"model": 90, "majority": 50}, PERFECT, None, "gru is more accurate than always predicting 'ham' by more than"),
    ({"model": 50, "majority": 50}, [[50, 0], [50, 0]], MAJORITY, "it has learned nothing. Check the texts"),
])
def test_the_simplest_model_that_is_as_good_is_recommended(right: dict[str, int], matrix: list[list[int]],
                                                           recommended: str | None, says: str) -> None:
    found = judge(pairs(**right), "gru", "ham", matrix)
    assert found["recommended"] == recommended
    assert says in found["verdict"]
