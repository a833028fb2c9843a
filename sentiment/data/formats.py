"""File formats of tables: suffixes, compression, encodings, and a writer of CSV and TSV."""

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

import pyarrow

from sentiment.errors import UserError
from sentiment.table_format import DEFAULT_FORMAT, TableFormat

SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
JSON_KINDS = (*JSON_LINES, ".json")
KINDS = (*SEPARATORS, *JSON_KINDS, ".parquet", ".xlsx")
WRITTEN_KINDS = tuple(kind for kind in KINDS if kind != ".xlsx")
BINARY_KINDS = (".parquet", ".xlsx")
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
                    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # UTF-32 first: it begins like UTF-16
SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\r?\n?$')  # written by spreadsheets above the header
ADVICE = {
    "unpack it and name its files": (".zip", ".tar", ".tgz", ".7z", ".rar"),
    "unpack it (unxz), or compress it with gzip": (".xz",),
    "save it as .xlsx or .csv": (".xls", ".ods"),
    "export it as .csv": (".numbers",),
    "save it as .parquet": (".arrow", ".feather", ".orc", ".avro"),
    "save it as .parquet; a pickle can run code": (".pkl", ".pickle"),
    "export the table as .csv": (".db", ".sqlite", ".sql", ".xml", ".html", ".sav", ".dta"),
    "rename it to .tsv or .csv if it is a table; a folder with a subfolder of .txt files for each class is read as it "
    "is": (".txt",)}


def suffixes_of(path: Path) -> tuple[str, str | None]:
    """Return the suffixes of a table in lower case: `.csv` and `.gz` of `reviews.csv.gz`, else one and None."""
    last = path.suffix.lower()
    return (Path(path.stem).suffix.lower(), last) if last in COMPRESSIONS else (last, None)


def kind_of(path: Path) -> str:
    """Return the suffix of a table without its compression suffix."""
    return suffixes_of(path)[0]


def is_read(path: Path) -> bool:
    """Whether a file of this name can be read as a table."""
    kind, compressed = suffixes_of(path)
    return kind in KINDS and not (compressed and kind in BINARY_KINDS)


def is_written(path: Path) -> bool:
    """Whether a table can be written to a file of this name."""
    return is_read(path) and kind_of(path) in WRITTEN_KINDS


def advice_for(path: Path) -> str:
    """Return advice for a file type that cannot be read, empty if it is unknown."""
    kind, compressed = suffixes_of(path)
    if compressed and kind in BINARY_KINDS:
        return "; unpack it"
    last = kind if kind == ".tar" else path.suffix.lower()
    if last in COMPRESSIONS:
        return f"; name it after its content, such as reviews.csv{last}"
    return next((f"; {advice}" for advice, suffixes in ADVICE.items() if last in suffixes), "")


def dialect(form: TableFormat, separator: str) -> dict[str, Any]:
    """Return the arguments of `csv.reader` and `csv.writer` for a format."""
    if form.quoting == "none":
        return {"delimiter": separator, "quoting": csv.QUOTE_NONE, "quotechar": None}
    if form.quoting == "backslash":
        return {"delimiter": separator, "doublequote": False, "escapechar": "\\"}
    return {"delimiter": separator}


def check_applies(form: TableFormat, paths: Sequence[Path], where: str) -> None:
    """Refuse format options that apply to no file.

    Args:
        form: with the options.
        paths: of all tables.
        where: the name of the data, for the message.

    Raises:
        UserError: for an option that is set and applies to none of them.
    """
    used = {kind_of(path) for path in paths}
    for flag, value, kinds in (("--encoding", form.encoding, BINARY_KINDS),
                               ("--separator", form.separator, (*JSON_KINDS, *BINARY_KINDS)),
                               ("--quoting", form.quoting, (*JSON_KINDS, *BINARY_KINDS)),
                               ("--no-header", not form.header, (*JSON_KINDS, ".parquet"))):
        if value and used <= set(kinds):
            raise UserError(f"{flag} does not apply to {where}: omit it")


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], Any]]:
    """Open a file; yield the raw file, whose position shows progress, and the stream of its decompressed bytes."""
    compression = suffixes_of(path)[1]
    with path.open("rb") as file:
        if compression is None:
            yield file, file
        else:
            yield file, pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), COMPRESSIONS[compression])


