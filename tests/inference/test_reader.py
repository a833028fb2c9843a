"""Tests of prediction piece by piece against prediction of the whole text."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected
from helpers.small_models import VOCABULARY, lively, small

from sentiment.config import ModelConfig, TextConfig
from sentiment.errors import UserError
from sentiment.inference import Classifier, Reader
from sentiment.text import TextPreprocessor

WORDS = [f"w{number}" for number in range(2, VOCABULARY)]
TEXT = "w2 w3, w21<br />w9 w5!  W7 &amp; w28 it's w4? unseen w11"
CASES: list[tuple[str, dict[str, Any]]] = [
    ("rnn", {}), ("lstm", {}), ("gru", {}), ("stacked-lstm", {"pooling": "last"}),
    ("stacked-gru", {"pooling": "mean"}), ("lstm", {"layers": 3, "skip": True, "pooling": "concat"}),
    ("gru", {"layers": 3, "residual": True, "pooling": "concat"}), ("lstm", {"normalization": "layer"}),
    ("gru", {"normalization": "weight"}), ("lstm", {"layers": 2, "normalization": "batch", "pooling": "last"}),
    ("rnn", {"layers": 2, "skip": True, "normalization": "batch", "pooling": "mean"}),
    ("qrnn", {"layers": 2, "pooling": "mean"}), ("sru", {}), ("mingru", {"layers": 2, "residual": True}),
    ("minlstm", {}), ("rglru", {}),
]


def made(name: str, options: dict[str, Any]) -> tuple[Classifier, ModelConfig]:
    classifier = Classifier(lively(name, 3, **options), TextPreprocessor(TextConfig(), WORDS[:-2]), ["a", "b", "c"])
    return classifier, ModelConfig.from_dict(small(name, **options))


@pytest.mark.parametrize(("name", "options"), selected(CASES, [*CASES[:3], CASES[5]]))
def test_prediction_after_each_piece_matches_the_prefix(name: str, options: dict[str, Any]) -> None:
    classifier, config = made(name, options)
    random = np.random.default_rng(1)
    cuts = [0, *sorted(random.choice(np.arange(1, len(TEXT)), size=12, replace=False)), len(TEXT)]
    reader = Reader(classifier, config)
    for start, end in pairwise(cuts):
        answer = reader.read(TEXT[start:end])
        (whole,) = classifier.predict([TEXT[:end]])
        assert (answer.label, answer.known) == (whole.label, whole.known)
        for one in answer.scores:
            assert answer.scores[one] == pytest.approx(whole.scores[one], abs=1e-5)


def test_abstention_omits_the_label() -> None:
    classifier, config = made("lstm", {})
    reader = Reader(classifier, config)
    assert reader.read(TEXT, abstain_below=1.0)._replace(label="a") == reader.read("")._replace(label="a")
    assert reader.read("", abstain_below=1.0).label is None


def test_single_letters_and_empty_pieces_match_the_prefix() -> None:
    classifier, config = made("lstm", {})
    reader = Reader(classifier, config)
    assert reader.read("").scores == pytest.approx(classifier.predict([""])[0].scores, abs=1e-5)
    for end, letter in enumerate(TEXT, start=1):
        assert reader.read(letter).scores == pytest.approx(classifier.predict([TEXT[:end]])[0].scores, abs=1e-5)
        assert reader.read("").scores == pytest.approx(classifier.predict([TEXT[:end]])[0].scores, abs=1e-5)


def test_cost_of_a_piece_is_independent_of_the_text_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new piece costs its own words and the last one before it."""
    classifier, config = made("gru", {})
    reader = Reader(classifier, config)
    read: list[int] = []
    after = reader._after

    def counted(state: Any, ids: np.ndarray) -> Any:
        read.append(len(ids))
        return after(state, ids)

    monkeypatch.setattr(reader, "_after", counted)
    for piece in ("w2 w3 w4 ", "w2 w3 w", "4 w5 w"):  # also where a word goes on in the next piece
        before = sum(read)
        for _ in range(50):
            reader.read(piece)
        assert sum(read) - before <= 50 * 5


def test_texts_longer_than_the_training_length() -> None:
    classifier, config = made("gru", {"pooling": "concat"})
    long = TextPreprocessor(TextConfig(max_length=10_000), WORDS[:-2])
    text = "w2 w3 w4 w5 " * 200
    reader = Reader(classifier, config)
    reader.read(text)
    whole = Classifier(classifier.model, long, classifier.class_names).predict([text + "w6"])[0]
    assert reader.read("w6").scores == pytest.approx(whole.scores, abs=1e-5)


@pytest.mark.parametrize(("name", "options", "message"), [
    ("bilstm", {}, "must be unidirectional: train rnn, lstm, gru, stacked-lstm, .*; this is 'bilstm'"),
    ("cnn", {}, "this is 'cnn'"),
    ("lstm", {"attention": "additive"}, "--attention additive attends to all words"),
])
def test_unsupported_models_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Reader(*made(name, options))


def test_command_predicts_piece_by_piece(tiny_run: Path, tmp_path: Path, tiny_csv: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("predict", "--model", tiny_run, "a", "good film", "--stateful")
    assert code == 1
    assert "must be unidirectional" in err
    code, _, err = run_cli("predict", "--model", tiny_run, "--input", tiny_csv, "--stateful")
    assert (code, err) == (1, "error: --stateful needs texts or standard input, not --input\n")
    folder = tmp_path / "gru"
    words = ["--epochs", "1", "--units", "4", "--embedding-size", "8", "--vocab-size", "60", "--max-length", "24",
             "--no-export"]
    assert run_cli("train", "--arch", "gru", "--dataset", tiny_csv, "--output-dir", folder, *words)[0] == 0
    code, out, _ = run_cli("predict", "--model", folder, "a", "good film", "--stateful")
    assert code == 0
    whole = run_cli("predict", "--model", folder, "a", "a good film")[1]
    assert [line.split("\t")[:2] for line in out.splitlines()] == [line.split("\t")[:2] for line in whole.splitlines()]
