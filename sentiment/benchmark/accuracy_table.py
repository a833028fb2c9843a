"""Table of the IMDB benchmark as text, Markdown and CSV."""

from collections.abc import Sequence
from statistics import fmean, median

import pandas as pd

from sentiment.benchmark.rows import BASE, GROUPS, PUBLISHED, Row
from sentiment.benchmark.runs import Run
from sentiment.evaluation.statistics import mcnemar, paired_difference, summary
from sentiment.reports.document import Table

HEADERS = ["model", "flags", "parameters", "epochs", "seconds", "seeds", "validation", "test", "sd", "95 % interval",
           f"against {BASE}", "p (t)", "p (McNemar)", "without repeats", "published", "source"]
NUMERIC = tuple(range(2, 15))
WORDS = tuple(place for place in range(len(HEADERS)) if place not in NUMERIC)
CODE = (HEADERS.index("flags"),)
SMALLEST = 1e-99  # of p-values without exponents


def table(rows: Sequence[Row], runs: Sequence[Run]) -> list[list[str]]:
    """Return one line per row, sorted by test accuracy, with rows without runs last."""
    by_row = {row.name: [run for run in runs if run.row == row.name] for row in rows}
    base = [run for run in runs if run.row == BASE]
    ordered = sorted(rows, key=lambda row: -fmean(accuracies(by_row[row.name]).values()) if by_row[row.name] else 1)
    return [_line(row, by_row[row.name], base) for row in ordered]


def accuracies(runs: Sequence[Run]) -> dict[int, float]:
    """Return the test accuracy by seed."""
    return {run.seed: run.values["test"]["accuracy"] for run in runs}


def _line(row: Row, runs: list[Run], base: list[Run]) -> list[str]:
    published = PUBLISHED.get(row.name)
    cited = [f"{published.accuracy:.4f}", published.source] if published else ["", ""]
    if not runs:
        return [row.name, row.typed, *[""] * 3, "not run", *[""] * 8, *cited]
    training = runs[0].values["training"]
    test = summary(list(accuracies(runs).values()))
    interval = f"{test.interval[0]:.4f} to {test.interval[1]:.4f}" if test.interval else ""
    return [row.name, row.typed, f"{training['parameters']:,}", _epochs(runs),
            f"{median(run.values['seconds']['all'] for run in runs):.0f}", str(test.runs),
            f"{fmean(run.values['validation']['accuracy'] for run in runs):.4f}", f"{test.mean:.4f}",
            f"{test.deviation:.4f}" if test.deviation is not None else "", interval, *_against(runs, base),
            f"{fmean(run.values['test_texts_seen']['accuracy_without_labelled'] for run in runs):.4f}", *cited]


def _epochs(runs: list[Run]) -> str:
    """Return the median best epoch and the number of epochs."""
    if runs[0].values["training"]["best_epoch"] is None:
        return "at once"
    best, all_of = ([run.values["training"][name] for run in runs] for name in ("best_epoch", "epochs"))
    return f"{median(best):g} of {median(all_of):g}"


def _against(runs: list[Run], base: list[Run]) -> list[str]:
    """Return the mean difference from the base over equal seeds, and two p-values, for McNemar's test the median."""
    if runs[0].row == BASE:
        return ["", "", ""]
    difference = paired_difference(accuracies(runs), accuracies(base))
    if difference is None:
        return ["", "", ""]
    others = {run.seed: run for run in base}
    p_value = median(mcnemar(run.right, others[run.seed].right).p_value for run in runs if run.seed in others)
    return [f"{difference.mean:+.4f}", "" if difference.p_value is None else _significance(difference.p_value),
            _significance(p_value)]


def _significance(p_value: float) -> str:
    return f"{p_value:.2g}" if p_value >= SMALLEST else f"< {SMALLEST:.0e}"


def as_markdown(rows: Sequence[Row], lines: list[list[str]]) -> str:
    """Return the table in Markdown, with one part per group of rows; flags are code."""
    groups = {row.name: row.group for row in rows}
    parts = []
    for group in GROUPS:
        of_group = [line for line in lines if groups[line[0]] == group]
        if of_group:
            parts += [f"## {group.capitalize()}\n", Table(HEADERS, of_group, WORDS, CODE).markdown("")]
    return "\n".join(parts)


def as_csv(lines: list[list[str]]) -> str:
    """Return the table as CSV, with numbers without thousands separators."""
    frame = pd.DataFrame(lines, columns=HEADERS, dtype=object)
    return frame.assign(parameters=frame["parameters"].str.replace(",", "")).to_csv(index=False, lineterminator="\n")
