from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from sentiment.evaluation import evaluate, plots
from sentiment.evaluation.slices import Slice
from sentiment.predictions import probabilities

LABELS = np.arange(60) % 3
LOGITS = np.eye(3)[LABELS] + np.random.default_rng(1).normal(size=(60, 3))
NAMES = ("bad", "so so", "a class with a very long name indeed")

CURVES = ("loss", "accuracy", "val_loss", "val_calibrated_loss", "val_accuracy")


def drawn(path: Path, least: int = 300) -> np.ndarray:
    pixels = matplotlib.image.imread(path)
    assert pixels.shape[0] > least
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


@pytest.mark.parametrize("classes", [41, 300])
def test_many_classes_are_drawn_in_a_bounded_size(classes: int, tmp_path: Path) -> None:
    labels = np.arange(2 * classes) % classes
    answers = np.where(labels % 3 == 0, (labels + 1) % classes, labels)
    logits = np.eye(classes)[answers] * 5
    names = tuple(f"class number {number} with a long name" for number in range(classes))
    plots.confusion_matrix(evaluate(labels, logits, names), tmp_path / "confusion.png")
    plots.roc_curves(labels, probabilities(logits), names, tmp_path / "roc.png")
    plots.precision_recall_curves(labels, probabilities(logits), names, tmp_path / "recall.png")
    for name in ("confusion", "roc", "recall"):
        assert drawn(tmp_path / f"{name}.png").shape[0] < 2000


def test_many_classes_without_a_mistake(tmp_path: Path) -> None:
    labels = np.arange(60)
    plots.confusion_matrix(evaluate(labels, np.eye(60) * 9, tuple(map(str, labels))), tmp_path / "confusion.png")
    drawn(tmp_path / "confusion.png")


def test_the_most_frequent_classes_get_the_curves() -> None:
    labels = np.repeat(np.arange(12), np.arange(1, 13))
    assert plots._curves(labels, tuple("abcdefghijkl")) == (list(range(2, 12)), "the 10 most frequent of 12 classes")
    assert plots._curves(labels % 3, ("a", "b", "c")) == ([0, 1, 2], "")


def test_names_that_look_like_formulas(tmp_path: Path) -> None:
    names = ("$\\frac$", "$ and $", "two\nlines")
    plots.confusion_matrix(evaluate(LABELS, LOGITS, names), tmp_path / "confusion.png")
    plots.roc_curves(LABELS, probabilities(LOGITS), names, tmp_path / "roc.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["confusion.png", "roc.png"]


def test_roc_without_one_class(tmp_path: Path) -> None:
    plots.roc_curves(np.zeros(4, int), np.full((4, 2), 0.5), ("a", "b"), tmp_path / "roc.png")
    drawn(tmp_path / "roc.png")


def test_curves_differ_in_more_than_their_colour() -> None:
    styles = [plots.line_style(place) for place in range(25)]
    assert len({str(style) for style in styles}) == 25
    assert len({str(style["linestyle"]) for style in styles[:5]}) == 5
    for color in plots.LINE_COLORS:
        assert len({str(style["linestyle"]) for style in styles if style["color"] == color}) == 5


def test_all_plots_of_a_report_have_one_width(tmp_path: Path) -> None:
    scores = probabilities(LOGITS)
    many = np.arange(80) % 40
    draws: dict[str, Callable[[Path], None]] = {
        "matrix": lambda path: plots.confusion_matrix(evaluate(LABELS, LOGITS, NAMES), path),
        "forty": lambda path: plots.confusion_matrix(evaluate(many, np.eye(40)[many], tuple(map(str, range(40)))),
                                                     path),
        "roc": lambda path: plots.roc_curves(LABELS, scores, NAMES, path),
        "recall": lambda path: plots.precision_recall_curves(LABELS, scores, NAMES, path),
        "reliability": lambda path: plots.reliability(LABELS, {"a": LOGITS}, path),
        "models": lambda path: plots.overlaid_roc(LABELS % 2, {"a": scores[:, 1]}, path),
        "slices": lambda path: plots.slices([Slice("1 to 3", 60, 0.5, (0.4, 0.6))], "words", path)}
    for name, draw in draws.items():
        draw(tmp_path / f"{name}.png")
        assert drawn(tmp_path / f"{name}.png", least=100).shape[1] == plots.WIDTH * plots.DOTS_PER_INCH, name
