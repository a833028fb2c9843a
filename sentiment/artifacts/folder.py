"""Base class of the folders of runs and of pretrained networks.

A folder is complete or absent. Until it is finished, `models/bilstm` is called `models/bilstm.unfinished` and contains
the configuration and `checkpoints/`, from which it can be resumed. A run that diverged in its first epoch leaves its
checkpoints in `models/bilstm.diverged`.

A folder with `metrics.json` has all essential files. It is renamed first; the folder that it replaces (meanwhile
`models/bilstm.replaced`) and its checkpoints are removed afterwards. If the process is killed in between, `settle`
completes this on the next start.
"""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from sentiment.architectures import Sizes
from sentiment.artifacts.paths import ResultPaths, holds_anything
from sentiment.batching import RESERVED_IDS
from sentiment.config import LARGEST_INTEGER, Config
from sentiment.console import log
from sentiment.errors import UserError, first_line
from sentiment.files import atomic_path, sibling
from sentiment.stored import LARGEST_VOCABULARY, check_checksums, checksums, read_json, read_vocabulary
from sentiment.surrogates import as_utf8
from sentiment.text import TextPreprocessor

DIVERGED_SUFFIX = ".diverged"
REPLACED_SUFFIX = ".replaced"
SIZES = {"vocabulary_size": int, "classes": int, "sentence_ends?": [int], "terms?": int, "use_cudnn?": (str, bool)}


