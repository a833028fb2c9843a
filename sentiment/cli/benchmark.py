"""`sentiment benchmark`: its commands, one for each benchmark."""

from typing import Any

from sentiment.cli import benchmark_imdb, benchmark_speed


def add_to(commands: Any) -> None:
    """Add the command's parser and those below it."""
    parser = commands.add_parser("benchmark", help="measure accuracy on IMDB, or speed against other libraries")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=type(parser))
    for kind in (benchmark_imdb, benchmark_speed):
        kind.add_to(kinds)
