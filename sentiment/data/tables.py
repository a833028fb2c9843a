"""Columns of tables: selection of text, label and group, and conversion of cells to strings."""

import glob
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow

from sentiment.config import DataConfig
from sentiment.data.formats import COMPRESSIONS, JSON_KINDS, KINDS, SEPARATORS, advice_for, is_read, kind_of
from sentiment.data.reading import MISSING, read_chunks, replaced_in
from sentiment.data.separated import separator_hint
from sentiment.errors import UserError, nearest
from sentiment.table_format import DEFAULT_FORMAT, TableFormat

FIRST_ROWS = 1000
URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
WHOLE_NUMBER = re.compile(r"^([+-]?\d+)\.0+$")  # a whole number in spreadsheets and data frames
TEXT_NAMES = ("text", "review", "sentence", "comment", "content", "body", "message", "document", "tweet")
NOT_TEXT: tuple[tuple[Any, str, str], ...] = (
    ((bytes, bytearray), "bytes", "save the column as text"),
    (dict, "an object", "write the desired field to its own column"),
    ((list, tuple, set, np.ndarray), "a list", "join its texts; keep one of several labels of a text"))
LABEL_NAMES = ("label", "sentiment", "class", "category", "target", "polarity", "rating", "stars")


def matching_files(pattern: str | os.PathLike[str]) -> list[Path]:
    """Return the files of a path or glob, sorted.

    A file or folder with exactly that name takes precedence over a pattern: `data[1].csv`, `data[1]/*.csv`.

    Raises:
        UserError: if there is none, one is empty, or one is of a type that cannot be read.
    """
    name = os.path.expanduser(os.fspath(pattern))
    folder, last = os.path.split(name)
    searched = os.path.join(glob.escape(folder), last) if os.path.isdir(folder) else name
    paths = [Path(name)] if Path(name).is_file() else sorted(map(Path, glob.glob(searched, recursive=True)))
    files = [path for path in paths if path.is_file()]
    if URL.match(name):
        raise UserError(f"{name} is a URL, but files are read from disk: download it first, and name the file")
    if Path(name).is_dir():
        raise UserError(f"{pattern} is a folder: name its files, such as '{Path(name) / '*.csv'}'")
    if not files:
        parent = Path(name).parent
        siblings = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
        raise UserError(f"no such file: {pattern}{nearest(Path(name).name, siblings)}")
    for path in files:
        if not is_read(path):
            raise UserError(f"cannot read {path}: expected a file ending in {', '.join(KINDS)}, or in one of them and "
                            f"{', '.join(COMPRESSIONS)}{advice_for(path)}")
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty")
    return files


def table_chunks(pattern: str | os.PathLike[str], rows: int, columns: list[str] | None = None,
                 form: TableFormat = DEFAULT_FORMAT) -> Iterator[tuple[Path, pd.DataFrame]]:
    """Yield all files of a path or glob as frames of at most `rows` rows, each with the path of its file.

    Args:
        pattern: the path or glob.
        rows: the maximum number of rows of a frame.
        columns: to read, None for all.
        form: the format of text files.

    Raises:
        UserError: if there is no such file, one cannot be read or has no rows.
    """
    for path in matching_files(pattern):
        empty = True
        for frame in read_chunks(path, rows, columns, form):
            if not len(frame):  # only a header
                continue
            yield path, frame
            empty = False
        if empty:
            raise UserError(f"{path} has no rows")


class Columns(NamedTuple):
    """Names of the text, label and group columns."""

    text: str
    label: str | None
    group: str | None


class Rows(NamedTuple):
    """Consecutive rows of tables: texts, label names and groups; None for columns that were not requested.

    `replaced` is the number of lone surrogates that were read as U+FFFD.
    """

    columns: Columns
    texts: list[str]
    labels: list[str] | None
    groups: list[str] | None
    replaced: int

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Columns, where: str) -> "Rows":
        """Return the columns of a frame as strings; `where` is the file, for messages."""
        return cls(columns, as_texts(column_of(frame, columns.text), where),
                   None if columns.label is None else as_labels(column_of(frame, columns.label), where),
                   None if columns.group is None else as_texts(column_of(frame, columns.group), where),
                   replaced_in(frame))


