"""The commands, one module each, with its flags and what it prints."""

from sentiment.commands import architectures, benchmark, evaluate, explain, gradients, info, predict, train, vectors

COMMANDS = (train, predict, explain, evaluate, info, architectures, gradients, vectors, benchmark)
