"""Plots of trainings, evaluations and comparisons as image files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from sentiment.errors import counted
from sentiment.evaluation.metrics import by_confidence, calibration_error
from sentiment.evaluation.slices import Slice
from sentiment.files import atomic_path

DOTS_PER_INCH = 150
WIDTH, SIDE, LEGEND_LINE = 5.6, 4.6, 0.2  # inches: of every plot of a report, of its curves, of a line of a legend
POINTS_PER_INCH = 72
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#767676"  # colour-blind safe (Okabe & Ito)
LINE_COLORS = (BLUE, ORANGE, "#009e73", "#cc79a7", GREY)
MOST_POINTS = 400  # of a curve
MOST_CURVES = 10
MOST_CLASSES = 40  # of a confusion matrix; with more classes, the most frequent confusions are shown
MOST_PAIRS = 25
WIDEST_NAME = 18  # characters
LINE_STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (6, 1, 1, 1, 1, 1)))
LETTER_WIDTH = 0.6  # of a digit, as a share of the size of its font


def line_style(place: int) -> dict[str, Any]:
    """Return the colour and the dashes of a curve by its place among others; 25 places differ, the first 5 in both."""
    turn, color = divmod(place, len(LINE_COLORS))
    return {"color": LINE_COLORS[color], "linestyle": LINE_STYLES[(color + turn) % len(LINE_STYLES)]}


def save(figure: Figure, path: Path) -> None:
    """Write a figure atomically, in the format of the file's suffix."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH, format=path.suffix[1:] or None)


def literal(name: str) -> str:
    """Return a name for a plot: on one line, with dollar signs escaped, which matplotlib treats as formulas."""
    return " ".join(name.split()).replace("$", r"\$")


def short(name: str) -> str:
    """Return a name for a plot, truncated to 18 characters."""
    return literal(name if len(name) <= WIDEST_NAME else name[:WIDEST_NAME - 1] + "…")


