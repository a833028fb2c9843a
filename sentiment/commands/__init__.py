"""The commands, one module each, with its flags and what it prints."""

from sentiment.commands import (
    architectures,
    benchmark,
    evaluate,
    explain,
    export,
    gradients,
    info,
    launch,
    predict,
    train,
    vectors,
)

COMMANDS = (train, predict, explain, evaluate, info, export, architectures, gradients, vectors, benchmark, launch)