def encoding_of(path: Path, form: TableFormat) -> str:
    """Return the encoding of a text file: the configured one, that of its byte-order mark, or UTF-8.

    Raises:
        UserError: if it looks like UTF-16 without a byte-order mark.
    """
    if form.encoding is not None:
        return form.encoding
    with opened(path) as (_, stream):
        start = stream.read(256)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    for first, name in ((0, "utf-16-be"), (1, "utf-16-le")):
        zeros, others = start[first::2].count(0), start[1 - first::2].count(0)
        if len(start) >= 4 and zeros > 0.8 * len(start[first::2]) and not others:
            raise UserError(f"{path} looks like UTF-16 without a byte-order mark: add --encoding {name}, or save the "
                            "file as UTF-8")
    return "utf-8"


@contextmanager
def opened_text(path: Path, form: TableFormat) -> Iterator[tuple[IO[bytes], TextIOWrapper]]:
    """Open a text file; yield the raw file, and its decoded text with unchanged line ends."""
    encoding = encoding_of(path, form)
    with opened(path) as (file, stream):
        yield file, TextIOWrapper(stream, encoding=encoding, newline="")


@contextmanager
def translated_errors(path: Path, form: TableFormat) -> Iterator[None]:
    """Convert errors of decoding, decompressing and parsing a file to a `UserError` that names it."""
    try:
        yield
    except UnicodeError as error:
        raise not_decoded(path, form, error) from None
    except RecursionError:
        raise UserError(f"cannot read {path}: its objects are nested too deeply") from None
    except (pyarrow.ArrowException, EOFError, OSError) as error:
        why = getattr(error, "strerror", None) or str(error).strip().splitlines()[-1]
        raise UserError(f"cannot read {path}: {why}") from None


def read_text(path: Path, form: TableFormat) -> str:
    """Return a whole text file, with line ends converted to line feeds.

    Raises:
        UserError: for bytes that are invalid in its encoding.
    """
    try:
        return path.read_text(encoding=encoding_of(path, form)).removeprefix("\ufeff")
    except UnicodeError as error:
        raise not_decoded(path, form, error) from None


def not_decoded(path: Path, form: TableFormat, error: UnicodeError) -> UserError:
    """Return the error for a file with bytes that are invalid in its encoding, with their line."""
    encoding = encoding_of(path, form)
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    try:
        with opened(path) as (_, stream):
            while block := stream.read(1 << 20):
                line += decoder.decode(block).count("\n")
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as found:
        line += found.object[:found.start].decode(encoding, "ignore").count("\n")
        error = found
    except UnicodeError as found:
        error = found
    named = "UTF-8" if encoding.startswith("utf-8") else encoding
    shown = f"byte 0x{error.object[error.start]:02x}" if isinstance(error, UnicodeDecodeError) else str(error)
    return UserError(f"{path}, line {line}: not {named} ({shown}); name its encoding, such as --encoding cp1252 or "
                     "latin-1, or save the file as UTF-8")


class SeparatedWriter:
    """Writer of CSV or TSV records that preserves all values.

    Args:
        file: opened with ``newline=""``.
        separator: between fields.
        form: with the quoting.
    """

    def __init__(self, file: IO[str], separator: str, form: TableFormat = DEFAULT_FORMAT) -> None:
        self._file = file
        # Python's module quotes a carriage return only if line ends have one, which `write` removes.
        self._writer = csv.writer(self, lineterminator="\r\n", **dialect(form, separator))

    def write(self, record: str) -> int:
        """Write the output of `csv.writer` for a record, with a line feed as its end."""
        return self._file.write(record.removesuffix("\r\n") + "\n")

    def rows(self, rows: Iterable[Iterable[object]]) -> None:
        """Write records; a missing value is an empty field.

        Raises:
            UserError: without quoting, for a value with a separator or a line break.
        """
        for row in rows:
            try:
                self._writer.writerow(row)
            except csv.Error:
                raise UserError(f"the row {json.dumps(list(map(str, row)))[:60]} has a separator or a line break, "
                                "which --quoting none cannot write: choose .jsonl or .parquet for --output") from None
