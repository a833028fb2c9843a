"""Readers of tables in frames of some thousand rows: CSV, TSV, JSON, JSON lines, Parquet and Excel."""

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
REPLACED = "lone surrogates"  # key in the attributes of a frame


def read_chunks(path: Path, rows: int, columns: list[str] | None = None, form: TableFormat = DEFAULT_FORMAT, *,
                seen: Callable[[int], None] = lambda size: None) -> Iterator[pd.DataFrame]:
    """Yield a file as frames of at most `rows` rows with unconverted values, indexed by row number.

    A lone surrogate, which JSON can contain, is read as U+FFFD; see `replaced_in`.

    Values of CSV and TSV are strings, so that labels such as `01` or `NA` are unchanged; those of JSON are Python
    objects, those of Parquet have Arrow types. A file without rows gives a frame without rows, or no frame.

    Args:
        path: the file.
        rows: the maximum number of rows of a frame.
        columns: to read from CSV, TSV and Parquet, None for all; from other types all are read.
        form: the format of text files.
        seen: called with the number of bytes read since the last call.

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
            if form.encoding == "utf-7":  # the only encoding that can represent lone surrogates
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
        # Metadata may declare a column as an index.
        return batch.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)  # type: ignore[no-any-return]

    # Without these two settings a whole row group, possibly the whole file, is in memory.
    with pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
        total, done = file.metadata.num_rows, 0
        if not total:
            yield frame(file.read(columns=columns)), 0
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            done += len(batch)
            yield frame(batch), path.stat().st_size * done // total


def _json_chunks(path: Path, rows: int, form: TableFormat) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield the objects of a file, one per line or all in one array, as frames of Python objects.

    A missing key is `MISSING`, a null is None.
    """
    mender = Mender()
    with opened_text(path, form) as (raw, text):
        objects = _objects(text, path, mender)
        while chunk := list(islice(objects, rows)):
            names = list(dict.fromkeys(name for record in chunk for name in record))
            columns = ([record.get(name, MISSING) for record in chunk] for name in names)
            yield _with_count(object_frame(columns, names, len(chunk)), mender), raw.tell()


def _with_count(frame: pd.DataFrame, mender: Mender) -> pd.DataFrame:
    """Store in a frame the number of lone surrogates replaced since the previous frame."""
    frame.attrs[REPLACED], mender.count = mender.count, 0
    return frame


def replaced_in(frame: pd.DataFrame) -> int:
    """Return the number of lone surrogates replaced in a frame of `read_chunks`."""
    return int(frame.attrs.get(REPLACED, 0))


class _Missing:
    """Value of a key that is missing in a JSON object."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class WrittenFloat(float):
    """Number of a JSON file with its source spelling: `1.10`, not 1.1."""

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
        values = _parsed(mender.json(first[1] + text.read()), str(path), "an array of objects, or one object per line")
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
    """Yield the rows of the first sheet that is not empty; a formula is read as its stored value."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UserError(f"reading {path} needs openpyxl: pip install '.[excel]', or save it as .csv") from None
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            for sheet in visible:
                sheet.reset_dimensions()  # some programs write it wrong
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
    except Exception as error:  # many types, for a file that is not an Excel file, or damaged
        raise UserError(f"cannot read {path}: {error}") from None


@cache
def _warn_of_sheets(path: Path, name: str, sheets: int) -> None:
    """Warn that other sheets are not read, once."""
    log.warning(f"{path} has {sheets} sheets, only '{name}' is read")


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
    """Return a row of a sheet with `width` values, None for missing ones."""
    behind = [place for place, value in enumerate(record[width:], width + 1) if value is not None]
    if behind:
        raise UserError(f"{where} of the sheet has a value in column {behind[0]}, but the "
                        f"{'header' if form.header else 'first row'} has {width} column{'' if width == 1 else 's'}")
    return [*record[:width], *[None] * (width - len(record))]


def _without_empty_ends(records: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Yield rows with their numbers in the sheet, without empty rows at the end, which formatting can create."""
    empty: list[tuple[int, tuple[object, ...]]] = []
    begun = False
    for number, record in enumerate(records, start=1):
        if all(value is None for value in record):
            empty += [(number, record)] if begun else []
            continue
        yield from empty
        yield number, record
        empty, begun = [], True
