"""Errors that a person can act on: the command line prints them as one line and exits with 1."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something in the request or the input is wrong; the message says what and what to do."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'X'?"`` for the known name closest to `name`, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else ""
