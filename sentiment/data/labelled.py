"""Corpora from tables and folders: class indices, checks and splits."""

import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from sys import intern
from textwrap import shorten

import numpy as np
import pandas as pd

from sentiment.config import UNLABELLED_OF_CORPUS, DataConfig
from sentiment.console import log
from sentiment.data import streams
from sentiment.data.classes import (
    check_not_numbers,
    check_sizes,
    class_order,
    folded,
    kept_names,
    notes_on,
    similar_names,
)
from sentiment.data.corpus import Corpus, Examples, HeldOut, Texts, blank, identities, taken, without_folder
from sentiment.data.formats import check_applies, read_text
from sentiment.data.splits import connected_texts, hold_out, take_fold
from sentiment.data.streams import StreamedTexts, blank_among, digests_of
from sentiment.data.tables import as_label, labelled_rows, matching_files
from sentiment.errors import UserError, counted, nearest
from sentiment.files import user_path
from sentiment.machine import memory_bytes
from sentiment.surrogates import Mender
from sentiment.surrogates import notes_on as notes_on_surrogates
from sentiment.table_format import TableFormat

ROWS_AT_ONCE = 16_384
SHARE_OF_MEMORY = 0.2  # size from which a table gives a warning
UNLABELLED_FOLDER = "unsup"  # IMDB's folder of unlabelled texts, next to those of its classes
PARTS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
         "dev": "validation", "test": "test", "testing": "test"}  # names of the folders of splits
CONFLICTS_SHOWN, CONFLICT_WIDTH = 3, 60  # examples of texts with conflicting labels, and their length in characters
FEW_TEST_TEXTS = 100
FEW_TRAINING_TEXTS = 30
NORMAL_95 = 1.96  # standard deviations of a 95 % interval, here Wilson's for a share of one half
NOT_READ = (".", "__MACOSX")  # prefixes of hidden files and of metadata of archives


@dataclass(frozen=True)
class Named:
    """Texts with the names of their labels, and weights float32 [texts] if there are any."""

    texts: Texts
    labels: list[str]
    groups: list[str] | None
    where: str
    notes: tuple[str, ...] = ()
    weights: np.ndarray | None = None


def from_table(pattern: str | os.PathLike[str], config: DataConfig, *, labelled: bool = True, grouped: bool = False
               ) -> Named:
    """Read columns of the files of `pattern`: the text, the label if `labelled`, the group if `grouped`.

    With `--stream` the texts stay in the files; only their digests, and whether they are blank, are kept.

    Raises:
        UserError: if there is no such file, it cannot be read, has no rows, or lacks a column.
    """
    where = str(pattern)
    if labelled and not config.stream:
        _warn_of_size(where)
    texts: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    digests, without_words, replaced = [], [], 0
    rows = streams.CHUNK_ROWS if config.stream else ROWS_AT_ONCE
    for read in labelled_rows(pattern, config, rows, labelled=labelled, grouped=grouped):
        if config.stream:
            digests.append(digests_of(read.texts))
            without_words.append(blank_among(read.texts))
        else:
            texts += read.texts
        # Interned, because they are few: otherwise two million labels take 100 MB.
        labels += map(intern, read.labels or ())
        groups += map(intern, read.groups or ())
        replaced += read.replaced
    found: Texts = texts
    if config.stream:
        found = StreamedTexts(where, read.columns.text, np.arange(sum(map(len, digests))), np.concatenate(digests),
                              np.concatenate(without_words), config.table_format)
    return Named(found, labels, groups if read.columns.group is not None else None, where, notes_on_surrogates(
        replaced, without_folder(where)))


def _warn_of_size(pattern: str) -> None:
    """Warn if the files may not fit in memory."""
    size, memory = sum(path.stat().st_size for path in matching_files(pattern)), memory_bytes()
    if memory is not None and size > SHARE_OF_MEMORY * memory:
        log.warning(f"{pattern} has {size / 1e9:,.1f} GB, and this machine has {memory / 1e9:,.1f} GB of memory: "
                    "with --stream it is read piece by piece")


