"""Search space of an architecture, from the declarations of the options."""

from dataclasses import dataclass
from typing import Any

from sentiment import architectures
from sentiment.artifacts import open_start
from sentiment.config import Options, Range, RunConfig


@dataclass(frozen=True)
class Dimension:
    """Dimension of the search space: an option with a range of numbers or a list of values."""

    section: str
    name: str
    values: Range | tuple[Any, ...]

    def suggest(self, trial: Any) -> Any:
        """Return the suggestion of an Optuna trial."""
        if isinstance(self.values, Range):
            return float(trial.suggest_float(self.name, self.values.low, self.values.high, log=self.values.log))
        return trial.suggest_categorical(self.name, self.values)


SPACE = tuple(Dimension(section, declared.name, declared.metadata["search"])
              for section, kind in RunConfig.sections().items() for declared in kind.options()
              if declared.metadata["search"] is not None)


def space_of(config: RunConfig) -> list[Dimension]:
    """Return the dimensions that apply to an architecture, without the options that the user has set.

    Options that a pretrained network determines are also omitted, and pooling if attention returns one vector.
    """
    uses = architectures.named(config.model.architecture).uses
    if not architectures.readout(config.model).pools:
        uses -= {"pooling"}
    path = config.training.pretrained
    fixed: Options = open_start(path).shared_values() if path else {}

    return [one for one in SPACE if (one.section != "model" or one.name in uses)
            and not any(one.name in options.get(one.section, {}) for options in (config.given, fixed))]
