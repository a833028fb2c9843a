"""Labelled texts in memory: lists, Series and DataFrames."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment.config import IN_MEMORY, DataConfig
from sentiment.data.corpus import Corpus, Examples, HeldOut
from sentiment.data.labelled import Named, build_corpus
from sentiment.data.splits import hold_out, with_share
from sentiment.data.tables import Rows, as_labels, as_texts, columns_of
from sentiment.errors import UserError, counted
from sentiment.predictions import text_parts
from sentiment.surrogates import Mender

TEXTS_AT_ONCE = 65_536


def checked_texts(texts: Any, name: str = "texts", mender: Mender | None = None) -> list[str]:
    """Return an iterable of strings as a list; see `sentiment.predictions.text_parts`."""
    return [str(text) for part in text_parts(texts, TEXTS_AT_ONCE, name, mender) for text in part]


def column_values(values: Any, what: str) -> list[Any]:
    """Return the values of a column, such as labels, as a list.

    Raises:
        TypeError: for an object without ordered values, or a value that is an array or a tensor.
    """
    kind = type(values).__name__
    if isinstance(values, (str, bytes, Mapping, Set)) or hasattr(values, "columns") or not isinstance(values, Iterable):
        raise TypeError(f"{what} must be a list, an array or a Series, with one value per text, not {kind}")
    found = list(values)
    for place, value in enumerate(found):
        if hasattr(value, "dtype") and not isinstance(value, np.generic):
            raise TypeError(f"{what}[{place}] must be a string or a number, not {type(value).__name__}")
    return found


def relative_weights(weights: Any, count: int) -> np.ndarray:
    """Return the weights of texts divided by their mean, float32 [texts], which keeps the scale of the loss.

    Raises:
        ValueError: if there are not `count`, one is negative or not finite, or all are 0.
    """
    try:
        values = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"sample_weight must be one number per text, not {weights!r:.60}") from None
    if values.shape != (count,):
        raise ValueError(f"sample_weight must be of shape ({count},), not {values.shape}")
    if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
        raise ValueError("sample_weight must be finite and at least 0, and not zero for all texts")
    return np.asarray(values / values.mean(), np.float32)


def named_texts(texts: Any, labels: Any, groups: Any = None, name: str = "texts", weights: Any = None) -> Named:
    """Return texts with labels, and with groups and relative weights if there are any.

    Raises:
        TypeError: as `checked_texts`, for the texts.
        ValueError: if the numbers of texts, labels, groups and weights differ.
    """
    mender = Mender()
    found = checked_texts(texts, name, mender)
    columns = {what: column_values(values, what) for what, values in (("labels", labels), ("groups", groups))
               if values is not None}
    for what, values in columns.items():
        if len(values) != len(found):
            raise ValueError(f"{len(found):,} {name}, but {len(values):,} {what}")
    series = {what: pd.Series(values, name=what, dtype=object) for what, values in columns.items()}
    named = mender.texts(as_labels(series["labels"], name))
    grouped = mender.texts(as_texts(series["groups"], name)) if "groups" in series else None
    return Named(found, named, grouped, name, mender.notes(name),
                 weights=None if weights is None else relative_weights(weights, len(found)))


def named_frame(frame: pd.DataFrame, config: DataConfig) -> Named:
    """Return the texts, labels and groups of a DataFrame, whose columns are found like those of a file.

    Raises:
        UserError: if a column is missing, or a cell is not text.
    """
    where = "the DataFrame"
    mender = Mender()
    frame = frame.reset_index(drop=True).set_axis(mender.texts(list(map(str, frame.columns))), axis=1)
    columns = columns_of(frame, config, where, Path("frame.parquet"), grouped=True)
    rows = Rows.of(frame, columns, where)
    groups = None if rows.groups is None else mender.texts(rows.groups)
    return Named(mender.texts(rows.texts), mender.texts(rows.labels or []), groups, where, mender.notes(where))


def unlabelled_corpus(texts: Any, config: DataConfig, seed: int) -> Corpus:
    """Return a corpus of unlabelled texts in memory for pretraining, with a validation split.

    Raises:
        TypeError: as `checked_texts`.
        UserError: for too few distinct texts.
    """
    found = checked_texts(texts)
    distinct = len({text for text in found if text.strip()})
    if distinct < 2:
        raise UserError(f"{counted(distinct, 'distinct text')}: at least 2 are needed, for training "
                        "and validation")
    name = ("text",)
    examples = Examples(found, np.zeros(len(found), np.int32))
    train, validation = hold_out(examples, config.validation_fraction, seed, name)
    return with_share(Corpus(IN_MEMORY, name, train, validation, HeldOut(lambda: validation)), config.train_share, seed)


def corpus_in_memory(train: Named, validation: Named | None, test: Named | None, config: DataConfig, seed: int,
                     fold: int | None = None) -> Corpus:
    """Return a corpus of texts in memory; a missing validation or test split is drawn from the training texts.

    `fold` is as for `load_corpus`.

    Raises:
        UserError: as for a file: for fewer than two classes, too few texts, or a label that training lacks.
    """
    if config.random_split:
        if train.groups is None:
            raise UserError("--random-split ignores groups, and the texts have none")
        train = replace(train, groups=None)
    corpus = build_corpus(IN_MEMORY, train, validation, test, config, seed, fold)
    return with_share(corpus, config.train_share, seed)
