"""Recurrent layers on IMDB: accuracy for equal epochs, and seconds of an epoch, several seeds.

    python -m sentiment benchmark speed --rows recurrent --output benchmarks/results/speed_recurrent.json
    python benchmarks/recurrent_layers.py --runs FOLDER

Trains each bidirectional layer for 2 and for 4 epochs with the same options, those of `bilstm`, from the labels alone.
Writes the scores to benchmarks/results/recurrent_layers.jsonl; existing lines and finished runs in the folder are not
repeated. Prints them with the seconds of the first command as Markdown.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from sentiment.artifacts import RunPaths
from sentiment.benchmark.speed import SUBJECT
from sentiment.benchmark.training import RECURRENT

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "recurrent_layers.jsonl"
SPEED = RESULTS.with_name("speed_recurrent.json")
EPOCHS, SEEDS, TEXTS = (2, 4), (1, 2, 3), 22501
SHARED = ["--dataset", "imdb", "--attention", "luong-concat", "--no-export", "--no-baselines"]


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder or archive of IMDB")
    parser.add_argument("--runs", type=Path, default=ROOT / "models", help="folder of the runs")
    options = parser.parse_args()
    shared = [*SHARED, *(["--data-dir", options.data_dir] if options.data_dir else [])]
    known = {(one["layer"], one["epochs"], one["seed"]) for one in _results()}
    for seed in SEEDS:
        for layer in RECURRENT:
            for epochs in EPOCHS:
                if (layer, epochs, seed) not in known:
                    run(layer, epochs, seed, shared, options.runs / f"{layer}-{seed}-e{epochs}")
    print(table(_results()))


def _results() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def run(layer: str, epochs: int, seed: int, shared: list[str], target: Path) -> None:
    """Train a layer unless its folder has a finished run, and append its values to the results."""
    metrics = RunPaths(target).metrics
    if not metrics.exists():
        subprocess.run([sys.executable, "-m", "sentiment", "train", *shared, "--arch", layer, "--epochs",  # noqa: S603
                        str(epochs), "--seed", str(seed), "--output-dir", str(target)], check=True, cwd=ROOT)
    found = json.loads(metrics.read_text())
    scores = {part: {kind: found[part][kind] for kind in ("accuracy", "log_loss")} for part in ("validation", "test")}
    line = {"layer": layer, "epochs": epochs, "seed": seed, "parameters": found["training"]["parameters"], **scores,
            "versions": found["versions"]}
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def table(runs: list[dict[str, Any]]) -> str:
    """Return the means over the seeds as Markdown, with the lowest and the highest test accuracy."""
    sides = json.loads(SPEED.read_text())["rows"][0]
    lines = ["| layer | epochs | seeds | validation | test accuracy | lowest to highest | log loss | seconds |",
             "| --- " * 8 + "|"]
    for layer in RECURRENT:
        side = sides["sides"][SUBJECT if layer == RECURRENT[0] else layer]
        for epochs in EPOCHS:
            chosen = [one for one in runs if (one["layer"], one["epochs"]) == (layer, epochs)]
            if chosen:
                tests = [one["test"]["accuracy"] for one in chosen]
                validation, loss = (statistics.mean(values) for values in (
                    [one["validation"]["accuracy"] for one in chosen], [one["test"]["log_loss"] for one in chosen]))
                seconds = epochs * side["median_seconds"] * TEXTS / sides["items"]
                lines.append(f"| `{layer}` | {epochs} | {len(chosen)} | {validation:.4f} | "
                             f"{statistics.mean(tests):.4f} | {min(tests):.4f} to {max(tests):.4f} | {loss:.3f} | "
                             f"{seconds:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
