"""Tables, read as frames of some thousand rows: CSV, TSV, JSON, JSON lines, Parquet and Excel."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from sentiment.console import log
from sentiment.data.formats import kind_of, opened_text, translated_errors
from sentiment.data.separated import object_frame, separated_chunks
from sentiment.errors import UserError
from sentiment.table_format import DEFAULT_FORMAT, TableFormat

BUFFER_BYTES = 1 << 20


def read_chunks(path: Path, rows: int, columns: list[str] | None = None, form: TableFormat = DEFAULT_FORMAT, *,
                seen: Callable[[int], None] = lambda size: None) -> Iterator[pd.DataFrame]:
    """Yield a file as frames of at most `rows` rows, values as they are written; their index counts the rows.

    Values of CSV and TSV are strings, so that a label `01` or `NA` is itself; those of JSON are Python's, those of
    Parquet have Arrow types. A file without rows is a frame without rows, or none.

    Args:
        path: the file.
        rows: of a frame, at most.
        columns: those that are read of CSV, TSV and Parquet, None for all; of other kinds all are read.
        form: how text is encoded, separated and quoted.
        seen: called with the number of bytes that were read since the last call.

    Raises:
        UserError: if the file cannot be read, with the line or row.
    """
    kind = kind_of(path)
    with translated_errors(path, form):
        if kind == ".parquet":
            chunks = _parquet_chunks(path, rows, columns, seen)
        elif kind == ".xlsx":
            chunks = _excel_chunks(path, rows, form, seen)
        elif kind in (".csv", ".tsv"):
            chunks = separated_chunks(path, rows, columns, form, seen)
        else:
            chunks = _json_chunks(path, rows, form, seen)
        first = 0
        for frame in chunks:
            frame.index = pd.RangeIndex(first, first + len(frame))
            first += len(frame)
            yield frame


def _parquet_chunks(path: Path, rows: int, columns: list[str] | None, seen: Callable[[int], None]
                    ) -> Iterator[pd.DataFrame]:
    def frame(batch: Any) -> pd.DataFrame:
        # Metadata may hide a column as an index.
        return batch.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)  # type: ignore[no-any-return]

    # Without these two settings a whole row group is in memory, which may be the whole file.
    with pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
        if not file.metadata.num_rows:
            yield frame(file.read(columns=columns))
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            yield frame(batch)
            seen(round(path.stat().st_size * len(batch) / file.metadata.num_rows))


def _json_chunks(path: Path, rows: int, form: TableFormat, seen: Callable[[int], None]) -> Iterator[pd.DataFrame]:
    """Yield the objects of a file, one a line or all in one array, as frames of Python's values.

    A key that an object lacks is `MISSING`, a null is None.
    """
    before = 0
    with opened_text(path, form) as (raw, text):
        objects = _objects(text, path)
        while chunk := list(islice(objects, rows)):
            names = list(dict.fromkeys(name for record in chunk for name in record))
            columns = {place: [record.get(name, MISSING) for record in chunk] for place, name in enumerate(names)}
            yield object_frame(columns, names, len(chunk))
            seen(raw.tell() - before)
            before = raw.tell()


class _Missing:
    """The value of a key that an object of JSON lacks."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class WrittenFloat(float):
    """A number of a JSON file that also knows how it is written there: `1.10`, not 1.1."""

    written: str

    def __new__(cls, written: str) -> "WrittenFloat":
        """Parse a number."""
        number = super().__new__(cls, written)
        number.written = written
        return number

    def __str__(self) -> str:
        return self.written


def _objects(text: Any, path: Path) -> Iterator[dict[str, object]]:
    start = text.readline().removeprefix("\ufeff")
    number = 1
    while start and not start.strip():
        start, number = text.readline(), number + 1
    if start.lstrip().startswith("["):
        yield from _array(start + text.read(), path)
        return
    while start:
        if start.strip():
            yield _object(start, path, number)
        start, number = text.readline(), number + 1


def _array(content: str, path: Path) -> Iterator[dict[str, object]]:
    try:
        values = json.loads(content, parse_float=WrittenFloat)
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}; expected an array of objects, or an object a line") from None
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise UserError(f"{path}, value {number}: expected a JSON object, not {json.dumps(value)[:40]}")
        yield value


def _object(line: str, path: Path, number: int) -> dict[str, object]:
    try:
        record = json.loads(line, parse_float=WrittenFloat)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: not JSON: {error}; expected a whole object in each line, or one array "
                        "of objects") from None
    if not isinstance(record, dict):
        raise UserError(f"{path}, line {number}: expected a JSON object, not {line.strip()[:40]}")
    return record


def _excel_chunks(path: Path, rows: int, form: TableFormat, seen: Callable[[int], None]) -> Iterator[pd.DataFrame]:
    """Yield the rows of the first sheet that is not empty; a formula is the value that was last computed for it."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UserError(f"reading {path} needs openpyxl: pip install '.[excel]', or save it as .csv") from None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # of many types, for a file that is none of Excel
        raise UserError(f"cannot read {path}: {error}") from None
    try:
        visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        for sheet in visible:
            sheet.reset_dimensions()  # which some programs write wrong
            records = _without_empty_ends(sheet.iter_rows(values_only=True))
            first = next(records, None)
            if first is not None:
                if len(visible) > 1:
                    _warn_of_sheets(path, sheet.title, len(visible))
                yield from _sheet_frames(chain([first], records), rows, path, form)
                break
    except UserError:
        raise
    except Exception as error:  # of many types, for a damaged sheet
        raise UserError(f"cannot read {path}: {error}") from None
    finally:
        book.close()
    seen(path.stat().st_size)


@cache
def _warn_of_sheets(path: Path, name: str, sheets: int) -> None:
    """Warn that other sheets are not read, once."""
    log.warning(f"{path} has {sheets} sheets, of which '{name}' is read")


def _sheet_frames(records: Iterator[tuple[int, tuple[object, ...]]], rows: int, path: Path, form: TableFormat
                  ) -> Iterator[pd.DataFrame]:
    def frame(chunk: list[list[object]]) -> pd.DataFrame:
        return object_frame({place: [row[place] for row in chunk] for place in range(len(names))}, names, len(chunk))

    _, first = next(records)
    if form.header:
        names = ["" if name is None else str(name) for name in first]
        while names and not names[-1]:
            names.pop()
    else:
        names = [str(number) for number in range(1, len(first) + 1)]
    chunk: list[list[object]] = [] if form.header else [list(first)]
    yielded = False
    for number, record in records:
        behind = [place for place, value in enumerate(record[len(names):], len(names) + 1) if value is not None]
        if behind:
            columns = f"{len(names)} column{'' if len(names) == 1 else 's'}"
            raise UserError(f"{path}, row {number} of the sheet has a value in column {behind[0]}, but the "
                            f"{'header' if form.header else 'first row'} has {columns}")
        chunk.append(list(record[:len(names)]) + [None] * (len(names) - len(record)))
        if len(chunk) == rows:
            yield frame(chunk)
            chunk, yielded = [], True
    if chunk or not yielded:
        yield frame(chunk)


def _without_empty_ends(records: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Yield rows with their numbers in the sheet; empty ones only between others, as formats alone make some."""
    empty: list[tuple[int, tuple[object, ...]]] = []
    begun = False
    for number, record in enumerate(records, start=1):
        if all(value is None for value in record):
            empty += [(number, record)] if begun else []
            continue
        yield from empty
        yield number, record
        empty, begun = [], True
