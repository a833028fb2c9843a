"""Lone surrogates, wherever texts come from."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.fake_predictor import FakePredictor

from sentiment.config import DataConfig
from sentiment.data import load_corpus, load_for_evaluation
from sentiment.data.memory import named_frame, named_texts
from sentiment.data.reading import read_chunks, replaced_in
from sentiment.surrogates import Mender, as_utf8
from sentiment.table_format import TableFormat

HALF, SHOWN = "\ud83d", "\ufffd"
NOTE = "lone surrogates (half a character, such as \\ud83d in JSON) of"


@pytest.mark.parametrize(("written", "read", "count"), [
    (r'"\ud83d x"', f"{SHOWN} x", 1), (r'"\uDE00"', SHOWN, 1), (r'"\ud83d\uDE00"', "😀", 0),
    (r'"\ud83d\ud83d\ude00"', f"{SHOWN}😀", 1), (r'"\ude00\ud83d"', SHOWN * 2, 2), (r'"\\ud83d"', r"\ud83d", 0),
    (r'"\\\ud83d"', f"\\{SHOWN}", 1), (r'"\u0041\n\ud7ff\ue000"', "A\n\ud7ff\ue000", 0)])
def test_escapes_of_json(written: str, read: str, count: int) -> None:
    mender = Mender()
    assert json.loads(mender.json(written)) == read
    assert mender.count == count


def test_texts() -> None:
    mender = Mender()
    assert mender.texts([f"{HALF} a {HALF}", "😀 ü", ""]) == [f"{SHOWN} a {SHOWN}", "😀 ü", ""]
    assert mender.notes("x") == (f"2 {NOTE} x were read as U+FFFD",)
    assert Mender().notes("x") == ()
    assert as_utf8(HALF) == SHOWN.encode()


def rows(kind: str) -> str:
    """Return 20 texts of two classes in ten groups; a text, and each name of one class and of a column, is halved."""
    found = [{"text": f"good film {number} {HALF if number == 4 else ''}", f"who{HALF}": str(number // 2),
              "label": f"{HALF} pos" if number % 2 else "neg"} for number in range(20)]
    return json.dumps(found) if kind == ".json" else "".join(json.dumps(one) + "\n" for one in found)


@pytest.mark.parametrize(("kind", "stream"), [(".jsonl", False), (".json", False), (".jsonl", True)])
def test_a_corpus_of_json(kind: str, stream: bool, tmp_path: Path) -> None:
    path = tmp_path / f"x{kind}"
    path.write_text(rows(kind), encoding="utf-8")
    config = DataConfig(dataset=str(path), stream=stream, group_column=f"who{SHOWN}", min_class_size=1)
    corpus = load_corpus(config, 1)
    assert corpus.class_names == ("neg", f"{SHOWN} pos")
    assert [note for note in corpus.notes if "surrogate" in note] == [f"31 {NOTE} {path.name} were read as U+FFFD"]
    texts = [*corpus.train.texts, *corpus.validation.texts, *corpus.test.read().texts]
    assert sum(text.endswith(SHOWN) for text in texts) == 1
    assert "".join(texts).encode()
    examples, notes = load_for_evaluation(DataConfig(dataset=str(path)), 1, corpus.class_names)
    assert len(examples) == 20
    assert len(notes) == 1


def test_utf_7(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"text,label\n+2D0- good,pos\n")
    (frame,) = read_chunks(tmp_path / "x.csv", 10, form=TableFormat("utf-7"))
    assert frame["text"].tolist() == [f"{SHOWN} good"]
    assert replaced_in(frame) == 1


def test_texts_in_memory() -> None:
    named = named_texts([f"a{HALF}", "b"], [HALF, "x"], [f"g{HALF}", "h"])
    assert (named.texts, named.labels, named.groups) == ([f"a{SHOWN}", "b"], [SHOWN, "x"], [f"g{SHOWN}", "h"])
    assert named.notes == (f"3 {NOTE} texts were read as U+FFFD",)
    frame = pd.DataFrame({"text": [f"a{HALF}", "b"], "label": [HALF, "x"], "who": [HALF, HALF]}, dtype=object)
    named = named_frame(frame, DataConfig(group_column="who"))
    assert (named.texts, named.labels) == ([f"a{SHOWN}", "b"], [SHOWN, "x"])
    assert named.notes == (f"4 {NOTE} the DataFrame were read as U+FFFD",)


def test_a_prediction_warns_once(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [f"good {HALF}", *["bad"] * 40, HALF]
    found = FakePredictor().predict_logits(texts)
    np.testing.assert_array_equal(found[0], FakePredictor().predict_logits([f"good {SHOWN}"])[0])
    assert capsys.readouterr().err == f"warning: 2 {NOTE} texts were read as U+FFFD\n"
