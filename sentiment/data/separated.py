"""Strict reader of CSV and TSV: a wrong number of fields or an unclosed quote is an error that names the line.

The reference is Python's `csv` module in strict mode, which takes a third longer than pandas. pyarrow is several times
faster, and parses a file up to the first quote that the two may read differently: one that neither opens nor closes a
field, and is not doubled within a field. From there, and after any error of pyarrow, Python's module continues at the
same row, and finds the line and the reason of an error.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
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
LONE_BACKSLASH = re.compile(r'\\(["\\])?')  # with the escaped character, if any
LARGEST_RECORD = 1 << 26  # bytes in which the end of a record is searched
QUOTE = ord('"')
# A quoted field with this many lines, this share of which look like records, starts with a stray quote.
SWALLOWED_LINES, SWALLOWED_SHARE = 6, 0.9
MANY_LINES = 100
DETECTED = {"semicolon": ";", "tab": "\t", "comma": ",", "pipe": "|"}
DETECTION_LINES = 100  # after the first
csv.field_size_limit(2**31 - 1)


def object_frame(columns: Iterable[Any], names: Sequence[object], rows: int) -> pd.DataFrame:
    """Return a frame of Python objects; column names may be duplicated, and there may be no columns."""
    frame = pd.DataFrame(dict(enumerate(columns)), dtype=object, index=range(rows))
    frame.columns = pd.Index(names, dtype=object)
    return frame


class Head:
    """Header of a CSV or TSV file.

    Attributes:
        path: of the file.
        form: its format.
        separator: between fields; see `separator_of`.
        taken: the number of lines before the header, 1 for a line `sep=;`, else 0.
        names: of the columns in the header; 1, 2, ... without a header.
        size: bytes before the first record in UTF-8, without a byte-order mark.

    Raises:
        UserError: if the file is empty, or a quote of its first record is not closed.
    """

    def __init__(self, path: Path, form: TableFormat) -> None:
        self.path, self.form, self.size = path, form, 0
        self.separator, self.taken = separator_of(path, form)
        with opened_text(path, form) as (_, text):
            lines = self._counted(text)
            for _ in range(self.taken):
                next(lines)
            before = self.size
            record = _first(_reader(lines, form, self.separator), self)
        if form.header:
            self.names = record
        else:
            self.names, self.size = [str(number) for number in range(1, len(record) + 1)], before

    def _counted(self, text: Iterable[str]) -> Iterator[str]:
        for line in text:
            self.size += len(line.encode("utf-8", "replace"))
            yield line

    def like_records(self, lines: Iterable[str]) -> int:
        """Return the number of lines with as many separators as the header."""
        return sum(line.count(self.separator) == len(self.names) - 1 for line in lines)


def separator_of(path: Path, form: TableFormat) -> tuple[str, int]:
    """Return the separator of a CSV or TSV file, and the number of lines before its header, 1 for a line `sep=;`.

    It is the one of the format, else that of the line `sep=`, else that of the suffix. Another one is detected if that
    does not split the header, and it alone splits the header and the first records into the same number of fields, at
    least two: spreadsheets write `.csv` with semicolons where the comma is the decimal mark. Without a header nothing
    is detected, because a text may contain any of them.
    """
    usual = SEPARATORS[kind_of(path)]
    with opened_text(path, form) as (_, text):
        first = text.readline().removeprefix("\ufeff")
        named = SEPARATOR_LINE.match(first)
        if named or form.separator or not form.header:
            return form.separator or (named[1] if named else usual), int(bool(named))
        lines = [first, *islice(text, DETECTION_LINES)]
    header = next(_parsed(lines, form, usual), [])
    fitting = [name for name, separator in DETECTED.items() if len(header) == 1 and separator in header[0]
               and _fields(lines, form, separator) > 1]
    if len(fitting) != 1:
        return usual, 0
    _say_separator(path, fitting[0])
    return DETECTED[fitting[0]], 0


def _parsed(lines: Iterable[str], form: TableFormat, separator: str) -> Iterator[list[str]]:
    """Yield the records of some lines that are not blank, up to the first that is no record."""
    with suppress(csv.Error):
        for record in _reader(iter(lines), form, separator):
            if len(record) > 1 or (record and record[0].strip()):
                yield record


def _fields(lines: Sequence[str], form: TableFormat, separator: str) -> int:
    """Return the number of fields of the records of some lines, 0 if they differ or there is only a header."""
    widths = [len(record) for record in _parsed(lines, form, separator)]
    return widths[0] if len(widths) > 1 and len(set(widths)) == 1 else 0


@cache
def _say_separator(path: Path, name: str) -> None:
    """Log a detected separator, once."""
    log(f"{path.name}: fields are separated by {name}s")


def output_format(path: Path, target: Path, form: TableFormat) -> TableFormat:
    """Return the format of an output file: that of its source, with its separator.

    Args:
        path: of the source.
        target: of the output; the separator is kept only in a file of the same type.
        form: of the source.

    Raises:
        UserError: if the source cannot be read.
    """
    if kind_of(path) not in SEPARATORS or kind_of(target) != kind_of(path):
        return replace(form, separator=None)
    with translated_errors(path, form):
        separator, taken = separator_of(path, form)
    return replace(form, separator=separator, separator_line=bool(taken))


def _reader(lines: Iterator[str], form: TableFormat, separator: str) -> Any:
    """Return a reader of the records of lines, from the header on; a byte-order mark is not part of the first."""
    lines = chain([next(lines, "").removeprefix("\ufeff")], lines)
    if form.quoting == "backslash":
        lines = (LONE_BACKSLASH.sub(lambda found: found[0] if found[1] else r"\\", line) for line in lines)
    return csv.reader(lines, strict=True, **dialect(form, separator))


def _first(reader: Any, head: Head) -> list[str]:
    """Return the first record that is not a blank line."""
    before = 0
    try:
        for record in reader:
            if record:
                return list(record)
            before = reader.line_num
    except csv.Error as error:
        _refuse_quotes(head.path, head.taken + before + 1, head.taken + reader.line_num, str(error), head.form)
    raise UserError(f"{head.path} is empty")


def separated_chunks(path: Path, rows: int, columns: list[str] | None, form: TableFormat
                     ) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield the records of a file as frames of `rows` rows, the last one smaller, with unconverted values.

    A blank line is a record with an empty field if there is one column, else it is skipped. Each frame comes with the
    position in the file up to which it was read.

    Raises:
        UserError: for a record with too few or too many fields, and for an unclosed quote, with the line.
        UnicodeDecodeError: for bytes that are invalid in the encoding.
    """
    head = Head(path, form)
    places = list(range(len(head.names))) if columns is None else \
        [head.names.index(name) for name in columns if name in head.names]
    names = pd.Index([head.names[place] for place in places], dtype=object)
    yielded = 0
    if form.quoting in (None, "double") and encoding_of(path, form).startswith("utf-8") and head.separator.isascii():
        try:
            for frame, position in _by_arrow(head, rows, places):
                frame.columns = names
                yield frame, position
                yielded += len(frame)
            if yielded:
                return
        except (_IrregularQuoteError, pyarrow.ArrowInvalid):
            pass
    for frame, position in _by_python(head, rows, places, yielded):
        frame.columns = names
        yield frame, position
        yielded += len(frame)
    if not yielded:
        yield pd.DataFrame(columns=names, dtype=object), 0


