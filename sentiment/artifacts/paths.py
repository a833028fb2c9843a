"""File names of the folders of runs and of pretrained networks, and checks that a folder is complete.

Neither TensorFlow nor Keras is imported, so that errors in a path are reported at once.
"""

import os
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from sentiment.config import PretrainConfig, RunConfig
from sentiment.errors import UserError
from sentiment.files import sibling, user_path
from sentiment.inference import PortableFolder
from sentiment.measured import MEASURED
from sentiment.shipped import advice_on
from sentiment.stored import read_class_names, read_json
from sentiment.training.checkpoints import Checkpoints

UNFINISHED_SUFFIX = ".unfinished"
EXPORT_VERSION = "1"
PRETRAINING_MEASURED = {"validation?": {str: float}, "training?": {str: object}, "seconds?": {str: float}}


class ResultPaths:
    """Paths of the files of a result folder; each file may be missing."""

    kind: ClassVar[str]  # the name of its content
    option: ClassVar[str]  # its flag on the command line
    foreign: ClassVar[str]  # a file of the other kind
    advice: ClassVar[str]  # in the error for a missing folder
    measured: ClassVar[Any]  # the schema of metrics.json for `sentiment.stored.read_json`

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = user_path(path)
        self.config = self.path / "config.json"
        self.vocabulary = self.path / "vocabulary.txt"
        self.sizes = self.path / "sizes.json"
        self.texts = self.path / "texts.npy"
        self.history = self.path / "history.csv"
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.json"
        self.card = self.path / "README.md"
        self.checksums = self.path / "checksums.json"

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
        """Return the folder of an unfinished run with this target."""
        return cls(sibling(target, UNFINISHED_SUFFIX))

    @classmethod
    def unfinished(cls, target: Path) -> Self | None:
        """Return the folder of a resumable run, None if there is none."""
        folder = cls.of_unfinished(target)
        return folder if folder.config.is_file() and Checkpoints(folder.checkpoints).exist() else None

    @classmethod
    def has_begun(cls, target: Path, *, overwrite: bool) -> bool:
        """Whether there is an unfinished folder to resume, or a finished one that must not be replaced."""
        return cls.unfinished(target) is not None or cls.of_unfinished(target).metrics.is_file() or (
            not overwrite and cls(target).metrics.is_file())

    @classmethod
    def check_free(cls, target: Path, *, overwrite: bool) -> None:
        """Refuse to start a run that would overwrite other files.

        Raises:
            UserError: if `target` holds a finished run and `overwrite` is not set, or holds other files, or if there is
                an unfinished run.
        """
        if target.exists() and not target.is_dir():
            raise UserError(f"{target} is a file: choose another {cls.option}")
        if holds_anything(target):
            if not cls._holds_one(target):
                raise UserError(f"{target} is not empty and contains no {cls.kind}: choose another {cls.option}")
            if not overwrite:
                raise UserError(f"{target} contains a finished {cls.kind}: pass --overwrite to replace it, or choose "
                                f"another {cls.option}")
        unfinished = cls.unfinished(target)
        if unfinished is not None:
            raise UserError(f"{unfinished.path} contains an unfinished {cls.kind}: pass --resume to continue it, or "
                            "remove that folder to start again")

    @classmethod
    def _holds_one(cls, path: Path) -> bool:
        """Whether a path is a finished folder of this kind."""
        return cls(path).metrics.is_file() and not (path / cls.foreign).exists()

    @classmethod
    def check_start(cls, target: Path, *, overwrite: bool, resume: bool) -> None:
        """Refuse a target that a run could not be written to, before TensorFlow is imported; see `check_free`."""
        target = target.resolve() if target.is_symlink() else target
        complete = cls.of_unfinished(target).metrics.is_file()  # whose process was killed before it got its name
        if not complete and not (resume and cls.has_begun(target, overwrite=overwrite)):
            cls.check_free(target, overwrite=overwrite)

    @classmethod
    def _hint(cls, path: Path) -> str:
        """Return the advice in the error for a missing folder."""
        if cls.unfinished(path) is not None:
            return "; its training did not finish: continue it with --resume"
        if cls.of_unfinished(path).metrics.is_file():
            return f"; {cls.of_unfinished(path).path} is complete: --resume renames it"
        others = sorted(entry.parent.name for entry in path.parent.glob("*/metrics.json"))
        return f" (in {path.parent} there are {', '.join(others)})" if others else f"; {cls.advice}"

    def load_metrics(self) -> dict[str, Any]:
        """Read the metrics; accessing a key that an older run lacks raises `UserError`."""
        return read_json(self.metrics, self.measured)  # type: ignore[no-any-return]


