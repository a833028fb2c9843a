"""`sentiment train`: train, evaluate and export a classifier."""

import argparse
import json
from pathlib import Path
from typing import Any

from sentiment.commands.options import add_config_options, given_options
from sentiment.commands.tensorflow import import_tensorflow
from sentiment.config import RunConfig
from sentiment.console import log


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("train", help="train, evaluate and export a classifier")
    parser.add_argument("--config", help="a run's config.json; flags given beside it win")
    parser.add_argument("--output-dir", type=Path, help="where the run is written (default: models/ARCH)")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished run")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished run, if there is one")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    add_config_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train a classifier and print a short summary."""
    given = given_options(arguments)
    start = RunConfig.from_json_file(arguments.config) if arguments.config else None
    import_tensorflow()
    from sentiment.artifacts import RunFolder
    from sentiment.workflow import default_config, resumed_config, run_training

    config = (start or default_config(given)).updated(given)
    target = arguments.output_dir or Path("models") / config.model.architecture
    unfinished = RunFolder.unfinished(target) if arguments.resume else None
    if unfinished is not None:
        config = resumed_config(unfinished, config.to_dict() if start else given)
    if arguments.resume and unfinished is None and not arguments.overwrite and RunFolder(target).metrics.is_file():
        log(f"{target} is finished: there is nothing to resume")
        folder = RunFolder.open(target)
    else:
        trained = run_training(config, target, overwrite=arguments.overwrite, unfinished=unfinished)
        if trained is None:
            log("this worker is done; the chief writes the results")
            return
        folder = trained
    measured = folder.load_metrics()
    if arguments.json:
        print(json.dumps(measured))
    else:
        print(training_summary(folder.path, measured))
    for note in measured["dataset"]["notes"]:
        log.warning(note)


def training_summary(path: Path, measured: dict[str, Any]) -> str:
    """Return the lines printed at the end of a run."""
    test, validation, training = measured["test"], measured["validation"], measured["training"]
    epoch = f" (epoch {training['best_epoch']} of {training['epochs']})" if training["best_epoch"] else ""
    return (f"{measured['dataset']['name']}: test accuracy {test['accuracy']:.4f}, validation "
            f"{validation['accuracy']:.4f}{epoch}, "
            f"{measured['seconds']['all']:.0f} s, {measured['peak_memory_bytes'] / 1e9:.2f} GB\n"
            f"saved to {path}; try: python -m sentiment predict {path} \"A wonderful film.\"")
