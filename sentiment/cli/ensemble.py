"""`sentiment ensemble`: combine several finished runs into one."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, given_options
from sentiment.cli.train import example_for, print_summary
from sentiment.config import RunConfig, RuntimeConfig
from sentiment.startup import import_tensorflow


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("ensemble", help="combine several runs into one, a weighted mean of their logits")
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="folder of a finished run")
    parser.add_argument("--weights", nargs="+", type=float, metavar="W",
                        help="weight of each model in the mean (default: fitted on the validation split)")
    parser.add_argument("--output-dir", type=Path, required=True, help="where the ensemble is written")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished run")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    add_section(parser, "runtime", RuntimeConfig, only=("export", "baselines"))


def run(arguments: argparse.Namespace) -> None:
    """Make the ensemble and print a short summary."""
    from sentiment.artifacts import RunPaths

    for path in arguments.models:
        RunPaths.open(path)  # errors in the folders are reported before TensorFlow is imported
    RunPaths.check_start(arguments.output_dir, overwrite=arguments.overwrite, resume=False)
    import_tensorflow(devices=True)
    from sentiment.artifacts import RunFolder
    from sentiment.runs import ensemble_run

    folders = [RunFolder.open(path) for path in arguments.models]
    runtime = RunConfig().updated(given_options(arguments)).runtime
    folder = ensemble_run(folders, arguments.output_dir, weights=arguments.weights, export=runtime.export,
                          baselines=runtime.baselines, overwrite=arguments.overwrite)
    measured = folder.load_metrics()
    print_summary(folder.path, measured, example_for(folder.load_config().data), as_json=arguments.json)
