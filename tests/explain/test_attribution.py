"""Explanations of every architecture: complete, in the right place, and shown as they are."""

import json
import re
from html import unescape
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected
from helpers.small_models import VOCABULARY, lively, small

import sentiment
from sentiment import architectures
from sentiment.config import ATTENTIONS, TextConfig
from sentiment.errors import UserError
from sentiment.explain import coloured_text, explain, explanation_page
from sentiment.explain.attribution import AttentionMap, Explanation
from sentiment.inference import Classifier
from sentiment.layers import LinearNgrams
from sentiment.text import TextPreprocessor

TEXT = "w2 w3 w9 w5. Never w7 w4!"
WORDS = [f"w{number}" for number in range(2, VOCABULARY - 2)]
CASES = [(entry.name, "none") for entry in architectures.architectures()] + [
    ("bilstm", attention) for attention in ATTENTIONS[1:]]


def classifier_of(name: str, attention: str, classes: int = 3) -> Classifier:
    options = {} if attention == "none" else {"attention": attention}
    if attention == "self-attentive":
        options["hops"] = 3  # type: ignore[assignment]
    assert small(name, **options)
    preprocessor = TextPreprocessor(TextConfig(periods=name == "han"), [*WORDS[:3], ".", "!", *WORDS[3:]])
    return Classifier(lively(name, classes, **options), preprocessor, ["a", "b", "c"][:classes])


@pytest.mark.parametrize(("name", "attention"), selected(CASES, [
    ("bilstm", "none"), ("cnn", "none"), ("transformer", "none"), ("nb-svm", "none"), ("bilstm", "additive")]))
def test_attributions_add_up_to_the_difference_of_the_logits(name: str, attention: str) -> None:
    classifier = classifier_of(name, attention)
    explanation = explain(classifier, TEXT)
    assert explanation.complete, explanation.gap
    assert np.abs(explanation.attributions).max() > 0.01 or name in ("tfidf-lr", "nb-svm")
    assert len(explanation.attributions) == len(explanation.words) == len(explanation.known)
    logits = classifier.predict_logits([TEXT])[0]
    assert explanation.logit == pytest.approx(float(logits.max()), abs=1e-4)
    assert explanation.explained == explanation.label == classifier.class_names[int(logits.argmax())]


@pytest.mark.parametrize("name", selected(["bilstm", "tfidf-lr", "nb-svm"], ["tfidf-lr"]))
def test_two_classes_are_two_sides_of_one_logit(name: str) -> None:
    classifier = classifier_of(name, "none", classes=2)
    one, other = explain(classifier, TEXT, "a"), explain(classifier, TEXT, "b")
    np.testing.assert_allclose(one.attributions, -other.attributions, atol=1e-5)
    assert one.logit == pytest.approx(-other.logit, abs=1e-5)
    assert other.logit == pytest.approx(float(classifier.predict_logits([TEXT])[0, 0]), abs=1e-4)


def test_a_linear_model_of_words_is_explained_by_its_weights() -> None:
    """The mean of the embedded words through a linear layer: each word's part is known."""
    classifier = classifier_of("fasttext", "none", classes=2)
    classifier.model.get_layer("bigrams").set_weights([np.zeros((51, 4), np.float32)])
    explanation = explain(classifier, "w2 w3 w9", "b")
    ids = classifier.preprocessor.tokenize(["w2 w3 w9"]).row(0)
    vectors = classifier.model.get_layer("embedding").get_weights()[0][ids]
    kernel = classifier.model.get_layer("logits").get_weights()[0][:, 0]
    np.testing.assert_allclose(explanation.attributions, vectors @ kernel / 3, atol=1e-5)


def test_a_term_is_shared_by_its_words() -> None:
    layer = LinearNgrams(2, 2, 1, "binary", name="ngrams")
    given = keras.Input((None,), dtype="int32")
    model = keras.Model(given, layer(given))
    layer.keys.assign([[3, 4], [5, 0]])
    layer.kernel.assign([[4.0], [1.0]])
    layer.bias.assign([0.5])
    classifier = Classifier(model, TextPreprocessor(TextConfig(), ["a", "b", "c", "d"]), ["no", "yes"])
    explanation = explain(classifier, "a b c a d b c")  # "b c" stands twice and counts once
    assert explanation.attributions.tolist() == [0, 1, 1, 0, 1, 1, 1]
    assert (explanation.logit, explanation.baseline) == (5.5, 0.5)


def test_words_are_those_that_are_read() -> None:
    preprocessor = TextPreprocessor(TextConfig(max_length=4), WORDS)
    classifier = Classifier(lively("lstm"), preprocessor, ["a", "b"])
    explanation = explain(classifier, "w2, unseen: W3 w4 w5 w6")
    assert explanation.words == ["w2", "unseen", "w5", "w6"]  # two from each end
    assert explanation.known == [True, False, True, True]
    assert explain(classifier, "  ").words == ["[empty]"]
    with pytest.raises(UserError, match=r"no class 'aa'; did you mean 'a'\? \(there are a, b\)"):
        explain(classifier, "w2", "aa")


@pytest.mark.parametrize(("name", "attention"), selected(
    [*(("bilstm", one) for one in ATTENTIONS[1:]), ("attention", "none"), ("han", "none"), ("transformer", "none")],
    short=[("bilstm", "luong-local-m"), ("bilstm", "multi-head")]))
