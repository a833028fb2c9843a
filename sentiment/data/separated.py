"""Strict reader of CSV and TSV: equal numbers of fields in all records; an unclosed quote is an error with its line.

The reference is Python's `csv` module in strict mode, which takes a third longer than pandas. pyarrow is several times
faster, and parses a file up to the first quote that the two may read differently: one that neither opens a field, nor
closes one, nor is doubled in one. From there, and after any error of pyarrow, Python's module goes on at the same row,
and finds the line and the reason of an error.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.csv

from sentiment.console import log
from sentiment.data.formats import (
    SEPARATOR_LINE,
    SEPARATORS,
    dialect,
    encoding_of,
    kind_of,
    opened,
    opened_text,
    translated_errors,
)
from sentiment.errors import UserError
from sentiment.table_format import TableFormat

BLOCK_BYTES = 1 << 22
LONE_BACKSLASH = re.compile(r'\\(["\\])?')  # with what it escapes, if it escapes anything
LINE_END = re.compile(rb"\r\n?|\n")
LARGEST_RECORD = 1 << 26  # bytes that are searched for the end of a record
QUOTE = ord('"')
# A quoted field of so many lines, so many of which would be records, is one that a stray quote has begun.
SWALLOWED_LINES, SWALLOWED_SHARE = 6, 0.9
MANY_LINES = 100
csv.field_size_limit(2**31 - 1)


def object_frame(columns: dict[int, Any], names: Sequence[str], rows: int) -> pd.DataFrame:
    """Return a frame of Python's values as they are; two columns may have one name, and there may be none."""
    frame = pd.DataFrame(columns, dtype=object, index=range(rows))
    frame.columns = pd.Index(names, dtype=object)
    return frame


class Head:
    """Header of a CSV or TSV file.

    Attributes:
        names: of the columns, as the header has them; 1, 2, ... without one.
        separator: between fields.
        lines: how many lines of the file come before the first record.

    Raises:
        UserError: if the file is empty, or a quote of its first record is not closed.
    """

    def __init__(self, path: Path, form: TableFormat) -> None:
        with opened_text(path, form) as (_, text):
            lines, self.separator, self.lines = _lines(text, path, form)
            reader = csv.reader(lines, strict=True, **dialect(form, self.separator))
            record = _first(reader, path, self.lines, form)
            if form.header:
                self.names = record
                self.lines += reader.line_num
            else:
                self.names = [str(number) for number in range(1, len(record) + 1)]


def output_format(path: Path, target: Path, form: TableFormat) -> TableFormat:
    """Return the format of an output file: that of its source, whose first line may name the separator.

    Args:
        path: of the source.
        target: of the output; the separator is kept only in a file of the same kind.
        form: of the source.

    Raises:
        UserError: if the source cannot be read.
    """
    if kind_of(path) not in SEPARATORS or kind_of(target) != kind_of(path):
        return replace(form, separator=None)
    with translated_errors(path, form), opened_text(path, form) as (_, text):
        named = SEPARATOR_LINE.match(text.readline().removeprefix("\ufeff"))
    return replace(form, separator=form.separator or named[1], separator_line=True) if named else form


def _lines(text: TextIOWrapper, path: Path, form: TableFormat) -> tuple[Iterator[str], str, int]:
    """Return the lines from the header on, the separator, and how many lines were taken: that of `sep=;`."""
    first = text.readline().removeprefix("\ufeff")
    named = SEPARATOR_LINE.match(first)
    lines: Iterator[str] = text if named else chain([first], text)
    if form.quoting == "backslash":
        lines = (LONE_BACKSLASH.sub(lambda found: found[0] if found[1] else r"\\", line) for line in lines)
    return lines, form.separator or (named[1] if named else SEPARATORS[kind_of(path)]), int(bool(named))


def _first(reader: Any, path: Path, taken: int, form: TableFormat) -> list[str]:
    """Return the first record that is not a blank line, `taken` lines behind the start of the file."""
    before = 0
    try:
        for record in reader:
            if record:
                return list(record)
            before = reader.line_num
    except csv.Error as error:
        _refuse_quotes(path, taken + before + 1, taken + reader.line_num, str(error), form)
    raise UserError(f"{path} is empty")


