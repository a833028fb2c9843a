"""Command line: one module per command, with its flags and its output.

`main` parses the arguments and runs a command; see `sentiment.cli.parser`.
"""

from sentiment.cli.parser import main, make_parser

__all__ = ["main", "make_parser"]
