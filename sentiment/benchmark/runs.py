"""Runs of the IMDB benchmark, one `train` process and one line of JSON each."""

import base64
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment.artifacts import PretrainedFolder, RunFolder
from sentiment.benchmark.rows import Row
from sentiment.benchmark.speed import machine
from sentiment.config import DataConfig
from sentiment.console import log
from sentiment.data import load_corpus
from sentiment.errors import Interrupted, UserError
from sentiment.evaluation.slices import word_counts
from sentiment.predictions import probabilities
from sentiment.stored import parse_json

MEASURED = {"accuracy": float}
RUN = {"row": str, "seed": int, "right": str, "test": {**MEASURED, "texts": int},
       "validation": MEASURED, "seconds": {"all": float}, "test_texts_seen": {"accuracy_without_labelled": float},
       "training": {"parameters": int, "epochs": int, "best_epoch": (int, type(None))},
       "history?": {str: [float]}}  # the keys that the tables use
SCORES = ("accuracy", "log_loss", "calibration_error", "roc_auc")
# Test reviews of IMDB that also occur in its labelled training part, in its unlabelled part, and in either.
REPEATED = {"labelled": 123, "unlabelled": 269, "pretraining": 392}
INTERRUPTED = tuple(Interrupted(number).exit_code for number in (signal.SIGINT, signal.SIGTERM))


class LeakError(UserError):
    """Texts of the test split were seen in training."""


class RunFailedError(UserError):
    """A training failed, for example diverged."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        row: the name of its row.
        seed: of the split, the weights and everything else.
        values: the line of JSON.
    """

    row: str
    seed: int
    values: dict[str, Any]

    @property
    def right(self) -> np.ndarray:
        """Whether each prediction was right, bool [test texts]."""
        packed = np.frombuffer(base64.b64decode(self.values["right"]), np.uint8)
        return np.unpackbits(packed, count=self.values["test"]["texts"]).astype(bool)


def read_runs(path: Path) -> list[Run]:
    """Return the runs of a results file, one line each, in order; none if the file does not exist.

    Raises:
        UserError: if a line is damaged.
    """
    if not path.exists():
        return []
    found = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            values = parse_json(line, RUN, f"{path}, line {number}")
            found.append(Run(values["row"], values["seed"], values))
            try:
                _ = found[-1].right
            except ValueError as error:
                raise UserError(f"{path}, line {number} is damaged: 'right': {error}") from None
    return found


