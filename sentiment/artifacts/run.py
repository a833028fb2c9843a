"""Folder of a run.

    models/bilstm/
        config.json       the configuration, which `--config` reads
        vocabulary.txt    one word per line, from id 2 on
        labels.json       the class names by index
        sizes.json        the sizes of the model that are not in the configuration
        checksums.json    CRC-32 of these files and of the model, which belong together
        model.keras       ids to logits
        members.json      of an ensemble: configuration and sizes of each member
        export/1/         SavedModel: raw strings to scores and classes
        onnx/, litert/    optional exports for ONNX Runtime and LiteRT; see `sentiment.inference.portable_folder`
        history.csv       one row per epoch
        test.npz          labels and logits of the test split
        texts.npy         a digest of each training text
        validation_texts.npy    a digest of each validation text
        metrics.json      validation and test metrics, the data, versions, time and memory
        plots/            learning curves, confusion matrix, ROC
        README.md         the model card

For unfinished folders, see `sentiment.artifacts.folder`.
"""

import dataclasses
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.architectures.ensemble import Member, build_ensemble
from sentiment.artifacts.folder import SIZES, ResultFolder, load_digests, sizes_of
from sentiment.artifacts.paths import RunPaths
from sentiment.artifacts.weights import load_checked
from sentiment.config import ModelConfig, Options, Role, RunConfig, TextConfig, only
from sentiment.errors import UserError
from sentiment.measured import trained_on
from sentiment.stored import read_json
from sentiment.text import TextPreprocessor
from sentiment.training.prior import Pretrained

MOST_MEMBERS = 100  # of an ensemble; each takes time to build
MEMBERS = [{"model": {str: object}, "sizes": SIZES, "head": int, "tail": int}]


class RunFolder(RunPaths, ResultFolder):
    """Folder of a run."""

    def save_seen(self, read: np.ndarray, validation: np.ndarray) -> None:
        """Write the digests, uint64 [texts], of the training texts and of the validation texts."""
        self.save_texts(read)
        np.save(self.validation_texts, np.unique(validation))

    def load_seen(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Read the digests that `save_seen` wrote; None for a run of an earlier version."""
        if not self.texts.is_file():
            return None
        validation = load_digests(self.validation_texts) if self.validation_texts.is_file() else np.zeros(0, np.uint64)
        return self.load_texts(), validation

    @property
    def belonging(self) -> tuple[Path, ...]:
        """See the base class."""
        return (*super().belonging, self.labels, self.model, self.members)

    def save_run(self, config: RunConfig, preprocessor: TextPreprocessor, class_names: Sequence[str], sizes: Sizes,
                 trained: keras.Model, members: Sequence[Member] = ()) -> None:
        """Write the configuration, the vocabulary, the class names, and the model in float32, without optimiser.

        With `--save-float16`, the weights are rounded to float16 values, and the file is compressed.
        """
        if members:
            self.save_json(self.members, [dataclasses.asdict(member) for member in members])
        self.config.write_text(config.to_json(), encoding="utf-8")
        self.save_words_and_sizes(preprocessor, sizes)
        self.labels.write_text(json.dumps(list(class_names), ensure_ascii=False) + "\n", encoding="utf-8")
        model = self._build()
        half = config.runtime.save_float16
        model.set_weights([in_float16(one) for one in trained.get_weights()] if half else trained.get_weights())
        model.save(self.model)
        if half:
            compress(self.model)
        self.save_checksums()

    def trained_on(self) -> dict[str, Any]:
        """Return the description of the training for users; empty if metrics.json cannot be read."""
        try:
            return trained_on(self.load_metrics())
        except UserError:
            return {}

    def shared_values(self) -> Options:
        """Return the options that a classifier must share to be initialised from it: all except regularization."""
        self._check_start()
        of_model = set(ModelConfig.names()) - set(ModelConfig.names(Role.REGULARIZATION))
        names = {"text": TextConfig.names(Role.SHARED), "model": tuple(sorted(of_model))}
        return only(self.load_config().to_dict(), names)

    def _check_start(self) -> None:
        if self.is_ensemble or not architectures.named(self.load_config().model.architecture).by_gradient:
            raise UserError(f"{self.path} is {'an ensemble' if self.is_ensemble else 'linear'}: a classifier can only "
                            "start from a run that was trained in steps")

    def load_start(self) -> Pretrained:
        """Load the run for the initialisation of a classifier.

        Raises:
            UserError: if it is an ensemble or linear, lacks the digests of its texts, or is damaged.
        """
        self._check_start()
        if not self.texts.is_file():
            raise UserError(f"{self.path} has no digests of its training texts: {self.texts.name} is "
                            "missing; train it again")
        trained, own_names = self.load_model(), self.load_class_names()

        def start(classifier: keras.Model, _: ModelConfig, names: Sequence[str]) -> list[str]:
            return architectures.start_from(trained, classifier, head=tuple(names) == own_names)

        return Pretrained(str(self.path), self.load_preprocessor().words, start, self.load_texts())

    def _build(self, use_cudnn: bool | str = "auto") -> keras.Model:
        sizes = dataclasses.replace(self.load_sizes(), use_cudnn=use_cudnn)
        if self.is_ensemble:
            return build_ensemble(self.load_members(use_cudnn), sizes)
        return architectures.build(self.load_config().model, sizes)

    def load_members(self, use_cudnn: bool | str = "auto") -> list[Member]:
        """Read the configuration and sizes of an ensemble's members.

        Raises:
            UserError: if the file is damaged.
        """
        members = read_json(self.members, MEMBERS)
        if not 0 < len(members) <= MOST_MEMBERS:
            raise UserError(f"{self.members} is damaged: an ensemble has 1 to {MOST_MEMBERS} members, not "
                            f"{len(members):,}")
        return [Member(ModelConfig.from_dict(one["model"]),
                       sizes_of({**one["sizes"], "use_cudnn": use_cudnn}, self.members), one["head"], one["tail"])
                for one in members]

    def load_model(self, *, use_cudnn: bool | str = "auto") -> keras.Model:
        """Rebuild the model from the configuration and load its weights; no code from the file is executed.

        Args:
            use_cudnn: see `sentiment.architectures.Sizes`.

        Raises:
            UserError: if the weights are damaged, do not fit the configuration, or are no numbers, or a file has been
                exchanged.
        """
        self.check_checksums()
        return load_checked(self.model, lambda: self._build(use_cudnn), lambda model: model.load_weights(self.model))


def in_float16(weights: np.ndarray) -> np.ndarray:
    """Return weights of the same dtype, rounded to float16 values and clipped to the float16 range."""
    if not np.issubdtype(weights.dtype, np.floating):
        return weights
    largest = np.finfo(np.float16).max
    return np.asarray(np.clip(weights, -largest, largest).astype(np.float16), weights.dtype)


def compress(path: Path) -> None:
    """Compress the members of a ZIP archive, such as a `.keras` file."""
    target = path.with_name(f"{path.name}.deflated")
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as small:
        for member in stored.infolist():
            small.writestr(member.filename, stored.read(member))
    target.replace(path)
