"""`sentiment train`: train, evaluate and export a classifier."""

import argparse
import json
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_config_options, check_picture, given_options
from sentiment.config import Options, RunConfig
from sentiment.config.presets import PRESETS
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.startup import import_tensorflow


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("train", help="train, evaluate and export a classifier")
    parser.add_argument("--config", help="a run's config.json; other flags override it")
    parser.add_argument("--preset", choices=PRESETS, help="a whole recipe, which other flags override. On IMDB and "
                        "2 cores: " + "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items()))
    parser.add_argument("--output-dir", type=Path, help="where the run is written (default: models/ARCH, or "
                        "models/PRESET)")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished run")
    parser.add_argument("--resume", action="store_true", help="resume an unfinished run, if there is one")
    parser.add_argument("--find-lr", type=Path, metavar="FILE", help="instead of training, raise the learning rate "
                        "from step to step, plot the loss to this file, and recommend a rate if the loss falls by more "
                        "than noise explains")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train a classifier and print a short summary."""
    if arguments.find_lr is not None:
        check_picture("--find-lr", arguments.find_lr)
        if "runtime.export" in arguments:
            raise UserError("--find-lr exports nothing: leave --export and --no-export out")
    given = given_options(arguments)
    check_preset(arguments, given)
    import_tensorflow(devices=True)
    from sentiment.runs import Recipe, resolve, train_run

    target, how = arguments.output_dir, {"overwrite": arguments.overwrite, "resume": arguments.resume}
    if arguments.preset:
        recipe = Recipe(PRESETS[arguments.preset], given, target or Path("models") / arguments.preset, **how)
        config = recipe.config()
    elif arguments.config:
        config = RunConfig.from_json_file(arguments.config).updated(given)
        config = config.with_given(config.to_dict())
    else:
        config = resolve(given)
    if arguments.find_lr is not None:
        find_learning_rate(config, arguments.find_lr, as_json=arguments.json)
        return
    folder = recipe.train() if arguments.preset else train_run(
        config, target or Path("models") / config.model.architecture, **how)
    if folder is None:
        log("this worker is done; the chief writes the results")
        return
    measured = folder.load_metrics()
    print(json.dumps(measured) if arguments.json else training_summary(folder.path, measured))
    for note in measured["dataset"]["notes"]:
        log.warning(note)


def check_preset(arguments: argparse.Namespace, given: Options) -> None:
    """Refuse options that exclude a preset.

    Raises:
        UserError: with the reason.
    """
    if not arguments.preset:
        return
    if arguments.config is not None:
        raise UserError("--preset and --config are two starts: take one")
    pretrains = PRESETS[arguments.preset].pretraining is not None and "pretrained" not in given.get("training", {})
    if arguments.find_lr is not None and pretrains:
        raise UserError(f"--preset {arguments.preset} pretrains first: give --find-lr what it wrote, by --pretrained")


def find_learning_rate(config: RunConfig, path: Path, *, as_json: bool) -> None:
    """Plot the loss by the learning rate, and print the recommended rate, or why there is none."""
    from sentiment.data import load_corpus
    from sentiment.evaluation.plots import rate_curve
    from sentiment.runs import load_prior
    from sentiment.training.rate_finder import find_rate
    from sentiment.training.strategy import make_strategy

    strategy, corpus = make_strategy(config.runtime.strategy), load_corpus(config.data, config.runtime.seed)
    curve = find_rate(config, corpus, strategy, load_prior(config, corpus))
    rate_curve(curve.rates, curve.losses, curve.smoothed, curve.suggested, path)
    log(f"written to {path}")
    if as_json:
        print(json.dumps({"suggested": curve.suggested, "fall": curve.fall, "noise": curve.noise,
                          "rates": curve.rates.tolist(), "losses": curve.losses.tolist(),
                          "smoothed": curve.smoothed.tolist()}))
    elif curve.suggested is None:
        print(f"no rate is recommended: the loss fell by {max(curve.fall, 0.0):.3f}, and a fall below {curve.noise:.3f} "
              f"may be noise. Keep --learning-rate {config.training.learning_rate:g}, or search again with more "
              "training texts or a larger --batch-size, whose loss is less noisy")
    else:
        print(f"half of the fall of the loss is done at a rate of {curve.suggested:.1e}: "
              f"try --learning-rate {curve.suggested:.1e}")


def training_summary(path: Path, measured: dict[str, Any]) -> str:
    """Return the lines printed at the end of a run."""
    test, validation, training = measured["test"], measured["validation"], measured["training"]
    epoch = f" (epoch {training['best_epoch']} of {training['epochs']})" if training["best_epoch"] else ""
    return (f"{measured['dataset']['name']}: test accuracy {test['accuracy']:.4f}, validation "
            f"{validation['accuracy']:.4f}{epoch}, "
            f"{measured['seconds']['all']:.0f} s, {measured['peak_memory_bytes'] / 1e9:.2f} GB\n"
            f"saved to {path}; try: python -m sentiment predict {path} \"A wonderful film.\"")
