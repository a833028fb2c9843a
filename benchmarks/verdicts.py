"""Verdicts of runs against their baselines on several corpora.

    python benchmarks/verdicts.py sample imdb reviews=reviews.csv questions=train.csv,test.csv

Trains an architecture with its defaults on each corpus, named or as NAME=TABLE[,TEST_TABLE], and prints a Markdown
table: test accuracy of the model, the majority class and `tfidf-lr`, and the verdict.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import sentiment
from sentiment.measured import LINEAR, MAJORITY

RESULTS = Path(__file__).parent / "results" / "verdicts.json"


def measure(corpus: str, arch: str) -> dict[str, Any]:
    """Train on a corpus; return the values for the table."""
    name, _, paths = corpus.partition("=")
    data, *test = paths.split(",") if paths else [name]
    metrics = sentiment.train(data, arch=arch, test_file=test[0] if test else None).metrics
    found = metrics["baselines"]
    return {"corpus": name, "arch": arch, "classes": len(metrics["dataset"]["classes"]),
            "texts": {part: metrics["dataset"][f"{part}_texts"] for part in ("train", "validation", "test")},
            "accuracy": {arch: metrics["test"]["accuracy"],
                         **{one: values["test"]["accuracy"] for one, values in found["models"].items()}},
            "macro_f1": metrics["test"]["macro_f1"], "calibration_error": metrics["test"]["calibration_error"],
            "mcnemar": found["mcnemar"], "verdict": found["verdict"], "recommended": found["recommended"],
            "seconds": {"training": metrics["seconds"]["all"], "baselines": round(found["seconds"], 1)}}


def table(runs: list[dict[str, Any]]) -> str:
    """Return the runs as Markdown."""
    lines = ["| corpus | training texts | classes | model | majority class | tfidf-lr | verdict |",
             "| --- " * 7 + "|"]
    for one in runs:
        accuracies = " | ".join(f"{one['accuracy'][name]:.4f}" for name in (one["arch"], MAJORITY, LINEAR))
        lines.append(f"| {one['corpus']} | {one['texts']['train']:,} | {one['classes']} | {accuracies} | "
                     f"{one['verdict']} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, write the results and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", metavar="CORPUS")
    parser.add_argument("--arch", default="bilstm")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    runs = [measure(corpus, arguments.arch) for corpus in arguments.corpora]
    arguments.output.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
    print(table(runs))


if __name__ == "__main__":
    main()
