"""Turn texts with named labels, from tables or folders, into a corpus with its three splits."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from sys import intern

import numpy as np

from sentiment.config import DataConfig
from sentiment.console import log
from sentiment.datasets.corpus import Corpus, Examples, HeldOut, Texts, blank, taken
from sentiment.datasets.splits import hold_out
from sentiment.datasets.streams import blank_among, scan
from sentiment.datasets.tables import as_label, labelled_rows, matching_files
from sentiment.errors import UserError, nearest
from sentiment.machine import memory_bytes

ROWS_AT_ONCE = 16_384
LARGE_SHARE = 0.2  # of the memory
UNLABELLED_FOLDER = "unsup"  # where IMDB has its unlabelled texts, next to the folders of its classes
NOT_READ = (".", "__MACOSX")  # how the names of hidden files, and of what archives leave behind, begin


@dataclass(frozen=True)
class Named:
    """Texts with the names of their labels, as a source holds them."""

    texts: Texts
    labels: list[str]
    groups: list[str] | None
    where: str
    notes: tuple[str, ...] = ()


def from_table(pattern: str | os.PathLike[str], config: DataConfig, *, grouped: bool = False) -> Named:
    """Read the text and label columns of the files that `pattern` names, and the group column if `grouped`."""
    where = str(pattern)
    if config.stream:
        return Named(*scan(pattern, config, grouped=grouped), where)
    _warn_of_size(where)
    texts: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    for read in labelled_rows(pattern, config, ROWS_AT_ONCE, grouped=grouped):
        texts += read.texts
        labels += map(intern, read.labels or ())
        groups += map(intern, read.groups or ())
    return Named(texts, labels, groups if read.columns.group is not None else None, where)


def _warn_of_size(pattern: str) -> None:
    """Warn if the files are so large that reading them at once may fill the memory."""
    size, memory = sum(path.stat().st_size for path in matching_files(pattern)), memory_bytes()
    if memory is not None and size > LARGE_SHARE * memory:
        log.warning(f"{pattern} holds {size / 1e9:,.1f} GB, and this machine has {memory / 1e9:,.1f} GB of memory: "
                    "with --stream it is read piece by piece")


def from_folder(folder: Path) -> Named:
    """Read a folder with a subfolder per class and a text file per example.

    The subfolder `unsup`, hidden files and folders, and what archives and notebooks leave behind are left out; a note
    counts their text files.

    Raises:
        UserError: if there are no such subfolders, or a file is not UTF-8.
    """
    texts, labels, left_out = [], [], 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if len(inside) < 2 or path.suffix.lower() != ".txt" or not path.is_file():
            continue
        if inside[0] == UNLABELLED_FOLDER or any(part.startswith(NOT_READ) for part in inside):
            left_out += 1
            continue
        try:
            texts.append(path.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError:
            raise UserError(f"{path}: not UTF-8; save the file as UTF-8") from None
        labels.append(inside[0])
    if not texts:
        raise UserError(f"{folder} holds no labelled texts: expected a subfolder per class with .txt files")
    notes = (f"{left_out:,} text files of {folder} are hidden or in {UNLABELLED_FOLDER}/ and were left out",)
    return Named(texts, labels, None, str(folder), notes if left_out else ())


def class_order(names: set[str]) -> tuple[str, ...]:
    """Order class names: numbers by value, else by spelling (so `negative` is before `positive`).

    The order depends on the set of names alone: `nan`, which compares with no number, is a name like any other.
    """
    try:
        values = {name: float(name) for name in names}
    except ValueError:
        return tuple(sorted(names))
    if any(math.isnan(value) for value in values.values()):
        return tuple(sorted(names))
    return tuple(sorted(names, key=lambda name: (values[name], name)))


def indexed(named: Named, class_names: tuple[str, ...]) -> tuple[Examples, tuple[str, ...]]:
    """Turn label names into indices and drop what has no text or no label; return notes on what was dropped.

    Raises:
        UserError: for a label that is not one of `class_names`, or if nothing is left.
    """
    rows, notes, total = np.arange(len(named.labels)), list(named.notes), len(named.labels)
    for what, missing in (("text", blank(named.texts)), ("label", blank_among(named.labels))):
        kept = rows[~missing[rows]]
        if len(kept) < len(rows):
            notes.append(f"{len(rows) - len(kept):,} of {total:,} rows of {named.where} had no {what} and were dropped")
        rows = kept
    if not len(rows):
        raise UserError(f"{named.where} holds no labelled text")
    indices = {as_label(name): index for index, name in enumerate(class_names)}
    for row in rows:
        if named.labels[row] not in indices:
            raise UserError(f"{named.where}, row {row + 1}: the label '{named.labels[row]}' does not occur in training "
                            f"(its labels: {', '.join(class_names)}){nearest(named.labels[row], class_names)}")
    labels = np.array([indices[named.labels[row]] for row in rows], dtype=np.int32)
    groups = None if named.groups is None else [named.groups[row] for row in rows]
    return Examples(taken(named.texts, rows), labels, groups), tuple(notes)


def build_corpus(name: str, train: Named, validation: Named | None, test: Named | None, config: DataConfig,
                 seed: int) -> Corpus:
    """Split what has no split of its own, and check the labels of every part before training begins.

    Raises:
        UserError: for fewer than two classes, or a label that training does not have.
    """
    used = {label for label, without_text in zip(train.labels, blank(train.texts), strict=True)
            if label and not without_text}
    class_names = class_order(used)
    if len(class_names) < 2:
        found = f"only the class '{class_names[0]}'" if class_names else "no label"
        raise UserError(f"{train.where} holds {found}: at least two classes are needed")
    examples, notes = indexed(train, class_names)
    if test is not None:
        held_test, test_notes = indexed(test, class_names)
    else:
        (examples, held_test), test_notes = hold_out(examples, config.test_fraction, seed, class_names), ()
    if validation is not None:
        held_validation, validation_notes = indexed(validation, class_names)
    else:
        examples, held_validation = hold_out(examples, config.validation_fraction, seed, class_names)
        validation_notes = ()
    return Corpus(name, class_names, examples, held_validation, HeldOut(lambda: held_test),
                  notes=(*notes, *validation_notes, *test_notes))


def load_table(config: DataConfig, seed: int) -> Corpus:
    """Read the corpus that `--dataset FILE`, `--validation-file` and `--test-file` name."""
    if config.random_split and config.group_column is None:
        raise UserError("--random-split leaves groups out of account: name them with --group-column")
    train = from_table(config.dataset, config, grouped=not config.random_split)
    validation = from_table(config.validation_file, config) if config.validation_file else None
    test = from_table(config.test_file, config) if config.test_file else None
    return build_corpus(config.dataset, train, validation, test, config, seed)


def load_folder(config: DataConfig, seed: int) -> Corpus:
    """Read a folder of classes, or one with `train/` and `test/` (and `validation/`) that hold the classes."""
    folder = Path(config.dataset).expanduser()
    if config.random_split:
        raise UserError("--random-split leaves groups out of account, and a folder has none")
    parts = {part: folder / part for part in ("train", "validation", "test") if (folder / part).is_dir()}
    train = from_folder(parts.get("train", folder))
    validation = from_folder(parts["validation"]) if "train" in parts and "validation" in parts else None
    test = from_folder(parts["test"]) if "train" in parts and "test" in parts else None
    if config.validation_file:
        validation = from_table(config.validation_file, config)
    if config.test_file:
        test = from_table(config.test_file, config)
    return build_corpus(config.dataset, train, validation, test, config, seed)
