"""`sentiment gradients`: plot vanishing and exploding gradients."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, check_picture, given_options
from sentiment.config import DataConfig, Role, RunConfig
from sentiment.console import log, print_json, print_table
from sentiment.errors import UserError
from sentiment.startup import import_tensorflow

ARCHITECTURES = ("rnn", "lstm", "gru", "mingru", "minlstm", "rglru")
DEFAULT = ["rnn", "lstm", "gru"]
TEXTS = 64


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("gradients", help="plot the norm of the gradient at each step of a text")
    parser.add_argument("--arch", nargs="+", choices=ARCHITECTURES, default=DEFAULT, metavar="NAME",
                        help=f"architectures: {', '.join(ARCHITECTURES)} (default: {' '.join(DEFAULT)})")
    parser.add_argument("--steps", type=int, default=100, metavar="N", help="words of each text (default: 100)")
    parser.add_argument("--units", type=int, default=64, metavar="N", help="features of the state (default: 64)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of weights and texts (default: 1)")
    parser.add_argument("--output", type=Path, default=Path("gradients.png"), metavar="FILE",
                        help="where the plot is written (default: gradients.png)")
    parser.add_argument("--json", action="store_true", help="print the norms as JSON")
    add_section(parser, "data", DataConfig, DataConfig.names(Role.EVALUATION))


def run(arguments: argparse.Namespace) -> None:
    """Measure and plot."""
    if arguments.steps < 2 or arguments.units < 1:
        raise UserError("--steps must be at least 2 and --units at least 1")
    check_picture("--output", arguments.output)
    import_tensorflow(devices=True)
    from sentiment.data import load_corpus
    from sentiment.evaluation import plots
    from sentiment.training.gradient_flow import measure_gradients

    config = RunConfig().updated({**given_options(arguments), "model": {"units": arguments.units},
                                  "runtime": {"seed": arguments.seed}})
    corpus = load_corpus(config.data, arguments.seed)
    for note in corpus.notes:
        log.warning(note)
    norms = measure_gradients(config, corpus, arguments.arch, steps=arguments.steps, texts=TEXTS)
    plots.gradient_flow(norms, arguments.output)
    log(f"written to {arguments.output}")
    if arguments.json:
        print_json({name: {label: values.tolist() for label, values in lines.items()} for name, lines in norms.items()})
        return
    rows = [[name, label, f"{values[-1]:.1e}", f"{values[0]:.1e}", f"{values[0] / max(values[-1], 1e-300):.1e}"]
            for name, lines in norms.items() for label, values in lines.items()]
    print_table(["architecture", "variant", "last step", "first step", "ratio"], rows, numeric=(2, 3, 4))
