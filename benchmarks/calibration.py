"""Expected calibration error before and after calibration, over numbers of classes and of validation texts.

    python benchmarks/calibration.py --output benchmarks/results/calibration.json --plot docs/calibration.png

Labels are drawn from the softmax of normal logits, which are then multiplied by a factor: 1 leaves them calibrated,
larger factors make them overconfident, smaller ones underconfident. The temperature is fitted on a validation split and
the error is measured on 6,000 other texts; each cell is the mean of several draws.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.special import softmax

from sentiment.evaluation import calibration_error
from sentiment.training.calibration import temperature

CLASSES = (2, 4, 20, 100)
TEXTS_A_CLASS = (5, 20, 100, 1000)
FACTORS = (0.25, 0.5, 1.0, 1.5, 4.0, 8.0)
MOST_TEXTS = 20_000
TEST_TEXTS = 6000
FEW_TEXTS, DRAWS_OF_FEW, DRAWS = 400, 60, 6


def drawn(random: np.random.Generator, classes: int, texts: int, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, int [texts], and logits, float [texts, classes]."""
    logits = random.normal(0, 2 if classes < 20 else 3, (texts, classes))
    labels = (softmax(logits, axis=1).cumsum(axis=1) > random.random((texts, 1))).argmax(axis=1)
    return labels, logits * factor


def cell(classes: int, texts: int, factor: float, draws: int) -> dict[str, float]:
    """Return the mean error before and after, and the mean temperature."""
    random = np.random.default_rng([classes, texts, int(factor * 100)])
    rows = []
    for _ in range(draws):
        labels, logits = drawn(random, classes, classes * texts, factor)
        test_labels, test_logits = drawn(random, classes, TEST_TEXTS, factor)
        found = temperature(labels, logits)
        rows.append((calibration_error(test_labels, test_logits), calibration_error(test_labels, test_logits / found),
                     found))
    before, after, mean = np.mean(rows, axis=0)
    return {"classes": classes, "texts_a_class": texts, "factor": factor, "before": round(float(before), 4),
            "after": round(float(after), 4), "temperature": round(float(mean), 3)}


def draw(cells: list[dict[str, float]], path: Path) -> None:
    """Plot the error after calibration against that before, one point per cell."""
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    for texts in TEXTS_A_CLASS:
        own = [one for one in cells if one["texts_a_class"] == texts]
        axes.scatter([one["before"] for one in own], [one["after"] for one in own], s=18,
                     label=f"{texts:,} texts a class")
    largest = max(one["before"] for one in cells)
    axes.plot([0, largest], [0, largest], color="grey", linewidth=1, label="no change")
    axes.set(xlabel="calibration error before", ylabel="calibration error after")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure all cells; print them and the worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    cells = [cell(classes, texts, factor, DRAWS if classes * texts > FEW_TEXTS else DRAWS_OF_FEW)
             for classes in CLASSES for texts in TEXTS_A_CLASS if classes * texts <= MOST_TEXTS for factor in FACTORS]
    options.output.write_text("[\n" + ",\n".join(map(json.dumps, cells)) + "\n]\n")
    for one in cells:
        print(*one.values())
    worst = max(cells, key=lambda one: one["after"] - one["before"])
    print(f"mean before {np.mean([one['before'] for one in cells]):.4f}, after "
          f"{np.mean([one['after'] for one in cells]):.4f}; worst {worst}")
    if options.plot:
        draw(cells, options.plot)


if __name__ == "__main__":
    main()
