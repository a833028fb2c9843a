"""Tests of the export for LiteRT against the Keras model, in every precision."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected
from helpers.small_models import KINDS, NAMES_AND_CLASSES, SHORT_KINDS, TEXTS, untrained_run

import sentiment
from sentiment import export
from sentiment.artifacts import RunFolder, load_classifier
from sentiment.export import litert
from sentiment.inference import PortableClassifier

LONG = [" ".join(["good", "bad", "film", "so"][place % 4] for place in range(length)) for length in (2, 7, 19, 20, 40)]


def assert_same(folder: RunFolder) -> None:
    path = export.export_litert(export.Original(folder))
    assert path == folder.path / "litert"
    texts = [*TEXTS, *LONG]
    exported, classifier = sentiment.load(path), load_classifier(folder.path)
    np.testing.assert_allclose(exported.predict_proba(texts), classifier.predict_proba(texts), atol=1e-5)


@pytest.mark.parametrize(("name", "classes"), selected(
    NAMES_AND_CLASSES, short=[("bilstm", 3), ("gru", 2), ("cnn", 2)]))
def test_every_architecture_matches_keras(tmp_path: Path, name: str, classes: int) -> None:
    assert_same(untrained_run(tmp_path / "run", name, classes))


@pytest.mark.parametrize("options", selected(KINDS, SHORT_KINDS),
                         ids=lambda options: " ".join(map(str, options.values())))
def test_every_kind_of_recurrent_model_matches_keras(tmp_path: Path, options: dict[str, Any]) -> None:
    assert_same(untrained_run(tmp_path / "run", "bilstm", 2, **options))


@pytest.mark.parametrize("precision", selected(["float16", "int8"], ["int8"]))
def test_scores_of_smaller_weights_are_near_float32(precision: str, tiny_run: Path) -> None:
    folder = RunFolder(tiny_run)
    path = export.export_litert(export.Original(folder, LONG), precision)
    try:
        assert path == tiny_run / f"litert-{precision}"
        scores, expected = sentiment.load(path).predict_proba(LONG), load_classifier(tiny_run).predict_proba(LONG)
        np.testing.assert_allclose(scores, expected, atol=0.02)
        assert (scores != expected).any()
    finally:
        shutil.rmtree(path)


@pytest.mark.extended
def test_float16_halves_the_file(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "lstm", 2, units=64, embedding_size=64)
    sizes = {precision: (export.export_litert(export.Original(folder), precision) / "model.tflite").stat().st_size
             for precision in ("float32", "float16", "int8")}
    assert sizes["float16"] < 0.65 * sizes["float32"]
    assert sizes["int8"] < 0.45 * sizes["float32"]


def test_export_with_different_scores_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "cnn", 2)
    right = PortableClassifier.predict_proba
    monkeypatch.setattr(PortableClassifier, "predict_proba", lambda self, texts: right(self, texts) + 2e-5)
    with pytest.raises(export.ExportError, match=r"the LiteRT model's scores differ from the Keras model's by 2.0e-05"):
        export.export_litert(export.Original(folder))
    monkeypatch.setattr(PortableClassifier, "predict_proba", lambda self, texts: right(self, texts)[:, ::-1])
    with pytest.raises(export.ExportError, match=r"the LiteRT model gives 0\.\d+ of the texts the Keras model's label"):
        export.export_litert(export.Original(folder), precision="int8")
    assert not list(folder.path.glob("litert*"))


def test_failed_conversion_is_a_one_line_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bytes:
        raise ValueError("no such operator\nand more")

    folder = untrained_run(tmp_path / "run", "gru", 2)
    monkeypatch.setattr(litert, "_converted", fail)
    with pytest.raises(export.ExportError, match=r"^this model cannot be converted to LiteRT: no such operator$"):
        export.export_litert(export.Original(folder))
    assert not list(folder.path.glob("litert*"))


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)
    find = importlib.util.find_spec
    monkeypatch.setattr("sentiment.errors.find_spec", lambda name: None if name == "ai_edge_litert" else find(name))
    with pytest.raises(sentiment.UserError, match=r"--format litert needs ai-edge-litert: pip install '.\[litert\]'"):
        export.export_litert(export.Original(folder))


def test_only_builtin_operators_are_used(tmp_path: Path) -> None:
    """Flex operators would need TensorFlow at run time."""
    folder = untrained_run(tmp_path / "run", "bilstm", 2)
    model = (export.export_litert(export.Original(folder)) / "model.tflite").read_bytes()
    assert b"Flex" not in model


def test_command_exports_all_formats_and_prints_measurements(tmp_path: Path, run_cli: Cli) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)
    code, out, err = run_cli("export", folder.path, "--format", "all")
    assert code == 0, err
    _, *rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == ["saved_model", "onnx float32", "onnx float16", "onnx int8", "litert float32",
                                        "litert float16", "litert int8"]
    for form, path, size, milliseconds, difference, agreement in rows:
        assert (folder.path / path).is_dir()
        assert float(size) > 0
        assert float(milliseconds) > 0
        assert float(difference) < (0.1 if "16" in form or "int8" in form else 1e-5)
        assert float(agreement) >= 0.995


@pytest.mark.extended
def test_failure_of_one_format_does_not_stop_the_others(tmp_path: Path, run_cli: Cli,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)
    make = export.export_litert

    def no_int8(original: export.Original, precision: str = "float32") -> Path:
        if precision == "int8":
            raise export.ExportError("the LiteRT model gives 0.9 of the texts")
        return make(original, precision)

    monkeypatch.setattr(export, "export_litert", no_int8)
    code, out, err = run_cli("export", folder.path, "--format", "all")
    _, *made = [line.split("\t")[0] for line in out.splitlines()]
    assert made == ["saved_model", "onnx float32", "onnx float16", "onnx int8", "litert float32", "litert float16"]
    assert (code, err.splitlines()[-1]) == (1, "error: the LiteRT model gives 0.9 of the texts")


def test_predicts_without_tensorflow(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "bilstm", 2)
    code = ("import sys\n"
            "for name in ('tensorflow', 'keras', 'pandas', 'sklearn'):\n    sys.modules[name] = None\n"
            "from sentiment.cli import main\nsys.exit(main(['predict', '--model', *sys.argv[1:]]))")
    path = export.export_litert(export.Original(folder))
    done = subprocess.run([sys.executable, "-c", code, str(path), "a good film"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith(load_classifier(folder.path).predict(["a good film"])[0].best)


def test_damaged_file_is_a_one_line_error(tmp_path: Path, run_cli: Cli) -> None:
    path = export.export_litert(export.Original(untrained_run(tmp_path / "run", "gru", 2)))
    (path / "model.tflite").write_bytes(b"nothing")
    code, out, err = run_cli("predict", "--model", path, "text")
    assert (code, out) == (1, "")
    assert "model.tflite is damaged: " in err
