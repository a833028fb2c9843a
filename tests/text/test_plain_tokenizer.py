"""Tokens in plain Python against those of the TensorFlow graph."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.config import DataConfig, TextConfig
from sentiment.data import load_corpus
from sentiment.inference import PortableFolder
from sentiment.surrogates import as_utf8
from sentiment.text import TextPreprocessor
from sentiment.text.characters import characters_of_the_graph
from sentiment.text.plain_tokenizer import Characters, PlainTokenizer, Ranges
from sentiment.text.standardization import RULES
from sentiment.text.variants import variants

RANDOM = np.random.default_rng(12)
WORDS = ["the", "film", "isn't", "!", "?", ".", "good", "great", "ος", "οσ", "straße", "i̇", "電", "😀", "don't"]
ODD = ["", " ", "The FILM isn't good!!", "don’t &amp; DON&#39;T <br />stop", "a\0b the", "\ud800 good",
       "ΟΣ ΟΣ! ΣΑΣ ΑΣ.", "İ STRASSE Straße", "電影很好看😀👍🏽 film", "'quoted' ''the'' rock'n'roll '",
       "e.g. this. That… (Good.) 'film.' end.", "x\u00adyz\u200dw soft", "ﬁlm ǅ Ⅷ ½ ²",
       "tab\tnew\nline\x0bvertical\x85next\u2028sep\u00a0nbsp", "<b>bold</b> 3 < 5 > 2", "Σ", "ΣΣ Σ Σ",
       "good \ue000 film. \ue000.", "good.\0film", ":-)) :'( <333 +1 10/10. ***spoilers*** ****1/2 -1/10 :/",
       "e\u0302\u0301 ＧＯＯＤ！：） فِيلْمٌ أحب ดีมากa2 ｶﾞ ①", "so :/\nthen :\\\tT_T x_x o_O"]
SIGNS_OF_WORDS = list(":;=<>()[]{}|/\\*$@^-~_+.,!?'&½ 0123510dpoxsctu\n \u0301\u3099aกัดىأ＋：）")


@pytest.fixture(scope="module", params=sorted(RULES))
def rules(request: pytest.FixtureRequest) -> int:
    """Each version of the rules."""
    return int(request.param)


@pytest.fixture
def characters(rules: int) -> Characters:
    """Their tables."""
    return characters_of_the_graph(rules)


@cache
def both(config: TextConfig) -> tuple[TextPreprocessor, PlainTokenizer]:
    graph = TextPreprocessor(config, WORDS)
    return graph, graph.plain


def assert_same(texts: list[str], config: TextConfig) -> None:
    graph, plain = both(config)
    ids = graph.ragged_ids(tf.constant([as_utf8(text) for text in texts], tf.string)).to_list()
    whole, _ = both(replace(config, max_length=10 ** 6))
    read = whole.ragged_words(tf.constant([as_utf8(text) for text in texts], tf.string)).to_list()
    for row, text in enumerate(texts):
        assert plain.words(text) == [word.decode() for word in read[row] if word != b"[empty]"], repr(text)
        assert plain.ids(text) == graph.tokenize([text]).row(0).tolist() == ids[row], repr(text)


@pytest.mark.parametrize("periods", [False, True])
def test_odd_texts(periods: bool, rules: int) -> None:
    assert_same(ODD, TextConfig(periods=periods, word_rules=rules))


@given(st.lists(st.text(st.one_of(st.sampled_from(SIGNS_OF_WORDS), st.characters()), max_size=30), max_size=8),
       st.booleans())
@settings(max_examples=80, deadline=None)
def test_any_text(texts: list[str], periods: bool) -> None:
    """Also signs of all kinds, of which words of version 2 are made."""
    assert_same(texts, TextConfig(periods=periods, max_length=7))


@pytest.mark.parametrize("truncate", ["head", "tail", "both"])
def test_truncation(truncate: str) -> None:
    texts = [" ".join(RANDOM.choice(WORDS, size)) for size in range(9)]
    assert_same(texts, TextConfig(max_length=5, truncate=truncate))


@pytest.mark.parametrize("periods", [False, True])
def test_random_unicode(periods: bool, rules: int) -> None:
    def any_of_all(count: int) -> str:
        return "".join(chr(code) for code in RANDOM.integers(0x110000, size=count))

    common = list(" '.!?<>&;#ΣσaAeE\n\t…‘’") + [" "] * 20 + list("abcdefgABCDEFG")
    texts = [any_of_all(40) if number % 2 else "".join(RANDOM.choice(common, 40)) for number in range(300)]
    texts += [any_of_all(20) + "".join(RANDOM.choice(common, 20)) for _ in range(300)]
    assert_same(texts, TextConfig(periods=periods, word_rules=rules))


def test_every_character(rules: int) -> None:
    texts = ["".join(f"{chr(code)} a{chr(code)}b " for code in range(first, first + 256)) for first in range(
        0, 0x30000, 256)]
    assert_same(texts, TextConfig(max_length=10 ** 6, word_rules=rules))


@pytest.mark.parametrize("length", [64, 65, 5000])
def test_a_word_of_very_many_letters_is_no_word_of_the_vocabulary(length: int, rules: int) -> None:
    long = "ä" * length
    graph = TextPreprocessor.fit(TextConfig(word_rules=rules), [f"good {long}"] * 3)
    assert (long in graph.words) == (length == 64 or rules == 1)
    read = long if length == 64 else "ä" * 63 + "…"
    assert graph.words_read(f"{long} good") == graph.plain.words_read(f"{long} good") == [read, "good"]


def test_every_letter_with_a_mark(rules: int) -> None:
    pairs = sorted(variants().pairs)
    texts = [" ".join(f"{pair} a{pair}\u0301b" for pair in pairs[first:first + 100]) for first in range(
        0, len(pairs), 100)]
    assert_same(texts, TextConfig(max_length=10 ** 6, word_rules=rules))


def test_tables_go_through_json(characters: Characters) -> None:
    assert Characters.from_json(json.loads(json.dumps(characters.to_json()))) == characters


def test_an_export_from_before_the_second_version_reads_as_it_did() -> None:
    first = characters_of_the_graph(1)
    values = {name: value for name, value in first.to_json().items() if name in ("lower", "hidden", "alone", "kept")}
    assert Characters.from_json(json.loads(json.dumps(values))) == first


def test_a_folder_gives_the_tokenizer_back(characters: Characters, tmp_path: Path) -> None:
    PortableFolder(tmp_path).onnx.touch()
    PortableFolder(tmp_path).save_texts(PlainTokenizer(WORDS, characters, head=4, tail=1, periods=True), ["a", "b"])
    tokenizer = PortableFolder(tmp_path).load_tokenizer()
    assert (tokenizer.head, tokenizer.tail, tokenizer.periods) == (4, 1, True)
    assert list(tokenizer.places) == WORDS
    assert tokenizer.characters == characters


def test_ranges() -> None:
    ranges = Ranges((3, 5, 9, 10))
    assert [code for code in range(12) if code in ranges] == [3, 4, 9]


@pytest.mark.extended
def test_the_whole_test_split_of_imdb(real_imdb: Path) -> None:
    corpus = load_corpus(DataConfig(dataset="imdb", data_dir=str(real_imdb)), 1)
    texts = corpus.test.read().texts
    graph = TextPreprocessor.fit(TextConfig(), corpus.train.texts)
    plain = graph.plain
    tokens = graph.tokenize(texts)
    different = [row for row, text in enumerate(texts) if plain.ids(text) != tokens.row(row).tolist()]
    assert len(texts) == 25_000
    assert not different
