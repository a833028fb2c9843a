"""Predictions without TensorFlow."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.small_models import TEXTS

import sentiment
from sentiment.artifacts import load_classifier
from sentiment.errors import UserError
from sentiment.inference import PortableClassifier

# The command line in a process where TensorFlow, Keras and pandas cannot be imported.
WITHOUT = """
import sys
for name in ("tensorflow", "keras", "pandas", "sklearn", "matplotlib", "pyarrow"):
    sys.modules[name] = None
from sentiment.cli import main
sys.exit(main(["predict", "--model", *sys.argv[1:]]))
"""


@pytest.fixture
def exported(exported_run: Path, tmp_path: Path) -> Path:
    """A copy of the export alone, to do with as one likes."""
    return Path(shutil.copytree(exported_run / "onnx", tmp_path / "onnx"))


def test_answers_as_the_run(exported_run: Path) -> None:
    texts = [*TEXTS, *(f"a {'good ' * (row % 9)}film, number {row}" for row in range(300))]
    portable, classifier = PortableClassifier.load(exported_run / "onnx"), load_classifier(exported_run)
    np.testing.assert_allclose(portable.predict_proba(texts), classifier.predict_proba(texts), atol=1e-5)
    for one, other in zip(portable.predict(texts, abstain_below=0.6), classifier.predict(texts, abstain_below=0.6),
                          strict=True):
        assert (one.best, one.known) == (other.best, other.known)
        assert one.label == (None if one.score < 0.6 else one.best)
    assert portable.class_names == classifier.class_names
    assert portable.predict([]) == []
    assert portable.predict_logits([]).shape == classifier.predict_logits([]).shape


def test_one_text_is_not_taken_for_its_letters(exported_run: Path) -> None:
    with pytest.raises(TypeError, match="texts must be a list of texts, not one str"):
        PortableClassifier.load(exported_run / "onnx").predict("good")


def test_the_face_of_the_package_takes_both(exported_run: Path) -> None:
    assert isinstance(sentiment.load(exported_run / "onnx"), PortableClassifier)
    assert not isinstance(sentiment.load(exported_run), PortableClassifier)


def test_the_command_line_needs_no_tensorflow(exported: Path, tiny_run: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT, str(exported), "a good film", "--json"], capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answer, (expected,) = json.loads(done.stdout), load_classifier(tiny_run).predict(["a good film"])
    assert (answer["text"], answer["label"]) == ("a good film", expected.label)
    assert answer["scores"] == pytest.approx(expected.scores, abs=1e-5)


def test_a_file(exported: Path, exported_run: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    assert run_cli("predict", "--model", exported, "--input", tiny_csv, "--output", tmp_path / "one.csv")[0] == 0
    assert run_cli("predict", "--model", exported_run, "--input", tiny_csv, "--output", tmp_path / "other.csv")[0] == 0
    one, other = ([line.split(",") for line in (tmp_path / name).read_text().splitlines()]
                  for name in ("one.csv", "other.csv"))
    assert [row[:-1] for row in one] == [row[:-1] for row in other]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("vocabulary.txt", None, "is incomplete: vocabulary.txt is missing"),
    ("labels.json", None, "is incomplete: labels.json is missing"),
    ("labels.json", b"{}", "labels.json is damaged: it does not belong to the other files"),
    ("labels.json", b'["pos", "neg"]', "labels.json is damaged: it does not belong to the other files"),
    ("tokens.json", b"{}", "tokens.json is damaged: it has no 'head'"),
    ("tokens.json", b"\xff", "tokens.json is damaged: "),
    ("model.onnx", b"nothing", "model.onnx is damaged: it does not belong to the other files"),
    ("model.onnx", None, "is incomplete: model.onnx is missing"),
    ("vocabulary.txt", b"a\ngood\n", "vocabulary.txt is damaged: it does not belong to the other files"),
])
def test_damage_is_one_line(name: str, content: bytes | None, message: str, exported: Path, run_cli: Cli) -> None:
    if content is None:
        (exported / name).unlink()
    else:
        (exported / name).write_bytes(content)
    code, out, err = run_cli("predict", "--model", exported, "text")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("error: ")
    assert message in err


@pytest.mark.parametrize(("name", "content", "message"), [
    ("vocabulary.txt", b"a\ngood\nfil", "vocabulary.txt is damaged: its last line is incomplete"),
    ("vocabulary.txt", b"a\na\n", "vocabulary.txt is damaged: it contains a word twice"),
    ("labels.json", b"{}", "labels.json is damaged: it must be a list, not {}"),
    ("labels.json", b"[", "labels.json is damaged: it is not JSON: "),
    ("labels.json", b'["a", "a"]', "labels.json is damaged: it names a class twice"),
    ("labels.json", b'["a", "b", "c"]', "labels.json is damaged: it names 3 classes, the model has 2"),
    ("model.onnx", b"nothing", "model.onnx is damaged: ")])
def test_damage_of_an_export_without_checksums(name: str, content: bytes, message: str, exported: Path) -> None:
    """As earlier versions wrote it."""
    tokens = json.loads((exported / "tokens.json").read_text())
    del tokens["checksums"]
    (exported / "tokens.json").write_text(json.dumps(tokens))
    assert PortableClassifier.load(exported).predict(["a good film"])
    (exported / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        PortableClassifier.load(exported)


def test_without_the_runtime(exported: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, _, err = run_cli("predict", "--model", exported, "text")
    assert code == 1
    assert "is an export for ONNX Runtime: install it (pip install '.[onnx]')" in err


@pytest.mark.parametrize("words", [
    ["info", "{onnx}"], ["evaluate", "{onnx}"],
    ["predict", "--model", "{onnx}", "--stateful", "text"], ["export", "{onnx}", "--format", "onnx"]])
def test_what_an_export_cannot_do(words: list[str], exported: Path, run_cli: Cli) -> None:
    code, out, err = run_cli(*(word.format(onnx=exported) for word in words))
    assert (code, out) == (1, "")
    assert err == f"error: {exported} is an export, which only predicts: pass the folder of the run\n"