def test_attention_weights(name: str, attention: str) -> None:
    explanation = explain(classifier_of(name, attention), TEXT)
    words = len(explanation.words)
    maps = {"self-attentive": 3, "multi-head": 2}.get(attention, 2 if name == "transformer" else 1)
    assert explanation.attention
    for one in explanation.attention:
        assert one.weights.shape == (maps, words)
        assert (one.matrix is not None) == (attention in ("luong-local-m", "dot-product", "multi-head")
                                            or name == "transformer")
        if one.matrix is not None:
            assert one.matrix.shape == (maps, words, words)
            np.testing.assert_allclose(one.matrix.sum(axis=2), 1, atol=1e-5)
        elif name != "han" and attention != "luong-local-p":
            np.testing.assert_allclose(one.weights.sum(axis=1), 1, atol=1e-5)


def test_weights_of_sentences_are_spread_over_their_words() -> None:
    explanation = explain(classifier_of("han", "none"), TEXT)
    assert explanation.words == ["w2", "w3", "w9", "w5", ".", "never", "w7", "w4", "!"]
    in_sentence, of_sentence = (one.weights[0] for one in explanation.attention)
    assert [one.layer for one in explanation.attention] == ["words_attention", "sentences_attention"]
    np.testing.assert_allclose([in_sentence[:5].sum(), in_sentence[5:].sum()], 1, atol=1e-5)
    assert len(set(of_sentence[:5])) == len(set(of_sentence[5:])) == 1
    assert of_sentence[0] + of_sentence[5] == pytest.approx(1, abs=1e-5)


def test_the_page_holds_every_word_and_nothing_from_outside() -> None:
    classifier = classifier_of("bilstm", "self-attentive")
    page = explanation_page(explain(classifier, "w2 <script>alert(1)</script> w3 & <b>w4</b> '\"w5\"'"))
    assert "<script" not in page
    assert not re.search(r"https?://|src=|@import|url\(", page)
    for word in ("w2", "alert", "w3", "w4", "w5"):
        assert len(re.findall(rf">{word}</span>", page)) == 4  # the text, and three hops
    escaped = explanation_page(explain(classifier, "A'b w2"))
    assert ">A&#x27;b</span>" in escaped


def test_the_text_is_shown_as_it_was_written() -> None:
    text = "W2,  \"Unseen\":\n<br />W3 &amp; w4!"
    html = coloured_text(explain(classifier_of("bilstm", "none"), text))
    assert unescape(re.sub("<[^>]*>", "", html)) == text
    assert re.findall(r"<span[^>]*>([^<]*)</span>", html) == [
        "W2", "Unseen", "&quot;:\n&lt;br /&gt;", "W3", " &amp;amp; ", "w4", "!"]


def test_words_and_classes_are_escaped() -> None:
    attributions = np.array([0.5, -1.0, 0.0])
    explanation = Explanation("<3 A&b x", ["<3", "a&b", "x"], [(0, 2), (3, 6), (7, 8)], [True, False, True],
                              "<i>pos</i>", 0.75, "<i>neg</i>", attributions, 1.0, 1.5,
                              [AttentionMap("<u>", np.ones((1, 3)))])
    assert str(explanation) == "<i>pos</i> 0.7500; for <i>neg</i>: a&b -1.00, <3 +0.50, x +0.00"
    for html in (explanation._repr_html_(), explanation_page(explanation)):
        assert not re.search(r"<[iu3]|a&b", html, re.IGNORECASE)
        assert all(escaped in html for escaped in (">&lt;3<", ">A&amp;b<", "&lt;i&gt;pos&lt;/i&gt;", "&lt;i&gt;neg"))
    blue, orange = "rgba(31, 119, 180", "rgba(214, 99, 0"
    assert re.findall(r"(rgba[^)]*)\)[^>]*>([^<]*)<", explanation._repr_html_()) == [
        (f"{blue}, 0.50", "for it"), (f"{orange}, 0.50", "against it"),
        (f"{blue}, 0.33", "&lt;3"), (f"{orange}, 0.65", "A&amp;b"), (f"{blue}, 0.00", "x")]
    # A word says by its line as well whether it is for or against the class, and by its frame that it is unknown.
    assert re.findall(r'class="([a-z ]*)" style="--a:[^"]*" title="([^"]*)"', explanation_page(explanation))[:3] == [
        ("for strong", "+0.5000"), ("against strong unknown", "-1.0000"), ("for", "+0.0000")]


def test_the_command(tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, _ = run_cli("explain", "--model", tiny_run, "a good film", "--json")
    values = json.loads(out)
    assert code == 0
    assert values["words"] == ["a", "good", "film"]
    assert sum(values["attributions"]) == pytest.approx(values["logit"] - values["baseline"], abs=values["gap"] + 1e-9)
    assert values["label"] == sentiment.load(tiny_run).predict(["a good film"])[0].label
    code, out, _ = run_cli("explain", "--model", tiny_run, "A good (?) film.", "--class", "neg")
    assert code == 0
    assert out.splitlines()[1] == "A good (?) film."
    assert "\x1b" not in out  # no colour in a pipe
    code, out, err = run_cli("explain", "--model", tiny_run, "a good film", "--html", tmp_path / "page.html")
    assert (code, out) == (0, "")
    assert "page.html" in err
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    code, _, err = run_cli("explain", "--model", tiny_run, "a good film", "--class", "bad")
    assert (code, err) == (1, "error: no class 'bad' (there are neg, pos)\n")
