"""`sentiment tune`: search hyper-parameters on the validation split."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_config_options, given_options
from sentiment.cli.train import first_text
from sentiment.config import Role, RunConfig, RuntimeConfig
from sentiment.config.catalogue import check_listed
from sentiment.console import log, print_json, print_table
from sentiment.errors import check_extra
from sentiment.startup import import_tensorflow


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("tune", help="search hyper-parameters on the validation split, with Optuna")
    parser.add_argument("--trials", type=int, default=20, metavar="N",
                        help="total number of trials, including finished ones (default: 20)")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="folder of the study, the best configuration "
                        "and a plot; an existing study is continued (default: models/ARCH.tuning)")
    parser.add_argument("--json", action="store_true", help="print the best values as JSON")
    add_config_options(parser, without=RuntimeConfig.names(Role.OUTPUT))


def run(arguments: argparse.Namespace) -> None:
    """Run the missing trials and print the best values."""
    given = given_options(arguments)
    check_listed(given)
    # Errors in the installation and the data are reported before TensorFlow is imported.
    check_extra("tuning", "tune")
    first_text(RunConfig().updated({"data": given.get("data", {})}).data)
    import_tensorflow(devices=True, training=True)
    from sentiment.runs import resolve, tune_run

    config = resolve(given)
    folder = arguments.output_dir or Path("models") / f"{config.model.architecture}.tuning"
    found = tune_run(config, folder, arguments.trials)
    if arguments.json:
        print_json({"validation_loss": found.loss, "values": found.values, "importances": found.importances,
                    "notes": found.notes})
    else:
        print_table(["option", "best", "importance"], [
            [key, f"{value:.3g}" if isinstance(value, float) else str(value),
             f"{found.importances[key]:.2f}" if found.importances else "-"]
            for key, value in found.values.items()], numeric=(2,))
    log(f"validation loss {found.loss:.4f}; train with: python train.py --config {folder / 'best.json'}")
