"""`sentiment benchmark`: one subcommand per benchmark."""

import argparse
from typing import Any

from sentiment.cli import benchmark_imdb, benchmark_speed

KINDS = {"imdb": benchmark_imdb, "speed": benchmark_speed}


def add_to(commands: Any) -> None:
    """Add the command's parser and its subparsers."""
    parser = commands.add_parser("benchmark", help="measure accuracy on IMDB, or speed against other libraries")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=type(parser))
    for kind in KINDS.values():
        kind.add_to(kinds)


def run(arguments: argparse.Namespace) -> None:
    """Run the named benchmark."""
    KINDS[arguments.what].run(arguments)
