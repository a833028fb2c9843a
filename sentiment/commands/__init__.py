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
    serve,
    train,
    tune,
    vectors,
)

COMMANDS = (train, pretrain, ensemble, tune, predict, serve, explain, evaluate, compare, info, export, architectures,
            gradients, vectors, benchmark, launch)