def separated_chunks(path: Path, rows: int, columns: list[str] | None, form: TableFormat,
                     seen: Callable[[int], None]) -> Iterator[pd.DataFrame]:
    """Yield the records of a file as frames of `rows` rows, the last one smaller, all values as they are written.

    A blank line is a record with an empty field where there is one column, else it is none.

    Raises:
        UserError: for a record with too few or too many fields, and for quotes that are not closed; with the line.
        UnicodeDecodeError: for bytes that the encoding does not have.
    """
    head = Head(path, form)
    kept = None if columns is None else [head.names.index(name) for name in columns if name in head.names]
    yielded = reported = 0

    def reached(position: int) -> None:
        nonlocal reported
        seen(max(0, position - reported))
        reported = max(position, reported)

    if form.quoting in (None, "double") and encoding_of(path, form).startswith("utf-8") and head.separator.isascii():
        try:
            for frame in _by_arrow(path, rows, kept, form, head, reached):
                yielded += len(frame)
                yield frame
            if yielded:
                return
        except (_IrregularQuoteError, pyarrow.ArrowInvalid):
            pass
    for frame in _by_python(path, rows, kept, form, head, yielded, reached):
        yielded += len(frame)
        yield frame
    if not yielded:
        yield pd.DataFrame(columns=pd.Index(_names(kept, head), dtype=object), dtype=object)


class _IrregularQuoteError(Exception):
    """A quote that neither opens nor closes a field, nor is doubled in one."""


class _Quotes:
    """Looks at the quotes of blocks, and raises `_IrregularQuoteError` at what Python's module has to read.

    In regular text quotes open and close fields in turn, a doubled one being both: each that opens stands behind a
    separator, a line end or a quote, each that closes before one. Records that seem to hold others, or have very many
    lines, are also left to Python's module, which names them.
    """

    def __init__(self, head: Head, form: TableFormat) -> None:
        self._ends = np.zeros(256, bool)
        self._ends[[ord(head.separator), ord("\r"), ord("\n"), QUOTE]] = True
        self._head = head
        self._checked = form.quoting is None

    def check(self, block: bytes, *, last: bool) -> int:
        """Check a block that begins with a record; return the length of its whole records, all of it if it is the last.

        A quote at the end of a block counts as one that closes, because what follows is checked with the next block,
        which begins with the same record.
        """
        values = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(values == QUOTE)
        opening, closing = quotes[::2], quotes[1::2]
        before = values[np.maximum(opening - 1, 0)]  # of a quote at the start: itself, which passes
        after = values[np.minimum(closing + 1, len(values) - 1)]
        if not (self._ends[before].all() and self._ends[after].all()):
            raise _IrregularQuoteError
        if last and len(quotes) % 2:
            raise _IrregularQuoteError
        breaks = np.flatnonzero(values == ord("\n"))
        if last:
            breaks = np.append(breaks, len(values))  # the last line may have no end
        ends = np.flatnonzero(np.searchsorted(quotes, breaks) % 2 == 0)  # which line breaks end a record
        for place in np.flatnonzero(np.diff(ends, prepend=-1) > SWALLOWED_LINES - 1):
            start = int(breaks[ends[place - 1]]) + 1 if place else 0
            self._check_record(block[start:int(breaks[ends[place]])].decode("utf-8", "replace"))
        if last:
            return len(block)
        return int(breaks[ends[-1]]) + 1 if len(ends) else 0

    def _check_record(self, record: str) -> None:
        """Leave a record to Python's module whose lines may be records, or which has very many."""
        like_records = sum(line.count(self._head.separator) == len(self._head.names) - 1
                           for line in record.split("\n")[1:-1])
        if self._checked and (record.count("\n") >= MANY_LINES or like_records >= SWALLOWED_LINES - 1):
            raise _IrregularQuoteError


