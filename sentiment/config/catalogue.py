"""List of the architectures with their options, read from a generated file, so that no deep-learning framework loads.

The registry, `sentiment.architectures`, has the builders; a test compares the two.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sentiment.config.declaration import Options, flag_of
from sentiment.config.sections import ModelConfig, RunConfig
from sentiment.errors import UserError, nearest

FILE = "architectures.json"


@dataclass(frozen=True)
class Listed:
    """An architecture of the list.

    Attributes:
        name: as on the command line.
        summary: one line.
        parameters: the number of weights at the default sizes; None for a linear model, which has one per term.
        uses: the names of the `ModelConfig` fields that it uses.
        text: its own defaults for fields of `TextConfig`.
        model: its own defaults for fields of `ModelConfig`.
    """

    name: str
    summary: str
    parameters: int | None
    uses: tuple[str, ...]
    text: Mapping[str, Any]
    model: Mapping[str, Any]


@cache
def listed_architectures() -> tuple[Listed, ...]:
    """Return all architectures in the order of their names.

    Example:
        >>> from sentiment.config.catalogue import listed_architectures
        >>> next(entry.parameters for entry in listed_architectures() if entry.name == "gru")
        5181889
    """
    entries = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return tuple(Listed(**{**entry, "uses": tuple(entry["uses"])}) for entry in entries)


def check_listed(given: Options) -> None:
    """Apply `check_options` to the user's options by the list, unless a pretrained network sets the architecture."""
    if "pretrained" not in given.get("training", {}):
        check_options(RunConfig().updated(given).model, {entry.name: entry.uses for entry in listed_architectures()})


def check_options(config: ModelConfig, uses: Mapping[str, Collection[str]]) -> None:
    """Refuse an unknown architecture, and changed options that the architecture does not use.

    Args:
        config: the options of the model.
        uses: for each architecture the names of the fields that it uses.

    Raises:
        UserError: with the nearest name, or the architectures that use the option.
    """
    name = config.architecture
    if name not in uses:
        raise UserError(f"no architecture '{name}'{nearest(name, uses)} (there are {', '.join(sorted(uses))})")
    for declared in config.changed():
        if declared.name not in uses[name]:
            takers = ", ".join(other for other, taken in uses.items() if declared.name in taken)
            raise UserError(f"'{name}' does not use {flag_of(declared)}, which is for {takers}")
