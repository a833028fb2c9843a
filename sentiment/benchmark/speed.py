"""Speed of layers, training and prediction against stock Keras, PyTorch and ONNX Runtime."""

import importlib.util
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from sentiment import architectures
from sentiment.artifacts import RunFolder
from sentiment.batching import Batches, TokenizedTexts, bucket_lengths
from sentiment.benchmark.layer import KINDS
from sentiment.benchmark.sides import Times, alternate, answer_of, start
from sentiment.benchmark.training import RECURRENT
from sentiment.config import RunConfig
from sentiment.console import log
from sentiment.data import Corpus, load_corpus
from sentiment.export import Original, export_onnx
from sentiment.machine import available_cores, processor
from sentiment.text import TextPreprocessor

SUBJECT = "sentiment"
PACKAGES = ("tensorflow", "keras", "torch", "onnxruntime", "numpy")
SINGLY = 50  # single-text predictions in a run
LAYER = {"batch": 64, "steps": 100, "features": 256}
ON_TEXTS = {"recurrent", "training", "settings", "prediction", "startup"}  # groups of rows
UNITS = (16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Row:
    """Row of the benchmark: a task and the implementations that are compared on it.

    Attributes:
        group: its name in `--rows`.
        name: its name in the table.
        task: a module of `sentiment.benchmark`.
        sides: names of its implementations; the first is this project's.
        options: their keyword arguments.
        items: the number of items of a run, for a rate; 0 for none.
    """

    group: str
    name: str
    task: str
    sides: tuple[str, ...]
    options: dict[str, Any]
    items: int = 0


def layer_rows() -> Iterator[Row]:
    """Yield the rows of the LSTM: three sizes, with and without the backward pass and a mask."""
    for units in (64, 256, 512):
        for backward in (False, True):
            for masked in (False, True):
                name = f"LSTM {units}, {'forward and backward' if backward else 'forward'}{', mask' if masked else ''}"
                sides = (SUBJECT, "keras", "torch", *(() if masked else ("product",)))
                options = {**LAYER, "units": units, "backward": backward, "masked": masked}
                yield Row("layer", name, "layer", sides, options)


def scan_rows() -> Iterator[Row]:
    """Yield the rows of the layers of `sentiment.layers.scan`, forward and backward, against an LSTM."""
    for kind in KINDS:
        for units in (256, 512):
            options = {**LAYER, "kind": kind, "units": units, "backward": True, "masked": False}
            yield Row("scan", f"{kind} {units}, forward and backward", "layer",
                      (SUBJECT, "sentiment lstm", "product"), options)


def unit_rows() -> Iterator[Row]:
    """Yield a row of all recurrent layers, forward and backward, for each number of units and as many features."""
    for units in UNITS:
        options = {**LAYER, "features": units, "units": units, "backward": True, "masked": False}
        yield Row("units", f"{units} units, forward and backward", "layer",
                  (SUBJECT, "GRU", *KINDS, "keras", "torch", "product"), options)


def _loaded(config: RunConfig) -> Corpus:
    """Load the corpus and log its notes."""
    corpus = load_corpus(config.data, config.runtime.seed)
    for note in corpus.notes:
        log.warning(note)
    return corpus


def write_training(folder: Path, corpus: Corpus, config: RunConfig, training: int
                   ) -> tuple[TextPreprocessor, int, dict[str, Any]]:
    """Write the file of a training epoch, with texts of the training split.

    Returns:
        The preprocessor, the number of texts, and options of training.
    """
    preprocessor = TextPreprocessor.fit(config.text, corpus.train.texts)
    chosen = np.random.default_rng(1).permutation(len(corpus.train))[:training]
    tokens = preprocessor.tokenize(corpus.train.take(chosen).texts)
    _write_arrays(folder / "training.npz", config, tokens, corpus.train.labels[chosen])
    return preprocessor, len(chosen), {
        "embedding": config.model.embedding_size, "units": config.model.units, "max_length": config.text.max_length,
        "vocabulary": preprocessor.vocabulary_size, "batch": config.training.batch_size}


def write_texts(folder: Path, corpus: Corpus, config: RunConfig, training: int, prediction: int
                ) -> tuple[int, int, dict[str, Any]]:
    """Write the files for the implementations, with texts of the training and the test split; test labels are not used.

    Returns:
        The numbers of texts of a training epoch and of a prediction, and options of training.
    """
    preprocessor, count, options = write_training(folder, corpus, config, training)
    _write_run(folder / "run", config, preprocessor, corpus.class_names)
    texts = list(corpus.test.read().texts)[:prediction]
    (folder / "texts.json").write_text(json.dumps(texts))
    return count, len(texts), options


def text_rows(folder: Path, training: int, prediction: int, options: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of training, prediction and start-up on the files of `write_texts`."""
    options = {**options, "file": str(folder / "training.npz")}
    yield Row("training", f"training, {training:,} texts", "training",
              (SUBJECT, "keras", "keras example", "torch", "torch packed"), options, training)
    yield Row("settings", "training, other settings", "training",
              (SUBJECT, "dense Adam", "mixed precision", "XLA", "1 thread an operator"), options, training)
    run = {"run": str(folder / "run")}
    for name, singly, items in ((f"{prediction:,} raw texts", 0, prediction), ("one raw text", SINGLY, SINGLY)):
        yield Row("prediction", f"prediction, {name}", "prediction", (SUBJECT, "keras", "onnx runtime"),
                  {**run, "file": str(folder / "texts.json"), "singly": singly}, items)
    if _installed("onnx runtime"):
        yield Row("startup", "one prediction from the shell", "startup",
                  (SUBJECT, "sentiment tensorflow", "import tensorflow"), run, 1)


def recurrent_rows(folder: Path, training: int, options: dict[str, Any]) -> Iterator[Row]:
    """Yield the row of training with each bidirectional recurrent layer on the file of `write_training`."""
    yield Row("recurrent", f"training of a recurrent layer, {training:,} texts", "training", (SUBJECT, *RECURRENT[1:]),
              {**options, "file": str(folder / "training.npz"), "attention": "luong-concat"}, training)


def _write_arrays(file: Path, config: RunConfig, tokens: TokenizedTexts, labels: np.ndarray) -> None:
    """Write the ids in all formats: PyTorch's process runs no code of this project, which imports TensorFlow."""
    boundaries = bucket_lengths(tokens.lengths, config.text.buckets, config.text.max_length)
    batches = Batches(tokens, boundaries, config.training.batch_size)
    np.savez(file, values=tokens.values, offsets=tokens.offsets, lengths=tokens.lengths, labels=labels,
             padded=tokens.padded(np.arange(len(tokens)), config.text.max_length),
             shuffled=np.random.default_rng(2).permutation(len(tokens)),
             by_length=np.concatenate([batch.rows for batch in batches.shuffled(1, 0)]))


def _write_run(path: Path, config: RunConfig, preprocessor: TextPreprocessor, class_names: Sequence[str]) -> None:
    """Write the run folder of an untrained model, and its export."""
    sizes = architectures.Sizes(preprocessor.vocabulary_size, len(class_names))
    run = RunFolder(path)
    path.mkdir()
    run.save_run(config, preprocessor, class_names, sizes, architectures.build(config.model, sizes))
    run.save_json(run.metrics, {})
    if _installed("onnx runtime"):
        export_onnx(Original(run))


def measure(groups: list[str], config: RunConfig, *, repeats: int, threads: int, training: int, prediction: int
            ) -> Iterator[dict[str, Any]]:
    """Measure the rows of some groups, and yield each as JSON values.

    Args:
        groups: names in `--rows`.
        config: data, and sizes of the model.
        repeats: runs of each implementation after the warm-up.
        threads: of each process.
        training: texts of a training epoch.
        prediction: texts of a prediction.
    """
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for row in (*layer_rows(), *scan_rows(), *unit_rows()) if row.group in groups]
        if on_texts := ON_TEXTS & set(groups):
            corpus = _loaded(config)
            if "recurrent" in on_texts:
                defaults = Path(folder) / "defaults"
                defaults.mkdir()
                _, count, options = write_training(defaults, corpus, RunConfig(data=config.data), training)
                rows += recurrent_rows(defaults, count, options)
            if on_texts != {"recurrent"}:
                written = write_texts(Path(folder), corpus, config, training, prediction)
                rows += [row for row in text_rows(Path(folder), *written) if row.group in groups]
        for row in rows:
            sides = [side for side in row.sides if _installed(side)]
            started = time.perf_counter()
            times = alternate(row.task, sides, row.options, repeats=repeats, threads=threads)
            log(f"{row.name}: {time.perf_counter() - started:.0f} s")
            yield {"row": row.name, "items": row.items, "sides": {side: _measured(times[side]) for side in sides}}
    if "grid" in groups:
        yield from grid_rows(repeats, threads)


def grid_rows(repeats: int, threads: int, *sizes: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Measure LSTM and GRU over a grid of sizes and modes; `sizes` are other kinds, units and rows of it."""
    process = start("grid", *map(json.dumps, (repeats, *sizes)), threads=threads)
    try:
        while (found := answer_of(process)) is not None:
            name, sides = found
            yield {"row": name, "items": 0, "sides": {side: _measured(Times(**times)) for side, times in sides.items()}}
    finally:
        process.kill()
        process.communicate()


def _installed(side: str) -> bool:
    needed = {"torch": ("torch",), "torch packed": ("torch",), "onnx runtime": ("tf2onnx", "onnx", "onnxruntime")}
    return all(importlib.util.find_spec(package) for package in needed.get(side, ()))


def _measured(times: Times) -> dict[str, Any]:
    return {"median_seconds": times.median, "quartiles": times.spread, "seconds": times.seconds,
            "peak_memory_bytes": times.peak_memory_bytes}


def table(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Return one line per row and implementation: median, quartiles, and the time relative to the first."""
    lines = []
    for row in rows:
        subject = row["sides"][SUBJECT]["median_seconds"]
        for side, measured in row["sides"].items():
            median, (low, high) = measured["median_seconds"], measured["quartiles"]
            rate = f"{row['items'] / median:,.0f}/s" if row["items"] else ""
            lines.append([row["row"], side, f"{1000 * median:.1f}", f"{1000 * low:.1f} to {1000 * high:.1f}", rate,
                          f"{measured['peak_memory_bytes'] / 2 ** 20:,.0f}", f"{median / subject:.2f}"])
    return lines


def machine() -> dict[str, Any]:
    """Return a description of the machine."""
    def installed(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    return {"processor": processor(), "cores": available_cores(),
            "python": platform.python_version(), "system": sys.platform,
            **{package: installed(package) for package in PACKAGES}}