@contextmanager
def drawn(path: Path, width: float, height: float, grid: Literal["both", "x"] = "both") -> Iterator[Any]:
    """Yield the axes of a figure with a size in inches, then add a grid and write it to a file."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    yield axes
    axes.grid(alpha=0.3, axis=grid)
    save(figure, path)


@contextmanager
def _drawn_curves(path: Path, curves: int, legend_title: str = "") -> Iterator[Any]:
    """Yield square axes for so many curves, which then get a legend below, and are written to a file."""
    columns = 1 if curves < 4 else 2
    with drawn(path, WIDTH, SIDE + LEGEND_LINE * (bool(legend_title) + (curves + columns) // columns)) as axes:
        yield axes
        axes.set_aspect("equal")
        axes.figure.legend(loc="outside lower center", fontsize="small", ncols=columns, title=legend_title)


def learning_curves(history: dict[str, list[float]], path: Path, best_epoch: int) -> None:
    """Plot loss and accuracy of training and validation by epoch; a line marks the epoch that was kept.

    The calibrated loss is the validation loss at the best temperature, which selects the epoch.
    """
    epochs = np.arange(1, len(history["loss"]) + 1)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, history[name], color=BLUE, marker="o", label="training (with dropout)")
        axes.plot(epochs, history[f"val_{name}"], color=ORANGE, marker="s", label="validation")
        if name == "loss":
            axes.plot(epochs, history["val_calibrated_loss"], color=ORANGE, linestyle="--", label="calibrated")
        axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"kept: epoch {best_epoch}")
        axes.set(xlabel="epoch", ylabel=name, xlim=(0.7, len(epochs) + 0.3))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    save(figure, path)


def confusion_matrix(metrics: dict[str, Any], path: Path) -> None:
    """Plot the confusion matrix: counts, coloured by the share of the true class.

    With more than 40 classes, the most frequent confusions are plotted as bars instead.
    """
    counts = np.array(metrics["confusion_matrix"])
    names = [short(name) for name in metrics["classes"]]
    if len(names) > MOST_CLASSES:
        _confused_pairs(counts, names, path)
        return
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = min(0.75, 3.6 / len(names))  # inches
    figure = Figure(figsize=(WIDTH, 1.8 + cell * len(names)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    size = min(10.0, 0.7 * cell * POINTS_PER_INCH)
    digits = min(size, 0.9 * cell * POINTS_PER_INCH / (LETTER_WIDTH * len(f"{counts.max():,}")))
    for (row, column), count in np.ndenumerate(counts):
        if count or len(names) <= 20:
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=digits)
    axes.set_xticks(range(len(names)), names, fontsize=size, rotation=90 if len(names) > 3 else 0)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set(xlabel="predicted class", ylabel="true class")
    save(figure, path)


def _confused_pairs(counts: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Plot the most frequent confusions of counts, int [classes, classes] by true and predicted class, as bars."""
    wrong = counts - np.diag(np.diag(counts))
    places = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    pairs = [(row, column) for row, column in zip(*np.unravel_index(places, wrong.shape), strict=True)
             if wrong[row, column]]
    with drawn(path, WIDTH, 1.6 + 0.28 * max(len(pairs), 4), grid="x") as axes:
        bars = axes.barh(range(len(pairs)), [wrong[pair] for pair in pairs], color=BLUE)
        axes.bar_label(bars, [f"{wrong[row, column]:,} of {counts[row].sum():,}" for row, column in pairs], padding=3)
        axes.set_yticks(range(len(pairs)), [f"{names[row]} → {names[column]}" for row, column in pairs])
        axes.set(title=f"the {len(pairs)} most frequent confusions of {len(names):,} classes",
                 xlabel="texts: true class → predicted class", ylim=(max(len(pairs), 1) - 0.4, -0.6))
        axes.margins(x=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _curves(labels: np.ndarray, class_names: tuple[str, ...]) -> tuple[Sequence[int], str]:
    """Return the classes with a curve (the second of two, or the ten most frequent of several) and a title."""
    if len(class_names) == 2:
        return [1], ""
    frequent = np.argsort(-np.bincount(labels, minlength=len(class_names)), kind="stable")[:MOST_CURVES]
    cut = len(class_names) > MOST_CURVES
    return sorted(frequent.tolist()), f"the {MOST_CURVES} most frequent of {len(class_names):,} classes" if cut else ""


def roc_curves(labels: np.ndarray, scores: np.ndarray, class_names: tuple[str, ...], path: Path) -> None:
    """Plot the ROC curve of the second of two classes, or those of the ten most frequent classes against the rest.

    Args:
        labels: int [texts].
        scores: float [texts, classes], probabilities.
        class_names: by index.
        path: the PNG file.
    """
    curves, title = _curves(labels, class_names)
    with _drawn_curves(path, len(curves)) as axes:
        for place, index in enumerate(curves):
            right = labels == index
            if right.all() or not right.any():
                continue
            false_rate, true_rate, _ = roc_curve(right, scores[:, index])
            area = np.trapezoid(true_rate, false_rate)
            axes.plot(false_rate, true_rate, label=f"{short(class_names[index])} (area {area:.4f})",
                      **line_style(place))
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        axes.set(xlabel="false positive rate", ylabel="true positive rate", title=title)


def importances(shares: dict[str, float], path: Path) -> None:
    """Plot the importance of each hyper-parameter, the largest on top; they add up to 1."""
    with drawn(path, 7, 1.2 + 0.36 * len(shares), grid="x") as axes:
        bars = axes.barh(list(shares)[::-1], list(shares.values())[::-1], color=BLUE)
        axes.bar_label(bars, fmt="%.2f", padding=3)
        axes.set(xlabel="share of the variance of the validation loss", xlim=(0, 1.1 * max(shares.values())))


def rate_curve(rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray, suggested: float | None, path: Path
               ) -> None:
    """Plot the loss of each step and the moving average by learning rate, float [steps] each.

    The recommended rate is marked, or the title says that there is none. Values above twice the initial loss are not
    shown.
    """
    with drawn(path, 7, 4.2) as axes:
        axes.plot(rates, losses, ".", color=GREY, alpha=0.4, markersize=4, label="single steps")
        axes.plot(rates, smoothed, color=BLUE, linewidth=2, label="smoothed")
        if suggested is None:
            axes.set_title("No recommendation: the decrease may be noise")
        else:
            axes.axvline(suggested, color=ORANGE, linestyle="--", label=f"recommended: {suggested:.1e}")
        axes.legend(loc="upper left")
        axes.set(xlabel="learning rate", ylabel="training loss", xscale="log", ylim=(0, 2 * smoothed[0]))


def gradient_flow(norms: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Plot the norm of the gradient with respect to the state at each step, one panel per architecture.

    Args:
        norms: by architecture and variant, float [steps], the first step first.
        path: of the image; its suffix selects the format.
    """
    figure = Figure(figsize=(4.6 * len(norms), 5.2), layout="constrained")
    panels = figure.subplots(1, len(norms), sharey=True, squeeze=False)[0]
    for axes, (name, lines) in zip(panels, norms.items(), strict=True):
        for place, (label, values) in enumerate(lines.items()):
            before = np.arange(len(values))[::-1]
            axes.plot(before, np.maximum(values, np.finfo(np.float32).tiny), label=label, **line_style(place))
        axes.set(title=name, xlabel="steps before the end of the text", yscale="log")
        axes.invert_xaxis()
        axes.grid(alpha=0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize="small")
    panels[0].set_ylabel("norm of the gradient by the state")
    save(figure, path)


def precision_recall_curves(labels: np.ndarray, scores: np.ndarray, class_names: tuple[str, ...], path: Path) -> None:
    """Plot the precision-recall curve of the second of two classes, or those of the ten most frequent classes."""
    curves, title = _curves(labels, class_names)
    with _drawn_curves(path, len(curves), "AP: average precision") as axes:
        for place, index in enumerate(curves):
            of_class = labels == index
            if not of_class.any():
                continue
            precision, recall, _ = precision_recall_curve(of_class, scores[:, index])
            kept = np.unique(np.linspace(0, len(recall) - 1, MOST_POINTS).astype(int))
            area = average_precision_score(of_class, scores[:, index])
            axes.plot(recall[kept], precision[kept],
                      label=f"{short(class_names[index])} (AP {area:.4f})", **line_style(place))
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02), title=title)


def reliability(labels: np.ndarray, curves: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw the reliability diagram (DeGroot & Fienberg 1983): accuracy by predicted probability, in 15 bins.

    Args:
        labels: int [texts].
        curves: float logits [texts, 1 or classes] by name of the curve.
        path: of the image.
    """
    with _drawn_curves(path, len(curves), "ECE: expected calibration error") as axes:
        lowest = 1.0
        for place, (name, logits) in enumerate(curves.items()):
            confidence, right, bins = by_confidence(labels, logits)
            points = [(float(confidence[bins == each].mean()), float(right[bins == each].mean()))
                      for each in np.unique(bins)]
            lowest = min(lowest, *(value for point in points for value in point))
            axes.plot(*zip(*points, strict=True), marker="os^vDPX"[place % 7], **line_style(place),
                      label=f"{short(name)} (ECE {calibration_error(labels, logits):.4f})")
        axes.plot([lowest, 1], [lowest, 1], color=GREY, linestyle=":", label="perfect calibration")
        axes.set(xlabel="predicted probability", ylabel="accuracy")


def slices(found: Sequence[Slice], label: str, path: Path) -> None:
    """Plot the accuracy of each slice with its interval and number of texts."""
    with drawn(path, WIDTH, 1.2 + 0.36 * len(found)) as axes:
        places = np.arange(len(found))
        values = np.array([one.accuracy for one in found])
        errors = np.abs(np.array([one.interval for one in found]).T - values)
        axes.errorbar(values, places, xerr=errors, fmt="o", color=BLUE, capsize=3)
        axes.set_yticks(places, [f"{short(one.name)}  ({counted(one.texts, 'text')})" for one in found])
        axes.set(xlabel="accuracy", ylabel=label, ylim=(len(found) - 0.5, -0.5))


def overlaid_roc(labels: np.ndarray, scores: Mapping[str, np.ndarray], path: Path) -> None:
    """Plot the ROC curves of several models for the second of two classes; scores are float [texts] by model."""
    with _drawn_curves(path, len(scores)) as axes:
        for place, (name, values) in enumerate(scores.items()):
            false_rate, true_rate, _ = roc_curve(labels == 1, values)
            area = np.trapezoid(true_rate, false_rate)
            kept = np.unique(np.linspace(0, len(true_rate) - 1, MOST_POINTS).astype(int))
            axes.plot(false_rate[kept], true_rate[kept], label=f"{short(name)} (area {area:.4f})",
                      **line_style(place))
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
