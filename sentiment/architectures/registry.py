"""Architectures by name. A module in this package registers its builders with `@register`."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from sentiment.config import ModelConfig
from sentiment.errors import UserError, nearest


@dataclass(frozen=True)
class Sizes:
    """What a builder must know beside the model's configuration.

    Attributes:
        vocabulary_size: the number of ids, padding and unknown included.
        classes: the number of classes.
        use_cudnn: passed to recurrent layers: "auto", or False for a model that must run on any device.
    """

    vocabulary_size: int
    classes: int
    use_cudnn: bool | str = "auto"

    @property
    def logits(self) -> int:
        """One logit for two classes, else one for each class."""
        return 1 if self.classes == 2 else self.classes


Builder = Callable[[ModelConfig, Sizes], keras.Model]


@dataclass(frozen=True)
class Architecture:
    """An entry of the registry: its name, a line of description and its builder."""

    name: str
    summary: str
    build: Builder
    stacked: bool


_REGISTRY: dict[str, Architecture] = {}


def register(name: str, summary: str, *, stacked: bool = False) -> Callable[[Builder], Builder]:
    """Add a builder to the registry; `stacked` says that it uses `--layers`."""

    def add(builder: Builder) -> Builder:
        if name in _REGISTRY:
            raise ValueError(f"the architecture '{name}' is registered twice")
        _REGISTRY[name] = Architecture(name, summary, builder, stacked)
        return builder

    return add


def architectures() -> tuple[Architecture, ...]:
    """Return all architectures, in the order of their names."""
    return tuple(_REGISTRY[name] for name in sorted(_REGISTRY))


def find(config: ModelConfig) -> Architecture:
    """Return the architecture that a configuration names.

    Raises:
        UserError: if there is none of this name, or it does not take the options given.
    """
    if config.architecture not in _REGISTRY:
        names = ", ".join(sorted(_REGISTRY))
        hint = nearest(config.architecture, _REGISTRY)
        raise UserError(f"no architecture '{config.architecture}'{hint} (there are {names})")
    found = _REGISTRY[config.architecture]
    if not found.stacked and (config.layers or 1) > 1:
        stacked = ", ".join(entry.name for entry in architectures() if entry.stacked)
        raise UserError(f"'{found.name}' has one recurrent layer: --layers goes with {stacked}")
    return found


def build(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Build the model that a configuration describes: int32 [batch, time] ids to float32 logits.

    Returns:
        A Keras model with logits of shape [batch, 1] for two classes, else [batch, classes].
    """
    return find(config).build(config, sizes)
