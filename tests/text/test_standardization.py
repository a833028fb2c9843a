import pytest
import tensorflow as tf

from sentiment.text import standardize


def tokens(text: str | bytes, rules: int = 2) -> list[str]:
    (result,) = standardize(tf.constant([text]), rules=rules).numpy()
    return [token.decode("utf-8") for token in result.split()]


@pytest.mark.parametrize(("text", "expected"), [
    ("Great FILM", ["great", "film"]),
    ("ÀÉÎ Straße ΣΑΣ", ["àéî", "straße", "σας"]),
    ("one<br /><br />two</p>three", ["one", "two", "three"]),
    ("i < it, 4 > 3", ["i", "it", "4", "3"]),
    ("&quot;fine&quot; &amp; dandy&nbsp;too", ["fine", "dandy", "too"]),
    ("don&#39;t don’t DON'T", ["don't", "don't", "don't"]),
    ("'quoted' rock 'n' roll dogs'", ["quoted", "rock", "n", "roll", "dogs"]),
    ("what?! no...", ["what", "?", "!", "no"]),
    ("9/11, 7.5", ["9", "11", "7", "5"]),
    ("good\x00bad\u2028ugly\u00a0end", ["good", "bad", "ugly", "end"]),
    ("love😀it 👍🏽", ["love", "😀", "it", "👍"]),
    ("sof\u00adt\u200dware ❤\ufe0f", ["software", "❤"]),
    ("好看!ひど", ["好", "看", "!", "ひ", "ど"]),
    ("فيلم رائع", ["فيلم", "رائع"]),
    ("हिन्दी में", ["हिन्दी", "में"]),
    ("", []), (" \t\n", []), ("...", []),
])
@pytest.mark.parametrize("rules", [1, 2])
def test_tokens(text: str, expected: list[str], rules: int) -> None:
    assert tokens(text, rules) == expected


@pytest.mark.parametrize(("text", "old", "new"), [
    (":) :-) :-))) :( :'-( >:( ;-) :D :-P :3 :/ =)", ["d", "p", "3"],
     [":)", ":)", ":)", ":(", ":'(", ">:(", ";)", ":d", ":p", ":3", ":/", "=)"]),
    ("xD T_T o_O -_- ^^ ^_^ \\o/ >_<", ["xd", "t", "t", "o", "o", "o"],
     ["xd", "t_t", "o_o", "-_-", "^^", "^_^", "\\o/", ">_<"]),
    ("<3 </3 <333 i&lt;3u &lt;/3", ["3", "3", "333", "i", "3u", "3"], ["<3", "</3", "<3", "i", "3u", "</3"]),
    ("+1 -1 (+2) c-1 2010-2011 x+1", ["1", "1", "2", "c", "1", "2010", "2011", "x", "1"],
     ["+1", "-1", "+2", "c", "1", "2010", "2011", "x", "1"]),
    ("10/10! 3.5/5, 85/100. 9/11 5/10/2004 1/10-", ["10", "10", "!", "3", "5", "5", "85", "100", "9", "11", "5", "10",
                                                    "2004", "1", "10"],
     ["10/10", "!", "3.5/5", "85/100", "9", "11", "5/10/2004", "1/10"]),
    ("**½ ***1/2 *** out of ****", ["½", "1", "2", "out", "of"], ["**½", "***1/2", "***", "out", "of", "****"]),
    ("***spoilers*** **bold** f***ing *sigh* ********** -", ["spoilers", "bold", "f", "ing", "sigh"],
     ["spoilers", "bold", "f", "ing", "sigh"]),
    ("http://x.org/a (note: this:that) e=(x); 10:30", ["http", "x", "org", "a", "note", "this", "that", "e", "x", "10",
                                                      "30"],
     ["http", "x", "org", "a", "note", "this", "that", "e", "x", "10", "30"]),
    ("ｇｏｏｄ １０/１０！ 𝓰𝓸𝓸𝓭 ｶﾞ", ["ｇｏｏｄ", "１０", "１０", "𝓰𝓸𝓸𝓭", "ｶ", "ﾞ"],
     ["good", "10/10", "!", "good", "ガ"]),
    ("cafe\u0301 café e\u0302\u0301 ế", ["cafe\u0301", "café", "e\u0302\u0301", "ế"], ["café", "café", "ế", "ế"]),
    ("\u0958 \u0915\u093c", ["\u0958", "\u0915\u093c"], ["\u0958", "\u0958"]),
    ("فِيلْمٌ رائـــــع أحب احب إلى کتاب", ["فِيلْمٌ", "رائـــــع", "أحب", "احب", "إلى", "کتاب"],
     ["فيلم", "رائع", "احب", "احب", "الي", "كتاب"]),
    ("ดีมาก2 good", ["ดีมาก2", "good"], ["ดี", "ม", "า", "ก", "2", "good"]),
    ("មែ ລາ မာ", ["មែ", "ລາ", "မာ"], ["មែ", "ລ", "າ", "မာ"]),
])
def test_what_version_2_reads_as_words(text: str, old: list[str], new: list[str]) -> None:
    assert tokens(text, 1) == old
    assert tokens(text, 2) == new


def test_variants_of_a_letter_in_a_batch_leave_other_texts_alone() -> None:
    texts = tf.constant([["plain"], ["e\u0301 ｇ"], [""], ["ü ❤"]])
    result = standardize(texts)
    assert result.shape == (4, 1)
    assert [text.decode() for text in result.numpy().ravel()] == ["plain", "é g", "", "ü  ❤ "]
    assert standardize(tf.constant([], tf.string)).shape == (0,)


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
