import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_models import small

import sentiment
from sentiment import architectures, export
from sentiment.artifacts import RunFolder
from sentiment.config import RunConfig
from sentiment.preprocessing import TextPreprocessor

TEXTS = ["A good film.", "", "bad <br /> bad &amp; worse! 😀", "x\x00y", "good " * 5000, "unseen"]
NAMES = {2: ("neg", "pos"), 3: ("a", "b", "ü")}

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


def untrained(path: Path, name: str, classes: int) -> RunFolder:
    folder = RunFolder(path)
    path.mkdir()
    config = RunConfig().updated({"model": small(name),
                                  "text": {"max_length": 20, "periods": True}})
    preprocessor = TextPreprocessor.fit(config.text, ["a good film bad x y. So it is."])
    sizes = architectures.Sizes(preprocessor.vocabulary_size, classes, preprocessor.sentence_ends, terms=3)
    assert len(sizes.sentence_ends) == 1
    model = architectures.build(config.model, sizes)
    random = np.random.default_rng(1)
    model.set_weights([np.sort(random.integers(0, 12, weight.shape), axis=0) if weight.dtype == np.int32
                       else random.normal(size=weight.shape) for weight in model.get_weights()])
    folder.save_run(config, preprocessor, NAMES[classes], sizes, model)
    folder.metrics.write_text("{}", encoding="utf-8")
    return folder


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", [entry.name for entry in architectures.architectures()])
def test_every_architecture_exports(tmp_path: Path, name: str, classes: int) -> None:
    import tensorflow as tf

    folder = untrained(tmp_path / "run", name, classes)
    assert export.export_saved_model(folder, TEXTS) == folder.export
    loaded = tf.saved_model.load(str(folder.export))
    answer = loaded.serve(tf.constant(TEXTS))
    np.testing.assert_allclose(answer["scores"], sentiment.load(folder.path).predict_proba(TEXTS), atol=1e-5)
    assert [name.decode() for name in answer["classes"].numpy()[0]] == list(NAMES[classes])
    assert b"Cudnn" not in (folder.export / "saved_model.pb").read_bytes()


def test_an_export_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = untrained(tmp_path / "run", "gru", 2)
    right = sentiment.inference.Classifier.predict_proba
    monkeypatch.setattr(sentiment.inference.Classifier, "predict_proba",
                        lambda self, texts: right(self, texts) + 2e-5)
    with pytest.raises(export.ExportError, match=r"differ from the Keras model's by 2.0e-05"):
        export.export_saved_model(folder)
    assert not folder.export.exists()
    assert list(folder.export.parent.iterdir()) == []
