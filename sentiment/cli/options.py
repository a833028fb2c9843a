"""Command-line flags from the fields of the configuration."""

import argparse
import os
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.config import DataConfig, Role, RunConfig, Section, base_type, flag_of
from sentiment.errors import UserError
from sentiment.startup import import_tensorflow
from sentiment.table_format import TableFormat

if TYPE_CHECKING:
    from sentiment.artifacts import RunPaths
    from sentiment.inference import Predictor

PICTURES = (".png", ".svg", ".pdf")


def add_section(parser: argparse.ArgumentParser, name: str, section: type[Section],
                only: tuple[str, ...] | None = None, defaults: Section | None = None) -> None:
    """Add a flag for each field of a configuration section; an omitted flag sets no attribute.

    The help shows `defaults` instead of those of the section.
    """
    hints = typing.get_type_hints(section)
    group = parser.add_argument_group(f"{name} options", (section.__doc__ or "").strip())
    for declared in section.options():
        if only is not None and declared.name not in only:
            continue
        kind, _ = base_type(hints[declared.name])
        default = declared.default if defaults is None else getattr(defaults, declared.name)
        written = default is None or kind is bool or "(default:" in declared.metadata["help"]
        shown = "" if written else f" (default: {default})"
        options: dict[str, Any] = {"dest": f"{name}.{declared.name}", "default": argparse.SUPPRESS,
                                   "help": (declared.metadata["help"] + shown).replace("%", "%%")}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options |= {"type": kind, "choices": declared.metadata["choices"]}
            if declared.metadata["const"] is not None:
                options |= {"nargs": "?", "const": declared.metadata["const"]}
            if not declared.metadata["choices"]:
                options["metavar"] = {"int": "N", "float": "X", "str": "NAME"}[kind.__name__]
        group.add_argument(flag_of(declared), **options)


def add_config_options(parser: argparse.ArgumentParser, without: tuple[str, ...] = ()) -> None:
    """Add a flag for each field of the configuration except those in `without`."""
    for name, section in RunConfig.sections().items():
        add_section(parser, name, section, tuple(one for one in section.names() if one not in without))


def given_options(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the configuration options set on the command line: ``{"model": {"units": 128}}``."""
    changes: dict[str, dict[str, Any]] = {}
    for key, value in vars(arguments).items():
        section, dot, name = key.partition(".")
        if dot:
            changes.setdefault(section, {})[name] = value
    return changes


def add_mixed_precision(parser: argparse.ArgumentParser) -> None:
    """Add the flag for prediction in half precision."""
    parser.add_argument("--mixed-precision", action="store_true", help="compute in half precision, float16 on a GPU, "
                        "else bfloat16: faster on processors with bfloat16 matrix products")


def add_table_format(parser: argparse.ArgumentParser) -> None:
    """Add the flags for the format of text tables."""
    add_section(parser, "data", DataConfig, DataConfig.names(Role.TABLE))


def table_format(arguments: argparse.Namespace) -> TableFormat:
    """Return the format from the flags of `add_table_format`.

    Raises:
        UserError: for an invalid format.
    """
    return DataConfig.from_dict(given_options(arguments).get("data", {})).table_format


def check_picture(flag: str, path: Path) -> None:
    """Refuse a path that is not an image file.

    Raises:
        UserError: if its suffix is not supported.
    """
    if path.suffix.lower() not in PICTURES:
        raise UserError(f"{flag} must be a .png, .svg or .pdf file, not {path}")


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the folder of a report."""
    parser.add_argument("--report", type=Path, metavar="DIR",
                        help="write a report to this folder: an HTML page, Markdown and plots")


def check_report(path: Path | None) -> None:
    """Refuse a report folder that is a file, before the evaluation starts.

    Raises:
        UserError: if it is a file.
    """
    if path is not None and path.exists() and not path.is_dir():
        raise UserError(f"--report must be a folder, but {path} is a file")


def open_run(model: str | os.PathLike[str]) -> "RunPaths | None":
    """Return the folder of a finished run, None for an export.

    Raises:
        UserError: if it is neither.
    """
    from sentiment.artifacts import RunPaths
    from sentiment.inference import PortableFolder

    return None if PortableFolder(model).exists() else RunPaths.open(model)


def load(model: str | os.PathLike[str], mixed_precision: bool = False) -> "Predictor":
    """Load the classifier of a run, or of an export, without TensorFlow; see `sentiment.load`."""
    import sentiment

    if open_run(model) is not None:
        import_tensorflow(devices=True)
    return sentiment.load(model, mixed_precision=mixed_precision)
