"""Architectures by name, registered by the modules of this package, one file per family."""

import importlib
import pkgutil

from sentiment.architectures.blocks import EMBEDDING, scale_logits, set_word_vectors, start_from, word_vectors_of
from sentiment.architectures.readout import readout
from sentiment.architectures.registry import Architecture, Sizes, architectures, build, find, named, register

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["EMBEDDING", "Architecture", "Sizes", "architectures", "build", "find", "named",
           "readout", "register", "scale_logits", "set_word_vectors", "start_from", "word_vectors_of"]
