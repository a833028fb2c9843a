"""A first table of every architecture on IMDB: defaults, one seed each.

    python benchmarks/architectures.py train      # hours on 2 cores; goes on where it stopped
    python benchmarks/architectures.py speed      # minutes, on a machine that does nothing else
    python benchmarks/architectures.py table

`train` runs `python train.py` once for each row and appends a line of JSON to benchmarks/results/architectures.jsonl;
a row that is there is not run again. `speed` times the training steps of each row on batches of IMDB, alternating over
the rows, and writes benchmarks/results/architectures_speed.json. `table` prints both as Markdown.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "architectures.jsonl"
SPEEDS = ROOT / "benchmarks" / "results" / "architectures_speed.json"
ROWS: dict[str, str] = {
    **{name: f"--arch {name}" for name in (
        "bilstm", "tfidf-lr", "nb-svm", "fasttext", "cnn", "attention", "lstm", "gru", "bigru", "rnn", "birnn",
        "cnn-lstm", "stacked-lstm", "stacked-gru", "stacked-bilstm", "transformer", "han")},
    **{f"bilstm, {name}": f"--arch bilstm --attention {name}" for name in (
        "self-attentive", "additive", "luong-general", "luong-dot", "luong-concat", "luong-local-m", "luong-local-p",
        "dot-product", "multi-head", "cosine", "euclidean")},
    "bilstm, adversarial": "--arch bilstm --objective adversarial",
}
AT_ONCE = ("tfidf-lr", "nb-svm")
TIMED, ROUNDS = 50, 3


def train(arguments: argparse.Namespace) -> None:
    """Run the rows that are not there yet."""
    done = {json.loads(line)["row"] for line in RESULTS.read_text().splitlines()} if RESULTS.exists() else set()
    for row, flags in ROWS.items():
        if row in done:
            continue
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "train.py", *flags.split(), "--dataset", "imdb", "--seed", "1",
                       "--output-dir", f"{folder}/run", "--json"]
            command += ["--data-dir", arguments.data_dir] if arguments.data_dir else []
            print(" ".join(command), file=sys.stderr, flush=True)
            answer = subprocess.run(  # noqa: S603
                command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
        measured = json.loads(answer)
        kept = {name: measured[name] for name in ("training", "seconds", "peak_memory_bytes", "versions")}
        scores = {split: {name: measured[split][name] for name in ("accuracy", "log_loss", "roc_auc")}
                  for split in ("validation", "test")}
        with RESULTS.open("a") as file:
            line = {"row": row, "command": f"python train.py {flags} --seed 1", **scores, **kept}
            file.write(json.dumps(line) + "\n")


def speed(arguments: argparse.Namespace) -> None:
    """Time the training steps of every row that is trained by steps."""
    from sentiment.cli import make_parser
    from sentiment.commands.options import given_options
    from sentiment.commands.tensorflow import import_tensorflow

    import_tensorflow()
    from sentiment.datasets import load_corpus
    from sentiment.workflow import default_config

    runs = {}
    corpus = None
    for row, flags in ROWS.items():
        words = ["train", *flags.split(), "--dataset", "imdb"]
        words += ["--data-dir", arguments.data_dir] if arguments.data_dir else []
        given = given_options(make_parser().parse_args(words))
        config = default_config(given).updated(given)
        corpus = corpus or load_corpus(config.data, 1)
        if row not in AT_ONCE:
            runs[row] = _timed_run(config, corpus)
            runs[row]()  # traces and warms up
    seconds: dict[str, list[float]] = {row: [] for row in runs}
    for _ in range(ROUNDS):
        for row, run in runs.items():
            seconds[row].append(round(run(), 2))
    SPEEDS.write_text(json.dumps(seconds, indent=2) + "\n")


def _timed_run(config: Any, corpus: Any) -> Callable[[], float]:
    """Return a function that trains on TIMED batches drawn from all of the corpus and gives seconds an epoch."""
    import numpy as np

    from sentiment.batching import Batches, TokenizedTexts
    from sentiment.training.strategy import make_strategy
    from sentiment.training.training import Texts, prepare_trainer

    texts = Texts.prepare(config, corpus)
    trainer, _ = prepare_trainer(config, corpus, texts, make_strategy("single"))
    chosen = np.random.default_rng(1).permutation(len(corpus.train))[:TIMED * config.training.batch_size]
    tokens = TokenizedTexts.from_parts((texts.train.tokens.row(row), np.array([len(texts.train.tokens.row(row))]))
                                       for row in chosen)
    batches = Batches(tokens, texts.train.boundaries, config.training.batch_size)
    one = Batches(TokenizedTexts(tokens.values, tokens.offsets[:2]), texts.train.boundaries, 1)
    labels = corpus.train.labels[chosen]

    def run() -> float:
        started = time.perf_counter()
        trainer.fit(batches, labels, one, labels[:1], epochs=1, callbacks=[])
        return (time.perf_counter() - started) / TIMED * len(texts.train)

    return run


def table(arguments: argparse.Namespace) -> None:
    """Print the results as Markdown, best test accuracy first."""
    speeds: dict[str, list[float]] = json.loads(SPEEDS.read_text()) if SPEEDS.exists() else {}
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    print("| model | flags | validation | test | parameters | epochs | seconds an epoch |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for line in sorted(lines, key=lambda line: -line["test"]["accuracy"]):
        print(_row(line, speeds.get(line["row"])))
    missing = [row for row in ROWS if row not in {line["row"] for line in lines}]
    if missing:
        print(f"\nNot run yet: {'; '.join(missing)}.")


def _row(line: dict[str, Any], seconds: list[float] | None) -> str:
    training = line["training"]
    epochs = f"{training['best_epoch']} of {training['epochs']}" if training["best_epoch"] else "at once"
    timed = f"{statistics.median(seconds):.0f}" if seconds else (
        "-" if training["best_epoch"] else f"{line['seconds']['epochs']:.0f} in all")
    return (f"| {line['row']} | `{ROWS[line['row']]}` | {line['validation']['accuracy']:.4f} | "
            f"{line['test']['accuracy']:.4f} | {training['parameters']:,} | {epochs} | {timed} |")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["train", "speed", "table"])
    parser.add_argument("--data-dir")
    arguments = parser.parse_args()
    {"train": train, "speed": speed, "table": table}[arguments.action](arguments)


if __name__ == "__main__":
    main()
