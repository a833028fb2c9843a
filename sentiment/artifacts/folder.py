"""Base class of the folders of runs and of pretrained networks.

A folder is complete or absent. Until it is finished, `models/bilstm` is called `models/bilstm.unfinished` and holds the
configuration and `checkpoints/`, from which it can be resumed. A run that diverged before its first epoch ended leaves
its checkpoints in `models/bilstm.diverged`.

A folder with `metrics.json` has all that is essential. It is renamed first, and what it replaces (which meanwhile is
`models/bilstm.replaced`) and its checkpoints are removed afterwards; where the process is killed in between, `settle`
does the rest on the next start.
"""

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from sentiment.architectures import Sizes
from sentiment.config import Config
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.files import written_beside
from sentiment.surrogates import as_utf8
from sentiment.text import TextPreprocessor
from sentiment.training.checkpoints import Checkpoints

UNFINISHED_SUFFIX = ".unfinished"
DIVERGED_SUFFIX = ".diverged"
REPLACED_SUFFIX = ".replaced"


class ResultFolder:
    """Folder with the result of a long computation, which is complete, resumable or absent."""

    kind: ClassVar[str]  # its content, in a word
    option: ClassVar[str]  # its flag on the command line
    foreign: ClassVar[str]  # a file that the other kind has
    advice: ClassVar[str]  # in the error for a missing folder

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        self.config = self.path / "config.json"
        self.vocabulary = self.path / "vocabulary.txt"
        self.sizes = self.path / "sizes.json"
        self.texts = self.path / "texts.npy"
        self.history = self.path / "history.csv"
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.json"
        self.card = self.path / "README.md"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return a finished folder.

        Raises:
            UserError: if it does not exist, is of another kind, or lacks a file.
        """
        raise NotImplementedError

    def load_config(self) -> Any:
        """Read the configuration."""
        raise NotImplementedError

    @classmethod
    def of_unfinished(cls, target: Path) -> Self:
        """Return the folder of a run with this target until it is finished."""
        return cls(target.with_name(target.name + UNFINISHED_SUFFIX))

    @classmethod
    def unfinished(cls, target: Path) -> Self | None:
        """Return the folder of a run that can resume from a checkpoint, None if there is none."""
        folder = cls.of_unfinished(target)
        return folder if folder.config.is_file() and Checkpoints(folder.checkpoints).exist() else None

    @classmethod
    def has_begun(cls, target: Path, *, overwrite: bool) -> bool:
        """Return whether there is an unfinished folder to resume, or a finished one that must not be replaced."""
        return cls.unfinished(target) is not None or cls.of_unfinished(target).metrics.is_file() or (
            not overwrite and cls(target).metrics.is_file())

    @classmethod
    def is_settled(cls, target: Path) -> bool:
        """Return whether `target` is finished, and nothing is left of what it was made from or has replaced."""
        finished = cls(target)
        return finished.metrics.is_file() and not any(
            path.exists() for path in (finished.checkpoints, cls.of_unfinished(target).path, _replaced(target)))

    @classmethod
    def settle(cls, target: Path) -> None:
        """Do what a process left undone that was killed when its run was complete, but not yet in its place."""
        complete, replaced = cls.of_unfinished(target), cls(_replaced(target))
        if complete.metrics.is_file() and (cls._holds_one(target) or not _holds_anything(target)):
            log(f"{complete.path} holds a complete {cls.kind}, whose process was killed before it got its name: it is "
                f"{target} now")
            complete.finish(target)
        elif cls(target).metrics.is_file():
            cls(target)._remove_remains()
        elif replaced.metrics.is_file() and not target.exists():
            replaced.path.replace(target)

    @classmethod
    def check_free(cls, target: Path, *, overwrite: bool) -> None:
        """Refuse to begin a run that would overwrite other files.

        Raises:
            UserError: if `target` holds a finished run and `overwrite` is not set, or holds other files, or if there is
                an unfinished run.
        """
        if target.exists() and not target.is_dir():
            raise UserError(f"{target} is a file: choose another {cls.option}")
        if _holds_anything(target):
            if not cls._holds_one(target):
                raise UserError(f"{target} is not empty and holds no {cls.kind}: choose another {cls.option}")
            if not overwrite:
                raise UserError(f"{target} holds a finished {cls.kind}: add --overwrite to replace it, or choose "
                                f"another {cls.option}")
        unfinished = cls.unfinished(target)
        if unfinished is not None:
            raise UserError(f"{unfinished.path} holds an unfinished {cls.kind}: add --resume to go on with it, or "
                            "remove that folder to start anew")

    @classmethod
    def _holds_one(cls, path: Path) -> bool:
        """Return whether a path is a finished folder of this kind."""
        return cls(path).metrics.is_file() and not (path / cls.foreign).exists()

    def begin(self, config: Config) -> None:
        """Create the folder, with the configuration alone."""
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
        """Remove the checkpoints of a finished folder, and the folder that it has replaced."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(_replaced(self.path), ignore_errors=True)

    def fail(self, target: Path, *, diverged: bool) -> str:
        """Clean up after a run that failed, and return a message about what is kept.

        Without a checkpoint, the folder is removed. With one, the run can be resumed, unless it diverged: then its last
        finite weights are moved aside.
        """
        if self.unfinished(target) is None:
            shutil.rmtree(self.path, ignore_errors=True)
            return ""
        if not diverged:
            return f"the run so far is kept in {self.path}: go on with --resume"
        aside = target.with_name(target.name + DIVERGED_SUFFIX)
        shutil.rmtree(aside, ignore_errors=True)
        self.path.replace(aside)
        return f"checkpoints with the last finite weights are in {aside}"

    def save_words_and_sizes(self, preprocessor: TextPreprocessor, sizes: Sizes) -> None:
        """Write the vocabulary and the sizes of the model."""
        self.vocabulary.write_text("".join(f"{word}\n" for word in preprocessor.words), encoding="utf-8")
        self.sizes.write_text(json.dumps(dataclasses.asdict(sizes)) + "\n", encoding="utf-8")

    def save_texts(self, read: np.ndarray) -> None:
        """Write the digests, uint64 [texts], of the texts that were trained on."""
        np.save(self.texts, np.unique(read))

    def load_texts(self) -> np.ndarray:
        """Read the digests of the texts that were trained on.

        Raises:
            UserError: if the file is damaged.
        """
        try:
            return np.asarray(np.load(self.texts, allow_pickle=False))
        except (ValueError, OSError, EOFError) as error:
            raise UserError(f"{self.texts} is damaged: {str(error).strip().splitlines()[0]}") from None

    def save_json(self, path: Path, values: Any) -> None:
        """Write JSON, complete or not at all."""
        self.save_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")

    def save_text(self, path: Path, text: str) -> None:
        """Write a text, complete or not at all; bytes of paths that are not UTF-8 become U+FFFD."""
        with written_beside(path) as beside:
            beside.write_bytes(as_utf8(text))

    @classmethod
    def _hint(cls, path: Path) -> str:
        """Return the advice in the error for a missing folder."""
        if cls.unfinished(path) is not None:
            return "; its training did not finish: go on with --resume"
        if cls.of_unfinished(path).metrics.is_file():
            return f"; {cls.of_unfinished(path).path} is complete: --resume gives it its name"
        others = sorted(entry.parent.name for entry in path.parent.glob("*/metrics.json"))
        return f" (in {path.parent} there are {', '.join(others)})" if others else f"; {cls.advice}"

    def load_metrics(self) -> dict[str, Any]:
        """Read the metrics."""
        metrics = self._load_json(self.metrics)
        if not isinstance(metrics, dict):
            raise UserError(f"{self.metrics} is damaged: expected an object")
        return metrics

    def _load_json(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{path} is damaged: {error}") from None

    def load_preprocessor(self) -> TextPreprocessor:
        """Rebuild the preprocessor from the configuration and the vocabulary."""
        try:
            words = self.vocabulary.read_text(encoding="utf-8").split("\n")[:-1]
            preprocessor = TextPreprocessor(self.load_config().text, words)
        except ValueError as error:
            raise UserError(f"{self.vocabulary} is damaged: {str(error).splitlines()[0]}") from None
        expected = self.load_sizes().vocabulary_size
        if preprocessor.vocabulary_size != expected:
            raise UserError(f"{self.vocabulary} is damaged: it makes {preprocessor.vocabulary_size:,} ids, the "
                            f"model has {expected:,}")
        return preprocessor

    def load_sizes(self) -> Sizes:
        """Read the sizes of the model."""
        try:
            return sizes_of(self._load_json(self.sizes))
        except TypeError:
            raise UserError(f"{self.sizes} is damaged: expected the sizes of a model") from None


def _holds_anything(path: Path) -> bool:
    """Return whether a path is a file, or a folder that is not empty."""
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _replaced(target: Path) -> Path:
    """Return the name of a folder from when it is replaced until it is removed."""
    return target.with_name(target.name + REPLACED_SUFFIX)


def sizes_of(values: dict[str, Any]) -> Sizes:
    """Return sizes from their JSON values.

    Raises:
        TypeError: if a name is unknown or missing.
    """
    sizes = Sizes(**values)
    return dataclasses.replace(sizes, sentence_ends=tuple(sizes.sentence_ends))
