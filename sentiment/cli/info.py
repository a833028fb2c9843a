"""`sentiment info`: describe a trained model."""

import argparse
from pathlib import Path
from typing import Any

from sentiment.config import RunConfig
from sentiment.console import log, print_json, print_text
from sentiment.measured import mean_of, over_folds
from sentiment.shipped import shipped_run


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("info", help="describe a trained model")
    parser.add_argument("model", nargs="?", help="the folder of a run (default: the included film-review model)")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(arguments: argparse.Namespace) -> None:
    """Print the configuration, data and results of a run."""
    from sentiment.artifacts import RunPaths

    folder = RunPaths.open(arguments.model or shipped_run())
    config, measured = folder.load_config(), folder.load_metrics()
    if arguments.json:
        print_json({"config": config.to_dict(), "metrics": measured})
        return
    print_text("\n".join(info_lines(folder.path, config, measured)))
    for note in (*config.data.notes, *measured["dataset"]["notes"]):
        log.warning(note)


def info_lines(path: Path, config: RunConfig, measured: dict[str, Any]) -> list[str]:
    """Return a run's facts as aligned text."""
    training, data = measured["training"], measured["dataset"]
    baselines = (measured.get("baselines") or {}).get("models")  # runs of earlier versions have none
    members = mean_of(training["members"]) if "members" in training else "at once"
    epochs = f"{training['epochs']} epochs, best {training['best_epoch']}" if training["best_epoch"] else members
    facts = {
        "model": str(path),
        "architecture": f"{config.model.architecture}, {training['parameters']:,} parameters",
        "classes": ", ".join(data["classes"]),
        "vocabulary": f"{training['vocabulary']:,} ids; at most {config.text.max_length} tokens of a text "
                      f"(--truncate {config.text.truncate})",
        "data": f"{data['name']}: {data['train_texts']:,} training, {data['validation_texts']:,} validation, "
                f"{data['test_texts']:,} test texts",
        "training": f"{epochs}, {measured['seconds']['all']:.0f} s on {training['devices']}, "
                    f"seed {config.runtime.seed}",
        "validation": f"accuracy {measured['validation']['accuracy']:.4f}",
        "test": f"accuracy {measured['test']['accuracy']:.4f}" if not measured.get("folds")
                else over_folds(measured["folds"]),
        **({"baselines": ", ".join(f"{name} {found['test']['accuracy']:.4f}" for name, found in baselines.items())}
           if baselines else {}),
        "versions": ", ".join(f"{name} {version}" for name, version in measured["versions"].items()),
    }
    return [f"{name:<13} {value}" for name, value in facts.items()]
