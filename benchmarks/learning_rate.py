"""Comparison of rules for the recommended rate of `--find-lr` with trainings at rates half a decade apart.

    python benchmarks/learning_rate.py --dataset sample

For each architecture and seed: the loss curve of `find_rate`, and the validation loss after at least 300 steps from
the same weights, with the default schedule, at nine peak rates. Appends one line of JSON for each to
benchmarks/results/learning_rate.jsonl; existing lines are not measured again. Prints the table as Markdown.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sentiment.config import RunConfig
from sentiment.data import load_corpus
from sentiment.errors import DivergedError
from sentiment.runs import resolve
from sentiment.training.fitting import PreparedTexts
from sentiment.training.gradient import prepare_trainer
from sentiment.training.optimization import WarmupDecay
from sentiment.training.rate_finder import RateCurve, find_rate
from sentiment.training.strategy import make_strategy

RESULTS = Path(__file__).parent / "results" / "learning_rate.jsonl"
RATES = np.geomspace(10 ** -4.5, 10 ** -0.5, 9)
STEPS = 300
DIVERGED = 10.0  # stands for the loss of a training that diverged


def steepest(curve: RateCurve) -> float:
    """Return the rate with the steepest smoothed fall before the lowest smoothed loss."""
    end = max(2, int(curve.smoothed.argmin()) + 1)
    return float(curve.rates[np.gradient(curve.smoothed[:end], np.log(curve.rates[:end])).argmin()])


def lowest(curve: RateCurve) -> float:
    """Return the rate with the lowest smoothed loss."""
    return float(curve.rates[curve.smoothed.argmin()])


RULES: dict[str, Callable[[RateCurve], float | None]] = {
    "half of the fall": lambda curve: curve.suggested,
    "steepest fall": steepest,
    "lowest loss": lowest,
    "a tenth of the lowest loss's rate": lambda curve: lowest(curve) / 10,
    "between half and lowest": lambda curve: None if curve.suggested is None else math.sqrt(
        curve.suggested * lowest(curve)),
}


class Schedule(keras.callbacks.Callback):
    """Callback that sets the rate of each step from a schedule, so that one compiled step serves all peak rates."""

    def __init__(self, schedule: WarmupDecay) -> None:
        super().__init__()
        self.schedule, self.step = schedule, 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the rate."""
        self.model.optimizer.learning_rate.assign(self.schedule(self.step))
        self.step += 1


def validation_losses(config: RunConfig) -> list[float]:
    """Return the validation loss at the end of a training at each of `RATES`."""
    keras.utils.set_random_seed(config.runtime.seed)
    corpus = load_corpus(config.data, config.runtime.seed)
    texts = PreparedTexts.prepare(config, corpus)
    epochs = math.ceil(STEPS / len(texts.train))
    constant = replace(config.training, schedule="constant", epochs=epochs)
    trainer, _ = prepare_trainer(replace(config, training=constant), corpus, texts, make_strategy("single"))
    start = [variable.numpy() for variable in trainer.variables]
    losses = []
    for rate in RATES:
        for variable, value in zip(trainer.variables, start, strict=True):
            variable.assign(value)
        trainer.diverged = None
        schedule = WarmupDecay(float(rate), epochs * len(texts.train), config.training.warmup, "cosine")
        try:
            losses.append(round(trainer.fit(epochs=epochs, callbacks=[Schedule(schedule)])["val_loss"][-1], 4))
        except DivergedError:
            losses.append(DIVERGED)
    return losses


def measure(dataset: str, architecture: str, seed: int) -> dict[str, Any]:
    """Return the curve of the range test, and the validation loss by rate."""
    config = resolve({"data": {"dataset": dataset}, "model": {"architecture": architecture}, "runtime": {"seed": seed}})
    curve = find_rate(config, load_corpus(config.data, seed), make_strategy("single"))
    return {"dataset": Path(dataset).stem, "architecture": architecture, "seed": seed,
            "losses": curve.losses.round(3).tolist(), "first_rate": float(curve.rates[0]),
            "last_rate": float(curve.rates[-1]), "validation": validation_losses(config)}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the results of each rule by data set and architecture, as Markdown."""
    lines = ["| data | architecture | rule | rates | beats a tenth | beats ten times | loss above the best |",
             "| --- " * 7 + "|"]
    for data, architecture in sorted({(row["dataset"], row["architecture"]) for row in rows}):
        for name, rule in RULES.items():
            found, scores = [], []
            for row in rows:
                if (row["dataset"], row["architecture"]) != (data, architecture):
                    continue
                losses = np.array(row["losses"])
                rate = rule(RateCurve.of(np.geomspace(row["first_rate"], row["last_rate"], len(losses)), losses))
                if rate is not None:
                    smaller, there, larger = np.interp(np.log([rate / 10, rate, rate * 10]), np.log(RATES),
                                                       row["validation"])
                    found.append(rate)
                    scores.append((there < smaller, there < larger, there - min(row["validation"])))
            of, shown = len(found), " | ".join("-" * 4)
            if found:
                tenth, tenfold, regret = np.sum(scores, axis=0)
                shown = (f"{min(found):.1e} to {max(found):.1e} | {tenth:.0f} of {of} | {tenfold:.0f} of {of} | "
                         f"{regret / of:.3f}")
            lines.append(f"| {data} | `{architecture}` | {name} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Run the missing measurements, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample", help="as of `train`")
    parser.add_argument("--arch", nargs="+", default=["gru", "bilstm", "cnn", "attention"])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    known = {(row["dataset"], row["architecture"], row["seed"]) for row in rows}
    for seed in range(1, arguments.seeds + 1):
        for architecture in arguments.arch:
            if (Path(arguments.dataset).stem, architecture, seed) not in known:
                rows.append(measure(arguments.dataset, architecture, seed))
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