def labelled_rows(pattern: str | os.PathLike[str], config: DataConfig, rows: int, *, labelled: bool = True,
                  grouped: bool = False) -> Iterator[Rows]:
    """Yield the needed columns of all files of a path or glob, at most `rows` rows at a time.

    They are selected in the first file; the other files must have them as well, and may have others.

    Args:
        pattern: the path or glob.
        config: with the names of the columns and the format.
        rows: the maximum number at a time.
        labelled: whether a label is needed.
        grouped: whether to read the group, if the configuration names its column.

    Raises:
        UserError: as `table_chunks`, if a column is missing, or a cell is not text.
    """
    where, columns, last = str(pattern), None, None
    for path, frame in table_chunks(pattern, rows, form=config.table_format):
        if columns is None:
            columns = columns_of(frame, config, where, path, labelled=labelled, grouped=grouped)
        elif path != last and kind_of(path) not in JSON_KINDS:  # JSON objects may lack a key
            for name in columns:
                if name is not None:
                    column_named(frame.columns, name, (), "", str(path))
        last = path
        yield Rows.of(frame, columns, str(path))


def column_of(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Return a column; empty if all JSON objects of the frame lack it."""
    if name in frame.columns:
        return frame[name]
    return pd.Series([MISSING] * len(frame), frame.index, object, name)


def first_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns to choose from: for JSON, the keys of the first thousand objects.

    So the choice does not depend on the number of rows per frame.
    """
    start = frame.head(FIRST_ROWS)
    return [str(name) for place, name in enumerate(frame.columns)
            if start.empty or not all(value is MISSING for value in start.iloc[:, place])]


def columns_of(frame: pd.DataFrame, config: DataConfig, where: str, path: Path, *, labelled: bool = True,
               grouped: bool = False) -> Columns:
    """Return the columns of the text, the label (if `labelled`) and the group (if `grouped` and configured).

    Args:
        frame: the first rows of the first file.
        config: with the names of the columns.
        where: the path or glob, for messages.
        path: of the first file.
        labelled: whether a label is needed.
        grouped: whether the group is needed.

    Raises:
        UserError: if one is missing, or the text and the label are the same.
    """
    names = first_columns(frame)
    hint = header_hint(names, config.table_format, path)
    if labelled and not (config.text_column or config.label_column or usual_column(names, TEXT_NAMES + LABEL_NAMES)):
        raise UserError(f"cannot tell which columns of {where} hold the texts and the labels: name them with "
                        f"--text-column and --label-column (columns: {listed(names)}){hint}")
    text = column_named(names, config.text_column, TEXT_NAMES, "--text-column", where, hint)
    if not labelled:
        return Columns(text, None, None)
    label = column_named(names, config.label_column, LABEL_NAMES, "--label-column", where, hint)
    if text == label:
        raise UserError(f"the text and the label of {where} are both read from the column '{text}': "
                        "set --text-column and --label-column")
    if not grouped or config.group_column is None:
        return Columns(text, label, None)
    return Columns(text, label, column_named(names, config.group_column, (), "--group-column", where, hint))


def header_hint(names: list[str], form: TableFormat, path: Path) -> str:
    """Return a hint for a missing column: the separator, or a first line that is not a header."""
    kind = kind_of(path)
    if kind not in (*SEPARATORS, ".xlsx"):
        return ""
    if not form.header:
        return "; the columns are numbered from 1"
    hint = separator_hint(names, form.separator or SEPARATORS[kind]) if kind in SEPARATORS else ""
    if hint:
        return f"; its columns look {hint}"
    return "; if the first line is not a header, add --no-header, and name columns by number: --text-column 1"


def column_named(columns: Iterable[object], asked: str | None, usual: tuple[str, ...], flag: str, where: str,
                 hint: str = "") -> str:
    """Return the column to use: the requested one, or the first with a common name.

    Args:
        columns: the names of all columns.
        asked: the requested name.
        usual: common names, of which the first existing one is the default.
        flag: the option that names the column.
        where: the file or glob, for messages.
        hint: advice if there is none.

    Raises:
        UserError: if it is missing or duplicated; the message has the nearest name and all columns.
    """
    names = [str(column) for column in columns]
    found = asked if asked is not None else usual_column(names, usual)
    if found is None:
        raise UserError(f"cannot tell which column of {where} to use: name it with {flag} (columns: {listed(names)})"
                        f"{hint}")
    if found not in names:
        raise UserError(f"{where} has no column '{found}'{nearest(found, names)} (columns: {listed(names)}){hint}")
    if names.count(found) > 1:
        raise UserError(f"{where} has {names.count(found)} columns called '{found}': rename all but one")
    return found


def usual_column(names: Iterable[str], usual: Iterable[str]) -> str | None:
    """Return the first of the columns with the first of the usual names that there is, in any case; else None."""
    lowered = {name.strip().lower(): name for name in reversed(list(names))}
    return next((lowered[name] for name in usual if name in lowered), None)


def listed(names: Iterable[str]) -> str:
    """Return the names of columns for a message: at most 40, and the number of the others."""
    shown = list(map(shortened, names))
    return ", ".join(shown if len(shown) <= 40 else [*shown[:40], f"... {len(shown) - 40} more"])


def columns_of_run(pattern: str | os.PathLike[str], form: TableFormat, run: DataConfig) -> dict[str, str]:
    """Return the columns that the user of a run named and that another table has, too, by the name of the option.

    Args:
        pattern: the path or glob of the table, whose first file decides.
        form: its format.
        run: the options of the run.

    Raises:
        UserError: as `table_chunks`.
    """
    named = {option: getattr(run, option) for option in ("text_column", "label_column")}
    if not any(named.values()):
        return {}
    _, frame = next(table_chunks(pattern, FIRST_ROWS, form=form))
    return {option: name for option, name in named.items() if name in first_columns(frame)}


def cells(values: "pd.Series[Any]") -> list[Any]:
    """Return the values of a column as Python objects, None for an Arrow null, float32 in their short spelling."""
    if not isinstance(values.dtype, pd.ArrowDtype):
        return [None if value is pd.NA else value for value in values.tolist()]
    array = pyarrow.array(values)
    if pyarrow.types.is_float32(array.type) or pyarrow.types.is_float16(array.type):
        as_written = array.type.to_pandas_dtype()  # 0.1, not 0.10000000149011612, its value in float64
        return [None if value is None else float(str(as_written(value))) for value in array.to_pylist()]
    try:
        return list(array.to_pylist())
    except UnicodeDecodeError:
        raise UserError(f"the column '{values.name}' contains text that is not UTF-8") from None
    except (OverflowError, ValueError):  # a date outside Python's range
        return list(array.cast(pyarrow.string()).to_pylist())


def as_texts(values: "pd.Series[Any]", where: str) -> list[str]:
    """Return a column of a file or glob `where` as strings; a missing value becomes an empty text.

    Raises:
        UserError: for a value that is not text, as `as_cell`.
    """
    return [value if isinstance(value, str) else as_cell(value, row, values.name, where)
            for row, value in enumerate(cells(values), first_row(values))]


def first_row(values: "pd.Series[Any]") -> int:
    """Return the number, from 1, of a column's first row in the table."""
    return int(values.index[0]) + 1 if len(values) else 1


def as_cell(value: object, row: int, column: object, where: str) -> str:
    """Return a value of a table as a string; a missing value is empty, a number has its source spelling.

    Args:
        value: of the cell.
        row: its number, from 1.
        column: its name.
        where: the file, for the message.

    Raises:
        UserError: for a list, an object or bytes, with advice.
    """
    if isinstance(value, str):
        return value
    for types, kind, advice in NOT_TEXT:
        if isinstance(value, types):
            raise UserError(f"{where}, row {row}: the column '{column}' contains {kind}, {shortened(repr(value))}, not "
                            f"a text or a number: {advice}")
    return "" if value is None or value is MISSING or bool(pd.isna(value)) else str(value)  # type: ignore[call-overload]


def shortened(text: str) -> str:
    """Return a text of at most 40 characters."""
    return text if len(text) <= 40 else text[:37] + "..."


def as_label(value: object, row: int = 1, column: object = "", where: str = "") -> str:
    """Return the name of a label: `1`, `1.0`, `"1"` and `"1.0"` are one class; a missing label is empty.

    Raises:
        UserError: as `as_cell`, which has the same arguments.
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    name = as_cell(value, row, column, where).strip()
    if not name.isascii() and all(unicodedata.category(character) in ("Cf", "Zs") for character in name):
        return ""  # only invisible characters
    return WHOLE_NUMBER.sub(r"\1", name)


def as_labels(values: "pd.Series[Any]", where: str) -> list[str]:
    """Return a column of a file or glob `where` as label names; raises like `as_label`."""
    of_text = cache(as_label)  # because there are few distinct ones
    return [of_text(value) if isinstance(value, str) else as_label(value, row, values.name, where)
            for row, value in enumerate(cells(values), first_row(values))]
