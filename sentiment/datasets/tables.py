"""Labelled texts from CSV, TSV, JSONL and Parquet files, read by pandas and pyarrow."""

import glob
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet

from sentiment.config import DataConfig
from sentiment.errors import UserError, nearest

BUFFER_BYTES = 1 << 20
WHOLE_NUMBER = re.compile(r"^([+-]?\d+)\.0+$")  # as spreadsheets and data frames write a whole number
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
TEXT_NAMES = ("text", "review", "sentence", "comment", "content", "body", "message", "document", "tweet")
LABEL_NAMES = ("label", "sentiment", "class", "category", "target", "polarity", "rating", "stars")


def matching_files(pattern: str | os.PathLike[str]) -> list[Path]:
    """Return the files that a path or glob names, sorted.

    Raises:
        UserError: if there is none, one is empty, or one is of a kind that cannot be read.
    """
    name = os.path.expanduser(os.fspath(pattern))
    paths = [Path(name)] if Path(name).is_file() else sorted(Path(found) for found in glob.glob(name, recursive=True))
    files = [path for path in paths if path.is_file()]
    if not files:
        parent = Path(name).parent
        beside = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
        raise UserError(f"no such file: {pattern}{nearest(Path(name).name, beside)}")
    for path in files:
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"cannot read {path}: expected a file ending in {', '.join(SUFFIXES)}")
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty")
    return files


def read_chunks(path: Path, rows: int, columns: list[str] | None = None, *, exact: bool = False, first: int = 0,
                seen: Callable[[int], None] = lambda size: None) -> Iterator[pd.DataFrame]:
    """Yield a file as frames of at most `rows` rows, with these columns or all, text and labels as written.

    CSV, TSV and JSONL are UTF-8, with or without a byte-order mark. Values of CSV and TSV stay strings,
    so that a label `01` or `NA` is itself. A file without rows is a frame without rows.

    Args:
        path: the file.
        rows: of a frame, at most.
        columns: those that are read, None for all.
        exact: keep the types of Parquet and the objects of JSONL, so that they can be written as they were.
        first: the index of the first row; the frames' indices go on from there.
        seen: called with the number of bytes that were read since the last call.

    Raises:
        UserError: if the file cannot be parsed or is not UTF-8, with the row.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            chunks = _parquet_chunks(path, rows, columns, exact, seen)
        elif kind == ".jsonl":
            chunks = _json_chunks(path, rows, exact, seen)
        else:
            chunks = _separated_chunks(path, rows, columns, seen)
        for frame in chunks:
            frame.index = pd.RangeIndex(first, first + len(frame))
            first += len(frame)
            yield frame
    except UnicodeDecodeError:
        raise UserError(f"{path}, line {_line_not_utf8(path)}: not UTF-8; save the file as UTF-8") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty") from None
    except (pd.errors.ParserError, pyarrow.ArrowInvalid) as error:
        raise UserError(f"cannot read {path}: {str(error).strip().splitlines()[-1]}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None


def _parquet_chunks(path: Path, rows: int, columns: list[str] | None, exact: bool, seen: Callable[[int], None]
                    ) -> Iterator[pd.DataFrame]:
    types = pd.ArrowDtype if exact else None
    # Without these two settings a whole row group is in memory, which may be the whole file.
    with pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
        if not file.metadata.num_rows:
            yield file.read(columns=columns).to_pandas(types_mapper=types, ignore_metadata=exact)
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            yield batch.to_pandas(types_mapper=types, ignore_metadata=exact)  # which may hide a column as an index
            seen(round(path.stat().st_size * len(batch) / file.metadata.num_rows))


def _separated_chunks(path: Path, rows: int, columns: list[str] | None, seen: Callable[[int], None]
                      ) -> Iterator[pd.DataFrame]:
    before = 0
    with path.open("rb") as file:
        for frame in pd.read_csv(file, sep="\t" if path.suffix.lower() == ".tsv" else ",", dtype=str,
                                 keep_default_na=False, encoding="utf-8-sig", chunksize=rows, usecols=columns):
            yield frame
            seen(file.tell() - before)
            before = file.tell()


def _json_chunks(path: Path, rows: int, exact: bool, seen: Callable[[int], None]) -> Iterator[pd.DataFrame]:
    records: list[dict[str, object]] = []
    before = 0
    with path.open("rb") as file:
        for number, line in enumerate(TextIOWrapper(file, encoding="utf-8-sig"), start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}, line {number}: not JSON: {error}") from None
            if not isinstance(record, dict):
                raise UserError(f"{path}, line {number}: expected a JSON object, not {line.strip()[:40]}")
            records.append(record)
            if len(records) == rows:
                yield pd.DataFrame(records, dtype=object if exact else None)
                seen(file.tell() - before)
                records, before = [], file.tell()
    if records:
        yield pd.DataFrame(records, dtype=object if exact else None)
        seen(path.stat().st_size - before)


def _line_not_utf8(path: Path) -> int:
    """Return the number, from 1, of the first line that is not UTF-8."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return number


