import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import sentiment
from sentiment.artifacts import RunFolder, load_classifier
from sentiment.config import RunConfig
from sentiment.errors import UserError
from sentiment.runs.run import Run


def test_a_run_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "run"
    folder = RunFolder.of_unfinished(target)
    folder.begin(RunConfig())
    folder.metrics.write_text("{}", encoding="utf-8")
    folder.checkpoints.mkdir()
    folder.config.unlink()
    assert not target.exists()
    folder.finish(target)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert [entry.name for entry in target.iterdir()] == ["metrics.json"]


def test_leftovers_without_a_checkpoint_are_no_run(tmp_path: Path) -> None:
    target = tmp_path / "run"
    leftover = RunFolder.of_unfinished(target)
    leftover.begin(RunConfig())
    leftover.history.write_text("x", encoding="utf-8")
    assert RunFolder.unfinished(target) is None
    leftover.begin(RunConfig())
    assert not leftover.history.exists()
    leftover.checkpoints.mkdir()
    (leftover.checkpoints / "step-00000001.checkpoint").write_text("x", encoding="utf-8")
    assert RunFolder.unfinished(target) is not None
    with pytest.raises(UserError, match=r"contains an unfinished run: pass --resume"):
        Run(RunFolder, RunConfig(), target, overwrite=True)


def test_a_finished_run_is_replaced_only_when_asked_and_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "metrics.json").write_text("old", encoding="utf-8")
    with pytest.raises(UserError, match=r"contains a finished run: pass --overwrite"):
        Run(RunFolder, RunConfig(), target)
    with Run(RunFolder, RunConfig(), target, overwrite=True) as run, run.working() as folder:
        assert (target / "metrics.json").read_text(encoding="utf-8") == "old"
        folder.metrics.write_text("new", encoding="utf-8")
    assert (target / "metrics.json").read_text(encoding="utf-8") == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_other_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match=r"is not empty and contains no run"):
        Run(RunFolder, RunConfig(), tmp_path, overwrite=True)
    with pytest.raises(UserError, match=r"is a file"):
        Run(RunFolder, RunConfig(), tmp_path / "thesis.txt", overwrite=True)


def test_what_a_run_holds(tiny_run: Path) -> None:
    names = sorted(str(path.relative_to(tiny_run)) for path in tiny_run.rglob("*") if path.is_file())
    for name in ("config.json", "vocabulary.txt", "labels.json", "model.keras", "history.csv", "metrics.json",
                 "README.md", "export/1/saved_model.pb", "plots/learning_curves.png", "plots/confusion_matrix.png",
                 "plots/roc.png"):
        assert name in names
    assert not [name for name in names if name.startswith("checkpoint")]
    assert not tiny_run.with_name("tiny.unfinished").exists()
    folder = RunFolder.open(tiny_run)
    assert folder.load_class_names() == ("neg", "pos")
    assert folder.load_config().model.units == 4


def test_the_model_card_is_yaml_and_says_the_result(tiny_run: Path) -> None:
    card = (tiny_run / "README.md").read_text(encoding="utf-8")
    _, front, body = card.split("---\n", 2)
    accuracy = RunFolder.open(tiny_run).load_metrics()["test"]["accuracy"]
    assert json.loads(front)["model-index"][0]["results"][0]["metrics"][0]["value"] == round(accuracy, 4)
    assert f"| test | {accuracy:.4f} |" in body


def test_the_saved_model_has_the_trained_weights(tiny_run: Path, tmp_path: Path) -> None:
    finished = RunFolder.open(tiny_run)
    trained = finished.load_model()
    trained.set_weights([weight + 0.25 for weight in trained.get_weights()])
    folder = RunFolder(tmp_path)
    folder.save_run(finished.load_config(), finished.load_preprocessor(), finished.load_class_names(),
                    finished.load_sizes(), trained)
    for one, other in zip(folder.load_model().get_weights(), trained.get_weights(), strict=True):
        assert (one == other).all()


@pytest.mark.extended
def test_the_keras_file_needs_keras_and_our_layers_alone(tiny_run: Path) -> None:
    code = ("import sys, keras, numpy, sentiment.layers\n"
            "model = keras.saving.load_model(sys.argv[1])\n"
            "assert not model.compiled\n"
            "print(model(numpy.array([[2, 3, 0]])).shape)")
    done = subprocess.run([sys.executable, "-c", code, str(tiny_run / "model.keras")], capture_output=True, text=True,
                          check=False)
    assert done.stdout.strip().endswith("(1, 1)"), done.stderr[-2000:]


def test_the_keras_file_the_loader_and_the_original_agree(tiny_run: Path) -> None:
    classifier = load_classifier(tiny_run)
    alone = keras.saving.load_model(tiny_run / "model.keras")
    texts = ["a good film", "a bad film, number 3", "unseen words here"]
    tokens = classifier.preprocessor.tokenize(texts)
    for row, expected in enumerate(classifier.predict_logits(texts)):
        ids = tokens.row(row)[None, :]
        np.testing.assert_allclose(alone(ids)[0], expected, atol=1e-5)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("config.json", "{", "config.json is damaged: it is not JSON"),
    ("config.json", '{"modle": {}}', "unknown configuration section 'modle'"),
    ("vocabulary.txt", "good\ngood\n", "vocabulary.txt is damaged"),
    ("vocabulary.txt", "good\n", "vocabulary.txt is damaged: it has 3 ids, the model 60"),
    ("sizes.json", "{}", "sizes.json is damaged: it has no 'vocabulary_size'"),
    ("labels.json", '["a"]', "labels.json is damaged"),
    ("labels.json", '["a", "b", "c"]', "labels.json is damaged: it names 3 classes, the model has 2"),
    ("labels.json", "{", "labels.json is damaged"),
    ("model.keras", "not a model", "model.keras is damaged"),
    ("model.keras", None, "model.keras is missing; train it again"),
    ("metrics.json", None, "metrics.json is missing"),
    ("config.json", None, "is not a model folder of this project"),
])
def test_broken_folders(tiny_run: Path, tmp_path: Path, name: str, content: str | None, message: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_run, copy)
    (copy / "checksums.json").unlink()  # as in runs of earlier versions
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        sentiment.load(copy)


def test_a_folder_that_is_not_there(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such model folder: .*; train one with `python train.py`"):
        sentiment.load(tmp_path / "absent")
    with pytest.raises(UserError, match=r"no such model folder: .* there are .*tiny"):
        sentiment.load(tiny_run.with_name("tinny"))
    checkpoints = tmp_path / "late.unfinished" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints.parent / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"no such model folder: .*; train one"):
        sentiment.load(tmp_path / "late")
    (checkpoints / "step-00000001.checkpoint").write_bytes(b"")
    with pytest.raises(UserError, match=r"its training did not finish"):
        sentiment.load(tmp_path / "late")
