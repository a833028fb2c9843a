"""The rows of files, a few thousand at a time, and their predictions as columns."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from sentiment.datasets.tables import TEXT_NAMES, as_texts, column_named, matching_files, read_chunks, same_columns
from sentiment.errors import UserError
from sentiment.predictions import Predictor

CHUNK_ROWS = 4096
LABEL_COLUMN, SCORE_COLUMN = "predicted_label", "predicted_score"


def text_chunks(source: str, text_column: str | None) -> Iterator[list[str]]:
    """Yield the texts of a file, or of all that a glob names."""
    for path in matching_files(source):
        for frame in read_chunks(path, CHUNK_ROWS):
            yield _texts(frame, text_column, path)


def scored_frames(classifier: Predictor, sources: Sequence[Path], text_column: str | None, *, skip: int = 0,
                  seen: Callable[[int], None] = lambda size: None) -> Iterator[pd.DataFrame]:
    """Yield the rows of files one after another, all columns as they are, with the prediction added.

    The columns added are `predicted_label` and `predicted_score`, the label's probability.

    Args:
        classifier: what predicts.
        sources: the files.
        text_column: the column with the text, None to find it by its name.
        skip: how many rows are left out at the start; frames of one file end where they always do.
        seen: called with the number of bytes that were read since the last call.
    """
    rows = 0
    for path, frame in _frames(sources, seen):
        rows += len(frame)
        if rows > skip or frame.empty:
            predictions = classifier.predict(_texts(frame, text_column, path))
            frame[LABEL_COLUMN] = pd.Series([answer.label for answer in predictions], frame.index, str)
            frame[SCORE_COLUMN] = pd.Series([answer.score for answer in predictions], frame.index, float)
            yield frame


def _frames(sources: Sequence[Path], seen: Callable[[int], None]) -> Iterator[tuple[Path, pd.DataFrame]]:
    """Yield frames that have the same columns in the same order.

    Raises:
        UserError: if the columns of two files differ, or one has the name of a column that is added.
    """
    expected: pd.Index | None = None
    for path in sources:
        for frame in read_chunks(path, CHUNK_ROWS, exact=True, seen=seen):
            expected = frame.columns if expected is None else expected
            if len(sources) > 1:
                frame = same_columns(frame, expected, path)
            for added in (LABEL_COLUMN, SCORE_COLUMN):
                if added in frame.columns:
                    raise UserError(f"{path} already has a column '{added}': rename it")
            yield path, frame


def _texts(frame: pd.DataFrame, text_column: str | None, path: Path) -> list[str]:
    return as_texts(frame[column_named(frame.columns, text_column, TEXT_NAMES, "--text-column", str(path))],
                    str(path))