def from_folder(folder: Path, encoding: str | None = None) -> Named:
    """Read a folder with a subfolder per class and a text file per example.

    The subfolder `unsup`, hidden files and folders, and metadata of archives and notebooks are skipped; a note counts
    their text files. `encoding` is that of the files, None for that of a byte-order mark, or UTF-8.

    Raises:
        UserError: if there are no such subfolders, most files are of other types, or a file is in another encoding.
    """
    files: list[tuple[Path, str]] = []
    left_out = others = 0
    mender = Mender()  # in names that are not UTF-8
    for path in sorted(_files_in(folder, set())):
        inside = path.relative_to(folder).parts
        if len(inside) < 2:
            continue
        if inside[0] == UNLABELLED_FOLDER or any(part.startswith(NOT_READ) for part in inside):
            left_out += path.suffix.lower() == ".txt"
        elif path.suffix.lower() != ".txt":
            others += 1
        else:
            files.append((path, as_label(mender.text(inside[0]))))
    if not files:
        raise UserError(f"{folder} contains no labelled texts: expected a subfolder per class with .txt files")
    if others > len(files):
        raise UserError(f"{folder} is not a folder of classes: of the files in its subfolders, {len(files):,} end in "
                        f".txt and {others:,} do not; name a folder with a subfolder per class, or a table")
    short = without_folder(str(folder))
    are, were = ("is", "was") if left_out == 1 else ("are", "were")
    notes = [f"{counted(left_out, 'text file')} of {short} {are} hidden or in {UNLABELLED_FOLDER}/ and {were} left out"
             ] if left_out else []
    notes += [f"files of {short} that do not end in .txt were left out: {others:,}"] if others else []
    notes += mender.notes(f"the names of files in {short}")
    texts = [read_text(path, TableFormat(encoding)) for path, _ in files]
    return Named(texts, [label for _, label in files], None, str(folder), tuple(notes))


