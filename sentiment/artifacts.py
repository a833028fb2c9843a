"""The run folder: the only code that knows the names of its files.

    models/bilstm/
        config.json       the configuration, as `--config` reads it
        vocabulary.txt    a word a line, from id 2 on
        labels.json       the class names by index
        sizes.json        what the model's shapes depend on beside the configuration
        model.keras       ids to logits
        export/1/         SavedModel: raw strings to scores and classes
        onnx/             an export for ONNX Runtime, if asked for; see `sentiment.portable.folder`
        history.csv       a row an epoch
        test.npz          labels and logits of the test split
        metrics.json      validation and test metrics, the data, versions, time and memory
        plots/            learning curves, confusion matrix, ROC
        README.md         the model card

While a run is not finished its folder is called `models/bilstm.unfinished`; it holds the configuration and
`checkpoints/`, from which the run can go on. A run that never got finite weights to keep leaves those in
`models/bilstm.diverged`.
"""

import dataclasses
import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import keras

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.config import RunConfig
from sentiment.errors import UserError
from sentiment.files import written_beside
from sentiment.portable import PortableFolder
from sentiment.preprocessing import TextPreprocessor
from sentiment.training.checkpoints import Checkpoints

UNFINISHED_SUFFIX = ".unfinished"
DIVERGED_SUFFIX = ".diverged"
EXPORT_VERSION = "1"


