"""Command-line parser, one-line errors and exit codes.

TensorFlow is imported only by the commands that need it, so that help and usage errors appear at once.
Exit codes: 0 success, 1 an error in the request or the input, 2 wrong usage, 130 interrupted, 143 terminated.
"""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Iterable
from io import TextIOWrapper
from types import ModuleType
from typing import Any, NoReturn

from sentiment.console import log, visible
from sentiment.errors import UserError, first_line, nearest
from sentiment.version import __version__

COMMANDS = ("train", "pretrain", "ensemble", "tune", "predict", "serve", "explain", "evaluate", "compare", "info",
            "export", "architectures", "gradients", "vectors", "benchmark", "launch")  # modules of this package
INTERRUPTED = 130
WITH_COMMANDS = (argparse.PARSER, argparse.REMAINDER)  # the remaining words belong to another command
FULL = (os.strerror(errno.ENOSPC), "database or disk is full")  # the latter of SQLite
OF_DATABASE = ("OperationalError", "DatabaseError", "StorageInternalError")  # of SQLAlchemy and Optuna
LOST_WORKER = ("UnavailableError", "AbortedError", "CancelledError", "InternalError")  # of TensorFlow


class CommandParser(argparse.ArgumentParser):
    """Parser with positional arguments before, between and after the options: ``predict MODEL --json "text"``.

    A command that takes the arguments of another (``launch -- train --arch gru``) is parsed by plain `argparse` rules.
    """

    _among_options = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)  # a part of an option's name may be a mistake

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; unknown arguments are an error of the command that they were given to, with its usage."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            commands = [action.choices[found.command] for action in self._actions  # type: ignore[index]
                        if action.nargs == argparse.PARSER]
            parser = (commands or [self])[0]
            known = [name for action in parser._actions for name in action.option_strings]
            hint = nearest(unknown[0].partition("=")[0], known) if unknown[0].startswith("--") else ""
            parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and a message with control characters escaped, because file names may contain some."""
        super().error(visible(message))

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Convert values as `argparse` does; an empty one, as of a variable that is not set, is a value of TEXT alone.

        As a path, it would name the current folder, and for a model the one that comes with the package.
        """
        if "" in arg_strings and action.dest != "texts" and action.nargs not in WITH_COMMANDS:
            raise argparse.ArgumentError(action, "must not be empty: leave it out for the default, if it has one")
        return super()._get_values(action, arg_strings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse with intermixed arguments, for which `argparse` calls this method again."""
        if self._among_options or any(action.nargs in WITH_COMMANDS for action in self._actions):
            return super().parse_known_args(args, namespace)
        self._among_options = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._among_options = False


def module_of(command: str) -> ModuleType:
    """Return the module of a command; its `add_to` adds the parser, its `run` takes the parsed arguments."""
    return importlib.import_module(f"sentiment.cli.{command}")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = CommandParser(prog="sentiment", description="Train, compare and deploy recurrent text classifiers.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        module_of(command).add_to(commands)
    return parser


def with_hyphens(words: Iterable[str]) -> list[str]:
    """Turn ``--max_length=5`` into ``--max-length=5``; values are unchanged."""
    result, verbatim = [], False
    for word in words:
        verbatim = verbatim or word == "--"
        name, equals, value = word.partition("=")
        is_flag = word.startswith("--") and not verbatim
        result.append(name.replace("_", "-") + equals + value if is_flag else word)
    return result


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    _open_streams()
    try:
        try:
            arguments = make_parser().parse_args(with_hyphens(sys.argv[1:] if words is None else words))
            module_of(arguments.command).run(arguments)
        except SystemExit:  # of the parser, after help or a usage error
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except UserError as error:
        log.error(str(error))
        return 1
    except KeyboardInterrupt as interruption:
        log("interrupted")
        return getattr(interruption, "exit_code", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = system_error(error)
        if message is None:
            raise
        log.error(message)
        return 1
    return 0


def _open_streams() -> None:
    """Replace closed standard streams by the null device, and make stdout accept any text."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # so each gets its own descriptor
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  it stays open
    if isinstance(sys.stdout, TextIOWrapper):  # file names that are not UTF-8 can be printed
        sys.stdout.reconfigure(errors="backslashreplace")


def system_error(error: Exception) -> str | None:
    """Return the message for a system error: of a full disk, memory, a file, a database or a worker."""
    if getattr(error, "errno", None) == errno.ENOSPC or any(said in str(error) for said in FULL):
        return "no space left on the device: free some, or write to another one with --output-dir or --output"
    if "TF_CONFIG" in os.environ and type(error).__name__ in LOST_WORKER:
        return "another worker has ended: start all workers again with --resume"
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "not enough memory: use fewer or shorter texts, a smaller --batch-size or a smaller model"
    if type(error).__name__ in OF_DATABASE:
        return f"cannot use the database of the study: {first_line(error)}"
    if isinstance(error, FileNotFoundError) and error.filename is None:
        return "the current folder is gone: go to another one"
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot access {error.filename}: {error.strerror}"
    return None
