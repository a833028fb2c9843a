"""Table written in parts, which are merged into one file; a killed run loses at most one part.

Until `scored/reviews.parquet` is complete, the folder `scored/.reviews.parquet.parts` has `plan.json`, with the model,
sources and options, and one file per part, such as `000000000-000016384.parquet` for rows 0 to 16,383.
"""

import json
import re
import secrets
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from sentiment.data.formats import (
    COMPRESSIONS,
    SEPARATORS,
    WRITTEN_KINDS,
    SeparatedWriter,
    is_written,
    kind_of,
    suffixes_of,
)
from sentiment.data.reading import MISSING, WrittenFloat
from sentiment.data.separated import object_frame
from sentiment.data.tables import cells, column_of
from sentiment.errors import UserError
from sentiment.files import written_beside
from sentiment.stored import read_json
from sentiment.table_format import DEFAULT_FORMAT, TableFormat

PART_ROWS = 16_384
BUFFER_BYTES = 1 << 20
MARK = secrets.token_hex(8)  # prefix of a number until it is written; a text has it with a probability of 2 ** -64
FORMULA = re.compile(r"[=+\-@\t\r]")  # first characters of text that spreadsheets evaluate
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?")
WRITTEN = re.compile(f'"{MARK}([^"]*)"')


class PartedTable:
    """A CSV, TSV, JSON, JSON lines or Parquet file that is being written; text is UTF-8.

    Args:
        path: of the complete file.
        plan: its model, sources and options; parts with another plan are refused.
        form: separator, quoting and header of CSV and TSV.
        columns: of CSV and TSV; None if all frames have the same columns.
        defuse: whether text in CSV and TSV that spreadsheets would evaluate is prefixed with an apostrophe.
    """

    def __init__(self, path: Path, plan: dict[str, Any], form: TableFormat = DEFAULT_FORMAT,
                 columns: list[str] | None = None, *, defuse: bool = False) -> None:
        check_target(path)
        self.path = path
        self.kind = kind_of(path)
        self.form = form
        self.columns = columns
        self.defuse = defuse
        self.folder = parts_folder(path)
        self.plan = plan
        self._frames: list[pd.DataFrame] = []
        self._rows = 0

    def begin(self, *, resume: bool) -> int:
        """Create the folder of parts and return the number of rows in it, 0 unless `resume` is set.

        Raises:
            UserError: if there are parts with another plan.
        """
        plan = self.folder / "plan.json"
        if resume and plan.is_file():
            if read_json(plan, {str: object}) != self.plan:
                raise UserError(f"{self.folder} belongs to another model, other files or other options: start again "
                                "with --overwrite")
            self._rows = self._parts()[-1][1] if self._parts() else 0
            return self._rows
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        with written_beside(plan) as beside:
            beside.write_text(json.dumps(self.plan), encoding="utf-8")
        return 0

    def write(self, frame: pd.DataFrame) -> None:
        """Append a frame, which is written when there are enough rows for a part.

        Raises:
            UserError: for a value that the file type does not support.
        """
        self._frames.append(frame)
        if sum(map(len, self._frames)) >= PART_ROWS:
            self._flush()

    def finish(self) -> int:
        """Merge all parts into one file, and return its number of rows.

        Raises:
            UserError: as `write`.
        """
        if self._frames:
            self._flush()
        with written_beside(self.path) as beside:
            paths = [path for _, _, path in self._parts()]
            if self.kind == ".parquet":
                _merge_parquet(paths, beside)
            else:
                _merge_text(paths, beside, self.kind, suffixes_of(self.path)[1])
        self.discard()
        return self._rows

    def discard(self) -> None:
        """Remove all parts."""
        shutil.rmtree(self.folder)

    def _flush(self) -> None:
        frame = _joined(self._frames)
        first, self._rows, self._frames = self._rows, self._rows + len(frame), []
        with written_beside(self.folder / f"{first:09}-{self._rows:09}{self.kind}") as beside:
            if self.kind == ".parquet":
                _write_parquet(frame, beside)
            elif self.kind in SEPARATORS:
                _write_separated(frame, beside, self.kind, self.form, self.columns or list(frame.columns),
                                 header=first == 0, defuse=self.defuse)
            else:
                _write_json(frame, beside)

    def _parts(self) -> list[tuple[int, int, Path]]:
        """Return the parts in order: first row, last row + 1, and file."""
        parts = []
        for path in sorted(self.folder.glob(f"*-*{self.kind}")):
            first, last = map(int, path.stem.split("-"))
            parts.append((first, last, path))
        if any(one[1] != other[0] for one, other in pairwise(parts)) or (parts and parts[0][0]):
            raise UserError(f"a part is missing in {self.folder}: start again with --overwrite")
        return parts


def parts_folder(path: Path) -> Path:
    """Return the folder of the parts of a file."""
    return path.with_name(f".{path.name}.parts")


def check_target(path: Path) -> None:
    """Refuse a file that cannot be written.

    Raises:
        UserError: if its type is unknown or its folder is missing.
    """
    if not is_written(path):
        raise UserError(f"cannot write {path}: expected a file ending in {', '.join(WRITTEN_KINDS)}, those of text "
                        f"also with {', '.join(COMPRESSIONS)}")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: no such folder: {path.parent}")


