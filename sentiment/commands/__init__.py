"""The commands, one module each, with its flags and what it prints."""

from sentiment.commands import (
    architectures,
    benchmark,
    compare,
    ensemble,
    evaluate,
    explain,
    export,
    gradients,
    info,
    launch,
    predict,
    pretrain,
    train,
    tune,
    vectors,
)

COMMANDS = (train, pretrain, ensemble, tune, predict, explain, evaluate, compare, info, export, architectures,
            gradients, vectors, benchmark, launch)
