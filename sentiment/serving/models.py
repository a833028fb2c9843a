"""Served models and their versions, which are replaced while requests run."""

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import sentiment
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.explain import WordWeights, word_weights
from sentiment.files import user_path
from sentiment.inference import PortableClassifier, PortableFolder, Predictor
from sentiment.serving.batcher import Batcher, Batching, Busy
from sentiment.startup import import_tensorflow

Load = Callable[[Path], Predictor]
EXPORTS = ("onnx", "litert", "litert-float16", "litert-int8")  # named after the run that contains them
EXPLANATIONS = 16  # maximum number in the queue
LONGEST_PAUSE = 300.0  # seconds between two attempts to load a version whose files do not change
WARM_UP = "A text that is predicted before the first request."
Files = frozenset[tuple[str, int, int, int]]  # of a folder: name, bytes, and times of the last changes of each


@dataclass(frozen=True)
class Failure:
    """Failed attempt to load a version.

    Attributes:
        reason: in a line.
        files: of its folder before the attempt.
        pause: seconds until the next one, unless the files change.
        until: when that is, by the clock of the event loop.
    """

    reason: str
    files: Files = frozenset()
    pause: float = 0.0
    until: float = 0.0


class Version:
    """Loaded version of a model with its queue.

    Attributes:
        number: its version.
        predictor: the model.
        batcher: its queue.
    """

    def __init__(self, number: int, predictor: Predictor, batcher: Batcher, executor: ThreadPoolExecutor) -> None:
        self.number = number
        self.predictor = predictor
        self.batcher = batcher
        self._executor = executor
        self._explained = asyncio.Semaphore(1)
        self._explanations = 0

    async def explain(self, text: str) -> WordWeights:
        """Return the weights of the words of a text; one text at a time, and cancelled with the caller.

        Raises:
            Busy: if too many are queued.
        """
        if self._explanations >= EXPLANATIONS:
            raise Busy
        self._explanations += 1
        over = threading.Event()
        try:
            async with self._explained:
                return await asyncio.get_running_loop().run_in_executor(
                    self._executor, partial(word_weights, self.predictor, text, cancelled=over.is_set))
        finally:
            over.set()
            self._explanations -= 1


