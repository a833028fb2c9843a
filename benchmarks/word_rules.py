"""Comparison of the two versions of the tokenization rules on IMDB's validation split.

    python benchmarks/word_rules.py --data-dir data --output benchmarks/results/word_rules.json

Trains `nb-svm` and the default `bilstm` with both versions and three seeds, a fifth of the training reviews held out by
film, and prints accuracy and log loss on them; the test split is not read. Results in the file are not repeated.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.evaluation import evaluate
from sentiment.files import atomic_path
from sentiment.runs import resolve
from sentiment.text.standardization import RULES
from sentiment.training.strategy import make_strategy
from sentiment.training.training import train

ARCHITECTURES = ("nb-svm", "bilstm")
SEEDS = (1, 2, 3)


def measured(architecture: str, rules: int, seed: int, data_dir: str | None) -> dict[str, float]:
    """Train one model and return its metrics on the validation split."""
    config = resolve({"data": {"dataset": "imdb", "data_dir": data_dir, "validation_fraction": 0.2},
                          "model": {"architecture": architecture}, "text": {"word_rules": rules},
                          "runtime": {"seed": seed}})
    corpus = load_corpus(config.data, seed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        trained = train(config, corpus, make_strategy("auto"), history_file=folder / "history.csv",
                        checkpoints=folder / "checkpoints", tensorboard=folder, scratch=folder)
    keras.backend.clear_session()
    metrics = evaluate(corpus.validation.labels, trained.validation_logits, corpus.class_names)
    return {name: metrics[name] for name in ("accuracy", "log_loss")}


def main() -> None:
    """Run the missing trainings, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    rows = json.loads(options.output.read_text()) if options.output.exists() else []
    done = {(row["architecture"], row["rules"], row["seed"]) for row in rows}
    for architecture in ARCHITECTURES:
        for seed in SEEDS:
            for rules in RULES:
                if (architecture, rules, seed) not in done:
                    rows.append({"architecture": architecture, "rules": rules, "seed": seed,
                                 **measured(architecture, rules, seed, options.data_dir)})
                    with atomic_path(options.output) as temporary:
                        temporary.write_text(json.dumps(rows, indent=1) + "\n")
        for rules in RULES:
            own = [row for row in rows if row["architecture"] == architecture and row["rules"] == rules]
            accuracy, loss = (np.array([row[name] for row in own]) for name in ("accuracy", "log_loss"))
            print(f"{architecture}, rules {rules}: accuracy {accuracy.mean():.4f} ± {accuracy.std(ddof=1):.4f}, "
                  f"log loss {loss.mean():.4f}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
