"""Errors that a user can correct: the command line prints them as one line and exits with 1."""

import difflib
from collections.abc import Iterable
from importlib.util import find_spec

EXTRAS = {"tune": ("optuna",), "onnx": ("tf2onnx", "onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}


class UserError(Exception):
    """An error in the request or the input; the message says what is wrong and what to do."""


class DivergedError(UserError):
    """The loss became infinite or NaN before the first epoch was complete."""


class Interrupted(KeyboardInterrupt):
    """Stopped by a signal; the work so far is kept."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.exit_code = 128 + signal_number


def check_extra(what: str, extra: str) -> None:
    """Refuse `what` if a package of an optional extra is not installed; no package is imported.

    Raises:
        UserError: that names the packages and the extra.
    """
    missing = [package.replace("_", "-") for package in EXTRAS[extra] if find_spec(package) is None]
    if missing:
        raise UserError(f"{what} needs {', '.join(missing)}: pip install '.[{extra}]'")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 text` and `1,000 texts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'X'?"`` for the known name closest to `name`, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else ""