class RunFolder:
    """The files of one run."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.vocabulary = self.path / "vocabulary.txt"
        self.labels = self.path / "labels.json"
        self.sizes = self.path / "sizes.json"
        self.model = self.path / "model.keras"
        self.export = self.path / "export" / EXPORT_VERSION
        self.onnx = self.path / "onnx"
        self.history = self.path / "history.csv"
        self.checkpoints = self.path / "checkpoints"
        self.tensorboard = self.path / "tensorboard"
        self.test = self.path / "test.npz"
        self.metrics = self.path / "metrics.json"
        self.plots = self.path / "plots"
        self.card = self.path / "README.md"

    @classmethod
    def of_unfinished(cls, target: Path) -> Self:
        """Return the folder that a run with this target has until it is finished."""
        return cls(target.with_name(target.name + UNFINISHED_SUFFIX))

    @classmethod
    def unfinished(cls, target: Path) -> Self | None:
        """Return the folder of a run that can go on from a checkpoint, None if there is none."""
        folder = cls.of_unfinished(target)
        return folder if folder.config.is_file() and Checkpoints(folder.checkpoints).exist() else None

    @classmethod
    def begin(cls, target: Path, config: RunConfig, *, overwrite: bool) -> Self:
        """Make the folder that a run writes to until it is finished.

        Raises:
            UserError: if `target` holds a finished run and `overwrite` is not set, or holds other files, or if there is
                an unfinished run.
        """
        if target.exists() and not target.is_dir():
            raise UserError(f"{target} is a file: choose another --output-dir")
        if target.is_dir() and any(target.iterdir()):
            if not cls(target).metrics.is_file():
                raise UserError(f"{target} is not empty and holds no run: choose another --output-dir")
            if not overwrite:
                raise UserError(f"{target} holds a finished run: add --overwrite to replace it, or choose another "
                                "--output-dir")
        unfinished = cls.unfinished(target)
        if unfinished is not None:
            raise UserError(f"{unfinished.path} holds an unfinished run: add --resume to go on with it, or remove that "
                            "folder to start anew")
        folder = cls.of_unfinished(target)
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.path.mkdir(parents=True)
        folder.config.write_text(config.to_json(), encoding="utf-8")
        return folder

    def finish(self, target: Path) -> Self:
        """Give the complete folder its name, in place of an earlier run."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        replaced = target.with_name(target.name + ".replaced")
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            target.replace(replaced)
        self.path.replace(target)
        shutil.rmtree(replaced, ignore_errors=True)
        return type(self)(target)

    def fail(self, target: Path, *, diverged: bool) -> str:
        """Keep what is worth keeping of a run that ended with an error, and return what to say of it.

        Without a checkpoint the folder is removed. With one, the run can go on; one that diverged cannot, and its last
        finite weights are set aside.
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

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return the folder of a finished run.

        Raises:
            UserError: if it does not exist, is no run, or lacks a file.
        """
        folder = cls(path)
        if not folder.path.exists():
            raise UserError(f"no such model folder: {path}{cls._hint(folder.path)}")
        if PortableFolder(path).exists():
            raise UserError(f"{path} is an export, which only predicts: give the folder of the run")
        if not folder.path.is_dir() or not folder.config.is_file():
            raise UserError(f"{path} is not a model folder of this project: it has no config.json")
        for file in (folder.vocabulary, folder.labels, folder.sizes, folder.model, folder.metrics):
            if not file.is_file():
                raise UserError(f"the model folder {path} is incomplete: {file.name} is missing; train it again")
        return folder

    @classmethod
    def _hint(cls, path: Path) -> str:
        if cls.unfinished(path) is not None:
            return "; its training did not finish: go on with --resume"
        runs = sorted(entry.parent.name for entry in path.parent.glob("*/metrics.json"))
        return f" (in {path.parent} there are {', '.join(runs)})" if runs else "; train one with `python train.py`"

    def save_run(self, config: RunConfig, preprocessor: TextPreprocessor, class_names: Sequence[str], sizes: Sizes,
                 trained: keras.Model) -> None:
        """Write the configuration, the vocabulary, the class names, and the model in float32, without optimiser."""
        self.config.write_text(config.to_json(), encoding="utf-8")
        self.vocabulary.write_text("".join(f"{word}\n" for word in preprocessor.words), encoding="utf-8")
        self.labels.write_text(json.dumps(list(class_names), ensure_ascii=False) + "\n", encoding="utf-8")
        self.sizes.write_text(json.dumps(dataclasses.asdict(sizes)) + "\n", encoding="utf-8")
        model = self._build()
        model.set_weights(trained.get_weights())
        model.save(self.model)

    def save_json(self, path: Path, values: Any) -> None:
        """Write JSON, complete or not at all."""
        with written_beside(path) as beside:
            beside.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def load_config(self) -> RunConfig:
        """Read the configuration."""
        return RunConfig.from_json_file(self.config)

    def load_class_names(self) -> tuple[str, ...]:
        """Read the class names, by index."""
        names = self._load_json(self.labels)
        if not isinstance(names, list) or len(names) < 2 or not all(isinstance(name, str) for name in names):
            raise UserError(f"{self.labels} is damaged: expected a list of class names")
        return tuple(names)

    def load_metrics(self) -> dict[str, Any]:
        """Read what the run measured."""
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
        """Read what the model's shapes depend on."""
        try:
            sizes = Sizes(**self._load_json(self.sizes))
            return dataclasses.replace(sizes, sentence_ends=tuple(sizes.sentence_ends))
        except TypeError:
            raise UserError(f"{self.sizes} is damaged: expected the sizes of a model") from None

    def _build(self, use_cudnn: bool | str = "auto") -> keras.Model:
        sizes = dataclasses.replace(self.load_sizes(), use_cudnn=use_cudnn)
        return architectures.build(self.load_config().model, sizes)

    def load_model(self, *, use_cudnn: bool | str = "auto") -> keras.Model:
        """Rebuild the model from the configuration and load its weights; no code from the file is run.

        Args:
            use_cudnn: see `sentiment.architectures.Sizes`.

        Raises:
            UserError: if the weights are damaged or do not fit the configuration.
        """
        model = self._build(use_cudnn)
        try:
            model.load_weights(self.model)
        except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(f"{self.model} is damaged or does not fit its config.json: "
                            f"{str(error).strip().splitlines()[0]}") from None
        return model