class _IrregularQuoteError(Exception):
    """A quote that neither opens nor closes a field, and is not doubled within a field."""


def _whole_records(block: bytes, head: Head, *, last: bool) -> int:
    """Return the length of the complete records of a block, which starts with a record; all of it if it is the last.

    In regular text, quotes alternately open and close fields, and a doubled quote does both: an opening quote follows a
    separator, a line end or a quote, and a closing quote precedes one. Records that seem to contain others, or have
    very many lines, are also left to Python's module, which reports them. A quote at the end of a block counts as
    closing, because the following text is checked with the next block, which begins with the same record.

    Raises:
        _IrregularQuoteError: for text that Python's module has to read.
    """
    values = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(values == QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    before = values[np.maximum(opening - 1, 0)]  # for a quote at the start: itself, which is valid
    after = values[np.minimum(closing + 1, len(values) - 1)]
    edges = np.zeros(256, bool)
    edges[[ord(head.separator), ord("\r"), ord("\n"), QUOTE]] = True
    if not (edges[before].all() and edges[after].all()) or (last and len(quotes) % 2):
        raise _IrregularQuoteError
    breaks = np.flatnonzero(values == ord("\n"))
    if last:
        breaks = np.append(breaks, len(values))  # the last line may be without a line end
    ends = np.flatnonzero(np.searchsorted(quotes, breaks) % 2 == 0)  # whether each line break ends a record
    long = np.flatnonzero(np.diff(ends, prepend=-1) > SWALLOWED_LINES - 1) if head.form.quoting is None else ()
    for place in long:
        start = int(breaks[ends[place - 1]]) + 1 if place else 0
        lines = block[start:int(breaks[ends[place]])].decode("utf-8", "replace").split("\n")
        if len(lines) > MANY_LINES or head.like_records(lines[1:-1]) >= SWALLOWED_LINES - 1:
            raise _IrregularQuoteError
    if last:
        return len(block)
    return int(breaks[ends[-1]]) + 1 if len(ends) else 0


def _blocks(head: Head) -> Iterator[tuple[bytes, int]]:
    """Yield blocks of complete records of a file, some million bytes each, and the position after them.

    Raises:
        _IrregularQuoteError: for a quote that pyarrow may read differently from Python, or a record without an end.
    """
    with opened(head.path) as (raw, stream):
        start = stream.read(len(codecs.BOM_UTF8) + head.size + BLOCK_BYTES)
        rest = start.removeprefix(codecs.BOM_UTF8)[head.size:]
        while True:
            data = stream.read(BLOCK_BYTES)
            block = rest + data
            if block.startswith(codecs.BOM_UTF8):  # pyarrow skips it at the start of each block
                raise _IrregularQuoteError
            whole = _whole_records(block, head, last=not data) if block else 0
            if whole:
                yield block[:whole], raw.tell()
            rest = block[whole:]
            if not data:
                return
            if len(rest) > LARGEST_RECORD:
                raise _IrregularQuoteError


def _by_arrow(head: Head, rows: int, places: list[int]) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield frames of the columns at `places`, each with the position in the file."""
    width = len(head.names)
    names = [f"f{number}" for number in range(width)]  # names of the file may be duplicated
    # Python reads the blocks, because a stream that pyarrow reads ahead in its own thread can wait forever for a
    # thread of Python that waits for it.
    parsing = pyarrow.csv.ParseOptions(delimiter=head.separator, newlines_in_values=True, ignore_empty_lines=width > 1)
    converting = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False,
        include_columns=[names[place] for place in places])
    waiting: list[Any] = []
    position = 0
    for block, position in _blocks(head):
        reading = pyarrow.csv.ReadOptions(block_size=len(block) + 1, column_names=names)
        waiting.append(pyarrow.csv.read_csv(pyarrow.BufferReader(block), reading, parsing, converting))
        if sum(map(len, waiting)) >= rows:
            table = pyarrow.concat_tables(waiting)
            for start in range(0, len(table) - rows + 1, rows):
                yield table.slice(start, rows).to_pandas(types_mapper=pd.ArrowDtype), position
            waiting = [table.slice(len(table) - len(table) % rows)]
    if sum(map(len, waiting)):
        yield pyarrow.concat_tables(waiting).to_pandas(types_mapper=pd.ArrowDtype), position


def _by_python(head: Head, rows: int, places: list[int], skip: int) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield frames of the columns at `places` from the row `skip` on, each with the position in the file."""
    with opened_text(head.path, head.form) as (raw, text):
        records = islice(_records(text, head), skip, None)
        while chunk := list(islice(records, rows)):
            columns = list(zip(*chunk, strict=True))
            yield object_frame((columns[place] for place in places), places, len(chunk)), raw.tell()


def _records(text: TextIOWrapper, head: Head) -> Iterator[list[str]]:
    """Yield the records after the header.

    Raises:
        UserError: for an invalid record.
    """
    path, form, taken, width = head.path, head.form, head.taken, len(head.names)
    for _ in range(taken):
        text.readline()
    reader = _reader(text, form, head.separator)
    if form.header:
        _first(reader, head)
    before = reader.line_num
    try:
        for record in reader:
            if len(record) != width:
                if not record or (len(record) == 1 and not record[0].strip() and width > 1):
                    before = reader.line_num
                    if width == 1:
                        yield [""]
                    continue
                raise _wrong_width(record, taken + before + 1, head)
            if reader.line_num - before > SWALLOWED_LINES and form.quoting is None:
                _check_lines(record, taken + before + 1, taken + reader.line_num, head)
            before = reader.line_num
            yield record
    except csv.Error as error:
        _refuse_quotes(path, taken + before + 1, taken + reader.line_num, str(error), form)


def _wrong_width(record: list[str], line: int, head: Head) -> UserError:
    width, found = len(head.names), len(record)
    first = "header" if head.form.header else "first line"
    hint = separator_hint(head.names, head.separator)
    shown = "a tab" if head.separator == "\t" else f"'{head.separator}'"
    if hint:
        advice = f"the {first} looks {hint}"
    elif found == width + 1 and not record[-1]:
        advice = f"its last separator, {shown}, is one too many: remove it from the ends of the lines"
    elif found < width:
        advice = "a field is missing, or the line is truncated; or set the separator with --separator"
    elif head.form.quoting == "none":
        advice = f"a text contains {shown}, which is the separator: choose another --separator, or quote texts"
    else:
        advice = f"quote texts that contain {shown}, or set the separator with --separator"
    fields = "field" if found == 1 else "fields"
    return UserError(f"{head.path}, line {line} has {found} {fields}, the {first} {width}: {advice}")


def separator_hint(names: list[str], separator: str) -> str:
    """Return a hint at the separator of a header that was read as one name, with its flag; empty if there is none."""
    if len(names) > 1:
        return ""
    found = {word: names[0].count(other) for word, other in DETECTED.items() if other != separator}
    best = max(found, key=lambda word: found[word])
    return f"separated by a {best}: add --separator {best}" if found[best] else ""


def _check_lines(record: list[str], first: int, last: int, head: Head) -> None:
    """Refuse an unclosed quote: most lines within a field look like records."""
    for value in record:
        lines = value.split("\n")[1:-1]
        if len(head.names) > 1 and len(lines) >= SWALLOWED_LINES - 1 \
                and head.like_records(lines) >= SWALLOWED_SHARE * len(lines):
            raise UserError(f"{head.path}, line {first}: the record that begins here ends at line {last}, and the "
                            "lines between look like records of their own: a quote is not closed. If quotes are "
                            "ordinary characters in this file, add --quoting none; if the text is right, --quoting "
                            "double")
    if last - first >= MANY_LINES:
        _warn_of_lines(head.path, first, last)


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
