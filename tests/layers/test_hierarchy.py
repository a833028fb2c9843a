from pathlib import Path
from typing import Any

import numpy as np
from helpers.layer_checks import check_gradient, check_half

from sentiment.layers import JoinSentences, SplitSentences

STOP, SHOUT = 5, 6
TEXTS = [
    [2, 3, STOP, 4, 7, 8, 9, STOP],  # two sentences
    [2, SHOUT, SHOUT, STOP, 3],  # several ends in a row are one
    [STOP, 2],  # an end alone
    [2, 3, 4, 7, 8, 9, 2, 3, STOP, 4],  # a sentence that is too long continues in another row
    [2],
]
EXPECTED = [
    [[2, 3, STOP], [4, 7, 8, 9], [STOP]],
    [[2, SHOUT, SHOUT, STOP], [3]],
    [[STOP], [2]],
    [[2, 3, 4, 7], [8, 9, 2, 3], [STOP], [4]],
    [[2]],
]
IDS = np.zeros((5, 12), np.int32)
for _row, _text in enumerate(TEXTS):
    IDS[_row, :len(_text)] = _text
WORDS = (IDS[:, :, None] * np.array([1.0, 10.0])).astype(np.float32)


def test_texts_are_split_into_sentences() -> None:
    rows, mask, real = (np.asarray(value) for value in SplitSentences((STOP, SHOUT), 4)(IDS, WORDS))
    assert real.sum(axis=1).tolist() == [3, 2, 2, 4, 1]
    assert rows.shape == (5 * 4, 4, 2)  # the most sentences of a text
    assert mask[:, 0].all()  # no row is wholly masked
    rows, mask = rows.reshape(5, 4, 4, 2), mask.reshape(5, 4, 4)
    for text, sentences in enumerate(EXPECTED):
        for place, sentence in enumerate(sentences):
            assert rows[text, place, :len(sentence), 0].tolist() == sentence
            assert rows[text, place, :len(sentence), 1].tolist() == [10 * word for word in sentence]
            assert mask[text, place].sum() == len(sentence)
        assert not rows[text, len(sentences):].any()


def test_padding_has_no_effect() -> None:
    layer = SplitSentences((STOP, SHOUT), 4)
    wider = np.pad(IDS, [[0, 0], [0, 9]])
    for one, other in zip(layer(IDS, WORDS), layer(wider, np.pad(WORDS, [[0, 0], [0, 9], [0, 0]])), strict=True):
        assert (np.asarray(one) == np.asarray(other)).all()


def test_without_sentence_ends_a_text_is_one_sentence() -> None:
    rows, _, real = (np.asarray(value) for value in SplitSentences((), 100)(IDS, WORDS))
    assert real.tolist() == [[True]] * 5
    assert rows[0, :8, 0].tolist() == TEXTS[0]


def test_joining_restores_the_batch() -> None:
    rows, _, real = SplitSentences((STOP,), 4)(IDS, WORDS)
    joined = np.asarray(JoinSentences()(rows[:, 0], real))
    assert joined.shape == (5, np.asarray(real).shape[1], 2)
    assert joined[0, :3, 0].tolist() == [2, 4, STOP]


def test_numerical_gradient_half_precision_and_config(tmp_path: Path) -> None:
    check_gradient(lambda **k: SplitFirst((STOP, SHOUT), 4, **k), [WORDS, IDS])
    check_half(lambda **k: SplitSentences((STOP, SHOUT), 4, **k), [IDS, WORDS / 10])
    layer = SplitSentences((STOP, SHOUT), 4)
    assert SplitSentences.from_config(layer.get_config()).get_config() == layer.get_config()


class SplitFirst(SplitSentences):
    """`SplitSentences` with the words as first argument, whose gradient `check_gradient` checks."""

    def call(self, words: Any, ids: Any) -> Any:  # type: ignore[override]
        return super().call(ids, words)

    def compute_output_spec(self, words: Any, ids: Any) -> Any:  # type: ignore[override]
        return super().compute_output_spec(ids, words)
