import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.selection import selected
from helpers.small_models import CLASS_NAMES, KINDS, NAMES_AND_CLASSES, SHORT_KINDS, TEXTS, untrained_run

import sentiment
from sentiment import export
from sentiment.explain import word_weights

# Plain TensorFlow in a folder where the package `sentiment` cannot be imported.
ALONE = """
import json, sys
import tensorflow as tf
texts = tf.constant(json.loads(sys.argv[2]))
answer = tf.saved_model.load(sys.argv[1]).serve(texts)
named = tf.saved_model.load(sys.argv[1])
signature = named.signatures["serving_default"](texts=texts)
assert (signature["scores"].numpy() == answer["scores"].numpy()).all()
assert "sentiment" not in sys.modules
print(json.dumps([answer["scores"].numpy().tolist(), [[n.decode() for n in row] for row in answer["classes"].numpy()]]))
"""


def serve_alone(folder: Path, texts: list[str], place: Path) -> tuple[np.ndarray, list[list[str]]]:
    done = subprocess.run([sys.executable, "-I", "-c", ALONE, str(folder), json.dumps(texts)], capture_output=True,
                          text=True, cwd=place, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    scores, classes = json.loads(done.stdout)
    return np.array(scores), classes


def test_scores_in_plain_tensorflow_match_the_classifier(tiny_run: Path, tmp_path: Path) -> None:
    scores, classes = serve_alone(tiny_run / "export" / "1", TEXTS, tmp_path)
    np.testing.assert_allclose(scores, sentiment.load(tiny_run).predict_proba(TEXTS), atol=1e-5)
    assert classes == [["neg", "pos"]] * len(TEXTS)


@pytest.mark.parametrize(("name", "classes"), selected(
    NAMES_AND_CLASSES, short=[("bilstm", 2), ("bilstm", 3)]))
def test_every_architecture_matches_keras(tmp_path: Path, name: str, classes: int) -> None:
    import tensorflow as tf

    folder = untrained_run(tmp_path / "run", name, classes)
    assert export.export_saved_model(export.Original(folder, TEXTS)) == folder.export
    loaded = tf.saved_model.load(str(folder.export))
    answer = loaded.serve(tf.constant(TEXTS))
    np.testing.assert_allclose(answer["scores"], sentiment.load(folder.path).predict_proba(TEXTS), atol=1e-5)
    assert [name.decode() for name in answer["classes"].numpy()[0]] == list(CLASS_NAMES[classes])
    _check_tokens(loaded, sentiment.load(folder.path))
    if classes == 2 or name == "bilstm":
        _check_explanations(loaded, sentiment.load(folder.path))
    assert b"Cudnn" not in (folder.export / "saved_model.pb").read_bytes()


def _check_tokens(loaded: Any, classifier: Any) -> None:
    ids = classifier.preprocessor.padded_ids(TEXTS)
    answer = loaded.tokens(ids)
    np.testing.assert_allclose(answer["scores"], classifier.predict_proba(TEXTS), atol=1e-5)
    np.testing.assert_allclose(answer["known"], classifier.logits_and_known(TEXTS)[1], atol=1e-6)


def _check_explanations(loaded: Any, classifier: Any) -> None:
    texts = [TEXTS[0], TEXTS[1], "a bad film is x " * 20]  # of several lengths, the last one truncated
    answer = {name: value.numpy() for name, value in loaded.signatures["explain"](texts=texts).items()}
    np.testing.assert_allclose(answer["scores"], classifier.predict_proba(texts), atol=1e-5)
    for row, text in enumerate(texts):
        expected = word_weights(classifier, text)
        count = len(expected.words)
        assert [word.decode() for word in answer["words"][row]] == expected.words + [""] * (20 - count)
        np.testing.assert_allclose(answer["weights"][row, :count], expected.weights, atol=1e-3)
        assert not answer["weights"][row, count:].any()
        assert answer["explained"][row].decode() == expected.explained


def test_labels_and_warm_up_requests_are_included(tmp_path: Path) -> None:
    import tensorflow as tf

    folder = untrained_run(tmp_path / "reviews", "gru", 3)
    export.export_saved_model(export.Original(folder))
    assert json.loads((folder.export / "assets" / "labels.json").read_text()) == list(CLASS_NAMES[3])
    assert Path(tf.saved_model.load(str(folder.export)).labels.asset_path.numpy().decode()).name == "labels.json"
    records = list(tf.data.TFRecordDataset(str(folder.export / "assets.extra" / "tf_serving_warmup_requests")))
    assert len(records) == 2
    for record in records:
        assert _warm_up(record.numpy()) == ("reviews", "serving_default", "texts", 1)


def _warm_up(record: bytes) -> tuple[str, str, str, int]:
    """Parse a `PredictionLog` with descriptors of the fields of its messages in TensorFlow Serving."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="serving.proto", package="serving", syntax="proto3")
    for name, fields in {"Log": [("predict_log", 6, "Predict")], "Predict": [("request", 1, "Request")],
                         "Request": [("model_spec", 1, "Spec"), ("inputs", 2, "Entry")],
                         "Spec": [("name", 1, ""), ("signature_name", 3, "")],
                         "Entry": [("key", 1, ""), ("value", 2, "bytes")]}.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            scalar = {"": 9, "bytes": 12}.get(kind, 11)
            message.field.add(name=field, number=number, type=scalar, label=1,
                              **({"type_name": f".serving.{kind}"} if scalar == 11 else {}))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    log = message_factory.GetMessageClass(pool.FindMessageTypeByName("serving.Log")).FromString(record)
    request = log.predict_log.request
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    tensor = TensorProto.FromString(request.inputs.value)
    return request.model_spec.name, request.model_spec.signature_name, request.inputs.key, len(tensor.string_val)


@pytest.mark.parametrize("options", selected(KINDS, SHORT_KINDS),
                         ids=lambda options: " ".join(map(str, options.values())))
def test_every_kind_of_recurrent_model_matches_keras(tmp_path: Path, options: dict[str, Any]) -> None:
    folder = untrained_run(tmp_path / "run", "bilstm", 2, **options)
    assert export.export_saved_model(export.Original(folder, TEXTS)) == folder.export  # which compares the answers


def test_export_with_different_scores_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)
    right = sentiment.inference.Classifier.predict_proba
    monkeypatch.setattr(sentiment.inference.Classifier, "predict_proba",
                        lambda self, texts: right(self, texts) + 2e-5)
    with pytest.raises(export.ExportError, match=r"differ from the Keras model's by 2.0e-05"):
        export.export_saved_model(export.Original(folder))
    assert not folder.export.exists()
    assert list(folder.export.parent.iterdir()) == []
