"""Tests of the export for ONNX Runtime against the Keras model, in every precision."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers.selection import selected
from helpers.small_models import KINDS, NAMES_AND_CLASSES, SHORT_KINDS, TEXTS, untrained_run

import sentiment
from sentiment import export
from sentiment.artifacts import RunFolder, load_classifier
from sentiment.artifacts.run import in_float16
from sentiment.export import onnx_model
from sentiment.inference import PortableClassifier
from sentiment.layers.fused import replaced_loops


def assert_same(folder: RunFolder) -> None:
    assert export.export_onnx(export.Original(folder)) == folder.onnx
    exported, classifier = sentiment.load(folder.onnx), load_classifier(folder.path)
    np.testing.assert_allclose(exported.predict_proba(TEXTS), classifier.predict_proba(TEXTS), atol=1e-5)


@pytest.mark.parametrize(("name", "classes"), selected(
    NAMES_AND_CLASSES, short=[("bilstm", 3)]))
def test_every_architecture_matches_keras(tmp_path: Path, name: str, classes: int) -> None:
    assert_same(untrained_run(tmp_path / "run", name, classes))


@pytest.mark.parametrize("options", selected(KINDS, SHORT_KINDS),
                         ids=lambda options: " ".join(map(str, options.values())))
def test_every_kind_of_recurrent_model_matches_keras(tmp_path: Path, options: dict[str, Any]) -> None:
    assert_same(untrained_run(tmp_path / "run", "bilstm", 2, **options))


def test_weights_exact_in_float16_are_stored_in_float16(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "bilstm", 2, units=16, embedding_size=32)
    whole = (export.export_onnx(export.Original(folder)) / "model.onnx").stat().st_size
    original = export.Original(folder)
    original.classifier.model.set_weights([in_float16(one) for one in original.classifier.model.get_weights()])
    halves = export.export_onnx(original)
    assert {number.data_type for number in onnx.load(halves / "model.onnx").graph.initializer
            if np.prod(number.dims) >= 1024} == {onnx.TensorProto.FLOAT16}
    assert (halves / "model.onnx").stat().st_size < 0.8 * whole
    np.testing.assert_allclose(sentiment.load(halves).predict_proba(TEXTS), original.classifier.predict_proba(TEXTS),
                               atol=1e-5)


def test_float16_precision_rounds_all_large_weights(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "bilstm", 2, units=16, embedding_size=32)
    original = export.Original(folder)
    halves = export.export_onnx(original, "float16")
    assert halves == folder.path / "onnx-float16"
    scores, expected = sentiment.load(halves).predict_proba(TEXTS), original.classifier.predict_proba(TEXTS)
    np.testing.assert_allclose(scores, expected, atol=1e-2)
    assert np.abs(scores - expected).max() > 1e-7


def test_int8_scores_are_near_float32(tiny_run: Path) -> None:
    folder, texts = RunFolder(tiny_run), [*TEXTS, "a good film", "a bad film, number 5"]
    path = export.export_onnx(export.Original(folder, texts), "int8")
    try:
        assert path == tiny_run / "onnx-int8"
        assert [entry.name for entry in path.iterdir() if entry.suffix == ".onnx"] == ["model.onnx"]
        scores, expected = sentiment.load(path).predict_proba(texts), load_classifier(tiny_run).predict_proba(texts)
        np.testing.assert_allclose(scores, expected, atol=0.02)
        assert (scores != expected).any()
    finally:
        shutil.rmtree(path)


@pytest.mark.parametrize(("name", "options", "operator"), [
    ("lstm", {}, "DynamicQuantizeLSTM"), ("gru", {}, "GRU"), ("gru", {"gru_reset": "before"}, "GRU"),
    ("cnn", {}, "Conv"), ("rnn", {}, "Loop")])
def test_int8_stores_large_weights_in_int8(name: str, options: dict[str, Any], operator: str, tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", name, 2, units=128, embedding_size=128, **options)
    original = export.Original(folder)
    whole, small = (onnx.load(export.export_onnx(original, precision) / "model.onnx")
                    for precision in ("float32", "int8"))
    assert operator in {node.op_type for node in small.graph.node}
    wide = [one.name for one in small.graph.initializer if one.data_type == onnx.TensorProto.FLOAT
            and sum(size > 1 for size in one.dims) > 1 and np.prod(one.dims) >= onnx_model.FEWEST_VALUES]
    assert not wide
    assert small.ByteSize() < 0.4 * whole.ByteSize()


def test_int8_scales_are_per_row() -> None:
    values = np.random.default_rng(3).normal(size=(1, 5, 7)).astype(np.float32) * np.logspace(
        -3, 3, 5, dtype=np.float32)[:, None]
    values[0, 2] = 0
    small, scales = onnx_model._in_int8(values)
    assert small is not None
    assert scales is not None
    assert small.dtype == np.int8
    assert (small.shape, scales.shape) == ((1, 5, 7), (1, 5, 1))
    assert np.abs(small).max(axis=-1).tolist() == [[127, 127, 0, 127, 127]]
    assert (np.abs(small * scales - values) <= scales / 2 * (1 + 1e-5)).all()
    assert onnx_model._in_int8(np.ones((1, 9), np.float32)) == (None, None)


def test_int8_predicts_without_tensorflow_and_onnx(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "bilstm", 2)
    path = export.export_onnx(export.Original(folder), "int8")
    code = ("import sys\n"
            "for name in ('tensorflow', 'keras', 'onnx', 'tf2onnx'):\n    sys.modules[name] = None\n"
            "from sentiment.cli import main\nsys.exit(main(['predict', '--model', *sys.argv[1:]]))")
    done = subprocess.run([sys.executable, "-c", code, str(path), "a good film"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith(sentiment.load(path).predict(["a good film"])[0].best)


def test_export_with_different_scores_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "cnn", 2)
    right = PortableClassifier.predict_proba
    monkeypatch.setattr(PortableClassifier, "predict_proba", lambda self, texts: right(self, texts) + 2e-5)
    with pytest.raises(export.ExportError, match=r"the ONNX model's scores differ from the Keras model's by 2.0e-05"):
        export.export_onnx(export.Original(folder))
    monkeypatch.setattr(PortableClassifier, "predict_proba", lambda self, texts: right(self, texts)[:, ::-1])
    with pytest.raises(export.ExportError, match=r"the ONNX model gives 0\.\d+ of the texts the Keras model's label, "
                                                 r"fewer than 0\.995: it was removed"):
        export.export_onnx(export.Original(folder), "int8")
    assert not list(folder.path.glob("onnx*"))
    assert not list(folder.path.glob("*.new"))


def test_failed_conversion_is_a_one_line_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no such operator\nand more")

    monkeypatch.setattr(onnx_model, "_convert", fail)
    with pytest.raises(export.ExportError, match=r"^this model cannot be converted to ONNX: no such operator$"):
        export.export_onnx(export.Original(folder))
    assert not list(folder.path.glob("onnx*"))


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)
    find = importlib.util.find_spec
    monkeypatch.setattr("sentiment.errors.find_spec", lambda name: None if name == "tf2onnx" else find(name))
    with pytest.raises(sentiment.UserError, match=r"--format onnx needs tf2onnx: pip install '.\[onnx\]'"):
        export.export_onnx(export.Original(folder))


def operators(folder: RunFolder) -> set[str]:
    export.export_onnx(export.Original(folder))
    return {node.op_type for node in onnx.load(folder.onnx / "model.onnx").graph.node}


@pytest.mark.parametrize(("name", "options", "operator"), selected([
    ("lstm", {}, "LSTM"), ("bilstm", {"normalization": "weight"}, "LSTM"), ("stacked-lstm", {}, "LSTM"),
    ("bigru", {}, "GRU"), ("gru", {"gru_reset": "before"}, "GRU"),
], short=[("bilstm", {"normalization": "weight"}, "LSTM"), ("gru", {"gru_reset": "before"}, "GRU")]))
def test_lstm_and_gru_become_onnx_operators(name: str, options: dict[str, Any], operator: str, tmp_path: Path) -> None:
    assert {operator} == operators(untrained_run(tmp_path / "run", name, 2, **options)) & {"LSTM", "GRU", "RNN", "Loop"}


@pytest.mark.parametrize(("name", "options"), selected([("rnn", {}), ("lstm", {"normalization": "layer"})],
                                                       short=[("rnn", {})]))
def test_other_cells_become_onnx_loops(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    assert {"Loop"} == operators(untrained_run(tmp_path / "run", name, 2, **options)) & {"LSTM", "GRU", "RNN", "Loop"}


def test_loops_are_replaced_only_within_the_block() -> None:
    import tensorflow as tf

    from sentiment.layers import LSTM

    layer, words, asked = LSTM(3), tf.ones([2, 4, 5]), []

    def replacement(layer: Any, step: Any, weights: Any, sequences: Any, states: Any, mask: Any) -> Any:
        asked.append(layer)
        return tf.zeros([2, 4, 3]), states

    before = layer(words).numpy()
    with replaced_loops(replacement):
        assert not layer(words).numpy().any()
    np.testing.assert_array_equal(layer(words), before)
    assert asked == [layer]


def test_second_export_replaces_the_first(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "cnn", 2)
    export.export_onnx(export.Original(folder))
    (folder.onnx / "model.onnx").write_bytes(b"")
    shutil.copy(folder.labels, folder.onnx / "left")
    export.export_onnx(export.Original(folder))
    assert sorted(entry.name for entry in folder.onnx.iterdir()) == [
        "labels.json", "model.onnx", "tokens.json", "vocabulary.txt"]
