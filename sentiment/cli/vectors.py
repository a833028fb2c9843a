"""`sentiment vectors`: train word vectors on the training texts, for `--embedding-start`."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, given_options
from sentiment.config import DataConfig, Role, RunConfig, TextConfig
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.startup import import_tensorflow

METHODS = ("skip-gram", "cbow", "svd")


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("vectors", help="train word vectors on the training and unlabelled texts")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE",
                        help="file of the vectors, in the text format of word2vec")
    parser.add_argument("--method", choices=METHODS, default="skip-gram",
                        help="skip-gram and cbow: word2vec, trained by gensim; svd: a factorisation of co-occurrences "
                        "(default: skip-gram)")
    parser.add_argument("--size", type=int, default=128, metavar="N", help="dimension of the vectors (default: 128)")
    parser.add_argument("--window", type=int, default=5, metavar="N",
                        help="words of context on each side (default: 5)")
    parser.add_argument("--epochs", type=int, default=5, metavar="N", help="passes over the texts (default: 5)")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="seed of the vectors and of the split, whose validation texts are omitted (default: 1)")
    add_section(parser, "data", DataConfig, DataConfig.names(Role.COMMON))
    add_section(parser, "text", TextConfig, TextConfig.names(Role.SHARED))


def run(arguments: argparse.Namespace) -> None:
    """Train and write the vectors."""
    if min(arguments.size, arguments.window, arguments.epochs) < 1:
        raise UserError("--size, --window and --epochs must be at least 1")
    if not arguments.output.parent.is_dir():
        raise UserError(f"cannot write {arguments.output}: no such folder: {arguments.output.parent}")
    import_tensorflow(devices=True)

    config = RunConfig().updated({**given_options(arguments), "runtime": {"seed": arguments.seed}})
    config = config.updated({"text": {"max_length": 100_000}})
    count = train_vectors(config, arguments.output, method=arguments.method, size=arguments.size,
                          window=arguments.window, epochs=arguments.epochs)
    log(f"{count:,} vectors written to {arguments.output}; use them with --embedding-start {arguments.output} "
        f"--embedding-size {arguments.size}")


def train_vectors(config: RunConfig, target: Path, *, method: str, size: int, window: int, epochs: int) -> int:
    """Train word vectors on the training and unlabelled texts and write them; return their number."""
    from itertools import chain

    from sentiment.data import load_corpus, load_unlabelled
    from sentiment.text import TextPreprocessor, word2vec, word_vectors, write_vectors

    seed = config.runtime.seed
    corpus = load_corpus(config.data, seed)
    for note in corpus.notes:
        log.warning(note)
    others = load_unlabelled(config.data, corpus)
    preprocessor = TextPreprocessor.fit(config.text, chain(corpus.train.texts, others))
    tokens = preprocessor.tokenize(chain(corpus.train.texts, others))
    log(f"{method}: {len(tokens):,} texts, {len(tokens.values):,} words, {preprocessor.vocabulary_size:,} ids")
    if method == "svd":
        vectors = word_vectors(tokens, preprocessor.vocabulary_size, size, seed, window)
    else:
        vectors = word2vec(tokens, preprocessor.vocabulary_size, size, skip_gram=method == "skip-gram", window=window,
                           epochs=epochs, seed=seed)
    write_vectors(target, preprocessor.words, vectors[-len(preprocessor.words):])
    return len(preprocessor.words)
