"""Tests that the committed benchmark results match the published table and the current defaults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sentiment.benchmark.accuracy_table import as_csv, as_markdown, table
from sentiment.benchmark.rows import Row, all_rows
from sentiment.benchmark.runs import Run, read_runs
from sentiment.cli import make_parser
from sentiment.cli.benchmark_imdb import DEFAULT_RESULTS
from sentiment.cli.options import given_options
from sentiment.config import RunConfig
from sentiment.runs import resolve

ROOT = Path(__file__).parents[2]
RUNS = read_runs(ROOT / DEFAULT_RESULTS)
ROWS = {row.name: row for row in all_rows()}
SECTIONS = ("text", "model", "training")


def test_each_run_is_unique_and_belongs_to_a_row() -> None:
    names = [(run.row, run.seed) for run in RUNS]
    assert names
    assert len(set(names)) == len(names)
    assert {name for name, _ in names} <= set(ROWS)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.row}-{run.seed}")
def test_current_defaults_match_the_configuration_of_each_run(run: Run) -> None:
    """After a change of the defaults, the run must be repeated."""
    then, now = RunConfig.from_dict(run.values["config"]), config_of(ROWS[run.row])
    assert run.values["dataset"] == "imdb"
    assert then.runtime.seed == run.seed
    if ROWS[run.row].pretraining:
        then = then.updated({"training": {"pretrained": None}})
    assert {name: getattr(then, name) for name in SECTIONS} == {name: getattr(now, name) for name in SECTIONS}
    for name in ("train_share", "random_split", "validation_fraction", "unlabelled"):
        assert getattr(then.data, name) == getattr(now.data, name)


@pytest.mark.parametrize(("name", "make"), [
    ("table.md", lambda lines: as_markdown(all_rows(), lines)), ("table.csv", as_csv)])
def test_published_table_matches_the_results(name: str, make: Callable[[list[list[str]]], str]) -> None:
    shown = (ROOT / "docs" / "benchmark" / name).read_text(encoding="utf-8")
    assert shown == make(table(all_rows(), RUNS)), f"{DEFAULT_RESULTS} changed: write the report again"


def config_of(row: Row) -> RunConfig:
    """Return the configuration of the row's command with the current defaults."""
    given = given_options(make_parser().parse_args(["train", *row.flags]))
    return resolve(given)
