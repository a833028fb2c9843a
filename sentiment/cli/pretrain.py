"""`sentiment pretrain`: learn from texts without labels, for classifiers to start from."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, given_options
from sentiment.cli.tensorflow import import_tensorflow
from sentiment.config import PretrainConfig
from sentiment.errors import UserError
from sentiment.presets import TAKEN_OVER

FLAGS = {
    "data": TAKEN_OVER["data"],
    "text": ("vocabulary_size", "max_length", "truncate", "periods", "word_rules"),
    "model": ("architecture", "embedding_size", "units", "layers", "activation", "gru_reset", "recurrent_initializer",
              "forget_bias", "normalization", "word_dropout", "embedding_dropout", "recurrent_dropout", "weight_drop",
              "output_dropout"),
    "pretraining": ("method", "window", "sampled_words"),
    "training": ("optimizer", "learning_rate", "schedule", "warmup", "weight_decay", "clip_norm", "clip_value",
                 "gradient_noise", "batch_size", "epochs"),
    "runtime": TAKEN_OVER["runtime"],
}


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("pretrain", help="learn from texts without labels, for classifiers to start from",
                                 description="Learn from the training texts and from those without labels, which are "
                                 "those of the corpus if --unlabelled names no others.")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the network is written")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished one")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished one, if there is one")
    defaults = PretrainConfig()
    for name, section in PretrainConfig.sections().items():
        add_section(parser, name, section, FLAGS[name], getattr(defaults, name))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Pretrain, and say how to use it."""
    given = given_options(arguments)
    config = PretrainConfig.of_method(given.get("pretraining", {}).get("method", "language-model")).updated(given)
    if config.training.schedule == "plateau":
        raise UserError("pretraining keeps its last weights, so that no value is monitored: --schedule plateau is not "
                        "for it")
    import_tensorflow()
    from sentiment.pretraining import pretrained_folder

    folder = pretrained_folder(config, arguments.output, overwrite=arguments.overwrite, resume=arguments.resume,
                               given=given)
    measured = folder.load_metrics()
    print("  ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in measured["validation"].items()))
    print(f"saved to {folder.path}; start a classifier from it: python train.py --pretrained {folder.path}")
