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

from pathlib import Path

import keras
import numpy as np

from sentiment.architectures import Sizes
from sentiment.architectures.pretrainable import BUILDERS, Pretrainable
from sentiment.artifacts.folder import ResultFolder
from sentiment.artifacts.paths import PretrainedPaths
from sentiment.artifacts.weights import load_checked
from sentiment.config import Options, PretrainConfig, Role, only
from sentiment.text import TextPreprocessor
from sentiment.training.prior import Pretrained


class PretrainedFolder(PretrainedPaths, ResultFolder):
    """Folder of a pretrained network."""

    @property
    def belonging(self) -> tuple[Path, ...]:
        """See the base class."""
        return (*super().belonging, self.weights)

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
