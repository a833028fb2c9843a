"""`sentiment benchmark imdb`: every architecture over several seeds."""

import argparse
import re
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, check_report, given_options
from sentiment.config import DataConfig
from sentiment.console import log, print_table
from sentiment.errors import UserError
from sentiment.files import locked
from sentiment.startup import import_tensorflow

DEFAULT_RESULTS = Path("benchmarks") / "results" / "imdb.jsonl"
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("imdb", help="train every architecture with several seeds, and compare")
    parser.add_argument("--architectures", nargs="+", metavar="ROW", help="rows by name, or whole groups: baselines, "
                        "architectures, attentions, ablations, data, recurrent (default: all)")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of a row, seeds 1 to N (default: 5)")
    parser.add_argument("--budget", metavar="TIME",
                        help="start no run that would exceed this time: 45m, 6h; 0h only reports")
    parser.add_argument("--resume", action="store_true", help="add to existing results")
    parser.add_argument("--output", type=Path, default=DEFAULT_RESULTS, metavar="FILE",
                        help=f"results, one line of JSON per run (default: {DEFAULT_RESULTS})")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write table.md, table.csv and plots to a folder")
    add_section(parser, "data", DataConfig, ("dataset", "data_dir"))


def run(arguments: argparse.Namespace) -> None:
    """Run the missing trainings, print the table, and write the report."""
    if arguments.seeds < 1:
        raise UserError("--seeds must be at least 1")
    check_report(arguments.report)
    budget = seconds_of(arguments.budget) if arguments.budget else None
    data = DataConfig.from_dict({"dataset": "imdb", **given_options(arguments).get("data", {})})
    import_tensorflow(devices=True, training=True)
    from sentiment.benchmark.accuracy_table import HEADERS, NUMERIC, table
    from sentiment.benchmark.rows import chosen_rows
    from sentiment.benchmark.runs import read_runs, run_all

    rows = chosen_rows(arguments.architectures)
    with locked(arguments.output, "--output"):
        if read_runs(arguments.output) and not arguments.resume:
            raise UserError(f"{arguments.output} contains results: pass --resume to add to them, or choose another "
                            "--output")
        failed = run_all(arguments.output, rows, range(1, arguments.seeds + 1), data, budget)
        runs = read_runs(arguments.output)
        lines = table(rows, runs)
        print_table(HEADERS, lines, numeric=NUMERIC)
        if arguments.report:
            write_report(arguments.report, rows, runs, lines, data)
            log(f"written to {arguments.report}")
    if failed:
        raise UserError(f"these runs failed: {'; '.join(failed)}; run them again with --resume")


def write_report(folder: Path, rows: Any, runs: Any, lines: list[list[str]], data: DataConfig) -> None:
    """Write the table in two formats, and the plots."""
    from sentiment.benchmark.accuracy_plots import draw_all
    from sentiment.benchmark.accuracy_table import as_csv, as_markdown
    from sentiment.benchmark.runs import lengths_of_test

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(as_markdown(rows, lines), encoding="utf-8")
    (folder / "table.csv").write_text(as_csv(lines), encoding="utf-8")
    draw_all(rows, runs, lengths_of_test(data), folder)


def seconds_of(text: str) -> float:
    """Return the seconds of `90s`, `45m` or `6h`.

    Raises:
        UserError: for anything else.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if found is None:
        raise UserError(f"--budget {text}: expected a number and s, m or h, as in 90m")
    return float(found[1]) * UNITS[found[2]]