class ResultFolder(ResultPaths):
    """Folder of the result of a long computation: complete, resumable or absent."""

    @classmethod
    def is_settled(cls, target: Path) -> bool:
        """Whether `target` is finished, without a remaining unfinished or replaced folder."""
        finished = cls(target)
        return finished.metrics.is_file() and not any(
            path.exists() for path in (finished.checkpoints, cls.of_unfinished(target).path, _replaced(target)))

    @classmethod
    def settle(cls, target: Path) -> None:
        """Rename a complete run whose process was killed before it was renamed."""
        complete, replaced = cls.of_unfinished(target), cls(_replaced(target))
        if complete.metrics.is_file() and (cls._holds_one(target) or not holds_anything(target)):
            log(f"{complete.path} was a complete {cls.kind}, whose process was killed before it was renamed: it is now "
                f"{target}")
            complete.finish(target)
        elif cls(target).metrics.is_file():
            cls(target)._remove_remains()
        elif replaced.metrics.is_file() and not target.exists():
            replaced.path.replace(target)

    def begin(self, config: Config) -> None:
        """Create the folder, with only the configuration."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        self.config.write_text(config.to_json(), encoding="utf-8")

    def finish(self, target: Path) -> Self:
        """Rename the complete folder to its target, and replace an earlier run."""
        if target.exists():
            shutil.rmtree(_replaced(target), ignore_errors=True)
            target.replace(_replaced(target))
        self.path.replace(target)
        finished = type(self)(target)
        finished._remove_remains()
        return finished

    def _remove_remains(self) -> None:
        """Remove the checkpoints of a finished folder, and the folder that it replaced."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(_replaced(self.path), ignore_errors=True)

    def fail(self, target: Path, *, diverged: bool) -> str:
        """Clean up after a failed run, and return a message on the files that are kept.

        Without a checkpoint, the folder is removed. With one, the run can be resumed, unless it diverged: then the
        checkpoints with its last finite weights are renamed.
        """
        if self.unfinished(target) is None:
            shutil.rmtree(self.path, ignore_errors=True)
            return ""
        if not diverged:
            return f"the run so far is kept in {self.path}: continue it with --resume"
        aside = sibling(target, DIVERGED_SUFFIX)
        shutil.rmtree(aside, ignore_errors=True)
        self.path.replace(aside)
        return f"checkpoints with the last finite weights are in {aside}"

    def save_words_and_sizes(self, preprocessor: TextPreprocessor, sizes: Sizes) -> None:
        """Write the vocabulary and the sizes of the model."""
        self.vocabulary.write_text("".join(f"{word}\n" for word in preprocessor.words), encoding="utf-8")
        self.sizes.write_text(json.dumps(dataclasses.asdict(sizes)) + "\n", encoding="utf-8")

    def save_texts(self, read: np.ndarray) -> None:
        """Write the digests of the training texts, uint64 [texts]."""
        np.save(self.texts, np.unique(read))

    def load_texts(self) -> np.ndarray:
        """Read the digests of the training texts.

        Raises:
            UserError: if the file is damaged.
        """
        return load_digests(self.texts)

    def load_history(self) -> pd.DataFrame:
        """Read the losses and metrics by epoch, counted from 1; empty for a linear model.

        Raises:
            UserError: if the file is damaged.
        """
        if not self.history.is_file():
            return pd.DataFrame({"epoch": []}, dtype=int).set_index("epoch")
        try:
            history = pd.read_csv(self.history, dtype=float)
            return history.assign(epoch=history["epoch"].astype(int) + 1).set_index("epoch")
        except (ValueError, KeyError) as error:
            raise UserError(f"{self.history} is damaged: {first_line(error)}") from None

    @property
    def belonging(self) -> tuple[Path, ...]:
        """Files that belong together, because predictions depend on all of them."""
        return (self.config, self.vocabulary, self.sizes)

    def save_checksums(self) -> None:
        """Write the checksums of these files."""
        self.save_json(self.checksums, checksums(self.belonging))

    def check_checksums(self) -> None:
        """Check that these files are those that were written together, before they are used for a model.

        Folders of earlier versions have no checksums.

        Raises:
            UserError: if one was not.
        """
        if self.checksums.is_file():
            check_checksums(self.belonging, read_json(self.checksums, {str: int}),
                            f"copy the whole folder again, or remove {self.checksums} if you changed it yourself")

    def save_json(self, path: Path, values: Any) -> None:
        """Write JSON atomically."""
        self.save_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")

    def save_text(self, path: Path, text: str) -> None:
        """Write a text atomically; bytes of paths that are not UTF-8 become U+FFFD."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(as_utf8(text))

    def load_preprocessor(self) -> TextPreprocessor:
        """Rebuild the preprocessor from the configuration and the vocabulary."""
        words, expected = read_vocabulary(self.vocabulary), self.load_sizes().vocabulary_size
        if len(words) + RESERVED_IDS != expected:
            raise UserError(f"{self.vocabulary} is damaged: it has {len(words) + RESERVED_IDS:,} ids, the "
                            f"model {expected:,}")
        try:
            return TextPreprocessor(self.load_config().text, words)
        except ValueError as error:
            raise UserError(f"{self.vocabulary} is damaged: {first_line(error)}") from None

    def load_sizes(self) -> Sizes:
        """Read the sizes of the model.

        Raises:
            UserError: if they are invalid.
        """
        return sizes_of(read_json(self.sizes, SIZES), self.sizes)


def _replaced(target: Path) -> Path:
    """Return the path of a replaced folder until it is removed."""
    return sibling(target, REPLACED_SUFFIX)


def sizes_of(values: dict[str, Any], path: Path) -> Sizes:
    """Return sizes from their JSON values, which match the schema `SIZES`; `path` is their file.

    Raises:
        UserError: if they are impossible.
    """
    unknown = set(values) - {declared.name for declared in dataclasses.fields(Sizes)}
    if unknown:
        raise UserError(f"{path} is damaged: unknown sizes {', '.join(sorted(unknown))}")
    sizes = Sizes(**values)
    sizes = dataclasses.replace(sizes, sentence_ends=tuple(sizes.sentence_ends))
    largest = LARGEST_VOCABULARY + RESERVED_IDS
    for name, value, low, high in (("vocabulary_size", sizes.vocabulary_size, RESERVED_IDS, largest),
                                   ("classes", sizes.classes, 1, LARGEST_INTEGER),
                                   ("terms", sizes.terms, 1, LARGEST_INTEGER),
                                   *(("sentence_ends", one, 0, sizes.vocabulary_size) for one in sizes.sentence_ends)):
        if not low <= value <= high:
            raise UserError(f"{path} is damaged: '{name}' must be from {low} to {high:,}, not {value}")
    return sizes


def load_digests(path: Path) -> np.ndarray:
    """Read digests of texts, uint64 [texts].

    Raises:
        UserError: if the file is damaged.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)  # so a false size allocates no memory
        if found.dtype != np.uint64 or found.ndim != 1:
            raise ValueError(f"expected digests, not {found.dtype} {list(found.shape)}")
        return np.array(found)
    except Exception as error:  # NumPy parses the header as Python code
        raise UserError(f"{path} is damaged: {first_line(error)}") from None