def append_run(path: Path, values: dict[str, Any]) -> None:
    """Add a run to a file of results."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values, ensure_ascii=False) + "\n")


def run_all(results: Path, rows: Sequence[Row], seeds: Sequence[int], data: DataConfig, budget: float | None
            ) -> list[str]:
    """Run the missing runs, seed by seed over all rows, until the budget in seconds is spent.

    A run is not started if the longest run of its row, or the longest so far, would exceed the remaining budget.
    Checkpoints are kept next to the results, so an interrupted run is resumed. A failed run does not stop the others.

    Returns:
        Row and seed of each failed run, as text.
    """
    failed, left = [], 0
    started, work = time.monotonic(), results.with_name(f"{results.stem}.run")
    done = {(run.row, run.seed): run.values["seconds"]["all"] for run in read_runs(results)}
    for seed in seeds:
        for row in rows:
            if (row.name, seed) in done:
                continue
            likely = max((seconds for (name, _), seconds in done.items() if name == row.name),
                         default=max(done.values(), default=0.0))
            if budget is not None and time.monotonic() - started + likely > budget:
                left += 1
                continue
            log(f"{row.name}, seed {seed}: {command_of(row, seed)}")
            try:
                values = run_one(row, seed, data, work)
            except RunFailedError as error:
                log.warning(str(error))
                failed.append(f"{row.name}, seed {seed}")
                continue
            append_run(results, values)
            done[row.name, seed] = values["seconds"]["all"]
    if left:
        log(f"{left} {'run' if left == 1 else 'runs'} not started, the budget is spent")
    if work.is_dir() and not any(work.iterdir()):
        work.rmdir()
    return failed


def run_one(row: Row, seed: int, data: DataConfig, work: Path) -> dict[str, Any]:
    """Train in a separate process and return the line of JSON.

    Raises:
        LeakError: if more test texts were seen in training than are duplicated in the corpus itself.
        RunFailedError: if the training fails.
        UserError: if it was interrupted.
    """
    target = work / f"{row.name.replace(' ', '-').replace(',', '').replace('%', 'percent')}-{seed}"
    before = target.with_name(f"{target.name}.pretrained")
    place = ["--dataset", data.dataset, *(["--data-dir", data.data_dir] if data.data_dir else []), "--seed", str(seed),
             "--resume"]
    flags = row.flags
    if row.pretraining:
        _run(row, seed, ["pretrain", *row.pretraining, *place, "--output", str(before)])
        flags = (*flags, "--pretrained", str(before))
    _run(row, seed, ["train", *flags, *place, "--no-baselines", "--output-dir", str(target), "--json"])
    values = line_of(row, seed, RunFolder.open(target))
    if row.pretraining:
        values["seconds"]["pretraining"] = PretrainedFolder.open(before).load_metrics()["seconds"]["all"]
        values["seconds"]["all"] += values["seconds"]["pretraining"]
        shutil.rmtree(before)
    shutil.rmtree(target)
    return values


def _run(row: Row, seed: int, words: list[str]) -> None:
    """Run a command of this project."""
    done = subprocess.run([sys.executable, "-m", "sentiment", *words], stdout=subprocess.PIPE, check=False)  # noqa: S603
    if done.returncode < 0 or done.returncode in INTERRUPTED:
        raise UserError(f"the run '{row.name}' with seed {seed} was interrupted: continue it with --resume")
    if done.returncode:
        raise RunFailedError(f"the run '{row.name}' with seed {seed} failed with exit code {done.returncode}")


def command_of(row: Row, seed: int) -> str:
    """Return the command line of a run."""
    words = ["python train.py", *row.flags, "--seed", str(seed)]
    if row.pretraining:
        words = ["python -m sentiment pretrain --output models/before", *row.pretraining, "--seed", str(seed), "&&",
                 *words, "--pretrained models/before"]
    return " ".join(words)


def line_of(row: Row, seed: int, folder: RunFolder) -> dict[str, Any]:
    """Return the JSON values of a run that the benchmark keeps."""
    measured = folder.load_metrics()
    check_leaks(measured)
    with np.load(folder.test, allow_pickle=False) as test:
        right = np.packbits(probabilities(test["logits"]).argmax(axis=1) == test["labels"])
    kept = {name: measured[name] for name in ("training", "calibration", "test_texts_seen", "seconds",
                                              "peak_memory_bytes", "versions")}
    scores = {split: {name: measured[split][name] for name in ("texts", *SCORES)} for split in ("validation", "test")}
    return {"row": row.name, "seed": seed, "command": command_of(row, seed),
            "dataset": measured["dataset"]["name"], **scores, **kept, "history": _history(folder),
            "machine": {name: value for name, value in machine().items() if name in ("processor", "cores", "system")},
            "config": folder.load_config().to_dict(), "right": base64.b64encode(right.tobytes()).decode()}


def check_leaks(measured: dict[str, Any]) -> None:
    """Refuse a run on IMDB whose training, unlabelled or validation texts contain further test texts.

    Raises:
        LeakError: with the count.
    """
    if measured["dataset"]["name"] != "imdb":
        return
    for part, expected in REPEATED.items():
        if measured["test_texts_seen"][part] > expected:
            raise LeakError(f"{measured['test_texts_seen'][part]:,} test reviews occur among the {part} texts of "
                            f"training; IMDB itself duplicates {expected}")


def _history(folder: RunFolder) -> dict[str, list[float]]:
    """Return the values by epoch; none for a linear model."""
    if not folder.history.is_file():
        return {}
    history = pd.read_csv(folder.history, float_precision="round_trip").drop(columns="epoch")
    return {str(name): values for name, values in history.astype(float).to_dict("list").items()}


def lengths_of_test(data: DataConfig) -> np.ndarray:
    """Return the number of words of each test text, separated by white space, int [test texts]."""
    return word_counts(load_corpus(data, 1).test.read().texts)
