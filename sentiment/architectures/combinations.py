"""Rules on combinations of options, each with its reason."""

from collections.abc import Callable

from sentiment.architectures.readout import readout
from sentiment.config import ModelConfig
from sentiment.errors import UserError

Rule = tuple[Callable[[ModelConfig], bool], str]

LINEAR = ("qrnn", "sru", "mingru", "minlstm", "rglru")  # linear recurrences, without a recurrent kernel
LOCAL = ("luong-local-m", "luong-local-p")


def depth(config: ModelConfig) -> int:
    """Return the number of recurrent layers: `--layers`, or 2 for `stacked-*` and 1 for the others."""
    return config.layers or (2 if config.architecture.startswith("stacked-") else 1)


def _linear(config: ModelConfig) -> bool:
    return config.architecture.removeprefix("bi") in LINEAR


def check_plain_layers(config: ModelConfig, what: str) -> None:
    """Refuse connections and layers that pretrained networks do not support.

    Raises:
        UserError: that begins with `what`.
    """
    if config.residual or config.skip or config.normalization == "batch":
        raise UserError(f"{what} supports only plain layers: omit --residual, --skip and --normalization batch")


# Each rule: the condition of the refusal, and the reason.
RULES: tuple[Rule, ...] = (
    (lambda c: c.residual and c.skip, "--residual and --skip exclude each other: pass only one"),
    (lambda c: (c.residual or c.skip) and depth(c) < 2,
     "--residual and --skip connect layers: pass --layers 2 or more"),
    (lambda c: c.pooling is not None and not readout(c).pools,
     "--attention {attention} already reduces a text to one vector: omit --pooling, or pass --attention none"),
    (lambda c: c.merge == "sum" and c.pooling in ("last", "concat"),
     "--pooling {pooling} takes the last state of each direction, which --merge sum mixes: use max or mean"),
    (lambda c: c.merge == "sum" and not readout(c).pools and c.attention != "self-attentive",
     "--attention {attention} queries with the last state of each direction, which --merge sum mixes: use --merge "
     "concat"),
    (lambda c: c.heads != ModelConfig.heads and c.attention != "multi-head" and c.architecture != "transformer",
     "--heads needs --attention multi-head"),
    (lambda c: (c.hops != ModelConfig.hops or c.hops_penalty > 0) and c.attention != "self-attentive",
     "--hops and --hops-penalty need --attention self-attentive"),
    (lambda c: c.hops_penalty > 0 and c.hops < 2,
     "--hops-penalty compares hops: pass --hops 2 or more"),
    (lambda c: c.window != ModelConfig.window and c.attention not in LOCAL,
     f"--window needs --attention {' or '.join(LOCAL)}"),
    (lambda c: c.normalization == "layer" and ("lstm" not in c.architecture or _linear(c)),
     "--normalization layer is built into the LSTM: use lstm, bilstm, stacked-lstm or stacked-bilstm"),
    (lambda c: c.normalization == "weight" and (c.architecture.endswith("rnn") or _linear(c)),
     "--normalization weight is for LSTM and GRU"),
    (lambda c: c.recurrent_initializer == "identity" and not c.architecture.endswith("rnn"),
     "--recurrent-initializer identity is for the plain recurrent layer: the kernels of gates are not square"),
    (lambda c: c.architecture == "transformer" and c.embedding_size % c.heads != 0,
     "--heads must divide --embedding-size: {heads} does not divide {embedding_size}"),
)


def check(config: ModelConfig) -> None:
    """Refuse invalid combinations of options.

    Raises:
        UserError: with the reason.
    """
    for refused, reason in RULES:
        if refused(config):
            raise UserError(f"{config.architecture}: {reason.format(**vars(config))}")
