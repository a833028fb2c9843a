"""Strict readers of the files of runs and exports, which may be damaged or untrusted.

Size, depth, types and checksums are checked before a value is used.
"""

import json
import reprlib
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sentiment.errors import UserError

LARGEST_FILE = 1 << 28  # bytes; the metrics of 3,000 classes, with their confusion matrix, have 100 MB
MOST_VALUES = 10_000_000  # each takes up to 100 bytes of memory, even if short in the file
DEEPEST = 20  # levels of nested values
LARGEST_VOCABULARY = 4_000_000  # words; each takes 100 to 200 bytes of memory
NAMES = {int: "an integer", float: "a number", str: "a string", bool: "true or false", type(None): "null",
         dict: "an object", list: "a list"}


class Stored(dict[str, Any]):
    """JSON object that raises `UserError` for missing keys.

    Attributes:
        path: its file, for messages.
    """

    path = "the file"

    def __missing__(self, key: str) -> Any:
        raise UserError(f"{self.path} is damaged: it has no '{key}'")


def read_json(path: Path, shape: Any) -> Any:
    """Read a JSON file and check it against a schema.

    Args:
        path: the file.
        shape: the schema, as for `parse_json`.

    Raises:
        UserError: if the file is too large, not JSON in UTF-8, or does not match the schema.
        OSError: if it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from sentiment.stored import read_json
        >>> read_json(Path("models/imdb/labels.json"), [str])
        ['negative', 'positive']
    """
    return parse_json(_content(path), shape, str(path))


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise UserError(f"{path} is damaged: it has {size:,} bytes, expected at most {LARGEST_FILE:,}")
    return path.read_bytes()


def parse_json(content: bytes, shape: Any, name: str) -> Any:
    """Parse JSON and check it against a schema; objects are returned as `Stored`.

    Args:
        content: in UTF-8.
        shape: the schema: a type (`float` accepts integers, too), `object` for any value, a tuple of alternatives,
            ``[shape]`` for a list, ``{str: shape}`` for an object with any keys, or ``{"key": shape, "key?": shape}``
            for an object with these keys (optional with a question mark) and any others.
        name: of the content, for messages.

    Raises:
        UserError: if it is not JSON, or does not match the schema.

    Example:
        >>> from sentiment.stored import parse_json
        >>> parse_json(b'{"units": "many"}', {"units": int}, "sizes.json")
        Traceback (most recent call last):
        sentiment.errors.UserError: sizes.json is damaged: 'units' must be an integer, not 'many'
    """
    def stored(values: dict[str, Any]) -> Stored:
        found = Stored(values)
        found.path = name
        return found

    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        raise UserError(f"{name} is damaged: it has more than {MOST_VALUES:,} values")
    try:
        values = json.loads(content.decode("utf-8"), object_hook=stored)
        check_depth(values, DEEPEST)
    except RecursionError:
        raise UserError(f"{name} is damaged: it has more than {DEEPEST} levels") from None
    except ValueError as error:  # also for bytes that are not UTF-8, and numbers with thousands of digits
        raise UserError(f"{name} is damaged: it is not JSON: {error}") from None
    _check(values, shape, "", name)
    return values


def check_depth(values: Any, deepest: int) -> None:
    """Raise `RecursionError`, as the parser does, for values of more levels, which others could not walk through."""
    level = [values]
    for _ in range(deepest):
        level = [inner for one in level if isinstance(one, (dict, list))
                 for inner in (one.values() if isinstance(one, dict) else one)]
    if level:
        raise RecursionError


def _check(value: Any, shape: Any, place: str, name: str) -> None:
    """Check a value against a schema; `place` is its path, such as `test.classes`."""
    alternatives = shape if isinstance(shape, tuple) else (shape,)
    kinds = [type(one) if isinstance(one, (dict, list)) else one for one in alternatives]
    fits = [one for one, kind in zip(alternatives, kinds, strict=True) if kind is object or (
        isinstance(value, kind) if kind in (dict, list) else type(value) is kind
        or (kind is float and type(value) is int and abs(value) < 1 << 63))]
    if not fits:
        expected = " or ".join(NAMES[kind] for kind in kinds)
        what = f"'{place}'" if place else "it"
        raise UserError(f"{name} is damaged: {what} must be {expected}, not {reprlib.repr(value)}")
    if isinstance(fits[0], list):
        for number, one in enumerate(value):
            _check(one, fits[0][0], f"{place}[{number}]", name)
    if isinstance(fits[0], dict):
        _check_object(value, fits[0], place, name)


def _check_object(value: dict[str, Any], shape: dict[Any, Any], place: str, name: str) -> None:
    within = f"{place}." if place else ""
    for key, inner in shape.items():
        if key is str:
            for own, one in value.items():
                _check(one, inner, within + own, name)
        elif key.removesuffix("?") in value:
            _check(value[key.removesuffix("?")], inner, within + key.removesuffix("?"), name)
        elif not key.endswith("?"):
            raise UserError(f"{name} is damaged: it has no '{within}{key}'")


def read_class_names(path: Path, classes: int) -> tuple[str, ...]:
    """Read the class names, by index, of a model with `classes` classes.

    Raises:
        UserError: if the file is damaged, has a duplicate, or another number of classes.
    """
    names = read_json(path, [str])
    if len(names) != classes:
        raise UserError(f"{path} is damaged: it names {len(names)} classes, the model has {classes}")
    if len(set(names)) < classes:
        raise UserError(f"{path} is damaged: it names a class twice")
    return tuple(names)


def read_vocabulary(path: Path) -> list[str]:
    """Read the words of a vocabulary, one per line.

    Raises:
        UserError: if it is too long, not UTF-8, has a duplicate, or its last line is incomplete.
    """
    content = _content(path)
    if content.count(b"\n") > LARGEST_VOCABULARY:
        raise UserError(f"{path} is damaged: it has more than {LARGEST_VOCABULARY:,} words")
    try:
        *words, rest = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged: {error}") from None
    if rest:
        raise UserError(f"{path} is damaged: its last line is incomplete")
    if len(set(words)) < len(words):
        raise UserError(f"{path} is damaged: it contains a word twice")
    return words


def checksums(paths: Iterable[Path]) -> dict[str, int]:
    """Return the checksums (CRC-32) of the existing files, by name."""
    return {path.name: _checksum(path) for path in paths if path.is_file()}


def check_checksums(paths: Iterable[Path], stored: Mapping[str, int], advice: str) -> None:
    """Compare files with their stored checksums; only these files are read.

    Raises:
        UserError: if a file is missing, additional or different; with `advice`.
    """
    by_name = {path.name: path for path in paths}
    found = checksums(by_name.values())
    for name in sorted({*found, *stored}):
        if found.get(name) != stored.get(name):
            raise UserError(f"{by_name.get(name, name)} is damaged: it does not belong to the other files of its "
                            f"folder, or is not whole; {advice}")


def _checksum(path: Path) -> int:
    with path.open("rb") as file:
        checksum = 0
        while piece := file.read(1 << 20):
            checksum = zlib.crc32(piece, checksum)
    return checksum