def _files_in(folder: Path, above: set[Path]) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, following links except to a folder in `above`."""
    real = folder.resolve()
    if real in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from _files_in(path, above | {real})
        elif path.is_file():
            yield path


def tables_of(config: DataConfig, *others: str) -> list[Path]:
    """Return all tables and other files of a configuration."""
    named = [config.validation_file, config.test_file,
             None if config.named_unlabelled == UNLABELLED_OF_CORPUS else config.named_unlabelled, *others]
    return [path for pattern in named if pattern is not None for path in matching_files(pattern)]


def indexed(named: Named, class_names: tuple[str, ...], *, merge: bool = False, left_out: Collection[str] = ()
            ) -> tuple[Examples, tuple[str, ...]]:
    """Convert label names to class indices, and drop rows without text or label; return notes as well.

    Args:
        named: the texts with the names of their labels.
        class_names: in the order of the indices.
        merge: whether to merge names that differ only in case, white space or invisible characters.
        left_out: the names of dropped classes.

    Raises:
        UserError: for a label that is not one of `class_names`, or if no row is left.
    """
    rows, notes, total = np.arange(len(named.labels)), list(named.notes), len(named.labels)
    where = without_folder(named.where)
    for what, missing in (("text", blank(named.texts)), ("label", blank_among(named.labels))):
        kept = rows[~missing[rows]]
        if len(kept) < len(rows):
            were = "was" if len(rows) - len(kept) == 1 else "were"
            notes.append(f"{len(rows) - len(kept):,} of {counted(total, 'row')} of {where} had no {what} and {were} "
                         "dropped")
        rows = kept
    if left_out:
        form = folded if merge else str
        rare = set(map(form, left_out))
        dropped = {name for name in set(named.labels) if form(name) in rare}
        rows = np.array([row for row in rows if named.labels[row] not in dropped], dtype=np.intp)
    if not len(rows):
        raise UserError(f"{named.where} contains no labelled text")
    indices = {as_label(name): index for index, name in enumerate(class_names)}
    if merge:
        folds = Counter(map(folded, indices))
        by_fold = {folded(name): index for name, index in indices.items() if folds[folded(name)] == 1}
        alike = {name: by_fold[folded(name)] for name in set(named.labels) if folded(name) in by_fold}
        indices = alike | indices  # a name that is a class is kept
    for row in rows:
        if named.labels[row] not in indices:
            raise _unknown_label(named, int(row), class_names)
    labels = np.array([indices[named.labels[row]] for row in rows], dtype=np.int32)
    groups = None
    if named.groups is not None:
        groups = [named.groups[row].strip() or f"\0{row}" for row in rows]  # a text without a group is its own group
        alone = sum(not named.groups[row].strip() for row in rows)
        if alone:
            have, are = ("has", "is a group of its") if alone == 1 else ("have", "are groups of their")
            notes.append(f"{alone:,} of {counted(total, 'row')} of {where} {have} no group, and {are} own")
    weights = None if named.weights is None else named.weights[rows]
    return Examples(taken(named.texts, rows), labels, groups, weights=weights), tuple(notes)


def _unknown_label(named: Named, row: int, class_names: tuple[str, ...]) -> UserError:
    label = named.labels[row]
    alike = any(folded(label) == folded(name) for name in class_names)
    advice = "; --merge-labels merges names that differ only in case, white space or invisible characters" \
        if alike else nearest(label, class_names) or "; remove the rows of classes that the model does not have"
    shown = ", ".join(class_names[:20]) + (", ..." if len(class_names) > 20 else "")
    return UserError(f"{named.where}, row {row + 1}: the label '{label}' does not occur in training "
                     f"(its labels: {shown}){advice}")


def build_corpus(name: str, train: Named, validation: Named | None, test: Named | None, config: DataConfig,
                 seed: int, fold: int | None = None) -> Corpus:
    """Draw missing splits, and check the labels of all splits before training.

    With `--folds` and a number in `fold`, from 0, that fold is the test split; without `fold` there is none.

    Raises:
        UserError: for fewer than two classes, numeric or too rare labels, a label that training lacks, or no test
            texts.
    """
    _check_test_options(config, test)
    rows = np.flatnonzero(~(blank(train.texts) | blank_among(train.labels)))
    if not len(rows):
        raise UserError(f"{train.where} contains no labelled text")
    if config.merge_labels:
        groups = similar_names(Counter(train.labels[row] for row in rows))
        merged = {name: group[0] for group in groups for name in group}
        train = replace(train, labels=[merged.get(label, label) for label in train.labels])
    labels = [train.labels[row] for row in rows]
    counts = Counter(labels)
    check_not_numbers(counts, train.where)
    numbers = identities(train.texts)[rows]
    distinct = Counter(label for label, _ in set(zip(labels, numbers.tolist(), strict=True)))
    kept, notes_on_rare = kept_names(distinct, config.min_class_size)
    left_out = set(counts) - kept
    class_names = class_order(kept)
    if len(class_names) < 2:
        found = f"only the class '{class_names[0]}'" if class_names else "no label"
        rest = f" with {config.min_class_size} distinct texts or more" if left_out else ""
        raise UserError(f"{train.where} contains {found}{rest}: at least two classes are needed")
    parts = ["training", *(["validation"] if validation is None else []), *(["test"] if test is None else [])]
    if train.groups is None:
        check_sizes({label: distinct[label] for label in class_names}, parts, train.where)
    else:
        sets = connected_texts(train.texts, [name.strip() or f"\0{row}" for row, name in enumerate(train.groups)])[rows]
        of_class = Counter(label for label, _ in set(zip(labels, sets.tolist(), strict=True)))
        check_sizes({label: of_class[label] for label in class_names}, parts, train.where, "groups")
    by_class = partial(indexed, class_names=class_names, merge=config.merge_labels, left_out=left_out)
    examples, notes = by_class(train)
    notes_on_classes = notes_on({label: counts[label] for label in class_names})
    conflicting = note_on_conflicts(train.texts, rows, numbers, labels)
    held_test: Examples | None
    if test is not None:
        held_test, test_notes = by_class(test)
    else:
        examples, held_test, test_notes = _drawn_test(examples, config, seed, fold, class_names)
    if validation is not None:
        held_validation, validation_notes = by_class(validation)
    else:
        examples, held_validation = hold_out(examples, config.validation_fraction, seed, class_names)
        validation_notes = ()

    def read_test() -> Examples:
        if held_test is None:
            raise UserError("the run was measured by cross-validation and has no test split: name labelled texts with "
                            "--dataset")
        return held_test

    return Corpus(name, class_names, examples, held_validation, HeldOut(read_test),
                  notes=(*note_on_few(len(examples)), *notes, *validation_notes, *test_notes, *notes_on_rare,
                         *notes_on_classes, *conflicting))


def _check_test_options(config: DataConfig, test: Named | None) -> None:
    """Refuse both a test split and folds, or neither.

    Raises:
        UserError: with the reason.
    """
    if config.folds and test is not None:
        raise UserError("--folds uses every text as a test text: omit the test split")
    if not config.folds and test is None and config.test_fraction == 0:
        raise UserError("--test-fraction 0 leaves no test texts: name a --test-file, or use cross-validation with "
                        "--folds 5")


def _drawn_test(examples: Examples, config: DataConfig, seed: int, fold: int | None, class_names: tuple[str, ...]
                ) -> tuple[Examples, Examples | None, tuple[str, ...]]:
    """Return the other texts, the test split (None for the final model of a cross-validation), and notes."""
    if not config.folds:
        rest, held = hold_out(examples, config.test_fraction, seed, class_names)
        return rest, held, note_on_size(len(held))
    return (examples, None, ()) if fold is None else (*take_fold(examples, config.folds, fold, seed), ())


def note_on_size(texts: int) -> tuple[str, ...]:
    """Return a note if a drawn test split of `texts` texts is so small that the accuracy is uncertain."""
    if texts >= FEW_TEST_TEXTS:
        return ()
    half = NORMAL_95 / 2 / (texts + NORMAL_95**2) ** 0.5
    return (f"the test split has only {counted(texts, 'text')}, so its accuracy is uncertain by up to {half:.2f}: "
            "--folds 5 uses all texts, by cross-validation",)


def note_on_conflicts(texts: Texts, rows: np.ndarray, numbers: np.ndarray, labels: list[str]) -> list[str]:
    """Return a note on equal texts with conflicting labels, if there are any, with the most frequent ones.

    Args:
        texts: all texts.
        rows: of those that have a label.
        numbers: int [rows], equal for equal texts.
        labels: of the rows.
    """
    frame = pd.DataFrame({"row": rows, "number": numbers, "label": labels})
    found = frame[frame.groupby("number")["label"].transform("nunique") > 1]
    if found.empty:
        return []
    groups = [group for _, group in found.groupby("number", sort=False)]
    groups.sort(key=len, reverse=True)
    examples = []
    for group in groups[:CONFLICTS_SHOWN]:
        (text,) = taken(texts, np.array([group["row"].min()]))
        shown = shorten(text, CONFLICT_WIDTH, placeholder=" ...")
        counts = ", ".join(f"{count:,} '{label}'" for label, count in Counter(group["label"]).most_common())
        examples.append(f'"{shown}" ({counts})')
    occur = "occurs" if len(groups) == 1 else "occur"
    return [f"{counted(len(groups), 'text')} {occur} with different labels, in {len(found):,} rows, such as "
            f"{'; '.join(examples)}"]


def note_on_few(texts: int) -> tuple[str, ...]:
    """Return a note if there are so few training texts that a model hardly learns from them."""
    if texts >= FEW_TRAINING_TEXTS:
        return ()
    return (f"only {counted(texts, 'training text')}: a model learns little from fewer than {FEW_TRAINING_TEXTS}, and "
            "some hundreds are better",)


def load_table(config: DataConfig, seed: int, fold: int | None = None) -> Corpus:
    """Load the corpus of `--dataset FILE`, `--validation-file` and `--test-file`.

    Raises:
        UserError: if a file cannot be read, or the data cannot be split.
    """
    if config.random_split and config.group_column is None:
        raise UserError("--random-split ignores groups: name them with --group-column")
    check_applies(config.table_format, tables_of(config, config.dataset), config.dataset)
    train = from_table(config.dataset, config, grouped=not config.random_split)
    validation = from_table(config.validation_file, config) if config.validation_file else None
    test = from_table(config.test_file, config) if config.test_file else None
    return build_corpus(config.dataset, train, validation, test, config, seed, fold)


def load_folder(config: DataConfig, seed: int, fold: int | None = None) -> Corpus:
    """Load a folder of classes, or one with `train/` and `test/` (and `validation/`) with folders of classes.

    Raises:
        UserError: if it has no such folders, a text cannot be read, or the data cannot be split.
    """
    folder = user_path(config.dataset)
    check_applies(replace(config.table_format, encoding=None), tables_of(config), f"the folder {folder}")
    if config.random_split:
        raise UserError("--random-split ignores groups, and a folder has none")
    parts = parts_of(folder)
    if parts and "train" not in parts:
        raise UserError(f"{folder} contains {' and '.join(path.name for path in parts.values())}, but no train: put "
                        "the folders of the training classes into a folder called train")
    train = from_folder(parts.get("train", folder), config.encoding)
    validation, test = (from_folder(parts[part], config.encoding) if part in parts else None
                        for part in ("validation", "test"))
    if config.validation_file:
        validation = from_table(config.validation_file, config)
    if config.test_file:
        test = from_table(config.test_file, config)
    return build_corpus(config.dataset, train, validation, test, config, seed, fold)


def parts_of(folder: Path) -> dict[str, Path]:
    """Return the subfolders that are splits, `train`, `validation` and `test`, each with subfolders of classes.

    Raises:
        UserError: if two are the same split.
    """
    parts: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.lower() in PARTS and path.is_dir() and any(inside.is_dir() for inside in path.iterdir()):
            other = parts.setdefault(PARTS[path.name.lower()], path)
            if other != path:
                raise UserError(f"{folder} contains {other.name} and {path.name}, which are the same split: rename one")
    return parts
