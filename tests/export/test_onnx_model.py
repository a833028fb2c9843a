"""Every architecture in ONNX Runtime against the Keras model."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers.selection import selected
from helpers.small_models import KINDS, NAMES_AND_CLASSES, SHORT_KINDS, TEXTS, untrained_run

import sentiment
from sentiment import errors, export
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
def test_every_architecture_exports(tmp_path: Path, name: str, classes: int) -> None:
    assert_same(untrained_run(tmp_path / "run", name, classes))


@pytest.mark.parametrize("options", selected(KINDS, SHORT_KINDS),
                         ids=lambda options: " ".join(map(str, options.values())))
def test_every_kind_of_recurrent_model_exports(tmp_path: Path, options: dict[str, Any]) -> None:
    assert_same(untrained_run(tmp_path / "run", "bilstm", 2, **options))


def test_weights_that_float16_holds_are_stored_in_it_without_loss(tmp_path: Path) -> None:
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


def test_other_weights_are_rounded_to_float16_where_asked(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "bilstm", 2, units=16, embedding_size=32)
    original = export.Original(folder)
    halves = export.export_onnx(original, "float16")
    assert halves == folder.path / "onnx-float16"
    scores, expected = sentiment.load(halves).predict_proba(TEXTS), original.classifier.predict_proba(TEXTS)
    np.testing.assert_allclose(scores, expected, atol=1e-2)
    assert np.abs(scores - expected).max() > 1e-7


def test_an_export_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "cnn", 2)
    right = PortableClassifier.predict_proba
    monkeypatch.setattr(PortableClassifier, "predict_proba", lambda self, texts: right(self, texts) + 2e-5)
    with pytest.raises(export.ExportError, match=r"the ONNX model's scores differ from the Keras model's by 2.0e-05"):
        export.export_onnx(export.Original(folder))
    assert not folder.onnx.exists()
    assert not list(folder.path.glob("*.new"))


def test_a_model_that_cannot_be_converted_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setattr(errors, "find_spec", lambda name: None if name == "tf2onnx" else find(name))
    with pytest.raises(sentiment.UserError, match=r"--format onnx needs tf2onnx: pip install '.\[onnx\]'"):
        export.export_onnx(export.Original(folder))


def operators(folder: RunFolder) -> set[str]:
    export.export_onnx(export.Original(folder))
    return {node.op_type for node in onnx.load(folder.onnx / "model.onnx").graph.node}


@pytest.mark.parametrize(("name", "options", "operator"), selected([
    ("lstm", {}, "LSTM"), ("bilstm", {"normalization": "weight"}, "LSTM"), ("stacked-lstm", {}, "LSTM"),
    ("bigru", {}, "GRU"), ("gru", {"gru_reset": "before"}, "GRU"),
], short=[("bilstm", {"normalization": "weight"}, "LSTM"), ("gru", {"gru_reset": "before"}, "GRU")]))
def test_recurrent_layers_are_operators(name: str, options: dict[str, Any], operator: str, tmp_path: Path) -> None:
    assert {operator} == operators(untrained_run(tmp_path / "run", name, 2, **options)) & {"LSTM", "GRU", "RNN", "Loop"}


@pytest.mark.parametrize(("name", "options"), selected([("rnn", {}), ("lstm", {"normalization": "layer"})],
                                                       short=[("rnn", {})]))
def test_other_cells_are_loops(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    assert {"Loop"} == operators(untrained_run(tmp_path / "run", name, 2, **options)) & {"LSTM", "GRU", "RNN", "Loop"}


def test_replaced_loops_end_with_the_block() -> None:
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


def test_an_export_again_replaces_the_first(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "cnn", 2)
    export.export_onnx(export.Original(folder))
    (folder.onnx / "model.onnx").write_bytes(b"")
    shutil.copy(folder.labels, folder.onnx / "left")
    export.export_onnx(export.Original(folder))
    assert sorted(entry.name for entry in folder.onnx.iterdir()) == [
        "labels.json", "model.onnx", "tokens.json", "vocabulary.txt"]
