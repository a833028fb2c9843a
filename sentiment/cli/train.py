"""`sentiment train`: train, evaluate and export a classifier."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.cli.options import add_config_options, check_picture, given_options
from sentiment.cli.tensorflow import import_tensorflow
from sentiment.config import RunConfig
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.presets import PRESETS, Options, Preset

if TYPE_CHECKING:
    from sentiment.artifacts import RunFolder


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("train", help="train, evaluate and export a classifier")
    parser.add_argument("--config", help="a run's config.json; flags given beside it win")
    parser.add_argument("--preset", choices=PRESETS, help="a whole recipe, which flags beside it change. On IMDB and "
                        "2 cores: " + "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items()))
    parser.add_argument("--output-dir", type=Path, help="where the run is written (default: models/ARCH, or "
                        "models/PRESET)")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished run")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished run, if there is one")
    parser.add_argument("--find-lr", type=Path, metavar="FILE", help="instead of training, raise the learning rate "
                        "from step to step, draw the loss to this picture, and say which rate to try")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    add_config_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train a classifier and print a short summary."""
    if arguments.find_lr is not None:
        check_picture("--find-lr", arguments.find_lr)
        if "runtime.export" in arguments:
            raise UserError("--find-lr exports nothing: leave --export and --no-export out")
    preset = PRESETS[arguments.preset] if arguments.preset else None
    given = given_options(arguments)
    if preset is not None:
        check_preset(arguments, preset, given)
    start = RunConfig.from_json_file(arguments.config) if arguments.config else None
    import_tensorflow()
    from sentiment.workflow import config_with

    wanted = preset.beside(given) if preset else given
    config = start.updated(wanted) if start else config_with(wanted)
    if arguments.find_lr is not None:
        find_learning_rate(config, arguments.find_lr, as_json=arguments.json)
        return
    folder = _trained(arguments, preset, config, config.to_dict() if start else given)
    if folder is None:
        log("this worker is done; the chief writes the results")
        return
    measured = folder.load_metrics()
    if arguments.json:
        print(json.dumps(measured))
    else:
        print(training_summary(folder.path, measured))
    for note in measured["dataset"]["notes"]:
        log.warning(note)


def check_preset(arguments: argparse.Namespace, preset: Preset, given: Options) -> None:
    """Refuse what does not go with a preset.

    Raises:
        UserError: with the reason.
    """
    if arguments.config is not None:
        raise UserError("--preset and --config are two starts: take one")
    if arguments.find_lr is not None and preset.pretrains(given):
        raise UserError(f"--preset {arguments.preset} pretrains first: give --find-lr what it wrote, by --pretrained")


def _trained(arguments: argparse.Namespace, preset: Preset | None, config: RunConfig, given: Options
             ) -> "RunFolder | None":
    """Train, or go on, or find that all is done; return the run, or None where the chief has it.

    `given` is what an unfinished run is compared with.
    """
    from sentiment.recipes import Recipe
    from sentiment.workflow import trained_folder

    target = arguments.output_dir or Path("models") / (arguments.preset or config.model.architecture)
    how = {"overwrite": arguments.overwrite, "resume": arguments.resume}
    if preset is not None:
        return Recipe(preset, given, target, **how).run()
    return trained_folder(config, target, **how, given=given)


def find_learning_rate(config: RunConfig, path: Path, *, as_json: bool) -> None:
    """Draw the loss by the learning rate and print the rate at which it falls fastest."""
    from sentiment.data import load_corpus
    from sentiment.evaluation.plots import rate_curve
    from sentiment.training.rate_finder import find_rate
    from sentiment.training.strategy import make_strategy
    from sentiment.workflow import load_prior

    strategy, corpus = make_strategy(config.runtime.strategy), load_corpus(config.data, config.runtime.seed)
    curve = find_rate(config, corpus, strategy, load_prior(config, corpus))
    rate_curve(curve.rates, curve.losses, curve.suggested, path)
    log(f"written to {path}")
    if as_json:
        print(json.dumps({"suggested": curve.suggested, "rates": curve.rates.tolist(),
                          "losses": curve.losses.tolist()}))
    elif curve.suggested is None:
        print(f"the loss did not fall within {len(curve.rates)} steps, so no rate stands out; the picture shows from "
              "which one on it explodes")
    else:
        print(f"the loss falls fastest at a rate of {curve.suggested:.1e}: try --learning-rate {curve.suggested:.1e}")


def training_summary(path: Path, measured: dict[str, Any]) -> str:
    """Return the lines printed at the end of a run."""
    test, validation, training = measured["test"], measured["validation"], measured["training"]
    epoch = f" (epoch {training['best_epoch']} of {training['epochs']})" if training["best_epoch"] else ""
    return (f"{measured['dataset']['name']}: test accuracy {test['accuracy']:.4f}, validation "
            f"{validation['accuracy']:.4f}{epoch}, "
            f"{measured['seconds']['all']:.0f} s, {measured['peak_memory_bytes'] / 1e9:.2f} GB\n"
            f"saved to {path}; try: python -m sentiment predict {path} \"A wonderful film.\"")
