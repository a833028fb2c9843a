"""`sentiment tune`: search hyper-parameters on the validation split."""

import argparse
import json
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_config_options, given_options
from sentiment.cli.tensorflow import import_tensorflow
from sentiment.console import log, print_table, progress_bar
from sentiment.errors import UserError


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("tune", help="search hyper-parameters on the validation split, with Optuna")
    parser.add_argument("--trials", type=int, default=20, metavar="N", help="in all, finished ones included (default: "
                        "20)")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="where the study, the best configuration and a "
                        "plot are kept; a study that is there goes on (default: models/ARCH.tuning)")
    parser.add_argument("--json", action="store_true", help="print the best values as JSON")
    add_config_options(parser, without=("export",))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the trials that are missing and print what was best."""
    if arguments.trials < 1:
        raise UserError("--trials is at least 1")
    given = given_options(arguments)
    import_tensorflow()
    from sentiment import architectures
    from sentiment.data import load_corpus
    from sentiment.evaluation.plots import importances as draw_importances
    from sentiment.training.strategy import make_strategy
    from sentiment.tuning import best_config, importances, search, space_of
    from sentiment.tuning.trials import finished, open_study
    from sentiment.workflow import config_with, load_prior

    config = config_with(given)
    name = config.model.architecture
    if architectures.find(config.model).learner != "gradient":
        raise UserError(f"'{name}' is fitted at once by scikit-learn: there is nothing to tune")
    folder = arguments.output_dir or Path("models") / f"{name}.tuning"
    space = space_of(config.model, given)
    study = open_study(folder / "study.db", name, config.runtime.seed)
    strategy, corpus = make_strategy(config.runtime.strategy), load_corpus(config.data, config.runtime.seed)
    with progress_bar("tuning", max(0, arguments.trials - finished(study))) as advance:
        search(study, config, space, corpus, strategy, arguments.trials, advance, load_prior(config, corpus))
    best, loss = best_config(study, config, space)
    (folder / "best.json").write_text(best.to_json(), encoding="utf-8")
    values = {one.name: getattr(getattr(best, one.section), one.name) for one in space}
    shares = importances(study)
    if shares:
        draw_importances(shares, folder / "importances.png")
    if arguments.json:
        print(json.dumps({"validation_loss": loss, "values": values, "importances": shares}))
    else:
        print_table(["option", "best", "importance"], [
            [key, f"{value:.3g}" if isinstance(value, float) else str(value), f"{shares.get(key, 0):.2f}"]
            for key, value in values.items()], numeric=(2,))
    log(f"validation loss {loss:.4f}; train with: python train.py --config {folder / 'best.json'}")
