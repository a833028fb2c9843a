"""Declaration of options: frozen dataclasses whose fields have a help text, limits and roles, and a JSON round trip."""

import dataclasses
import json
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from pathlib import Path
from typing import Any, Self

from sentiment.errors import UserError, nearest
from sentiment.stored import read_json

LARGEST_INTEGER = 2**31 - 1  # of an option without a maximum: more do not fit into a tensor's shape
Options = Mapping[str, Mapping[str, Any]]  # values by section and name: {"model": {"units": 128}}
Declared = dataclasses.Field[Any]


class Role(Flag):
    """Properties of an option, which other modules select options by.

    Attributes:
        PRETRAINING: used in pretraining, and an option of `sentiment pretrain`.
        COMMON: in a preset, pretraining uses the classifier's value; implies PRETRAINING.
        SHARED: a classifier must have the value of the network that it starts from; implies COMMON.
        REGULARIZATION: affects neither the shapes nor the meaning of weights, so a classifier may have another value
            than the run that it starts from.
        LINEAR: used in the training of linear models.
        CHANGEABLE: may be changed when an unfinished run is resumed.
        TOKENS: affects how a text is split into words.
        READOUT: selects the readout, which turns the states of all words into one vector.
        FILE: for data sets in files, not for named corpora.
        UNLABELLED: used to read a file of unlabelled texts; implies FILE.
        TABLE: format of a text file with a table; implies UNLABELLED.
        SPLIT: affects which texts are drawn for the test split.
        EVALUATION: an option of `evaluate` and `compare`, for other labelled texts.
        COLUMN: names a column of a table in a file or of a DataFrame.
        LABELS: changes labels, from any source.
        OUTPUT: affects the files of a run, not its model.
    """

    NONE = 0
    PRETRAINING = auto()
    _COMMON = auto()
    COMMON = PRETRAINING | _COMMON
    _SHARED = auto()
    SHARED = COMMON | _SHARED
    REGULARIZATION = auto()
    LINEAR = auto()
    CHANGEABLE = auto()
    TOKENS = auto()
    READOUT = auto()
    FILE = auto()
    _UNLABELLED = auto()
    UNLABELLED = FILE | _UNLABELLED
    _TABLE = auto()
    TABLE = UNLABELLED | _TABLE
    SPLIT = auto()
    EVALUATION = auto()
    COLUMN = auto()
    LABELS = auto()
    OUTPUT = auto()


@dataclass(frozen=True)
class Range:
    """Search range from `low` to `high`, uniform or log-uniform."""

    low: float
    high: float
    log: bool = False


def option(default: Any, help: str, roles: Role = Role.NONE, *, flag: str | None = None,
           choices: tuple[str, ...] | None = None, minimum: float | None = None, maximum: float | None = None,
           const: Any = None, needs: str | None = None, legacy: Any = None,
           search: Range | tuple[Any, ...] | None = None) -> Any:
    """Declare an option as a field of a `Section`.

    Args:
        default: its default value.
        help: its description, with the unit.
        roles: its properties.
        flag: the name of its command-line flag, if it is not the field's.
        choices: the allowed values.
        minimum: the lowest allowed value.
        maximum: the highest allowed value.
        const: its value if the flag has no argument.
        needs: another option of the section that it requires to have an effect.
        legacy: its value in configuration files of versions without this option.
        search: the values that hyper-parameter search tries.
    """
    return field(default=default, metadata={
        "help": help, "roles": roles, "flag": flag, "choices": choices, "minimum": minimum, "maximum": maximum,
        "const": const, "needs": needs, "legacy": legacy, "search": search})


def flag_of(declared: Declared) -> str:
    """Return the command-line flag of a field: ``--max-length`` for ``max_length``."""
    return "--" + (declared.metadata["flag"] or declared.name).replace("_", "-")


def changed_flag(declared: Declared) -> str:
    """Return the flag that changes a field from its default: ``--no-header`` for ``header``."""
    return flag_of(declared).replace("--", "--no-") if declared.default is True else flag_of(declared)


def base_type(annotation: Any) -> tuple[type, bool]:
    """Split ``int | None`` into ``(int, True)`` and ``int`` into ``(int, False)``."""
    if isinstance(annotation, types.UnionType):
        (kind,) = [part for part in typing.get_args(annotation) if part is not type(None)]
        return kind, True
    return annotation, False


