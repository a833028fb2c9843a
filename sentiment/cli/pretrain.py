"""`sentiment pretrain`: pretrain on unlabelled texts."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, given_options
from sentiment.cli.train import first_text
from sentiment.config import PretrainConfig, Role
from sentiment.console import print_text
from sentiment.startup import import_tensorflow


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("pretrain", help="pretrain a network on unlabelled texts",
                                 description="Pretrain a network on the training texts and on unlabelled texts, by "
                                 "default those of the corpus.")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the pretrained network")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished network")
    parser.add_argument("--resume", action="store_true", help="continue an unfinished pretraining, if there is one")
    defaults = PretrainConfig()
    for name, section in PretrainConfig.sections().items():
        add_section(parser, name, section, section.names(Role.PRETRAINING), getattr(defaults, name))


def run(arguments: argparse.Namespace) -> None:
    """Pretrain, and print the command that uses the result."""
    given = given_options(arguments)
    config = PretrainConfig.of_given(given)
    from sentiment.artifacts.paths import PretrainedPaths

    # Errors in the data and the folder are reported before TensorFlow is imported.
    PretrainedPaths.check_start(arguments.output, overwrite=arguments.overwrite, resume=arguments.resume)
    first_text(config.data)
    import_tensorflow(devices=True, training=True)
    from sentiment.runs import pretrain_run

    folder = pretrain_run(config, arguments.output, overwrite=arguments.overwrite, resume=arguments.resume)
    measured = folder.load_metrics()
    print_text("  ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in measured["validation"].items()))
    print_text(f"saved to {folder.path}; start a classifier from it: python train.py --pretrained {folder.path}")