class ServedModel:
    """Served model with at least one version; the newest is the default.

    Attributes:
        name: in requests.
        path: a folder for `sentiment.load`, which is version 1, or a folder with such folders named 1, 2, ...
        versions: the loaded ones by number.
        failed: the last attempt at each version that cannot be loaded, by number; 0 for looking for versions.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.versions: dict[int, Version] = {}
        self.failed: dict[int, Failure] = {}

    @property
    def newest(self) -> Version:
        """Version with the largest number."""
        return self.versions[max(self.versions)]

    def on_disk(self) -> dict[int, Path]:
        """Return the existing folders of versions; none if their parent folder is empty or missing."""
        numbered: dict[int, Path] = {}
        with suppress(OSError):
            numbered = {int(one.name): one for one in sorted(self.path.iterdir())
                        if one.name.isascii() and one.name.isdecimal() and one.is_dir()}
        return numbered or ({1: self.path} if _holds_model(self.path) else {})

    def fail(self, number: int, failure: Failure) -> None:
        """Note why a version cannot be loaded, and say it once."""
        if number not in self.failed or self.failed[number].reason != failure.reason:
            what = f"version {number} cannot be loaded" if number else "the folder of versions cannot be read"
            log.warning(f"{self.name}: {what}, and will be tried again: {failure.reason}")
        self.failed[number] = failure


class Models:
    """All models of a server.

    Args:
        models: the models, not yet loaded.
        load: returns a predictor for a folder.
        batching: sizes and times of batches.
        kept: the number of newest versions of a model to serve.
        watch: called with the name of a model and the number of texts of each batch.
    """

    def __init__(self, models: Sequence[ServedModel], load: Load, batching: Batching, *, kept: int = 1,
                 watch: Callable[[str, int], None] = lambda name, texts: None) -> None:
        self.by_name = {model.name: model for model in models}
        self._load = load
        self._batching = batching
        self._kept = kept
        self._watch = watch
        # One thread for batches and one for the rest, so that loading a version delays no request.
        self._executor = ThreadPoolExecutor(max_workers=1 + len(models), thread_name_prefix="answer")
        self._slow = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")

    async def start(self) -> None:
        """Load the existing versions.

        Raises:
            UserError: if no version of a model can be loaded, with the reason of the newest.
        """
        for model in self.by_name.values():
            failed = await self._load_newest(model, model.on_disk() or {1: model.path})
            if not model.versions:
                raise UserError(next(iter(failed.values())).reason)
            for number, failure in failed.items():
                model.fail(number, failure)

    async def watch(self, seconds: float) -> None:
        """Check for new versions periodically until cancelled, despite errors."""
        while True:
            await asyncio.sleep(seconds)
            for model in self.by_name.values():
                try:
                    await self.refresh(model, seconds)
                    model.failed.pop(0, None)
                except Exception as error:
                    model.fail(0, Failure(_reason(error)))

    async def refresh(self, model: ServedModel, pause: float = 0.0) -> None:
        """Load new versions, then close removed or old ones after their requests are answered.

        What cannot be loaded, such as a folder that is still being copied, is said once. It is tried again when its
        files have changed, and else after `pause` seconds, then twice that, and so on up to `LONGEST_PAUSE`.
        """
        there = await asyncio.get_running_loop().run_in_executor(self._slow, model.on_disk)
        for number, failure in (await self._load_newest(model, there, pause)).items():
            model.fail(number, failure)
        model.failed = {number: reason for number, reason in model.failed.items() if number in {0, *there}}
        kept = sorted(set(model.versions) & set(there))[-self._kept:] or sorted(model.versions)[-1:]
        gone = sorted(set(model.versions) - set(kept))
        for number in gone:
            await model.versions.pop(number).batcher.close()
            log(f"{model.name}: version {number} is no longer served")
        if gone:
            await asyncio.get_running_loop().run_in_executor(self._slow, _settle)

    async def _load_newest(self, model: ServedModel, there: dict[int, Path], pause: float = 0.0) -> dict[int, Failure]:
        """Load versions from the newest on until `kept` are loaded; return the failures."""
        loop, failed = asyncio.get_running_loop(), dict[int, Failure]()
        for served, number in enumerate(sorted(there, reverse=True)):
            if served - len(failed) == self._kept:
                break
            if number in model.versions:
                continue
            files, before = await loop.run_in_executor(self._slow, _files, there[number]), model.failed.get(number)
            before = before if before is not None and before.files == files else None
            if before is not None and loop.time() < before.until:
                failed[number] = before
                continue
            try:
                await self._add(model, number, there[number])
                model.failed.pop(number, None)
            except Exception as error:  # of the runtime, a library or a file: the other versions are still served
                next_pause = min(max(2 * before.pause if before else 0.0, pause), LONGEST_PAUSE)
                failed[number] = Failure(_reason(error), files, next_pause, loop.time() + next_pause)
        return failed

    async def _add(self, model: ServedModel, number: int, path: Path) -> None:
        predictor = await asyncio.get_running_loop().run_in_executor(self._slow, self._loaded, path)
        batcher = Batcher(partial(_rows, predictor), self._executor, self._batching,
                          lambda texts: self._watch(model.name, texts))
        model.versions[number] = Version(number, predictor, batcher, self._slow)
        log(f"{model.name}: version {number} is served")

    def _loaded(self, path: Path) -> Predictor:
        predictor = self._load(path)
        _rows(predictor, [WARM_UP])
        predictor.spans(WARM_UP)  # for a run, tables are made first
        _settle()
        return predictor

    async def close(self) -> None:
        """Answer the queued requests, and close all versions; calls that wait for a thread are dropped."""
        for model in self.by_name.values():
            for version in model.versions.values():
                await version.batcher.close()
        self._executor.shutdown()
        self._slow.shutdown(cancel_futures=True)


def load_version(path: Path) -> Predictor:
    """Load a run or an export, whose folder may be incomplete or removed; TensorFlow is imported only for a run.

    Raises:
        UserError: if the folder is neither, incomplete or damaged.
    """
    if PortableFolder(path).exists():
        return PortableClassifier.load(path)
    if not _holds_model(path):
        raise UserError(f"{path} contains neither a run (config.json) nor an export (tokens.json and a model)"
                        if path.exists() else f"no such model folder: {path}")
    import_tensorflow(devices=True)
    return sentiment.load(path)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _files(path: Path) -> Files:
    """Return what a folder and its files look like; nothing of one that is gone or cannot be read."""
    with suppress(OSError):
        states = [(one.name, one.stat() if one.exists() else one.lstat()) for one in (path, *path.iterdir())]
        return frozenset((name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states)
    return frozenset()


def _holds_model(path: Path) -> bool:
    return PortableFolder(path).exists() or (path / "config.json").is_file()


def _rows(predictor: Predictor, texts: Sequence[str]) -> np.ndarray:
    """Return the logits of each text and its share of known words, float64 [texts, logits + 1]."""
    return np.column_stack(predictor.logits_and_known(texts))


def _settle() -> None:
    """Collect garbage, and exclude the remaining objects from later collections.

    Each full collection would visit all objects of TensorFlow, while requests wait.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def named_models(words: Sequence[str]) -> list[ServedModel]:
    """Return the models of command-line arguments FOLDER or NAME=FOLDER.

    Raises:
        UserError: if two have the same name, or a name is not valid in a path.
    """
    models: dict[str, ServedModel] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        path = Path(os.path.abspath(user_path(folder if equals else word)))
        if not equals:
            name = path.parent.name if path.name in EXPORTS else path.name
        if not name or any(character in "/:?#%" or character.isspace() for character in name):
            raise UserError(f"'{name}' cannot be a model's name: pass NAME=FOLDER with letters, digits, - and _")
        if name in models:
            raise UserError(f"two models are called '{name}': give one of them another name, as in other={folder}")
        models[name] = ServedModel(name, path)
    return list(models.values())
