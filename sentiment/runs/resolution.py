"""Resolution of the options of an architecture, a preset, a pretrained network and the user into one configuration."""

from typing import Any

from sentiment import architectures
from sentiment.artifacts import open_start
from sentiment.config import ModelConfig, Options, Role, RunConfig, merged


def resolve(given: Options, preset: Options | None = None) -> RunConfig:
    """Return the configuration of a run; each of these wins over those before it.

    1. the defaults;
    2. those of the architecture;
    3. the preset;
    4. what a pretrained network determines, of which the weights are taken over;
    5. the options that the user has given.

    The readout, by which the states of all words become one vector, is one decision: whoever sets `attention` or
    `pooling` replaces the readout of those before. The attention of an architecture also gives way to `merge="sum"`,
    which mixes the last states that it queries with.

    Args:
        given: the options of the user, by section and name; they are kept as `given` of the result.
        preset: options of a preset.

    Raises:
        UserError: for an option that there is not or a value that it does not take, if there is no architecture of
            this name, or no pretrained network where one is named.

    Example:
        >>> from sentiment.runs import resolve
        >>> config = resolve({"model": {"architecture": "bilstm", "pooling": "mean"}})
        >>> config.model.attention, config.model.pooling
        ('none', 'mean')
    """
    preset = preset or {}
    RunConfig().updated(given)  # its values are checked before they are used
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
    """Return whether an option of the readout is among these."""
    return any(name in options.get("model", {}) for name in ModelConfig.names(Role.READOUT))


def without_readout(options: Options) -> Options:
    """Return options but for those of the readout."""
    readout = ModelConfig.names(Role.READOUT)
    return {section: {name: value for name, value in values.items() if section != "model" or name not in readout}
            for section, values in options.items()}
