"""Registry of architectures by name. The modules of this package register their builders with `@register`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from sentiment.architectures.combinations import check
from sentiment.config import ModelConfig
from sentiment.config.catalogue import check_options

# Options of every architecture that embeds words.
EMBEDDED = frozenset({"architecture", "embedding_size", "word_dropout", "embedding_dropout", "output_dropout"})


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model that are not in its configuration.

    Attributes:
        vocabulary_size: the number of ids, including padding and the unknown token.
        classes: the number of classes.
        sentence_ends: the ids of sentence-ending tokens.
        terms: the number of n-grams of a linear model.
        use_cudnn: passed to recurrent layers: "auto", or False for a model that must run on any device.
    """

    vocabulary_size: int
    classes: int
    sentence_ends: tuple[int, ...] = ()
    terms: int = 1
    use_cudnn: bool | str = "auto"

    @property
    def logits(self) -> int:
        """Number of logits: one for two classes, else one per class."""
        return 1 if self.classes == 2 else self.classes


Builder = Callable[[ModelConfig, Sizes], keras.Model]


@dataclass(frozen=True)
class Architecture:
    """An entry of the registry.

    Attributes:
        name: as on the command line.
        summary: a one-line description.
        build: returns a Keras model for a configuration and sizes.
        uses: the names of the `ModelConfig` fields that it uses; others must keep their defaults.
        learner: `gradient`, or the name of a scikit-learn solver; see `sentiment.training.linear`.
        text: its own defaults for fields of `TextConfig`.
        model: its own defaults for fields of `ModelConfig`; incompatible options override them.
    """

    name: str
    summary: str
    build: Builder
    uses: frozenset[str]
    learner: str = "gradient"
    text: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)

    @property
    def by_gradient(self) -> bool:
        """Whether it is trained by gradient descent, not fitted by scikit-learn."""
        return self.learner == "gradient"


_REGISTRY: dict[str, Architecture] = {}


def register(name: str, summary: str, *, uses: Iterable[str] = (), learner: str = "gradient",
             text: Mapping[str, Any] | None = None, model: Mapping[str, Any] | None = None
             ) -> Callable[[Builder], Builder]:
    """Add a builder to the registry; see `Architecture`.

    Raises:
        ValueError: if the name is taken, or `uses` has a name that is not a field of `ModelConfig`.
    """
    unknown = set(uses) - set(ModelConfig.names())
    if unknown:
        raise ValueError(f"the architecture '{name}' uses {', '.join(sorted(unknown))}, not fields of ModelConfig")

    def add(builder: Builder) -> Builder:
        if name in _REGISTRY:
            raise ValueError(f"the architecture '{name}' is registered twice")
        _REGISTRY[name] = Architecture(name, summary, builder, frozenset(uses) | {"architecture"}, learner, text or {},
                                       model or {})
        return builder

    return add


def architectures() -> tuple[Architecture, ...]:
    """Return all architectures, in the order of their names."""
    return tuple(_REGISTRY[name] for name in sorted(_REGISTRY))


def named(name: str) -> Architecture:
    """Return the architecture with a name.

    Raises:
        UserError: if there is none.
    """
    check_options(ModelConfig(architecture=name), {entry.name: entry.uses for entry in architectures()})
    return _REGISTRY[name]


def find(config: ModelConfig) -> Architecture:
    """Return the architecture of a configuration.

    Raises:
        UserError: for an unknown name, a changed option that it does not use, or an invalid combination of options.
    """
    check_options(config, {entry.name: entry.uses for entry in architectures()})
    check(config)
    return named(config.architecture)


def build(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """Build the model of a configuration, from int32 [batch, time] ids to float32 logits.

    Options that the architecture does not use are not checked: in a saved run they may be defaults of another version.

    Returns:
        A Keras model with logits of shape [batch, 1] for two classes, else [batch, classes].

    Raises:
        UserError: for an unknown architecture, or an invalid combination of options.
    """
    check(config)
    return named(config.architecture).build(config, sizes)
