"""Windows over parallel lanes, against the long row cut by hand."""

from itertools import pairwise

import numpy as np
import pytest

from sentiment.batching import Lanes, TokenizedTexts

TEXTS = [[2, 3, 4], [5], [6, 7, 8, 9], [10, 11]]
TOKENS = TokenizedTexts.from_ids(TEXTS)


def row(order: np.ndarray, *, backwards: bool) -> list[int]:
    """Return all texts in an order, each behind a 0, by plain Python."""
    return [word for text in order for word in [0, *(TEXTS[text][::-1] if backwards else TEXTS[text])]]


@pytest.mark.parametrize("backwards", [False, True])
def test_windows_are_the_row_of_texts_cut_up(backwards: bool) -> None:
    lanes = Lanes(TOKENS, 2, 3, backwards=backwards)
    windows = list(lanes.windows(seed=5, epoch=1))
    order = np.random.default_rng([5, 1]).permutation(4)
    words = row(order, backwards=backwards)  # 14 of them, so 6 are predicted in each of 2 lanes
    assert len(lanes) == len(windows) == 2
    for lane in range(2):
        for number, window in enumerate(windows):
            start = 6 * lane + 3 * number
            assert window[lane].tolist() == words[start:start + 4]
    assert windows[0].dtype == np.int32


def test_a_window_goes_on_where_the_one_before_ended() -> None:
    texts = TokenizedTexts.from_ids([list(range(2, 2 + length)) for length in (9, 4, 17, 1, 30)])
    windows = list(Lanes(texts, 3, 5).windows(1, 0))
    for before, after in pairwise(windows):
        np.testing.assert_array_equal(before[:, -1], after[:, 0])


def test_every_word_is_predicted_once_but_for_the_last_ones() -> None:
    texts = TokenizedTexts.from_ids([list(range(2 + 10 * text, 2 + 10 * text + 7)) for text in range(11)])
    predicted = np.concatenate([window[:, 1:].ravel() for window in Lanes(texts, 2, 4).windows(3, 0)])
    predicted = predicted[predicted > 0]
    assert len(np.unique(predicted)) == len(predicted)
    assert len(predicted) >= 77 - 2 * 4


def test_the_order_depends_on_the_epoch_and_both_directions_share_it() -> None:
    texts = TokenizedTexts.from_ids([[word] for word in range(2, 40)])
    one, other = (np.stack(list(Lanes(texts, 1, 5).windows(1, epoch))) for epoch in (0, 1))
    assert (one != other).any()
    back = np.stack(list(Lanes(texts, 1, 5, backwards=True).windows(1, 0)))
    np.testing.assert_array_equal(one, back)


def test_the_rest_of_an_epoch() -> None:
    lanes = Lanes(TOKENS, 1, 3)
    for whole, rest in zip(list(lanes.windows(1, 0))[2:], lanes.windows(1, 0, first=2), strict=True):
        np.testing.assert_array_equal(whole, rest)


def test_too_few_words() -> None:
    with pytest.raises(ValueError, match="10 words do not fill 2 streams of 7"):
        Lanes(TOKENS, 2, 7)