def table_chunks(pattern: str | os.PathLike[str], rows: int, columns: list[str] | None = None
                 ) -> Iterator[pd.DataFrame]:
    """Yield all files that a path or glob names as frames of at most `rows` rows, with these columns or all.

    Raises:
        UserError: if there is no such file, it cannot be read, has no rows, or the columns of two files differ.
    """
    expected: pd.Index | None = None
    read = 0
    for path in matching_files(pattern):
        empty = True
        for frame in read_chunks(path, rows, columns, first=read):
            if frame.empty:  # a header alone
                continue
            expected = frame.columns if expected is None else expected
            read += len(frame)
            yield same_columns(frame, expected, path) if empty else frame
            empty = False
        if empty:
            raise UserError(f"{path} has no rows")


def same_columns(frame: pd.DataFrame, expected: pd.Index, path: Path) -> pd.DataFrame:
    """Return a frame with its columns in the expected order.

    Raises:
        UserError: if it has others.
    """
    if set(expected) != set(frame.columns):
        raise UserError(f"{path} has the columns {', '.join(map(str, frame.columns))}, the first file has "
                        f"{', '.join(map(str, expected))}")
    return frame[expected]


def read_table(pattern: str | os.PathLike[str]) -> pd.DataFrame:
    """Read all files that a path or glob names into one frame; raise as `table_chunks` does."""
    return pd.concat(list(table_chunks(pattern, 100_000)), ignore_index=True)


class Columns(NamedTuple):
    """Which columns of a table are read."""

    text: str
    label: str | None
    group: str | None


def columns_of(frame: pd.DataFrame, config: DataConfig, where: str, *, labelled: bool = True, grouped: bool = False
               ) -> Columns:
    """Return the columns with the text, the label (if `labelled`) and the group (if `grouped` and there is one).

    Raises:
        UserError: if one is not there, or the text and the label are the same.
    """
    text = column_named(frame.columns, config.text_column, TEXT_NAMES, "--text-column", where)
    if not labelled:
        return Columns(text, None, None)
    label = column_named(frame.columns, config.label_column, LABEL_NAMES, "--label-column", where)
    if text == label:
        raise UserError(f"the text and the label of {where} are both read from the column '{text}': "
                        "set --text-column and --label-column")
    if not grouped or config.group_column is None:
        return Columns(text, label, None)
    return Columns(text, label, column_named(frame.columns, config.group_column, (), "--group-column", where))


def column_named(columns: Iterable[object], asked: str | None, usual: tuple[str, ...], flag: str, where: str) -> str:
    """Return the column to use: the one asked for, else the first with a usual name.

    Raises:
        UserError: if it is not there or there twice; the message has the nearest name and all columns.
    """
    names = [str(column) for column in columns]
    listed = ", ".join(names)
    lowered = {name.lower(): name for name in reversed(names)}
    if asked is not None:
        if asked not in names:
            raise UserError(f"{where} has no column '{asked}'{nearest(asked, names)} (columns: {listed})")
        found = asked
    else:
        known = [lowered[name] for name in usual if name in lowered]
        if not known:
            raise UserError(f"cannot tell which column of {where} to use: name it with {flag} (columns: {listed})")
        found = known[0]
    if names.count(found) > 1:
        raise UserError(f"{where} has {names.count(found)} columns called '{found}': rename all but one")
    return found


def as_texts(values: "pd.Series[Any]", where: str) -> list[str]:
    """Return a column of a file or glob `where` as strings; a missing value becomes an empty text.

    Raises:
        UserError: for a value that is no text, as `as_cell`.
    """
    return [value if isinstance(value, str) else as_cell(value, row, values.name, where)
            for row, value in enumerate(values, first_row(values))]


def first_row(values: "pd.Series[Any]") -> int:
    """Return the number, from 1, of a column's first row in the table."""
    return int(values.index[0]) + 1 if len(values) else 1


def as_cell(value: object, row: int, column: object, where: str) -> str:
    """Return one value of a table as a string; a missing value is empty, a number as it is written.

    Args:
        value: of the cell.
        row: its number, from 1.
        column: its name.
        where: the file, for the message.

    Raises:
        UserError: for a list, an object or bytes, with what to do.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        raise _no_text(value, "bytes", row, column, where, "save the column as text")
    if isinstance(value, dict):
        raise _no_text(value, "an object", row, column, where, "write the field that is meant to a column of its own")
    if isinstance(value, (list, tuple, set, np.ndarray)):
        raise _no_text(value, "a list", row, column, where, "join its texts; of several labels a text, keep one")
    return "" if value is None or bool(pd.isna(value)) else str(value)  # type: ignore[call-overload]


def _no_text(value: object, kind: str, row: int, column: object, where: str, advice: str) -> UserError:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    return UserError(f"{where}, row {row}: the column '{column}' holds {kind}, {shown}, not a text or a number: "
                     f"{advice}")


def as_label(value: object, row: int = 1, column: object = "", where: str = "") -> str:
    """Return a label as its name: `1`, `1.0`, `"1"` and `"1.0"` are one class; a missing label is empty.

    Raises:
        UserError: as `as_cell`, whose arguments these are.
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    name = as_cell(value, row, column, where).strip()
    return WHOLE_NUMBER.sub(r"\1", name)


def as_labels(values: "pd.Series[Any]", where: str) -> list[str]:
    """Return a column of a file or glob `where` as label names; raise as `as_label`."""
    names: dict[str, str] = {}  # of the few different ones, by how they are written
    found = []
    for row, value in enumerate(cast("list[object]", values.tolist()), first_row(values)):
        if not isinstance(value, str):
            found.append(as_label(value, row, values.name, where))
            continue
        if value not in names:
            names[value] = as_label(value)
        found.append(names[value])
    return found
