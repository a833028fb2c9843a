"""Plots of the IMDB benchmark."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

from sentiment.benchmark.accuracy_table import accuracies
from sentiment.benchmark.rows import BASE, Row
from sentiment.benchmark.runs import Run
from sentiment.evaluation.plots import BLUE, GREY, ORANGE, POINTS_PER_INCH, drawn, line_style

COLORS = {"baselines": ORANGE, "architectures": BLUE, "attentions": "#009e73", "ablations": GREY,
          "recurrent": "#cc79a7"}
MARKERS = {"baselines": "s", "architectures": "o", "attentions": "^", "ablations": ".", "recurrent": "D"}
LABELLED = ("baselines", "architectures", "recurrent")
BELOW, BELOW_BY = "v", 0.005  # marker of rows far below all labelled ones, and its distance below them
FONT_SIZE, LETTER_WIDTH, LINE_HEIGHT, MARKER, GAP = 8, 4.8, 10.0, 7.0, 1.0  # in points
LEADER_PLACES = 20
LENGTH_BINS = 10
CURVES = ("rnn", "lstm", "gru", BASE, "han")
SHARES = {"1 % of the data": 0.01, "10 % of the data": 0.1}


def draw_all(rows: Sequence[Row], runs: Sequence[Run], lengths: np.ndarray, folder: Path) -> None:
    """Write all plots that have runs.

    Args:
        rows: of the table.
        runs: the results.
        lengths: int [test texts], their numbers of words.
        folder: of the PNG files.
    """
    by_row = {row: [run for run in runs if run.row == row.name] for row in rows}
    ran = {row: found for row, found in by_row.items() if found and row.group != "data"}
    if not ran:
        return
    against(ran, "training, seconds", lambda run: run.values["seconds"]["all"], folder / "accuracy_by_seconds.png")
    against(ran, "parameters", lambda run: run.values["training"]["parameters"], folder / "accuracy_by_parameters.png")
    learning_curves(ran, folder / "learning_curves.png")
    by_share(by_row, folder / "accuracy_by_share.png")
    by_length(ran, lengths, folder / "accuracy_by_length.png")


def against(ran: dict[Row, list[Run]], label: str, value: Any, path: Path) -> None:
    """Plot the mean test accuracy of each row against a value of its runs, on a logarithmic axis.

    Rows of the groups in `LABELLED` are labelled with their names. A row far below all of these is shown as an arrow
    with its accuracy, to keep the scale of the others.
    """
    with drawn(path, 9, 6) as axes:
        for group in dict.fromkeys(row.group for row in ran):
            axes.scatter([], [], color=COLORS[group], marker=MARKERS[group], label=group)
        means = {row: fmean(accuracies(runs).values()) for row, runs in ran.items()}
        lowest = min((mean for row, mean in means.items() if row.group in LABELLED), default=min(means.values()))
        lowest -= BELOW_BY
        points = []
        for row, mean in means.items():
            place = median(map(value, ran[row])), max(mean, lowest)
            marker, name = _mark(row, mean, lowest)
            # Those with a name are on top, with an edge that keeps apart what overlaps.
            axes.scatter(*place, color=COLORS[row.group], marker=marker, edgecolor="white", linewidth=0.6,
                         zorder=4 if name else 3)
            points.append((*place, name))
        axes.set(xlabel=label, ylabel="test accuracy", xscale="log")
        plain_ticks(axes)
        axes.margins(0.12, 0.06)
        axes.figure.legend(loc="outside lower center", ncols=len(COLORS))
        _name_points(axes, points)


def _mark(row: Row, mean: float, lowest: float) -> tuple[str, str]:
    """Return the marker of a row and its label, which may be empty."""
    if mean < lowest:
        return BELOW, f"{row.name}: {mean:.3f}"
    return MARKERS[row.group], row.name if row.group in LABELLED else ""


def plain_ticks(axes: Any) -> None:
    """Label a logarithmic axis at 1, 2 and 5 times each power of ten: 200, 5k, 2M."""
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _name_points(axes: Any, points: list[tuple[float, float, str]]) -> None:
    """Write names next to points, where they cover no other point, name or line if there is such a place near by.

    A line leads from each name to the middle of its point, which says whose it is where points overlap.
    """
    axes.figure.draw_without_rendering()  # lays out the axes
    places = axes.transData.transform([point[:2] for point in points]) * POINTS_PER_INCH / axes.figure.dpi
    size = MARKER / 2 + GAP
    taken = [(x - size, y - size, x + size, y + size) for x, y in places]
    names: list[tuple[float, ...]] = []
    lines: list[np.ndarray] = []
    for (x, y), (*point, name) in sorted(zip(places.tolist(), points, strict=True), key=lambda pair: -pair[1][1]):
        if not name:
            continue
        width = LETTER_WIDTH * len(name)
        boxes = [(x + right, y + up - LINE_HEIGHT / 2, x + right + width, y + up + LINE_HEIGHT / 2)
                 for right, up in _offsets(width)]
        costs = [sum(_overlap(box, other) for other in taken) + sum(_touches(box, line) for line in lines)
                 + sum(_touches(other, _leader(x, y, box)) for other in names) for box in boxes]
        box = boxes[int(np.argmin(costs))]
        taken.append(box)
        names.append(box)
        lines.append(_leader(x, y, box))
        side = "right" if box[2] < x else "left" if box[0] > x else "center"
        end = {"right": box[2], "left": box[0], "center": (box[0] + box[2]) / 2}[side]
        axes.annotate(name, point, (end - x, (box[1] + box[3]) / 2 - y), textcoords="offset points",
                      fontsize=FONT_SIZE, ha=side, va="center", zorder=5,
                      arrowprops={"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0,
                                  "relpos": ({"right": 1, "left": 0, "center": 0.5}[side], 0.5)},
                      path_effects=[withStroke(linewidth=2, foreground="white")])


def _leader(x: float, y: float, box: Sequence[float]) -> np.ndarray:
    """Return points on the line from a point to the nearest place of a name, float [places, 2]."""
    end = np.clip(x, box[0], box[2]), np.clip(y, box[1] + LINE_HEIGHT / 4, box[3] - LINE_HEIGHT / 4)
    return np.linspace((x, y), end, LEADER_PLACES)


def _touches(box: Sequence[float], line: np.ndarray) -> bool:
    """Return whether a line, float [places, 2], goes through a box."""
    return bool(((line > box[:2]) & (line < box[2:])).all(axis=1).any())


def _offsets(width: float) -> Iterator[tuple[float, float]]:
    """Yield possible positions of a name relative to its point, in points, the best first."""
    for distance in (1.0, 2.0, 3.0, 4.0, 6.0, 8.0):
        aside, up = MARKER * (0.5 + distance), LINE_HEIGHT * distance
        yield from ((aside, 0.0), (-aside - width, 0.0), (aside, up), (aside, -up), (-aside - width, up),
                    (-aside - width, -up), (-width / 2, up), (-width / 2, -up))


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def learning_curves(ran: dict[Row, list[Run]], path: Path) -> None:
    """Plot the validation accuracy by epoch of several architectures, the mean over seeds."""
    shown = [(row, runs) for row, runs in ran.items() if row.name in CURVES]
    if not shown:
        return
    with drawn(path, 7, 4.8) as axes:
        for place, (row, runs) in enumerate(shown):
            curves = [run.values["history"]["val_accuracy"] for run in runs]
            epochs = min(map(len, curves))
            mean = np.mean([curve[:epochs] for curve in curves], axis=0)
            axes.plot(np.arange(1, epochs + 1), mean, marker="os^vD"[place], label=row.name, **line_style(place))
        axes.set(xlabel="epoch", ylabel="validation accuracy")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.figure.legend(loc="outside lower center", ncols=len(shown))


def by_share(by_row: dict[Row, list[Run]], path: Path) -> None:
    """Plot the test accuracy against the share of the training texts, for the models with such rows."""
    means = {row.name: fmean(accuracies(runs).values()) for row, runs in by_row.items() if runs}
    lines = []
    for name, color, marker in ((BASE, BLUE, "o"), ("tfidf-lr", ORANGE, "s")):
        points = [(share, means[f"{name}, {words}"]) for words, share in SHARES.items() if f"{name}, {words}" in means]
        points += [(1.0, means[name])] if name in means else []
        if len(points) > 1:
            lines.append((points, {"color": color, "marker": marker, "label": name}))
    if not lines:
        return
    with drawn(path, 6, 4.2) as axes:
        for points, style in lines:
            axes.plot(*zip(*points, strict=True), **style)
        axes.set(xlabel="share of the training texts", ylabel="test accuracy", xscale="log")
        axes.set_xticks([0.01, 0.1, 1.0], ["1 %", "10 %", "100 %"])
        axes.legend()


def by_length(ran: dict[Row, list[Run]], lengths: np.ndarray, path: Path) -> None:
    """Plot the test accuracy by deciles of the length of reviews, for several models."""
    bounds = np.quantile(lengths, np.linspace(0, 1, LENGTH_BINS + 1))
    bins = np.clip(np.searchsorted(bounds, lengths, side="right") - 1, 0, LENGTH_BINS - 1)
    middles = [float(np.median(lengths[bins == place])) for place in range(LENGTH_BINS)]
    with drawn(path, 7, 4.8) as axes:
        shown = [(row, runs) for row, runs in ran.items() if row.name in (*CURVES, "tfidf-lr", "nb-svm")]
        for place, (row, runs) in enumerate(shown):
            right = np.mean([run.right for run in runs], axis=0)
            values = [float(right[bins == each].mean()) for each in range(LENGTH_BINS)]
            axes.plot(middles, values, marker="os^vDPX"[place % 7], markersize=4, label=row.name, **line_style(place))
        axes.set(xlabel="words of the review (median of each decile)", ylabel="test accuracy", xscale="log")
        plain_ticks(axes)
        axes.figure.legend(loc="outside lower center", fontsize="small", ncols=4)
