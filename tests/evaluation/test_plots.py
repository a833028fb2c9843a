from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from sentiment.evaluation import evaluate, plots
from sentiment.predictions import probabilities

LABELS = np.arange(60) % 3
LOGITS = np.eye(3)[LABELS] + np.random.default_rng(1).normal(size=(60, 3))
NAMES = ("bad", "so so", "a class with a very long name indeed")

CURVES = ("loss", "accuracy", "val_loss", "val_calibrated_loss", "val_accuracy")


def drawn(path: Path) -> np.ndarray:
    pixels = matplotlib.image.imread(path)
    assert pixels.shape[0] > 300
    assert pixels.std() > 0.01
    return pixels


def test_every_plot_is_a_picture(tmp_path: Path) -> None:
    history = {name: [0.9, 0.5, 0.4] for name in CURVES}
    plots.learning_curves(history, tmp_path / "curves.png", best_epoch=2)
    plots.confusion_matrix(evaluate(LABELS, LOGITS, NAMES), tmp_path / "confusion.png")
    plots.roc_curves(LABELS, probabilities(LOGITS), NAMES, tmp_path / "roc.png")
    for name in ("curves", "confusion", "roc"):
        drawn(tmp_path / f"{name}.png")


@pytest.mark.parametrize("epochs", [1, 40])
def test_curves_of_any_length(tmp_path: Path, epochs: int) -> None:
    history = {name: [0.5] * epochs for name in CURVES}
    plots.learning_curves(history, tmp_path / "curves.png", best_epoch=1)
    drawn(tmp_path / "curves.png")


def test_roc_without_one_class(tmp_path: Path) -> None:
    plots.roc_curves(np.zeros(4, int), np.full((4, 2), 0.5), ("a", "b"), tmp_path / "roc.png")
    drawn(tmp_path / "roc.png")