def _blocks(path: Path, form: TableFormat, head: Head, reached: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the records of a file as bytes, some millions at a time, each block of whole records.

    Raises:
        _IrregularQuoteError: at a quote that pyarrow may read as Python does not, or a record without an end.
    """
    quotes = _Quotes(head, form)
    with opened(path) as (raw, stream):
        rest = _behind_lines(stream, head.lines)
        while True:
            data = stream.read(BLOCK_BYTES)
            block = rest + data
            if block.startswith(codecs.BOM_UTF8):  # which pyarrow leaves out at the start of each block
                raise _IrregularQuoteError
            whole = quotes.check(block, last=not data) if block else 0
            if whole:
                yield block[:whole]
                reached(raw.tell())
            rest = block[whole:]
            if not data:
                return
            if len(rest) > LARGEST_RECORD:
                raise _IrregularQuoteError


def _behind_lines(stream: Any, lines: int) -> bytes:
    """Skip a byte-order mark and so many lines; return the bytes that were read after them."""
    block = stream.read(max(BLOCK_BYTES, len(codecs.BOM_UTF8))).removeprefix(codecs.BOM_UTF8)
    data = block
    while lines and data:
        end = LINE_END.search(block)
        if end is None or end.end() == len(block):  # of CR LF the second may be still to come
            data = stream.read(BLOCK_BYTES)
            block += data
        else:
            block, lines = block[end.end():], lines - 1
    return b"" if lines else block


def _by_arrow(path: Path, rows: int, kept: list[int] | None, form: TableFormat, head: Head,
              reached: Callable[[int], None]) -> Iterator[pd.DataFrame]:
    width = len(head.names)
    names = [f"f{number}" for number in range(width)]  # those of the file may be there twice
    # Python reads the blocks, because a stream that pyarrow reads ahead in a thread of its own can wait for ever for a
    # thread of Python that waits for it.
    parsing = pyarrow.csv.ParseOptions(delimiter=head.separator, newlines_in_values=True, ignore_empty_lines=width > 1)
    converting = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False,
        include_columns=None if kept is None else [names[place] for place in kept])
    waiting: list[Any] = []
    for block in _blocks(path, form, head, reached):
        reading = pyarrow.csv.ReadOptions(block_size=len(block) + 1, column_names=names)
        table = pyarrow.csv.read_csv(pyarrow.BufferReader(block), reading, parsing, converting)
        waiting.append(table)
        if sum(map(len, waiting)) >= rows:
            table = pyarrow.concat_tables(waiting)
            for start in range(0, len(table) - rows + 1, rows):
                yield _arrow_frame(table.slice(start, rows), kept, head)
            waiting = [table.slice(len(table) - len(table) % rows)]
    if sum(map(len, waiting)):
        yield _arrow_frame(pyarrow.concat_tables(waiting), kept, head)


def _arrow_frame(table: Any, kept: list[int] | None, head: Head) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    frame.columns = pd.Index(_names(kept, head), dtype=object)
    return frame


def _names(kept: list[int] | None, head: Head) -> list[str]:
    return head.names if kept is None else [head.names[place] for place in kept]


def holds_records(value: str, head: Head) -> bool:
    """Detect an unclosed quote: most lines within a field look like records."""
    lines = value.split("\n")[1:-1]
    if len(head.names) < 2 or len(lines) < SWALLOWED_LINES - 1:
        return False
    records = sum(line.count(head.separator) == len(head.names) - 1 for line in lines)
    return records >= SWALLOWED_SHARE * len(lines)


def _by_python(path: Path, rows: int, kept: list[int] | None, form: TableFormat, head: Head, skip: int,
               reached: Callable[[int], None]) -> Iterator[pd.DataFrame]:
    """Yield frames from the row `skip` on."""
    with opened_text(path, form) as (raw, text):
        records = _records(text, path, form, head)
        for _ in islice(records, skip):
            pass
        while chunk := list(islice(records, rows)):
            columns = list(zip(*chunk, strict=True))
            places = range(len(columns)) if kept is None else kept
            yield object_frame({number: columns[place] for number, place in enumerate(places)}, _names(kept, head),
                               len(chunk))
            reached(raw.tell())


def _records(text: TextIOWrapper, path: Path, form: TableFormat, head: Head) -> Iterator[list[str]]:
    """Yield the records behind the header.

    Raises:
        UserError: for one that is not as it must be.
    """
    lines, separator, taken = _lines(text, path, form)
    reader = csv.reader(lines, strict=True, **dialect(form, separator))
    if form.header:
        _first(reader, path, taken, form)
    width, before = len(head.names), reader.line_num
    try:
        for record in reader:
            if len(record) != width:
                if not record or (len(record) == 1 and not record[0].strip() and width > 1):
                    before = reader.line_num
                    if width == 1:
                        yield [""]
                    continue
                raise _wrong_width(record, path, taken + before + 1, head, form)
            if reader.line_num - before > SWALLOWED_LINES:
                _check_lines(record, path, taken + before + 1, taken + reader.line_num, head, form)
            before = reader.line_num
            yield record
    except csv.Error as error:
        _refuse_quotes(path, taken + before + 1, taken + reader.line_num, str(error), form)


def _wrong_width(record: list[str], path: Path, line: int, head: Head, form: TableFormat) -> UserError:
    width, found = len(head.names), len(record)
    first = "header" if form.header else "first line"
    other = other_separator(head.names, head.separator)
    shown = "a tab" if head.separator == "\t" else f"'{head.separator}'"
    if other:
        advice = f"the {first} looks separated by {other}: {separator_advice(other)}"
    elif found == width + 1 and not record[-1]:
        advice = f"its last separator, {shown}, is one too many: remove it from the ends of the lines"
    elif found > width:
        advice = (f"quote texts that contain {shown}, or name the separator with --separator" if form.quoting != "none"
                  else f"a text contains {shown}, which separates the fields: name another --separator, or quote texts")
    else:
        advice = "a field is missing, or the line is cut off; or name the separator with --separator"
    fields = "field" if found == 1 else "fields"
    return UserError(f"{path}, line {line} has {found} {fields}, the {first} {width}: {advice}")


def other_separator(names: list[str], separator: str) -> str | None:
    """Return what separates the names of a header that was read as one name, as a word, or None."""
    if len(names) > 1:
        return None
    found = {word: names[0].count(other) for word, other in
             (("a semicolon", ";"), ("a tab", "\t"), ("a comma", ","), ("a pipe", "|")) if other != separator}
    best = max(found, key=lambda word: found[word])
    return best if found[best] else None


def separator_advice(other: str) -> str:
    """Return the flag that names a separator which `other_separator` found."""
    return f"add --separator {other.removeprefix('a ')}"


def _check_lines(record: list[str], path: Path, first: int, last: int, head: Head, form: TableFormat) -> None:
    if form.quoting is not None:
        return
    if any(holds_records(value, head) for value in record):
        raise UserError(f"{path}, line {first}: the record that begins here ends at line {last}, and the lines between "
                        "look like records of their own: a quote is not closed. If quotes are ordinary characters in "
                        "this file, add --quoting none; if the text is right, --quoting double")
    if last - first >= MANY_LINES:
        _warn_of_lines(path, first, last)


@cache
def _warn_of_lines(path: Path, first: int, last: int) -> None:
    """Warn of a long record, once."""
    log.warning(f"{path}, line {first}: the record that begins here ends at line {last}; if that is not one text, a "
                "quote is not closed: close it, or add --quoting none")


def _refuse_quotes(path: Path, first: int, last: int, why: str, form: TableFormat) -> NoReturn:
    where = f"{path}, line {first}: "
    if form.quoting == "none":
        raise UserError(f"{where}{why}") from None
    if "end of data" in why:
        problem = "a quote that is opened in the record that begins here is not closed until the end of the file"
    elif first == last:
        problem = "text follows a closing quote"
    else:
        problem = f"the quoted field that begins here ends at line {last}, where text follows its closing quote"
    other = " if quotes within texts are written \\\", --quoting backslash;" if form.quoting != "backslash" else ""
    raise UserError(f"{where}{problem}: if quotes are ordinary characters in this file, add --quoting none;{other} "
                    'else write each quote within a quoted text twice ("")') from None
