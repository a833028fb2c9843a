"""What is tried of each architecture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentiment import architectures
from sentiment.artifacts import open_start
from sentiment.config import POOLINGS, ModelConfig


@dataclass(frozen=True)
class Range:
    """A number between two, by its logarithm or by itself."""

    section: str
    name: str
    low: float
    high: float
    log: bool = False

    def suggest(self, trial: Any) -> float:
        """Let an Optuna trial choose."""
        return float(trial.suggest_float(self.name, self.low, self.high, log=self.log))


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    section: str
    name: str
    values: tuple[Any, ...]

    def suggest(self, trial: Any) -> Any:
        """Let an Optuna trial choose."""
        return trial.suggest_categorical(self.name, self.values)


Dimension = Range | Choice
SPACE: tuple[Dimension, ...] = (
    Range("training", "learning_rate", 2e-4, 1e-2, log=True),
    Choice("training", "batch_size", (16, 32, 64, 128)),
    Range("training", "warmup", 0.0, 0.3),
    Choice("text", "max_length", (200, 400, 800)),
    Choice("model", "units", (32, 64, 128, 256)),
    Choice("model", "embedding_size", (64, 128, 256)),
    Choice("model", "layers", (1, 2, 3)),
    Choice("model", "pooling", POOLINGS),
    Range("model", "word_dropout", 0.0, 0.5),
    Range("model", "embedding_dropout", 0.0, 0.7),
    Range("model", "output_dropout", 0.0, 0.7),
)


def space_of(config: ModelConfig, given: Mapping[str, Mapping[str, Any]]) -> list[Dimension]:
    """Return the dimensions that an architecture takes, without those that were given and so stay as they are.

    What a pretrained network determines stays as well, and nothing is pooled where attention sums a text up.
    """
    uses = architectures.named(config.architecture).uses - ({"pooling"} if architectures.sums_up(config) else set())
    pretrained = given.get("training", {}).get("pretrained")
    fixed = open_start(pretrained).shared_values() if pretrained else {}
    return [one for one in SPACE if (one.section != "model" or one.name in uses)
            and one.name not in given.get(one.section, {}) and one.name not in fixed.get(one.section, ())]
