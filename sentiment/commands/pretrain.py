"""`sentiment pretrain`: learn from texts without labels, for classifiers to start from."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.commands.options import add_section, given_options
from sentiment.commands.tensorflow import import_tensorflow
from sentiment.config import PretrainConfig
from sentiment.errors import UserError

FLAGS = {
    "data": ("dataset", "data_dir", "text_column", "label_column", "group_column", "test_file", "validation_file",
             "random_split", "train_share", "unlabelled", "validation_fraction", "test_fraction"),
    "text": ("vocabulary_size", "max_length", "truncate", "periods"),
    "model": ("architecture", "embedding_size", "units", "layers", "activation", "gru_reset", "recurrent_initializer",
              "forget_bias", "normalization", "word_dropout", "embedding_dropout", "recurrent_dropout", "weight_drop",
              "output_dropout"),
    "pretraining": ("method", "window", "sampled_words"),
    "training": ("optimizer", "learning_rate", "schedule", "warmup", "weight_decay", "clip_norm", "clip_value",
                 "gradient_noise", "batch_size", "epochs"),
    "runtime": ("seed", "strategy", "mixed_precision", "checkpoint_minutes", "checkpoint_steps"),
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
    from sentiment.artifacts import PretrainedFolder
    from sentiment.pretraining import run_pretraining
    from sentiment.workflow import resumed_config

    target = arguments.output
    unfinished, finished = None, False
    if arguments.resume:
        unfinished, finished = PretrainedFolder.to_resume(target, overwrite=arguments.overwrite)
    if unfinished is not None:
        config = resumed_config(unfinished.load_config(), unfinished.path, given)
    folder = (PretrainedFolder.open(target) if finished else
              run_pretraining(config, target, overwrite=arguments.overwrite, unfinished=unfinished))
    measured = folder.load_metrics()
    print("  ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in measured["validation"].items()))
    print(f"saved to {folder.path}; start a classifier from it: python train.py --pretrained {folder.path}")