class Section:
    """A group of options that validates its values on construction."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for declared in self.options():
            value = getattr(self, declared.name)
            checked = _checked(declared, value, *base_type(hints[declared.name]))
            object.__setattr__(self, declared.name, checked)

    @classmethod
    def options(cls, roles: Role = Role.NONE) -> tuple[Declared, ...]:
        """Return the declarations of its options with these roles, in order."""
        return tuple(declared for declared in dataclasses.fields(cls)  # type: ignore[arg-type]
                     if roles in declared.metadata["roles"])

    @classmethod
    def names(cls, roles: Role = Role.NONE) -> tuple[str, ...]:
        """Return the names of its options with these roles, in order."""
        return tuple(declared.name for declared in cls.options(roles))

    def changed(self, roles: Role = Role.NONE) -> list[Declared]:
        """Return the declarations of its options with these roles whose values differ from the default."""
        return [declared for declared in self.options(roles) if getattr(self, declared.name) != declared.default]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the section from plain values.

        Raises:
            UserError: for an unknown key or a value of the wrong type or outside its limits.
        """
        for key in values:
            if key not in cls.names():
                raise UserError(f"unknown configuration key '{key}' in {cls.__name__}{nearest(key, cls.names())}")
        return cls(**values)

    @classmethod
    def of_file(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a file, with legacy values for options that are newer than the file."""
        legacy = {one.name: one.metadata["legacy"] for one in cls.options() if one.metadata["legacy"] is not None}
        complete = set(values) >= set(cls.names()) - set(legacy)  # a partial file was written by hand
        return {**(legacy if complete else {}), **values}


def _checked(declared: Declared, value: Any, kind: type, optional: bool) -> Any:
    """Return a valid value of the field (an int is converted to float), or raise UserError."""
    flag, limits = flag_of(declared), declared.metadata
    if value is None and optional:
        return None
    if kind is float and type(value) is int and abs(value) <= LARGEST_INTEGER:
        value = float(value)
    if kind is str and value == "":
        raise UserError(f"{flag} must not be empty: omit it for the default")
    if type(value) is not kind:
        raise UserError(f"{flag} must be of type {kind.__name__}, not {reprlib.repr(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{flag} must be a finite number, not {value}")
    if limits["choices"] and value not in limits["choices"]:
        names = ", ".join(limits["choices"])
        raise UserError(f"{flag} must be one of {names}, not {reprlib.repr(value)}"
                        f"{nearest(str(value)[:100], limits['choices'])}")
    if limits["minimum"] is not None and not value >= limits["minimum"]:
        raise UserError(f"{flag} must be at least {limits['minimum']}, not {value}")
    maximum: Any = LARGEST_INTEGER if limits["maximum"] is None and kind is int else limits["maximum"]
    if maximum is not None and not value <= maximum:
        raise UserError(f"{flag} must be at most {maximum}, not {reprlib.repr(value)}")
    return value


@dataclass(frozen=True)
class Config:
    """Sections of options by name, as nested plain values and as JSON.

    Attributes:
        given: the options that the user set, which override those of presets and architectures.
    """

    given: Options = field(default_factory=dict, kw_only=True, compare=False, repr=False)

    @classmethod
    def sections(cls) -> dict[str, type[Section]]:
        """Return the sections by name, in order."""
        hints = typing.get_type_hints(cls)
        return {declared.name: hints[declared.name] for declared in dataclasses.fields(cls) if declared.compare}

    @classmethod
    def names(cls, roles: Role = Role.NONE) -> dict[str, tuple[str, ...]]:
        """Return the names of the options with these roles, by section."""
        return {name: section.names(roles) for name, section in cls.sections().items()}

    @classmethod
    def from_dict(cls, values: Options) -> Self:
        """Build a configuration from nested plain values; sections and keys that are absent keep their defaults.

        Raises:
            UserError: for an unknown section or key, or an invalid value.
        """
        sections = cls.sections()
        for key, value in values.items():
            if key not in sections:
                raise UserError(f"unknown configuration section '{key}'{nearest(key, sections)}")
            if not isinstance(value, dict):
                raise UserError(f"configuration section '{key}' must be an object, not {value!r}")
        built: dict[str, Any] = {key: sections[key].from_dict(value) for key, value in values.items()}
        return cls(**built)

    def updated(self, changes: Options) -> Self:
        """Return a copy with some options changed: ``{"model": {"units": 128}}``."""
        changed = type(self).from_dict(merged(self.to_dict(), changes))
        return dataclasses.replace(changed, given=self.given)

    def with_given(self, given: Options) -> Self:
        """Return a copy with these options recorded as set by the user."""
        return dataclasses.replace(self, given=given)

    def differing_flags(self, values: Options) -> list[str]:
        """Return the flags of the options in `values` whose value differs from this configuration."""
        own = self.to_dict()
        return [flag_of(declared) for section, fields in values.items()
                for declared in self.sections()[section].options()
                if declared.name in fields and fields[declared.name] != own[section][declared.name]]

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return nested plain values, ready for JSON."""
        return {name: dataclasses.asdict(getattr(self, name)) for name in self.sections()}

    def to_json(self) -> str:
        """Return the configuration as indented JSON."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_json_file(cls, path: str | Path) -> Self:
        """Read a configuration as `to_json` writes it.

        Raises:
            UserError: if the file is missing, is not JSON, or is not a configuration.
        """
        try:
            values = read_json(Path(path), {str: {str: object}})
        except OSError as error:
            raise UserError(f"cannot read the configuration {path}: {error.strerror}") from None
        sections = cls.sections()
        try:
            return cls.from_dict({name: sections[name].of_file(value) if name in sections else value
                                  for name, value in values.items()})
        except UserError as error:
            raise UserError(f"{path}: {error}") from None


def only(values: Options, names: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, Any]]:
    """Return the options whose names are listed."""
    found = {section: {name: value for name, value in values.get(section, {}).items() if name in of_section}
             for section, of_section in names.items()}
    return {section: options for section, options in found.items() if options}


def merged(*layers: Options) -> dict[str, dict[str, Any]]:
    """Return the options of all layers; later layers override earlier ones."""
    result: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for section, values in layer.items():
            result.setdefault(section, {}).update(values)
    return result
