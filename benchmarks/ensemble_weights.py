"""Fitted against equal weights of ensembles, by cross-validation on the validation split.

    python benchmarks/ensemble_weights.py models/bilstm models/nb-svm

Prints the mean accuracy and log loss on the held-out folds of 20 times five folds. The runs must have the same
validation split; the test split is not read.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sentiment.artifacts import RunFolder, load_classifier
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.evaluation import log_loss
from sentiment.predictions import probabilities
from sentiment.training.calibration import mean_weights, temperature

Weigh = Callable[[np.ndarray, np.ndarray], np.ndarray]
REPETITIONS, PARTS = 20, 5


def validation(folders: list[RunFolder]) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels int [texts] and the logits float [runs, texts, 1 or classes] of the first run's validation."""
    config = folders[0].load_config()
    examples = load_corpus(config.data, config.runtime.seed).validation
    texts = list(examples.texts)
    return examples.labels, np.stack([load_classifier(folder.path).predict_logits(texts) for folder in folders])


def held_out(weigh: Weigh, labels: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Return the accuracy and the log loss, in nats, of a calibrated mean on texts that it was not fitted on."""
    random, right, losses = np.random.default_rng(1), [], []
    for _ in range(REPETITIONS):
        parts = random.integers(0, PARTS, len(labels))
        answers = np.empty_like(logits[0])
        for part in range(PARTS):
            own = parts == part
            weights = weigh(labels[~own], logits[:, ~own])
            mean = np.tensordot(weights, logits, axes=1)
            answers[own] = mean[own] / temperature(labels[~own], mean[~own])
        right.append(np.mean(probabilities(answers).argmax(axis=1) == labels))
        losses.append(log_loss(labels, answers))
    return float(np.mean(right)), float(np.mean(losses))


def main() -> None:
    """Print both for the named runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    labels, logits = validation([RunFolder.open(path) for path in parser.parse_args().runs])
    ways: dict[str, Weigh] = {"equal": lambda _, some: np.full(len(some), 1 / len(some)), "fitted": mean_weights}
    for name, weigh in ways.items():
        accuracy, loss = held_out(weigh, labels, logits)
        print(f"{name}: accuracy {accuracy:.4f}, log loss {loss:.4f}, weights "
              f"{', '.join(f'{weight:.2f}' for weight in weigh(labels, logits))}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
