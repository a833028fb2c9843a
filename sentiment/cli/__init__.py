"""The command line: a module for each command, with its flags and what it prints.

`main` parses the arguments and runs a command; see `sentiment.cli.parser`.
"""

from sentiment.cli.parser import main, make_parser

__all__ = ["main", "make_parser"]