def _check_names(frame: pd.DataFrame, kind: str) -> None:
    names = list(frame.columns)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"two columns are called '{twice}', which {kind} does not support: write .csv, or rename one")


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    _check_names(frame, ".parquet")
    columns = [_arrow_column(values) for _, values in frame.items()]
    try:
        pyarrow.parquet.write_table(pyarrow.table(columns, list(frame.columns)), path)
    except pyarrow.ArrowException as error:
        raise _not_parquet(error) from None


def _arrow_column(values: "pd.Series[Any]") -> Any:
    if values.dtype != "object":
        return pyarrow.array(values)
    try:
        return pyarrow.array([None if value is MISSING else value for value in cells(values)], from_pandas=True)
    except (pyarrow.ArrowException, OverflowError) as error:
        raise _not_parquet(f"{values.name}: {error}") from None


def _write_json(frame: pd.DataFrame, path: Path) -> None:
    _check_names(frame, ".jsonl")
    names = list(frame.columns)
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in zip(*(cells(frame[name]) for name in names), strict=True):
            record = {name: value for name, value in zip(names, row, strict=True) if value is not MISSING}
            file.write(_json(record) + "\n")


def _json(value: Any) -> str:
    """Return JSON in which numbers from JSON are spelled as in the source."""
    text = json.dumps(_marked(value), ensure_ascii=False, default=str)
    return WRITTEN.sub(r"\1", text) if MARK in text else text


def _marked(value: Any) -> Any:
    """Return a value with numbers that have their source spelling replaced by marked strings."""
    if isinstance(value, WrittenFloat):
        return MARK + value.written
    if isinstance(value, dict):
        return {key: _marked(one) for key, one in value.items()}
    return [_marked(one) for one in value] if isinstance(value, list) else value


def _write_separated(frame: pd.DataFrame, path: Path, kind: str, form: TableFormat, columns: list[str], *,
                     header: bool, defuse: bool) -> None:
    values = [cells(frame.iloc[:, place]) for place in range(frame.shape[1])]
    if list(frame.columns) != columns:
        found = dict(zip(frame.columns, values, strict=True))
        values = [found.get(name, [None] * len(frame)) for name in columns]
    field = _defused if defuse else _field
    rows = zip(*(map(field, column) for column in values), strict=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = SeparatedWriter(file, form.separator or SEPARATORS[kind], form)
        if header and form.separator_line:
            file.write(f"sep={form.separator}\n")
        if header and form.header:
            writer.rows([list(map(field, columns))])
        writer.rows(rows)


def _field(value: Any) -> Any:
    """Return a value as a CSV field: empty for a missing value, JSON for lists and objects."""
    if isinstance(value, (list, dict)):
        return _json(value)
    return None if value is MISSING or value != value else value


def _defused(value: Any) -> Any:
    """Return a CSV field; text that a spreadsheet would evaluate as a formula is prefixed with an apostrophe."""
    found = _field(value)
    return f"'{found}" if isinstance(found, str) and FORMULA.match(found) and not NUMBER.fullmatch(found) else found


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate frames; a column with different types, or missing in a frame, has Python objects."""
    if len(frames) == 1:
        return frames[0]
    names = list(frames[0].columns)
    alike = all(list(frame.columns) == names for frame in frames)
    if alike and all((frame.dtypes.to_numpy() == frames[0].dtypes.to_numpy()).all() for frame in frames):
        return pd.concat(frames, ignore_index=True)
    if not alike:
        names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    columns = ([value for frame in frames
                for value in cells(frame.iloc[:, place] if alike else column_of(frame, name))]
               for place, name in enumerate(names))
    return object_frame(columns, names, sum(map(len, frames)))


def _merge_text(parts: list[Path], path: Path, kind: str, compressed: str | None) -> None:
    """Merge all parts into one text file, compressed according to its name; `.json` becomes an array."""
    with pyarrow.output_stream(path, COMPRESSIONS.get(compressed or ""), buffer_size=BUFFER_BYTES) as whole:
        if kind == ".json":
            _merge_array(parts, whole)
            return
        for part in parts:
            with part.open("rb") as content:
                shutil.copyfileobj(content, whole)


def _merge_array(parts: list[Path], whole: Any) -> None:
    before = b"[\n"
    for part in parts:
        with part.open("rb") as lines:
            for line in lines:
                whole.write(before + line.rstrip(b"\n"))
                before = b",\n"
    whole.write(b"\n]\n" if before == b",\n" else b"[]\n")


def _merge_parquet(parts: list[Path], path: Path) -> None:
    """Merge all parts into one Parquet file, with types that fit all parts: a column may be empty in the first."""
    schemas = [pyarrow.parquet.read_schema(part).remove_metadata() for part in parts]
    try:
        schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
        with pyarrow.parquet.ParquetWriter(path, schema) as whole:
            for part in parts:
                with pyarrow.parquet.ParquetFile(part) as file:
                    for batch in file.iter_batches():
                        rows = [schema.empty_table(), pyarrow.Table.from_batches([batch])]
                        whole.write_table(pyarrow.concat_tables(rows, promote_options="permissive"))
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise _not_parquet(error) from None


def _not_parquet(why: object) -> UserError:
    return UserError(f"all values of a Parquet column must have one type ({why}): write .jsonl or .csv")
