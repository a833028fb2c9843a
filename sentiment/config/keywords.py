"""Options as keyword arguments in Python: their names, and messages that use them."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sentiment.config.declaration import Config, Role, flag_of
from sentiment.config.sections import PretrainConfig, RunConfig
from sentiment.errors import UserError, nearest

FLAG = re.compile(r"--(no-)?([a-z][a-z0-9-]*)((?: must)?)(?: ([\w.+-]*\w))?")
# Flags that are arguments of functions in Python, not options of a configuration.
ARGUMENTS = {"output-dir": "output_dir", "output": "output_dir", "overwrite": "overwrite", "resume": "resume",
             "preset": "preset", "trials": "trials", "weights": "weights", "abstain-below": "abstain_below",
             "model": "path"}
SWITCHES = {"overwrite", "resume", *(declared.name for kind in RunConfig.sections().values()
                                     for declared in kind.options() if declared.default is False)}
_in_python: ContextVar[bool] = ContextVar("in_python", default=False)


def option_sections(kind: type[Config] = RunConfig) -> dict[str, tuple[str, str]]:
    """Return the section and field of each option of a configuration, by its names in Python.

    For a `PretrainConfig`, only the options that pretraining uses.
    """
    found = {}
    for section, options in kind.sections().items():
        for declared in options.options(Role.PRETRAINING if kind is PretrainConfig else Role.NONE):
            found[declared.name] = (section, declared.name)
            found[flag_of(declared).removeprefix("--").replace("-", "_")] = (section, declared.name)
    return found


def nested(options: Mapping[str, Any], kind: type[Config] = RunConfig) -> dict[str, dict[str, Any]]:
    """Return keyword options grouped by section; None stands for the default.

    Raises:
        TypeError: for an unknown option, with the nearest name.
    """
    known = option_sections(kind)
    found: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        if name not in known:
            raise TypeError(f"unknown option '{name}'{nearest(name, known)}")
        section, field = known[name]
        if value is None:
            continue
        if field in found.setdefault(section, {}):
            raise TypeError(f"'{name}' and '{field}' are the same option: pass it once")
        found[section][field] = plain(value)
    return found


def plain(value: Any) -> Any:
    """Return an option value as a plain Python value: paths as strings, NumPy scalars as Python scalars."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


@contextmanager
def in_python() -> Iterator[None]:
    """Name options in messages as keyword arguments, not as flags, within the block."""
    before = _in_python.set(True)
    try:
        yield
    except UserError as error:
        raise type(error)(with_keywords(str(error))) from None
    finally:
        _in_python.reset(before)


def with_keywords(message: str) -> str:
    """Return a message with flags replaced by keyword arguments within `in_python`."""
    return FLAG.sub(_keyword, message) if _in_python.get() else message


def _keyword(flag: re.Match[str]) -> str:
    name = ARGUMENTS.get(flag[2], flag[2].replace("-", "_"))
    if name not in OPTIONS and name not in ARGUMENTS.values():
        return flag[0]
    word = f" {flag[4]}" if flag[4] else ""
    if flag[1]:
        return f"{name}=False{word}"
    if name in SWITCHES and not flag[3]:
        return f"{name}=True{word}"
    if word and not flag[3] and (flag[4] in CHOICES.get(name, ()) or NUMBER.fullmatch(flag[4])):
        return f"{name}={flag[4] if NUMBER.fullmatch(flag[4]) else repr(flag[4])}"
    return f"{name}{flag[3]}{word}"


def parameter_names() -> list[str]:
    """Return the names of an estimator's options: all except those of data and outputs, but `validation_fraction`."""
    names = [declared.name for section, kind in RunConfig.sections().items() for declared in kind.options()
             if (section != "data" or declared.name == "validation_fraction")
             and Role.OUTPUT not in declared.metadata["roles"]]
    return ["arch" if name == "architecture" else name for name in names]


OPTIONS = {*option_sections(), *option_sections(PretrainConfig)}
CHOICES = {name: declared.metadata["choices"] or () for kind in (RunConfig, PretrainConfig)
           for section in kind.sections().values() for declared in section.options()
           for name in (declared.name, flag_of(declared).removeprefix("--").replace("-", "_"))}
NUMBER = re.compile(r"\d+(\.\d+)?(e-?\d+)?")
