"""A table that is written part by part, so that a killed run loses a part at most, and then becomes one file.

Until `scored/reviews.parquet` is complete there is a folder `scored/.reviews.parquet.parts` with `plan.json`, which
says of what model, sources and options it is, and a file for each part, such as `000000000-000016384.parquet`, rows 0
to 16,383.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from sentiment.datasets.tables import SUFFIXES
from sentiment.errors import UserError
from sentiment.files import written_beside

PART_ROWS = 16_384


class PartedTable:
    """A CSV, TSV, JSONL or Parquet file in the making.

    Args:
        path: where it will be.
        plan: what it is made of; parts of another plan do not belong to it.
    """

    def __init__(self, path: Path, plan: dict[str, Any]) -> None:
        check_target(path)
        self.path = path
        self.kind = path.suffix.lower()
        self.folder = parts_folder(path)
        self.plan = plan
        self._frames: list[pd.DataFrame] = []
        self._rows = 0

    def begin(self, *, resume: bool) -> int:
        """Make the folder of parts and return how many rows are in it: 0 unless `resume` and there are some.

        Raises:
            UserError: if there are parts of another plan.
        """
        plan = self.folder / "plan.json"
        if resume and plan.is_file():
            if json.loads(plan.read_text(encoding="utf-8")) != self.plan:
                raise UserError(f"{self.folder} is of another model, other files or other options: start anew with "
                                "--overwrite")
            self._rows = self._parts()[-1][1] if self._parts() else 0
            return self._rows
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        with written_beside(plan) as beside:
            beside.write_text(json.dumps(self.plan), encoding="utf-8")
        return 0

    def write(self, frame: pd.DataFrame) -> None:
        """Append a frame, which is on the disk when there are enough rows for a part."""
        self._frames.append(frame)
        if sum(map(len, self._frames)) >= PART_ROWS:
            self._flush()

    def finish(self) -> int:
        """Make one file of all parts, and return how many rows it has."""
        if self._frames:
            self._flush()
        with written_beside(self.path) as beside:
            _MERGED[self.kind]([path for _, _, path in self._parts()], beside)
        self.discard()
        return self._rows

    def discard(self) -> None:
        """Remove all parts."""
        shutil.rmtree(self.folder)

    def _flush(self) -> None:
        frame = pd.concat(self._frames, ignore_index=True) if len(self._frames) > 1 else self._frames[0]
        first, self._rows, self._frames = self._rows, self._rows + len(frame), []
        with written_beside(self.folder / f"{first:09}-{self._rows:09}{self.kind}") as beside:
            _WRITTEN[self.kind](frame, beside, first == 0)

    def _parts(self) -> list[tuple[int, int, Path]]:
        """Return the parts in order, as first row, row behind the last, and file."""
        parts = []
        for path in sorted(self.folder.glob(f"*-*{self.kind}")):
            first, last = map(int, path.stem.split("-"))
            parts.append((first, last, path))
        if any(one[1] != other[0] for one, other in pairwise(parts)) or (parts and parts[0][0]):
            raise UserError(f"a part is missing in {self.folder}: start anew with --overwrite")
        return parts


def parts_folder(path: Path) -> Path:
    """Return where the parts of a file are until it is complete."""
    return path.with_name(f".{path.name}.parts")


def check_target(path: Path) -> None:
    """Refuse a file that cannot be written.

    Raises:
        UserError: if its kind or its folder is not known.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"cannot write {path}: expected a file ending in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: no such folder: {path.parent}")


def _write_parquet(frame: pd.DataFrame, path: Path, first: bool) -> None:
    try:
        pyarrow.parquet.write_table(pyarrow.Table.from_pandas(frame, preserve_index=False), path)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise _not_parquet(error.args[-1]) from None


def _write_json(frame: pd.DataFrame, path: Path, first: bool) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in frame.to_dict(orient="records"):
            given = {name: None if value is pd.NA else value for name, value in record.items()
                     if value is pd.NA or value == value}  # what a row lacks is a float that is not itself
            file.write(json.dumps(given, ensure_ascii=False, default=str) + "\n")


def _write_separated(separator: str) -> Callable[[pd.DataFrame, Path, bool], None]:
    def write(frame: pd.DataFrame, path: Path, first: bool) -> None:
        frame.to_csv(path, sep=separator, index=False, header=first)

    return write


def _merge_bytes(parts: list[Path], path: Path) -> None:
    with path.open("wb") as whole:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole)


def _merge_parquet(parts: list[Path], path: Path) -> None:
    """Write all parts, in types that hold the values of each: a column may have been empty in the first."""
    schemas = [pyarrow.parquet.read_schema(part).remove_metadata() for part in parts]
    try:
        schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise _not_parquet(error) from None
    with pyarrow.parquet.ParquetWriter(path, schema) as whole:
        for part in parts:
            for batch in _batches(part):
                whole.write_table(pyarrow.Table.from_batches([batch]).replace_schema_metadata(None).cast(schema))


def _not_parquet(why: object) -> UserError:
    return UserError(f"a column of Parquet has values of one type alone ({why}): write .jsonl or .csv")


def _batches(part: Path) -> Iterator[Any]:
    with pyarrow.parquet.ParquetFile(part) as file:
        yield from file.iter_batches()


_WRITTEN: dict[str, Callable[[pd.DataFrame, Path, bool], None]] = {
    ".parquet": _write_parquet, ".jsonl": _write_json, ".csv": _write_separated(","), ".tsv": _write_separated("\t")}
_MERGED = {".parquet": _merge_parquet, ".jsonl": _merge_bytes, ".csv": _merge_bytes, ".tsv": _merge_bytes}
