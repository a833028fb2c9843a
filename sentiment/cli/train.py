"""`sentiment train`: train, evaluate and export a classifier."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_config_options, check_picture, given_options
from sentiment.config import IN_MEMORY, DataConfig, Options, RunConfig
from sentiment.config.catalogue import check_listed
from sentiment.config.presets import PRESETS
from sentiment.console import log, print_json, print_text
from sentiment.errors import UserError
from sentiment.files import user_path
from sentiment.measured import LINEAR, baseline_rows, over_folds
from sentiment.startup import import_tensorflow

OF_FILMS, EXAMPLE = "A wonderful film.", "a text of yours"
ROWS_READ, WORDS_SHOWN, CHARACTERS_SHOWN = 100, 10, 60


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("train", help="train, evaluate and export a classifier")
    parser.add_argument("data", nargs="?", metavar="DATA", help="same as --dataset: a path, imdb, sample or auto")
    parser.add_argument("--config", help="a run's config.json; other flags override it")
    parser.add_argument("--preset", choices=PRESETS, help="a whole recipe; other flags override it. On IMDB and 2 "
                        "cores: " + "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items()))
    parser.add_argument("--output-dir", type=Path, help="folder of the run (default: models/ARCH or models/PRESET; for "
                        "your own data models/DATA-ARCH or models/DATA-PRESET)")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished run")
    parser.add_argument("--resume", action="store_true", help="resume an unfinished run, if there is one")
    parser.add_argument("--find-lr", type=Path, metavar="FILE", help="learning-rate range test instead of training: "
                        "raise the learning rate step by step, plot the loss to this file, and recommend a rate if the "
                        "loss decreases significantly")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    add_config_options(parser)


def _given(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the options that are set, with the data that is named first.

    Raises:
        UserError: for flags that exclude each other.
    """
    if arguments.find_lr is not None:
        check_picture("--find-lr", arguments.find_lr)
        if "runtime.export" in arguments:
            raise UserError("--find-lr exports nothing: omit --export and --no-export")
    given = given_options(arguments)
    if arguments.data is not None:
        if "dataset" in given.get("data", {}):
            raise UserError(f"'{arguments.data}' and --dataset both name the data: pass only one")
        given.setdefault("data", {})["dataset"] = arguments.data
    check_start(arguments, given)
    return given


@log.each_once()
def run(arguments: argparse.Namespace) -> None:
    """Train a classifier and print a short summary, and each warning once."""
    from sentiment.artifacts import RunPaths

    given = _given(arguments)
    start = RunConfig.from_json_file(arguments.config) if arguments.config else RunConfig()
    data = start.updated({"data": given.get("data", {})}).data
    # Errors in the options, the data and the folders are reported before TensorFlow is imported.
    how = {"overwrite": arguments.overwrite, "resume": arguments.resume}
    architecture = architecture_of(start, given)
    target = arguments.output_dir or default_folder(data, arguments.preset or architecture)
    if arguments.find_lr is None:
        RunPaths.check_start(target, **how)
    example = first_text(data)
    import_tensorflow(devices=True, training=True)
    from sentiment.runs import Recipe, cross_validated_run, resolve, train_run

    if arguments.preset:
        recipe = Recipe(PRESETS[arguments.preset], given, target, **how)
        config = recipe.config()
    elif arguments.config:
        config = start.updated(given)
        config = config.with_given(config.to_dict())
    else:
        config = resolve(given)
    if arguments.find_lr is not None:
        find_learning_rate(config, arguments.find_lr, as_json=arguments.json)
        return
    run_one = cross_validated_run if config.data.folds else train_run
    folder = recipe.train() if arguments.preset else run_one(config, target, **how)
    if folder is None:
        log("this worker has finished; the chief writes the results")
        return
    measured = folder.load_metrics()
    print_summary(folder.path, measured, example, as_json=arguments.json)
    for note in measured["dataset"]["notes"]:
        log.warning(note)


def architecture_of(start: RunConfig, given: Options) -> str:
    """Return the architecture of a run: the one that is named, else that of `--pretrained`, else of the configuration.

    Raises:
        UserError: if the network of `--pretrained`, or the run of `--teacher`, is missing.
    """
    from sentiment.artifacts.paths import RunPaths, start_paths

    settings = start.updated({"training": given.get("training", {})}).training
    if settings.teacher:
        RunPaths.open(settings.teacher)
    started = start_paths(settings.pretrained).load_config() if settings.pretrained else start
    of_network = started if "pretrained" in given.get("training", {}) else start
    return str(given.get("model", {}).get("architecture", of_network.model.architecture))


