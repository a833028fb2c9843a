"""Default options on four corpora that differ from IMDB but are made from it.

    python benchmarks/other_corpora.py

Trains `bilstm`, `gru` and `tfidf-lr` with their defaults on each, and appends one line of JSON per run to
benchmarks/results/other_corpora.jsonl; existing runs are not repeated. Prints the table as Markdown.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment.artifacts import RunFolder
from sentiment.config import DataConfig
from sentiment.data import load_corpus
from sentiment.data.corpus import Examples

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "other_corpora.jsonl"
MODELS = ("bilstm", "gru", "tfidf-lr")
FEW, RARE = 300, 10
Maker = Callable[[pd.DataFrame], pd.DataFrame]


def sentences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the last sentence of each review, about 15 words that often summarise it, and its sentiment."""
    last = frame.text.map(lambda text: [part for part in re.split(r"(?<=[.!?])\s+|<br />", text) if part.strip()][-1])
    return frame.assign(text=last)


def stars(frame: pd.DataFrame) -> pd.DataFrame:
    """Return four classes: 1 or 2 stars, 3 or 4, 7 or 8, 9 or 10."""
    return frame.assign(label=frame.rating.map(lambda stars: f"{(stars - 1) // 2 * 2 + 1} or {(stars + 1) // 2 * 2}"))


def unbalanced(frame: pd.DataFrame) -> pd.DataFrame:
    """Return all negative reviews and every tenth positive one."""
    rare = frame.label == "positive"
    return frame[~rare | (rare.cumsum() % RARE == 0)]


def few(frame: pd.DataFrame) -> pd.DataFrame:
    """Return 300 reviews, whole."""
    return frame.sample(FEW, random_state=1)


# What is made of the training part, and of the test part.
CORPORA: dict[str, tuple[Maker, Maker]] = {
    "last sentences": (sentences, sentences), "four classes of stars": (stars, stars),
    "one positive in eleven": (unbalanced, unbalanced), "300 reviews": (few, lambda frame: frame),
}


def main() -> None:
    """Run the missing trainings, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    done = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    known = {(one["corpus"], one["model"]) for one in done}
    missing = [(name, model) for name in CORPORA for model in MODELS if (name, model) not in known]
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            write_corpora({name for name, _ in missing}, Path(folder))
            for name, model in missing:
                done.append(run(name, model, Path(folder) / name))
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(done[-1]) + "\n")
    print(table(done))


def write_corpora(names: set[str], folder: Path) -> None:
    """Write train.csv and test.csv of each corpus to a folder with its name."""
    for place, (part, frame) in enumerate(zip(("train", "test"), whole_corpus(), strict=True)):
        for name in names:
            (folder / name).mkdir(exist_ok=True)
            make = CORPORA[name][place]
            make(frame)[["text", "label", "movie"]].to_csv(folder / name / f"{part}.csv", index=False)


def whole_corpus() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training and the test part of IMDB: text, label, film, rating."""
    corpus = load_corpus(DataConfig(dataset="imdb"), 1)
    names = np.array(corpus.class_names)

    def frame(*parts: Examples) -> pd.DataFrame:
        return pd.concat([pd.DataFrame({"text": part.texts, "label": names[part.labels], "movie": part.groups,
                                        "rating": part.facts["rating"]}) for part in parts], ignore_index=True)

    return frame(corpus.train, corpus.validation), frame(corpus.test.read())


def run(name: str, model: str, folder: Path) -> dict[str, Any]:
    """Train a model with its defaults on a corpus in a folder; return the values for the table."""
    target = folder / model
    words = [sys.executable, "-m", "sentiment", "train", "--arch", model, "--dataset", str(folder / "train.csv"),
             "--test-file", str(folder / "test.csv"), "--group-column", "movie", "--output-dir", str(target)]
    subprocess.run(words, check=True, cwd=ROOT)  # noqa: S603  words of this file
    metrics = RunFolder.open(target).load_metrics()
    scores = {part: {kind: metrics[part][kind] for kind in ("texts", "accuracy", "macro_f1", "log_loss")}
              for part in ("validation", "test")}
    return {"corpus": name, "model": model, **scores, "training": metrics["training"], "seconds": metrics["seconds"],
            "calibration": metrics["calibration"], "versions": metrics["versions"]}


def table(runs: list[dict[str, Any]]) -> str:
    """Return the runs as Markdown."""
    lines = ["| corpus | model | epochs | accuracy | macro F1 | log loss | seconds |", "| --- " * 7 + "|"]
    for one in runs:
        epochs = one["training"]["best_epoch"]
        shown = "at once" if epochs is None else f"{epochs} of {one['training']['epochs']}"
        scores = " | ".join(f"{one['test'][kind]:.4f}" for kind in ("accuracy", "macro_f1", "log_loss"))
        lines.append(f"| {one['corpus']} | `{one['model']}` | {shown} | {scores} | {one['seconds']['all']:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
