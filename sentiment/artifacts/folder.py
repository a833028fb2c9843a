"""Base class of the folders of runs and of pretrained networks.

A folder is complete or absent. Until it is finished, `models/bilstm` is called `models/bilstm.unfinished` and holds the
configuration and `checkpoints/`, from which it can be resumed. A run that diverged before its first epoch ended leaves
its checkpoints in `models/bilstm.diverged`.
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
from sentiment.errors import UserError
from sentiment.files import written_beside
from sentiment.text import TextPreprocessor
from sentiment.training.checkpoints import Checkpoints

UNFINISHED_SUFFIX = ".unfinished"
DIVERGED_SUFFIX = ".diverged"


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
        return cls.unfinished(target) is not None or (not overwrite and cls(target).metrics.is_file())

    @classmethod
    def check_free(cls, target: Path, *, overwrite: bool) -> None:
        """Refuse to begin a run that would overwrite other files.

        Raises:
            UserError: if `target` holds a finished run and `overwrite` is not set, or holds other files, or if there is
                an unfinished run.
        """
        if target.exists() and not target.is_dir():
            raise UserError(f"{target} is a file: choose another {cls.option}")
        if target.is_dir() and any(target.iterdir()):
            if not cls(target).metrics.is_file() or (target / cls.foreign).exists():
                raise UserError(f"{target} is not empty and holds no {cls.kind}: choose another {cls.option}")
            if not overwrite:
                raise UserError(f"{target} holds a finished {cls.kind}: add --overwrite to replace it, or choose "
                                f"another {cls.option}")
        unfinished = cls.unfinished(target)
        if unfinished is not None:
            raise UserError(f"{unfinished.path} holds an unfinished {cls.kind}: add --resume to go on with it, or "
                            "remove that folder to start anew")

    def begin(self, config: Config) -> None:
        """Create the folder, with the configuration alone."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        self.config.write_text(config.to_json(), encoding="utf-8")

    def finish(self, target: Path) -> Self:
        """Rename the complete folder to its target, and replace an earlier run."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        replaced = target.with_name(target.name + ".replaced")
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            target.replace(replaced)
        self.path.replace(target)
        shutil.rmtree(replaced, ignore_errors=True)
        return type(self)(target)

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
        with written_beside(path) as beside:
            beside.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def _hint(cls, path: Path) -> str:
        """Return the advice in the error for a missing folder."""
        if cls.unfinished(path) is not None:
            return "; its training did not finish: go on with --resume"
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


def sizes_of(values: dict[str, Any]) -> Sizes:
    """Return sizes from their JSON values.

    Raises:
        TypeError: if a name is unknown or missing.
    """
    sizes = Sizes(**values)
    return dataclasses.replace(sizes, sentence_ends=tuple(sizes.sentence_ends))
