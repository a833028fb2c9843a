"""Tables, read as frames of some thousand rows: CSV, TSV, JSON, JSON lines, Parquet and Excel."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from sentiment.console import log
from sentiment.data.formats import SEPARATORS, encoding_of, kind_of, opened_text, translated_errors
from sentiment.data.separated import object_frame, separated_chunks
from sentiment.errors import UserError
from sentiment.stored import check_depth
from sentiment.surrogates import Mender
from sentiment.table_format import DEFAULT_FORMAT, TableFormat

BUFFER_BYTES = 1 << 20
DEEPEST = 100  # levels of lists and objects in JSON
REPLACED = "lone surrogates"  # an attribute of a frame


def read_chunks(path: Path, rows: int, columns: list[str] | None = None, form: TableFormat = DEFAULT_FORMAT, *,
                seen: Callable[[int], None] = lambda size: None) -> Iterator[pd.DataFrame]:
    """Yield a file as frames of at most `rows` rows, values as they are written; their index counts the rows.

    A lone surrogate, which JSON can name, is read as U+FFFD; see `replaced_in`.

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
            chunks = _parquet_chunks(path, rows, columns)
        elif kind == ".xlsx":
            chunks = _excel_chunks(path, rows, form)
        else:
            form = replace(form, encoding=encoding_of(path, form))
            chunks = separated_chunks(path, rows, columns, form) if kind in SEPARATORS else \
                _json_chunks(path, rows, form)
        first = reported = 0
        for frame, position in chunks:
            if form.encoding == "utf-7":  # the one encoding that can hold lone surrogates
                mender = Mender()
                frame = _with_count(frame.map(mender.text), mender) if kind in SEPARATORS else frame
            frame.index = pd.RangeIndex(first, first + len(frame))
            first += len(frame)
            yield frame
            if position > reported:
                seen(position - reported)
                reported = position
        seen(path.stat().st_size - reported)


def _parquet_chunks(path: Path, rows: int, columns: list[str] | None) -> Iterator[tuple[pd.DataFrame, int]]:
    def frame(batch: Any) -> pd.DataFrame:
        # Metadata may hide a column as an index.
        return batch.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)  # type: ignore[no-any-return]

    # Without these two settings a whole row group is in memory, which may be the whole file.
    with pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
        total, done = file.metadata.num_rows, 0
        if not total:
            yield frame(file.read(columns=columns)), 0
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            done += len(batch)
            yield frame(batch), path.stat().st_size * done // total


def _json_chunks(path: Path, rows: int, form: TableFormat) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield the objects of a file, one a line or all in one array, as frames of Python's values.

    A key that an object lacks is `MISSING`, a null is None.
    """
    mender = Mender()
    with opened_text(path, form) as (raw, text):
        objects = _objects(text, path, mender)
        while chunk := list(islice(objects, rows)):
            names = list(dict.fromkeys(name for record in chunk for name in record))
            columns = ([record.get(name, MISSING) for record in chunk] for name in names)
            yield _with_count(object_frame(columns, names, len(chunk)), mender), raw.tell()


def _with_count(frame: pd.DataFrame, mender: Mender) -> pd.DataFrame:
    """Note with a frame how many lone surrogates were replaced since the frame before."""
    frame.attrs[REPLACED], mender.count = mender.count, 0
    return frame


def replaced_in(frame: pd.DataFrame) -> int:
    """Return how many lone surrogates were replaced as a frame of `read_chunks` was read."""
    return int(frame.attrs.get(REPLACED, 0))


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


def _objects(text: TextIOWrapper, path: Path, mender: Mender) -> Iterator[dict[str, object]]:
    lines = enumerate(chain([text.readline().removeprefix("\ufeff")], text), start=1)
    filled = ((number, line) for number, line in lines if line.strip())
    first = next(filled, None)
    if first is None:
        return
    if first[1].lstrip().startswith("["):
        values = _parsed(mender.json(first[1] + text.read()), str(path), "an array of objects, or an object a line")
        for number, value in enumerate(values, start=1):
            if not isinstance(value, dict):
                raise UserError(f"{path}, value {number}: expected a JSON object, not {json.dumps(value)[:40]}")
            yield value
        return
    for number, line in chain([first], filled):
        where = f"{path}, line {number}"
        value = _parsed(mender.json(line), where, "a whole object in each line, or one array of objects")
        if not isinstance(value, dict):
            raise UserError(f"{where}: expected a JSON object, not {line.strip()[:40]}")
        yield value


def _parsed(content: str, where: str, expected: str) -> Any:
    try:
        values = json.loads(content, parse_float=WrittenFloat)
    except ValueError as error:
        why = str(error).partition(";")[0]  # of a number with thousands of digits, advice for programmers follows
        raise UserError(f"{where}: not JSON: {why}; expected {expected}") from None
    if content.count("[") + content.count("{") > DEEPEST:
        check_depth(values, DEEPEST)
    return values


def _excel_chunks(path: Path, rows: int, form: TableFormat) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield the rows of the first sheet that is not empty; a formula is the value that was last computed for it."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UserError(f"reading {path} needs openpyxl: pip install '.[excel]', or save it as .csv") from None
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            for sheet in visible:
                sheet.reset_dimensions()  # which some programs write wrong
                records = _without_empty_ends(sheet.iter_rows(values_only=True))
                first = next(records, None)
                if first is not None:
                    if len(visible) > 1:
                        _warn_of_sheets(path, sheet.title, len(visible))
                    for frame in _sheet_frames(chain([first], records), rows, path, form):
                        yield frame, 0
                    break
    except UserError:
        raise
    except Exception as error:  # of many types, for a file that is none of Excel, or damaged
        raise UserError(f"cannot read {path}: {error}") from None


@cache
def _warn_of_sheets(path: Path, name: str, sheets: int) -> None:
    """Warn that other sheets are not read, once."""
    log.warning(f"{path} has {sheets} sheets, of which '{name}' is read")


def _sheet_frames(records: Iterator[tuple[int, tuple[object, ...]]], rows: int, path: Path, form: TableFormat
                  ) -> Iterator[pd.DataFrame]:
    first = next(records)
    if form.header:
        names = ["" if name is None else str(name) for name in first[1]]
        while names and not names[-1]:
            names.pop()
    else:
        names = [str(number) for number in range(1, len(first[1]) + 1)]
        records = chain([first], records)
    filled = (_filled(record, len(names), f"{path}, row {number}", form) for number, record in records)
    chunk = list(islice(filled, rows))
    while True:
        yield object_frame(([row[place] for row in chunk] for place in range(len(names))), names, len(chunk))
        chunk = list(islice(filled, rows))
        if not chunk:
            return


def _filled(record: tuple[object, ...], width: int, where: str, form: TableFormat) -> list[object]:
    """Return a row of a sheet with so many values, None for those that it lacks."""
    behind = [place for place, value in enumerate(record[width:], width + 1) if value is not None]
    if behind:
        raise UserError(f"{where} of the sheet has a value in column {behind[0]}, but the "
                        f"{'header' if form.header else 'first row'} has {width} column{'' if width == 1 else 's'}")
    return [*record[:width], *[None] * (width - len(record))]


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
