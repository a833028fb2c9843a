"""Frames of a few thousand rows of files, with predictions as columns."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from sentiment.data.formats import JSON_KINDS, check_applies, kind_of
from sentiment.data.reading import read_chunks
from sentiment.data.tables import (
    TEXT_NAMES,
    as_texts,
    column_named,
    column_of,
    first_columns,
    header_hint,
    matching_files,
)
from sentiment.errors import UserError
from sentiment.predictions import Predictor
from sentiment.table_format import DEFAULT_FORMAT, TableFormat

CHUNK_ROWS = 4096
LABEL_COLUMN, SCORE_COLUMN = "predicted_label", "predicted_score"


def text_chunks(source: str, text_column: str | None, form: TableFormat = DEFAULT_FORMAT) -> Iterator[list[str]]:
    """Yield the texts of a file, or of all that a glob names.

    Raises:
        UserError: if a file cannot be read, or has no column with texts.
    """
    paths = matching_files(source)
    check_applies(form, paths, source)
    for path, frame, name in _named_frames(paths, text_column, form):
        yield as_texts(column_of(frame, name), str(path))


def _named_frames(paths: Sequence[Path], text_column: str | None, form: TableFormat,
                  seen: Callable[[int], None] = lambda size: None) -> Iterator[tuple[Path, pd.DataFrame, str]]:
    """Yield the rows of files with their path and the name of the column with the text."""
    for path in paths:
        name = None
        for frame in read_chunks(path, CHUNK_ROWS, form=form, seen=seen):
            name = name or text_name(frame, text_column, path, form)
            yield path, frame, name


def scored_frames(classifier: Predictor, sources: Sequence[Path], text_column: str | None,
                  form: TableFormat = DEFAULT_FORMAT, *, skip: int = 0,
                  seen: Callable[[int], None] = lambda size: None) -> Iterator[pd.DataFrame]:
    """Yield the rows of files one after another, all columns as they are, with the prediction added.

    The columns added are `predicted_label` and `predicted_score`, the label's probability.

    Args:
        classifier: what predicts.
        sources: the files.
        text_column: the column with the text, None to find it by its name.
        form: how text files are encoded, separated and quoted.
        skip: how many rows are left out at the start; frames of one file end where they always do.
        seen: called with the number of bytes that were read since the last call.

    Raises:
        UserError: if a file cannot be read, there is no row, no column with texts or one with a name that is added, or
            the columns of two files differ.
    """
    rows = 0
    expected: list[str] | None = None
    path = None
    for path, frame, name in _named_frames(sources, text_column, form, seen):
        names = list(frame.columns)
        for added in (LABEL_COLUMN, SCORE_COLUMN):
            if added in names:
                raise UserError(f"{path} already has a column '{added}': rename it")
        if kind_of(path) not in JSON_KINDS:
            expected = names if expected is None else expected
            if sorted(names) != sorted(expected) or (len(set(names)) < len(names) and names != expected):
                raise UserError(f"{path} has the columns {', '.join(names)}, the first file has "
                                f"{', '.join(expected)}: with a folder as --output each has a file of its own")
            frame = frame if names == expected else frame[expected]
        rows += len(frame)
        if rows <= skip and len(frame):
            continue
        predictions = classifier.predict(as_texts(column_of(frame, name), str(path)))
        added_columns = {LABEL_COLUMN: pd.Series([answer.label for answer in predictions], frame.index, object),
                         SCORE_COLUMN: pd.Series([answer.score for answer in predictions], frame.index, float)}
        yield pd.concat([frame, pd.DataFrame(added_columns)], axis=1)
    if path is None:
        raise UserError(f"{sources[0]} has no rows")


def text_name(frame: pd.DataFrame, asked: str | None, path: Path, form: TableFormat) -> str:
    """Return the column with the text: the one that is asked for, that has a usual name, or the only one, called 1.

    Raises:
        UserError: if there is none.
    """
    names = first_columns(frame)
    if asked is None and not form.header and names == ["1"]:
        return "1"
    return column_named(names, asked, TEXT_NAMES, "--text-column", str(path), header_hint(names, form, path))
