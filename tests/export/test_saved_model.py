import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import CLASS_NAMES, KINDS, TEXTS, untrained_run

import sentiment
from sentiment import architectures, export

# Plain TensorFlow in a folder where our package cannot be imported.
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


def test_plain_tensorflow_answers_as_the_classifier(tiny_run: Path, tmp_path: Path) -> None:
    scores, classes = serve_alone(tiny_run / "export" / "1", TEXTS, tmp_path)
    np.testing.assert_allclose(scores, sentiment.load(tiny_run).predict_proba(TEXTS), atol=1e-5)
    assert classes == [["neg", "pos"]] * len(TEXTS)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", [entry.name for entry in architectures.architectures()])
def test_every_architecture_exports(tmp_path: Path, name: str, classes: int) -> None:
    import tensorflow as tf

    folder = untrained_run(tmp_path / "run", name, classes)
    assert export.export_saved_model(export.Original(folder, TEXTS)) == folder.export
    loaded = tf.saved_model.load(str(folder.export))
    answer = loaded.serve(tf.constant(TEXTS))
    np.testing.assert_allclose(answer["scores"], sentiment.load(folder.path).predict_proba(TEXTS), atol=1e-5)
    assert [name.decode() for name in answer["classes"].numpy()[0]] == list(CLASS_NAMES[classes])
    assert b"Cudnn" not in (folder.export / "saved_model.pb").read_bytes()


@pytest.mark.parametrize("options", KINDS, ids=lambda options: " ".join(map(str, options.values())))
def test_every_kind_of_recurrent_model_exports(tmp_path: Path, options: dict[str, Any]) -> None:
    folder = untrained_run(tmp_path / "run", "bilstm", 2, **options)
    assert export.export_saved_model(export.Original(folder, TEXTS)) == folder.export  # which compares the answers


def test_an_export_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained_run(tmp_path / "run", "gru", 2)
    right = sentiment.inference.Classifier.predict_proba
    monkeypatch.setattr(sentiment.inference.Classifier, "predict_proba",
                        lambda self, texts: right(self, texts) + 2e-5)
    with pytest.raises(export.ExportError, match=r"differ from the Keras model's by 2.0e-05"):
        export.export_saved_model(export.Original(folder))
    assert not folder.export.exists()
    assert list(folder.export.parent.iterdir()) == []
