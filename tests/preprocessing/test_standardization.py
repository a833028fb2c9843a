import pytest
import tensorflow as tf

from sentiment.preprocessing import standardize


def tokens(text: str | bytes) -> list[str]:
    (result,) = standardize(tf.constant([text])).numpy()
    return [token.decode("utf-8") for token in result.split()]


@pytest.mark.parametrize(("text", "expected"), [
    ("Great FILM", ["great", "film"]),
    ("ÀÉÎ Straße ΣΑΣ", ["àéî", "straße", "σας"]),
    ("one<br /><br />two</p>three", ["one", "two", "three"]),
    ("i <3 it, 4 > 3", ["i", "3", "it", "4", "3"]),
    ("&quot;fine&quot; &amp; dandy&nbsp;too", ["fine", "dandy", "too"]),
    ("don&#39;t don’t DON'T", ["don't", "don't", "don't"]),
    ("'quoted' rock 'n' roll dogs'", ["quoted", "rock", "n", "roll", "dogs"]),
    ("what?! no...", ["what", "?", "!", "no"]),
    ("9/10, 7.5", ["9", "10", "7", "5"]),
    ("good\x00bad\u2028ugly\u00a0end", ["good", "bad", "ugly", "end"]),
    ("love😀it 👍🏽", ["love", "😀", "it", "👍"]),
    ("sof\u00adt\u200dware ❤\ufe0f", ["software", "❤"]),
    ("好看!ひど", ["好", "看", "!", "ひ", "ど"]),
    ("فيلم رائع", ["فيلم", "رائع"]),
    ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
    ("", []), (" \t\n", []), ("...", []),
])
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_bytes_that_are_no_utf8_are_answered() -> None:
    assert tokens(b"good \xff\xfe bad")[0] == "good"
    assert tokens(b"good \xff\xfe bad")[-1] == "bad"


@pytest.mark.parametrize(("text", "expected"), [
    ("It is good. Really.", ["it", "is", "good", ".", "really", "."]),
    ("Wait... what? \u201cFine.\u201d Yes!", ["wait", ".", "what", "?", "fine", ".", "yes", "!"]),
    ("7.5 of 10, e.g. x.com, \u2026 end\u2026", ["7", "5", "of", "10", "e", "g", ".", "x", "com", ".", "end", "."]),
    ("private \ue000 use.", ["private", "use", "."]),
    ("one.<br />two.\nthree", ["one", ".", "two", ".", "three"]),
    ("...", ["."]),
])
def test_periods_that_end_a_sentence_can_stay(text: str, expected: list[str]) -> None:
    (result,) = standardize(tf.constant([text]), periods=True).numpy()
    assert result.decode("utf-8").split() == expected
