"""Words in the raw text that they come from."""

from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment.config import TextConfig
from sentiment.text import TextPreprocessor
from sentiment.text.plain_tokenizer import EMPTY
from sentiment.text.rewriting import pieces

SIGNS = list(":;=<>()[]{}|/\\*$@^-~_+.,!?'&½ 0123510dpoxsctuABÄİΣ\n\t\0 \u0301\u3099\u00ad\u200dقัดىＡ：）😀👍🏽é;")
LONG = " ".join(f"Word{number}," for number in range(9))


@cache
def preprocessor(**options: object) -> TextPreprocessor:
    return TextPreprocessor(TextConfig(**options), ["film"])  # type: ignore[arg-type]


def shown(text: str, **options: object) -> list[str]:
    return [text[start:end] for start, end in preprocessor(**options).spans(text)]


@pytest.mark.parametrize(("text", "words"), [
    ("The FILM isn't GOOD!!", ["The", "FILM", "isn't", "GOOD", "!", "!"]),
    ("Bad.<br /><br />Bad; <b>BAD</b>", ["Bad", "Bad", "BAD"]),
    ("Don&#39;T, don’t &amp; d&eacute;j&agrave;", ["Don&#39;T", "don’t", "d", "j"]),
    ("a &lt;3 b", ["a", "&lt;3", "b"]),
    ("It's :-))) or :( :/ 8/10, +1 ***spoilers*** **1/2", [
        "It's", ":-)))", "or", ":(", ":/", "8/10", "+1", "***spoilers", "**1/2"]),
    ("Cafe\u0301 ＧＯＯＤ İyi ΣΑΣ Straße", ["Cafe\u0301", "ＧＯＯＤ", "İyi", "ΣΑΣ", "Straße"]),
    ("電影很好看😀👍🏽film", ["電", "影", "很", "好", "看", "😀", "👍🏽", "film"]),
    ("فِيلْمٌ أحب ـــ ﻻ", ["فِيلْمٌ", "أحب", "ﻻ"]),
    ("ดีมาก 12,000 3.5", ["ดี", "ม", "า", "ก", "12", "000", "3", "5"]),
    ("'quoted' ''the'' rock'n'roll '", ["quoted", "the", "rock'n'roll"]),
    ("film film\0FILM\tFilm\u00a0film", ["film"] * 2 + ["FILM", "Film", "film"]),
    ("soft\u00adhyphen \ud83d good", ["soft\u00adhyphen", "\ud83d", "good"]),
    (" ... ", [" ... "]), ("", [""])])
def test_words_are_found_in_the_raw_text(text: str, words: list[str]) -> None:
    assert shown(text) == words


def test_the_end_of_a_sentence() -> None:
    assert shown('Bad.<br />"Good..." he said.', periods=True) == ["Bad", ".", "Good", '..."', "he", "said", "."]


@pytest.mark.parametrize(("truncate", "words"), [
    ("head", ["Word0", "Word1", "Word2"]), ("tail", ["Word6", "Word7", "Word8"]),
    ("both", ["Word0", "Word7", "Word8"])])
def test_words_of_a_truncated_text(truncate: str, words: list[str]) -> None:
    assert shown(LONG, max_length=3, truncate=truncate) == words


@given(st.text(st.one_of(st.sampled_from(SIGNS), st.characters()), max_size=40), st.booleans(), st.sampled_from((1, 2)))
@example("\u0301!\u0301x\u0301", False, 2)
@example("!\u0301 a", False, 2)
@settings(max_examples=200, deadline=None)
def test_of_any_text_each_word_has_a_part_and_all_parts_add_up(text: str, periods: bool, rules: int) -> None:
    read = preprocessor(periods=periods, word_rules=rules, max_length=6)
    spans, words = read.spans(text), read.words_read(text)
    assert len(spans) == len(words)
    assert all(0 <= start < end <= len(text) for start, end in spans) or words == [EMPTY]
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert "".join(piece for piece, _ in pieces(text, spans)) == text
    assert [place for _, place in pieces(text, spans) if place is not None] == list(range(len(words) if text else 0))
    again = [read.plain.words(text[start:end]) for start, end in spans]
    simple = [place for place, (start, end) in enumerate(spans) if text[start:end].isalpha() and text.isascii()]
    assert all(again[place] == [words[place]] for place in simple)
