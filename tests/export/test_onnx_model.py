"""Every architecture in ONNX Runtime against the Keras model."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import TEXTS, untrained_run

import sentiment
from sentiment import architectures, export
from sentiment.artifacts import RunFolder
from sentiment.config import ATTENTIONS
from sentiment.export import onnx_model
from sentiment.inference import load
from sentiment.layers.fused import keras_loops
from sentiment.portable import PortableClassifier


def assert_same(folder: RunFolder) -> None:
    assert export.export_onnx(folder) == folder.onnx
    np.testing.assert_allclose(sentiment.load(folder.onnx).predict_proba(TEXTS), load(folder.path).predict_proba(TEXTS),
                               atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", [entry.name for entry in architectures.architectures() if entry.name != "han"])
def test_every_architecture_exports(tmp_path: Path, name: str, classes: int) -> None:
    assert_same(untrained_run(tmp_path / "run", name, classes))


@pytest.mark.parametrize("options", [
    *({"attention": attention} for attention in ATTENTIONS[1:]), {"normalization": "layer"},
    {"normalization": "weight"}, {"normalization": "batch", "layers": 2, "skip": True},
    {"weight_drop": 0.5, "merge": "sum"},
], ids=lambda options: " ".join(map(str, options.values())))
def test_every_kind_of_recurrent_model_exports(tmp_path: Path, options: dict[str, Any]) -> None:
    assert_same(untrained_run(tmp_path / "run", "bilstm", 2, **options))


def test_an_export_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "cnn", 2)
    right = PortableClassifier.predict_proba
    monkeypatch.setattr(PortableClassifier, "predict_proba", lambda self, texts: right(self, texts) + 2e-5)
    with pytest.raises(export.ExportError, match=r"the ONNX model's scores differ from the Keras model's by 2.0e-05"):
        export.export_onnx(folder)
    assert not folder.onnx.exists()
    assert not list(folder.path.glob("*.new"))


def test_a_model_that_cannot_be_converted_says_so(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "han", 2)
    with pytest.raises(export.ExportError, match=r"^this model cannot be converted to ONNX: No Op registered for Segm"):
        export.export_onnx(folder)
    assert not list(folder.path.glob("onnx*"))


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)
    find = importlib.util.find_spec
    monkeypatch.setattr(onnx_model, "find_spec", lambda name: None if name == "tf2onnx" else find(name))
    with pytest.raises(sentiment.UserError, match=r"--format onnx needs tf2onnx: pip install 'sentiment\[onnx\]'"):
        export.export_onnx(folder)


def test_loops_of_keras_end_with_the_block() -> None:
    from sentiment.layers import LSTM
    from sentiment.layers.fused import applies

    layer = LSTM(3)
    assert applies(layer, training=False)
    with keras_loops():
        assert not applies(layer, training=False)
    assert applies(layer, training=False)


def test_an_export_again_replaces_the_first(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", "cnn", 2)
    export.export_onnx(folder)
    (folder.onnx / "model.onnx").write_bytes(b"")
    shutil.copy(folder.labels, folder.onnx / "left")
    export.export_onnx(folder)
    assert sorted(entry.name for entry in folder.onnx.iterdir()) == [
        "labels.json", "model.onnx", "tokens.json", "vocabulary.txt"]
