"""Score a file of any size in constant memory."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from sentiment.datasets.tables import SUFFIXES, TEXT_NAMES, as_texts, column_named, matching_files, read_chunks
from sentiment.errors import UserError
from sentiment.predictions import Predictor

CHUNK_ROWS = 4096
LABEL_COLUMN, SCORE_COLUMN = "predicted_label", "predicted_score"


def _chunks(source: str, text_column: str | None) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """Yield the rows of a file (or of all that a glob names) and their texts."""
    for path in matching_files(source):
        for frame in read_chunks(path, CHUNK_ROWS):
            column = column_named(frame.columns, text_column, TEXT_NAMES, "--text-column", str(path))
            yield frame, as_texts(frame[column])


def text_chunks(source: str, text_column: str | None) -> Iterator[list[str]]:
    """Yield the texts of a file, or of all that a glob names."""
    for _, texts in _chunks(source, text_column):
        yield texts


def scored_chunks(classifier: Predictor, source: str, text_column: str | None) -> Iterator[pd.DataFrame]:
    """Yield the rows of a file (or of all that a glob names), all columns kept, with the prediction added.

    The columns added are `predicted_label` and `predicted_score`, the label's probability.
    """
    for frame, texts in _chunks(source, text_column):
        for added in (LABEL_COLUMN, SCORE_COLUMN):
            if added in frame.columns:
                raise UserError(f"{source} already has a column '{added}': rename it")
        predictions = classifier.predict(texts)
        frame[LABEL_COLUMN] = [answer.label for answer in predictions]
        frame[SCORE_COLUMN] = [answer.score for answer in predictions]
        yield frame


class TableWriter:
    """Writes frames one after another to a CSV, TSV, JSONL or Parquet file that appears when complete."""

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"cannot write {path}: expected a file ending in {', '.join(SUFFIXES)}")
        if not path.parent.is_dir():
            raise UserError(f"cannot write {path}: no such folder: {path.parent}")
        self.path = path
        self.beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        self.kind = path.suffix.lower()
        self._parquet: Any = None

    def __enter__(self) -> "TableWriter":
        return self

    def write(self, frame: pd.DataFrame) -> None:
        """Append a frame."""
        if self.kind == ".parquet":
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
            if self._parquet is None:
                self._parquet = pyarrow.parquet.ParquetWriter(self.beside, table.schema)
            self._parquet.write_table(table.cast(self._parquet.schema))
            return
        first = not self.beside.exists()
        with self.beside.open("a", encoding="utf-8", newline="") as file:
            if self.kind == ".jsonl":
                for record in frame.to_dict(orient="records"):
                    file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
            else:
                frame.to_csv(file, sep="\t" if self.kind == ".tsv" else ",", index=False, header=first)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._parquet is not None:
            self._parquet.close()
        if kind is None and self.beside.exists():
            self.beside.replace(self.path)
        else:
            self.beside.unlink(missing_ok=True)
