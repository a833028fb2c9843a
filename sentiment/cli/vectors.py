"""`sentiment vectors`: train word vectors on the training texts, for `--embedding-start`."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, given_options
from sentiment.cli.tensorflow import import_tensorflow
from sentiment.config import DataConfig, RunConfig, TextConfig
from sentiment.console import log
from sentiment.errors import UserError

METHODS = ("skip-gram", "cbow", "svd")


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("vectors", help="train word vectors on the training and unlabelled texts")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE",
                        help="where the vectors are written, in the text format of word2vec")
    parser.add_argument("--method", choices=METHODS, default="skip-gram",
                        help="skip-gram and cbow are word2vec's (gensim trains them), svd needs no training (default: "
                        "skip-gram)")
    parser.add_argument("--size", type=int, default=128, metavar="N", help="numbers of a vector (default: 128)")
    parser.add_argument("--window", type=int, default=5, metavar="N",
                        help="words to each side that count as near (default: 5)")
    parser.add_argument("--epochs", type=int, default=5, metavar="N", help="passes over the texts (default: 5)")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="of the vectors and of the split; validation texts are left out (default: 1)")
    add_section(parser, "data", DataConfig, ("dataset", "data_dir", "text_column", "label_column", "group_column",
                                             "unlabelled", "validation_fraction", "test_fraction"))
    add_section(parser, "text", TextConfig, ("vocabulary_size",))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train and write the vectors."""
    if min(arguments.size, arguments.window, arguments.epochs) < 1:
        raise UserError("--size, --window and --epochs are at least 1")
    if not arguments.output.parent.is_dir():
        raise UserError(f"cannot write {arguments.output}: no such folder: {arguments.output.parent}")
    import_tensorflow()
    from sentiment.workflow import train_vectors

    config = RunConfig().updated({**given_options(arguments), "runtime": {"seed": arguments.seed}})
    config = config.updated({"text": {"max_length": 100_000}})
    count = train_vectors(config, arguments.output, method=arguments.method, size=arguments.size,
                          window=arguments.window, epochs=arguments.epochs)
    log(f"{count:,} vectors written to {arguments.output}; use them with --embedding-start {arguments.output} "
        f"--embedding-size {arguments.size}")