class RunPaths(ResultPaths):
    """Paths of the files of a run."""

    kind, option, foreign, advice = "run", "--output-dir", "weights.npz", "train one with `python train.py`"
    measured = MEASURED

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.labels = self.path / "labels.json"
        self.model = self.path / "model.keras"
        self.members = self.path / "members.json"
        self.export = self.path / "export" / EXPORT_VERSION
        self.onnx = self.path / "onnx"
        self.tensorboard = self.path / "tensorboard"
        self.test = self.path / "test.npz"
        self.validation_texts = self.path / "validation_texts.npy"
        self.plots = self.path / "plots"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return the folder of a finished run.

        Raises:
            UserError: if it does not exist, is not a run, or lacks a file.
        """
        folder = cls(path)
        if not folder.path.exists():
            raise UserError(f"no such model folder: {path}{advice_on(path) or cls._hint(folder.path)}")
        if PortableFolder(folder.path).exists():
            raise UserError(f"{path} is an export, which only predicts: pass the folder of the run")
        if not folder.path.is_dir() or not folder.config.is_file():
            raise UserError(f"{path} is not a model folder of this project: it has no config.json")
        if (folder.path / cls.foreign).exists():
            raise UserError(f"{path} is a pretrained network, not a classifier: train a classifier that starts "
                            "from it, with --pretrained")
        for file in (folder.vocabulary, folder.labels, folder.sizes, folder.model, folder.metrics):
            if not file.is_file():
                raise UserError(f"the model folder {path} is incomplete: {file.name} is missing; train it again")
        return folder

    @property
    def is_ensemble(self) -> bool:
        """Whether the run is an ensemble."""
        return self.members.is_file()

    def portable(self, form: str, precision: str) -> Path:
        """Return the folder of an export to another runtime, such as `onnx`, `litert`, `litert-int8`."""
        return self.path / (form if precision == "float32" else f"{form}-{precision}")

    def load_class_names(self) -> tuple[str, ...]:
        """Read the class names, by index."""
        return read_class_names(self.labels, read_json(self.sizes, {"classes": int})["classes"])

    def load_test(self, classes: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Read the labels, int [texts], and the logits, float [texts, 1 or classes], of the test split.

        None if the file is missing, damaged, or of a model with another number of classes.
        """
        try:
            with np.load(self.test, allow_pickle=False) as stored:
                labels, logits = stored["labels"], stored["logits"]
        except Exception:  # of many types; NumPy parses the header as Python code
            return None
        fits = labels.ndim == 1 and labels.dtype.kind == "i" and logits.dtype.kind == "f" and len(labels) and \
            logits.shape == (len(labels), 1 if classes == 2 else classes)
        return (labels, logits) if fits and np.isfinite(logits).all() and \
            0 <= labels.min() <= labels.max() < classes else None

    def load_config(self) -> RunConfig:
        """Read the configuration."""
        return RunConfig.from_json_file(self.config)


class PretrainedPaths(ResultPaths):
    """Paths of the files of a pretrained network."""

    kind, option, foreign = "pretraining", "--output", "model.keras"
    advice = "train one with `python -m sentiment pretrain`"
    measured = PRETRAINING_MEASURED

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.weights = self.path / "weights.npz"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return the folder of a finished pretraining.

        Raises:
            UserError: if it does not exist, is another folder, or lacks a file.
        """
        folder = cls(path)
        if not folder.path.exists():
            raise UserError(f"no such folder of a pretrained network: {path}{cls._hint(folder.path)}")
        for file in (folder.config, folder.vocabulary, folder.sizes, folder.weights, folder.texts, folder.metrics):
            if not file.is_file():
                raise UserError(f"{path} contains no pretrained network: {file.name} is missing")
        return folder

    def load_config(self) -> PretrainConfig:
        """Read the configuration."""
        return PretrainConfig.from_json_file(self.config)


def start_paths(path: str) -> PretrainedPaths | RunPaths:
    """Return the folder of a pretrained network or of a run, for `--pretrained`.

    Raises:
        UserError: as `open` of either.
    """
    return RunPaths.open(path) if RunPaths(path).model.is_file() else PretrainedPaths.open(path)


def holds_anything(path: Path) -> bool:
    """Whether a path is a file, or a folder that is not empty."""
    return any(path.iterdir()) if path.is_dir() else path.exists()
