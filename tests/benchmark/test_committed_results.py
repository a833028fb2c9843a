"""Tests that the committed benchmark results match the published table and the current defaults."""

from pathlib import Path

import pytest

from sentiment.benchmark.accuracy_table import as_csv, as_markdown, table
from sentiment.benchmark.rows import GROUPS, Row, all_rows, chosen_rows
from sentiment.benchmark.runs import Run, read_runs
from sentiment.cli import make_parser
from sentiment.cli.benchmark_imdb import DEFAULT_RESULTS
from sentiment.cli.options import given_options
from sentiment.config import RunConfig
from sentiment.config.sections import DEFAULT_EPOCHS
from sentiment.runs import resolve

ROOT = Path(__file__).parents[2]
RECURRENT = DEFAULT_RESULTS.with_name("recurrent.jsonl")
RESULTS = {path: read_runs(ROOT / path) for path in (DEFAULT_RESULTS, RECURRENT)}
# The rows of a report, and its folder.
REPORTS = {DEFAULT_RESULTS: (chosen_rows([group for group in GROUPS if group != "recurrent"]), "benchmark"),
           RECURRENT: (chosen_rows(["bilstm", "bimingru", "biminlstm", "biqrnn", "bisru", "recurrent"]), "recurrent")}
ROWS = {row.name: row for row in all_rows()}
SECTIONS = ("text", "model", "training")


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_each_run_is_unique_and_belongs_to_a_row(path: Path) -> None:
    names = [(run.row, run.seed) for run in RESULTS[path]]
    assert names
    assert len(set(names)) == len(names)
    assert {name for name, _ in names} <= {row.name for row in REPORTS[path][0]}


@pytest.mark.parametrize("run", [run for runs in RESULTS.values() for run in runs],
                         ids=lambda run: f"{run.row}-{run.seed}")
def test_current_defaults_match_the_configuration_of_each_run(run: Run) -> None:
    """After a change of the defaults, the run must be repeated."""
    then, now = RunConfig.from_dict(run.values["config"]), config_of(ROWS[run.row])
    assert run.values["dataset"] == "imdb"
    assert then.runtime.seed == run.seed
    if ROWS[run.row].pretraining:
        then = then.updated({"training": {"pretrained": None}})
    if now.training.epochs is None and then.training.epochs == DEFAULT_EPOCHS:  # the default of IMDB, if not given
        then = then.updated({"training": {"epochs": None}})
    assert {name: getattr(then, name) for name in SECTIONS} == {name: getattr(now, name) for name in SECTIONS}
    for name in ("train_share", "random_split", "validation_fraction", "unlabelled"):
        assert getattr(then.data, name) == getattr(now.data, name)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["table.md", "table.csv"])
def test_published_table_matches_the_results(path: Path, name: str) -> None:
    rows, folder = REPORTS[path]
    lines = table(rows, RESULTS[path])
    shown = (ROOT / "docs" / folder / name).read_text(encoding="utf-8")
    assert shown == (as_csv(lines) if name == "table.csv" else as_markdown(rows, lines)), (
        f"{path} changed: write the report again")


def config_of(row: Row) -> RunConfig:
    """Return the configuration of the row's command with the current defaults."""
    given = given_options(make_parser().parse_args(["train", *row.flags]))
    return resolve(given)
