"""Test of every architecture from a table of texts to a SavedModel with the scores of the trained model."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.commands import Cli
from helpers.small_models import TEXTS

from sentiment import architectures
from sentiment.artifacts import RunFolder, load_classifier
from sentiment.data import load_corpus
from sentiment.layers import cores

SIZES = {"--units": 4, "--embedding-size": 8, "--bigram-buckets": 50}


@pytest.mark.parametrize("entry", architectures.architectures(), ids=lambda entry: entry.name)
def test_training_saving_loading_and_export(entry: architectures.Architecture, tiny_csv: Path, tmp_path: Path,
                                            run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only test that trains each architecture from the command line to its export, as on two cores."""
    monkeypatch.setattr(cores, "available_cores", lambda: 2)
    sizes = [word for flag, size in SIZES.items() if flag[2:].replace("-", "_") in entry.uses for word in (flag, size)]
    steps = ["--epochs", "1", "--batch-size", "32"] if entry.by_gradient else []
    folder = RunFolder(tmp_path / "run")
    code, _, err = run_cli("train", "--arch", entry.name, "--dataset", tiny_csv, "--output-dir", folder.path,
                           "--max-length", "24", *sizes, *steps)
    assert code == 0, err
    trained = load_classifier(folder.path)
    with np.load(folder.test) as test:
        texts = load_corpus(folder.load_config().data, 1).test.read().texts
        np.testing.assert_allclose(trained.predict_logits(texts), test["logits"], atol=1e-6)
    served = tf.saved_model.load(str(folder.export)).serve(tf.constant(TEXTS))["scores"]
    np.testing.assert_allclose(served, trained.predict_proba(TEXTS), atol=1e-5)
