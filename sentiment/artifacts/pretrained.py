"""Folder of a pretrained network.

    models/lm/
        config.json         the configuration
        vocabulary.txt      one word per line, from id 2 on
        sizes.json          the sizes of the network that are not in the configuration
        weights.npz         its weights by path, in float16, which suffices for an initialisation
        texts.npy           a digest of each training text
        history.csv         one row per epoch
        checksums.json      CRC-32 of these files, which belong together
        metrics.json        perplexity, the data, versions, time and memory
        README.md           the model card

For unfinished folders, see `sentiment.artifacts.folder`.
"""

import os
from pathlib import Path
from typing import Self

import keras
import numpy as np

from sentiment.architectures import Sizes
from sentiment.architectures.pretrainable import BUILDERS, Pretrainable
from sentiment.artifacts.folder import ResultFolder
from sentiment.artifacts.weights import load_checked
from sentiment.config import Options, PretrainConfig, Role, only
from sentiment.errors import UserError
from sentiment.text import TextPreprocessor
from sentiment.training.prior import Pretrained

MEASURED = {"validation?": {str: float}, "training?": {str: object}, "seconds?": {str: float}}


class PretrainedFolder(ResultFolder):
    """Folder of a pretrained network."""

    kind, option, foreign = "pretraining", "--output", "model.keras"
    advice = "train one with `python -m sentiment pretrain`"
    measured = MEASURED

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

    @property
    def belonging(self) -> tuple[Path, ...]:
        """See the base class."""
        return (*super().belonging, self.weights)

    def load_config(self) -> PretrainConfig:
        """Read the configuration."""
        return PretrainConfig.from_json_file(self.config)

    def save(self, preprocessor: TextPreprocessor, sizes: Sizes, trained: Pretrainable, read: np.ndarray) -> None:
        """Write the vocabulary, sizes and weights, and the digests `read` of the training texts."""
        self.save_words_and_sizes(preprocessor, sizes)
        np.savez(self.weights, allow_pickle=False,
                 **{variable.path: variable.numpy().astype(np.float16) for variable in trained.network.weights})
        self.save_texts(read)
        self.save_checksums()

    def shared_values(self) -> Options:
        """Return the options that a classifier must share to be initialised from it."""
        return only(self.load_config().to_dict(), PretrainConfig.names(Role.SHARED))

    def load_start(self) -> Pretrained:
        """Load the network for the initialisation of a classifier.

        Raises:
            UserError: if a file is damaged.
        """
        network = self.load_network()
        return Pretrained(str(self.path), self.load_preprocessor().words,
                          lambda classifier, config, _: network.start(classifier, config), self.load_texts())

    def load_network(self) -> Pretrainable:
        """Rebuild the network and load its weights.

        Raises:
            UserError: if they are damaged, or a file has been exchanged.
        """
        self.check_checksums()
        config, sizes = self.load_config(), self.load_sizes()
        networks = []

        def build() -> keras.Model:
            networks.append(BUILDERS[config.pretraining.method](config.model, sizes))
            return networks[-1].network

        def load(model: keras.Model) -> None:
            with np.load(self.weights, allow_pickle=False) as weights:
                for variable in model.weights:
                    variable.assign(weights[variable.path])

        load_checked(self.weights, build, load)
        return networks[-1]