def check_start(arguments: argparse.Namespace, given: Options) -> None:
    """Refuse options that exclude a preset, and without a pretrained network those that the architecture does not use.

    Raises:
        UserError: with the reason.
    """
    if not arguments.preset:
        if arguments.config is None:
            check_listed(given)
        return
    if arguments.config is not None:
        raise UserError("--preset and --config exclude each other: pass only one")
    pretrains = PRESETS[arguments.preset].pretraining is not None and "pretrained" not in given.get("training", {})
    if arguments.find_lr is not None and pretrains:
        raise UserError(f"--preset {arguments.preset} pretrains first: pass its network with --pretrained to --find-lr")


def find_learning_rate(config: RunConfig, path: Path, *, as_json: bool) -> None:
    """Plot the loss by learning rate, and print the recommended rate, or the reason why there is none."""
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
        print_json({"suggested": curve.suggested, "fall": curve.fall, "noise": curve.noise,
                    "rates": curve.rates.tolist(), "losses": curve.losses.tolist(),
                    "smoothed": curve.smoothed.tolist()})
    elif curve.suggested is None:
        print_text(f"no rate is recommended: the loss decreased by {max(curve.fall, 0.0):.3f}, and a decrease below "
                   f"{curve.noise:.3f} may be noise. Keep --learning-rate {config.training.learning_rate:g}, or search "
                   "again with more training texts or a larger --batch-size, whose loss is less noisy")
    else:
        print_text(f"half of the decrease of the loss is reached at a rate of {curve.suggested:.1e}: try "
                   f"--learning-rate {curve.suggested:.1e}")


def print_summary(path: Path, measured: dict[str, Any], example: str = EXAMPLE, *, as_json: bool) -> None:
    """Print the metrics of a finished run as JSON, or a summary."""
    if as_json:
        print_json(measured)
    else:
        print_text(training_summary(path, measured, example))


def default_folder(data: DataConfig, name: str) -> Path:
    """Return the default folder of a run: `models/tickets-bilstm` for tickets.csv and bilstm."""
    if data.is_named:
        return Path("models") / name
    stem = re.sub(r"[^\w-]+", "_", Path(data.dataset).resolve().name.partition(".")[0]).strip("_")
    return Path("models") / f"{stem or 'data'}-{name}"


def first_text(data: DataConfig) -> str:
    """Return the beginning of a text of the user's test file or data; an example for named corpora and folders.

    Raises:
        UserError: if a table cannot be read, or a column is missing.
    """
    source = data.test_file or data.dataset
    if data.is_named:
        return OF_FILMS
    if data.dataset == IN_MEMORY or user_path(source).is_dir():
        return EXAMPLE
    from sentiment.data.tables import labelled_rows

    found = (text for rows in labelled_rows(source, data, ROWS_READ) for text in rows.texts if text.strip())
    beginning = next(found, EXAMPLE).split()[:WORDS_SHOWN]
    return "".join(one for one in " ".join(beginning) if one.isprintable())[:CHARACTERS_SHOWN]


def example_for(data: DataConfig) -> str:
    """Return `first_text`, or an example if the user's data is gone."""
    try:
        return first_text(data)
    except UserError:
        return EXAMPLE


def predict_command(model: Path, text: str) -> str:
    """Return the command that predicts a text, ready for a shell."""
    return f"python -m sentiment predict --model {shlex.quote(str(model))} {_quoted(text)}"


def training_summary(path: Path, measured: dict[str, Any], example: str = EXAMPLE) -> str:
    """Return the lines printed at the end of a run."""
    test, validation, training = measured["test"], measured["validation"], measured["training"]
    epoch = f" (epoch {training['best_epoch']} of {training['epochs']})" if training["best_epoch"] else ""
    accuracy = f"test accuracy {test['accuracy']:.4f}" if not measured.get("folds") else over_folds(measured["folds"])
    return (f"{measured['dataset']['name']}: {accuracy}, validation "
            f"{validation['accuracy']:.4f}{epoch}, "
            f"{measured['seconds']['all']:.0f} s, {measured['peak_memory_bytes'] / 1e9:.2f} GB\n"
            f"{baseline_lines(measured)}"
            f"saved to {path}; try: {predict_command(path, example)}")


def _quoted(text: str) -> str:
    """Return a text in quotes for a shell, in double quotes if they need no escape."""
    return shlex.quote(text) if set(text) & set("\"$`\\!") else f'"{text}"'


def baseline_lines(measured: dict[str, Any]) -> str:
    """Return the table of a model and its baselines with the verdict, as text; empty without baselines."""
    found = measured.get("baselines")  # runs of earlier versions have none
    if found is None:
        return ""
    header, *rows = baseline_rows(measured)
    width = max(len(row[0]) for row in rows)
    lines = ["  ".join([f"{name:<{width}}", *map("{:>{}}".format, cells, map(len, header[1:]))])
             for name, *cells in (["", *header[1:]], *rows)]
    advice = " (--arch tfidf-lr)" if found["recommended"] == LINEAR else ""
    return "\n".join(lines) + f"\n{found['verdict']}{advice}\n"
