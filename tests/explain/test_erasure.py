"""What each word adds, by hiding it."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.fake_predictor import FakePredictor

import sentiment
from sentiment.errors import UserError
from sentiment.explain import WordWeights, word_weights
from sentiment.inference import Predictor


def test_of_a_sum_each_word_has_what_it_adds() -> None:
    found = word_weights(FakePredictor(), "good new film", "pos")
    assert found.words == ["good", "new", "film"]
    assert found.known == [True, False, True]
    np.testing.assert_allclose(found.weights, [2.0, 0.0, 0.5])
    np.testing.assert_allclose(word_weights(FakePredictor(), "good new film", "neg").weights, [-2.0, 0.0, -0.5])


def test_the_predicted_class_is_explained_unless_another_is_named() -> None:
    found = word_weights(FakePredictor(), "bad film")
    assert (found.explained, found.prediction.label) == ("neg", "neg")
    with pytest.raises(UserError, match="no class 'pso'; did you mean 'pos'"):
        word_weights(FakePredictor(), "bad film", "pso")


class ThreeClasses(FakePredictor):
    """Logits of three classes: 0, what the words add up to, and half of that."""

    def __init__(self) -> None:
        super().__init__(class_names=("a", "b", "c"))

    def _batch_logits(self, ids: np.ndarray) -> np.ndarray:
        total = super()._batch_logits(ids)
        return np.concatenate([np.zeros_like(total), total, total / 2], axis=1)


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_several_classes_by_probabilities(name: str) -> None:
    predictor = ThreeClasses()

    def odds(text: str) -> float:
        p = predictor.predict([text])[0].scores[name]
        return math.log(p / (1 - p))

    found = word_weights(predictor, "good bad film", name)
    expected = [odds("good bad film") - odds(hidden) for hidden in ("x bad film", "good x film", "good bad x")]
    np.testing.assert_allclose(found.weights, expected, atol=1e-6)


def test_more_words_than_are_read_at_once() -> None:
    found = word_weights(FakePredictor(), "good " * 70 + "film", "pos")
    np.testing.assert_allclose(found.weights, [2.0] * 70 + [0.5])


@pytest.mark.parametrize("text", ["a good film, zxqv!", "", "good " * 60])
def test_an_export_weighs_as_its_run(text: str, exported_run: Path) -> None:
    run, portable = (word_weights(sentiment.load(path), text) for path in (exported_run, exported_run / "onnx"))
    assert (portable.words, portable.known, portable.explained) == (run.words, run.known, run.explained)
    np.testing.assert_allclose(portable.weights, run.weights, atol=1e-5)


def test_an_export_explains_itself(exported_run: Path) -> None:
    model = sentiment.load(exported_run / "onnx")
    found, other = model.explain("a good film"), model.explain("a good film", "neg")
    assert isinstance(found, WordWeights)
    np.testing.assert_array_equal(found.weights, word_weights(model, "a good film").weights)
    assert other.explained == "neg"
    assert str(found).startswith(f"{found.prediction.best} 0.")
    with pytest.raises(sentiment.UserError, match="no class 'x'"):
        model.explain("a good film", "x")


def test_the_fake_is_what_it_stands_for() -> None:
    predictor: Predictor = FakePredictor()
    assert predictor.predict(["good"])[0].label == "pos"


def test_erasure_in_the_shell(exported_run: Path, run_cli: Cli) -> None:
    text = "A good (?) film"
    found = word_weights(sentiment.load(exported_run / "onnx"), text, "neg")
    words = ("--class", "neg", text)
    code, out, err = run_cli("explain", "--model", exported_run / "onnx", *words)
    assert code == 0, err
    assert out.splitlines()[:2] == [f"{found.prediction.best} {found.prediction.score:.4f}", text]
    assert f"good {found.weights[found.words.index('good')]:+.3f}" in out
    assert run_cli("explain", "--model", exported_run, "--method", "erasure", *words)[1] == out
    values = json.loads(run_cli("explain", "--model", exported_run / "onnx", "--json", *words)[1])
    assert (values["text"], values["label"], values["explained"]) == (text, found.prediction.best, "neg")
    assert values["weights"] == found.weights.tolist()


def test_printed_weights_add_up_to_all(exported_run: Path, run_cli: Cli) -> None:
    text = "a good film number 1 and more good bad film a bad number and more good film"
    weights = word_weights(sentiment.load(exported_run / "onnx"), text, "pos").weights
    out = run_cli("explain", "--model", exported_run / "onnx", "--class", "pos", text)[1]
    assert " more " in out
    printed = re.findall(r"[+-]\d+\.\d+", "".join(out.splitlines()[2:]))
    assert sum(map(float, printed)) == pytest.approx(weights.sum(), abs=0.02)


@pytest.mark.parametrize(("words", "message"), [
    (["--method", "gradients"],
     "is an export, which has no gradients: pass the folder of the run, or --method erasure"),
    (["--html", "page.html"], "--html needs --method gradients, and the folder of a run"),
])
def test_an_export_has_no_gradients(words: list[str], message: str, exported_run: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("explain", "--model", exported_run / "onnx", *words, "a good film")
    assert (code, out) == (1, "")
    assert message in err
