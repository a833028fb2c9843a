from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from sentiment.config import TextConfig
from sentiment.errors import UserError
from sentiment.text import TextPreprocessor
from sentiment.text.preprocessor import FEW_TEXTS

ODD_TEXTS = ["", "   ", "\x00", "\ud800 lone surrogate", "😀" * 50, "مرحبا بالعالم", "word " * 100_000, "a" * 100_000]


def test_vocabulary_by_frequency_then_spelling() -> None:
    texts = ["b b b", "c a", "a c d", "Ü ä"]
    assert TextPreprocessor.fit(TextConfig(), texts).words == ("b", "a", "c", "d", "ä", "ü")
    small = TextPreprocessor.fit(TextConfig(vocabulary_size=5), texts)
    assert small.words == ("b", "a", "c")
    assert small.vocabulary_size == 5
    assert small.tokenize(["a unseen B"]).row(0).tolist() == [3, 1, 2]


def test_texts_without_a_word_cannot_be_fitted() -> None:
    with pytest.raises(UserError, match="contain no words"):
        TextPreprocessor.fit(TextConfig(), ["...", "-"])


@pytest.mark.parametrize("truncate", ["head", "tail", "both"])
@pytest.mark.parametrize("max_length", [1, 4, 5])
def test_truncation_against_slices(truncate: str, max_length: int) -> None:
    words = [f"w{number:02}" for number in range(12)]
    preprocessor = TextPreprocessor(TextConfig(max_length=max_length, truncate=truncate), words)
    texts = [" ".join(words[:count]) for count in range(1, 13)]
    for count, row in zip(range(1, 13), map(preprocessor.tokenize(texts).row, range(12)), strict=True):
        ids = list(range(2, 2 + count))
        half = max_length // 2
        kept = {"head": ids[:max_length], "tail": ids[-max_length:],
                "both": ids if count <= max_length else ids[:half] + ids[-(max_length - half):]}[truncate]
        assert row.tolist() == kept


def test_odd_texts_have_at_least_one_token() -> None:
    preprocessor = TextPreprocessor(TextConfig(max_length=7), ["word"])
    tokens = preprocessor.tokenize(ODD_TEXTS)
    assert tokens.lengths.min() == 1
    assert tokens.lengths.max() == 7
    assert [tokens.row(row).tolist() for row in range(3)] == [[1]] * 3
    assert tokens.row(6).tolist() == [2] * 7


def test_many_texts_keep_their_order() -> None:
    words = [str(number) for number in range(3000)]
    tokens = TextPreprocessor(TextConfig(), words).tokenize(iter(words))
    assert tokens.values.tolist() == list(range(2, 3002))
    assert tokens.offsets.tolist() == list(range(3001))


def test_many_texts_are_traced_once() -> None:
    preprocessor = TextPreprocessor(TextConfig(), ["a", "b"])
    preprocessor.tokenize(["a b"] * 5000)
    assert preprocessor._ragged_ids.experimental_get_tracing_count() == 1


def test_few_texts_of_ascii_need_no_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    preprocessor = TextPreprocessor(TextConfig(), ["good", "!"])
    calls: list[int] = []
    ragged_ids = preprocessor._ragged_ids

    def noted(chunk: Any) -> Any:
        calls.append(len(chunk))
        return ragged_ids(chunk)

    monkeypatch.setattr(preprocessor, "_ragged_ids", noted)
    assert preprocessor.tokenize(["GOOD!"] * FEW_TEXTS).values.tolist() == [2, 3] * FEW_TEXTS
    assert preprocessor.tokenize(iter(["a\0b good!", ""])).values.tolist() == [1, 1, 2, 3, 1]
    assert not calls
    for texts in (["good\u00e9"], ["good!"] * (FEW_TEXTS + 1), iter(["good! \ud800"])):
        assert len(preprocessor.tokenize(texts).values)
    assert calls == [1, FEW_TEXTS + 1, 1]


def test_padded_ids_are_the_same_ids_then_zeros() -> None:
    preprocessor = TextPreprocessor.fit(TextConfig(), ["a b c"])
    padded = preprocessor.padded_ids(tf.constant(["a b c", "", "c"])).numpy()
    assert padded.dtype == np.int32
    assert padded.tolist() == [[2, 3, 4], [1, 0, 0], [4, 0, 0]]


def test_no_texts() -> None:
    assert len(TextPreprocessor(TextConfig(), ["a"]).tokenize([])) == 0
