"""Resolution of the options of an architecture, a preset, a pretrained network and the user into one configuration."""

from typing import Any

from sentiment import architectures
from sentiment.artifacts import open_start
from sentiment.config import ModelConfig, Options, Role, RunConfig, merged


def resolve(given: Options, preset: Options | None = None) -> RunConfig:
    """Return the configuration of a run from these sources; each overrides those before it.

    1. the defaults;
    2. those of the architecture;
    3. the preset;
    4. the options that a pretrained network determines;
    5. the user's options.

    The readout, which turns the states of all words into one vector, is treated as one option: `attention` or `pooling`
    replaces the readout of earlier sources. `merge="sum"` also removes the default attention of an architecture,
    because it mixes the last states that are the queries.

    Args:
        given: the user's options by section and name, recorded as `given` of the result.
        preset: options of a preset.

    Raises:
        UserError: for an unknown option, an invalid value, an unknown architecture, or a missing pretrained network.

    Example:
        >>> from sentiment.runs import resolve
        >>> config = resolve({"model": {"architecture": "bilstm", "pooling": "mean"}})
        >>> config.model.attention, config.model.pooling
        ('none', 'mean')
    """
    preset = preset or {}
    RunConfig().updated(given)  # its values are checked before use
    path = merged(preset, given).get("training", {}).get("pretrained")
    shared = open_start(path).shared_values() if path else {}
    name = merged(shared, preset, given).get("model", {}).get("architecture", ModelConfig.architecture)
    entry = architectures.named(name)
    own: dict[str, Any] = dict(entry.model)
    if merged(preset, given).get("model", {}).get("merge") == "sum":
        own.pop("attention", None)
    layers = [{"text": entry.text, "model": own}, preset, shared, given]
    readouts = [number for number, layer in enumerate(layers) if sets_readout(layer)]
    for number in readouts[:-1]:
        layers[number] = without_readout(layers[number])
    return RunConfig().updated(merged({"model": {"architecture": name}}, *layers)).with_given(given)


def sets_readout(options: Options) -> bool:
    """Whether the options contain one of the readout."""
    return any(name in options.get("model", {}) for name in ModelConfig.names(Role.READOUT))


def without_readout(options: Options) -> Options:
    """Return the options without those of the readout."""
    readout = ModelConfig.names(Role.READOUT)
    return {section: {name: value for name, value in values.items() if section != "model" or name not in readout}
            for section, values in options.items()}
