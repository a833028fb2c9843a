"""The models that are served, and their versions, which come and go while requests run."""

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

import sentiment
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.explain import WordWeights, word_weights
from sentiment.inference import PortableClassifier, PortableFolder, Predictor
from sentiment.serving.batcher import Batcher, Batching, Busy
from sentiment.startup import import_tensorflow

Load = Callable[[Path], Predictor]
EXPORTS = ("onnx", "litert", "litert-float16", "litert-int8")  # named after the run that holds them
EXPLANATIONS = 16  # that may wait
WARM_UP = "A text that is read before any request comes."


class Version:
    """A loaded model with its queue.

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
        """Weigh the words of a text; one text at a time, and no further when the caller is cancelled.

        Raises:
            Busy: if too many wait.
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
    """A model with one version or more; the newest answers where no version is asked for.

    Attributes:
        name: what clients call it.
        path: a folder that `sentiment.load` takes, which is version 1, or one with such folders named 1, 2, ...
        versions: the loaded ones by number.
        failed: why a version cannot be loaded, by number; 0 for what kept the server from looking for versions.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.versions: dict[int, Version] = {}
        self.failed: dict[int, str] = {}

    @property
    def newest(self) -> Version:
        """The version with the largest number."""
        return self.versions[max(self.versions)]

    def on_disk(self) -> dict[int, Path]:
        """Return the folders of the versions that are there; none where the folder of versions is empty or gone."""
        numbered: dict[int, Path] = {}
        with suppress(OSError):
            numbered = {int(one.name): one for one in self.path.iterdir() if one.name.isdecimal() and one.is_dir()}
        return numbered or ({1: self.path} if _holds_model(self.path) else {})

    def fail(self, number: int, error: Exception) -> None:
        """Say once why a version cannot be loaded."""
        reason = _reason(error)
        if self.failed.get(number) != reason:
            self.failed[number] = reason
            what = f"version {number} cannot be loaded" if number else "the versions cannot be looked for"
            log.warning(f"{self.name}: {what}, which is tried again: {reason}")


class Models:
    """All models of a server.

    Args:
        models: the models, not loaded.
        load: a folder to what predicts.
        batching: sizes and times of batches.
        kept: how many versions of a model are served, the newest ones.
        watch: called with the name of a model and the number of texts of each batch.
    """

    def __init__(self, models: Sequence[ServedModel], load: Load, batching: Batching, *, kept: int = 1,
                 watch: Callable[[str, int], None] = lambda name, texts: None) -> None:
        self.by_name = {model.name: model for model in models}
        self._load = load
        self._batching = batching
        self._kept = kept
        self._watch = watch
        # One thread for batches and one for all else, so that a version which loads holds no request up.
        self._executor = ThreadPoolExecutor(max_workers=1 + len(models), thread_name_prefix="answer")
        self._slow = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")

    async def start(self) -> None:
        """Load the versions that are there.

        Raises:
            UserError: if none of a model's can be loaded; why not of the newest.
        """
        for model in self.by_name.values():
            failed = await self._load_newest(model, model.on_disk() or {1: model.path})
            if not model.versions:
                raise UserError(_reason(next(iter(failed.values()))))
            for number, error in failed.items():
                model.fail(number, error)

    async def watch(self, seconds: float) -> None:
        """Look for new versions again and again, until cancelled, whatever fails."""
        while True:
            await asyncio.sleep(seconds)
            for model in self.by_name.values():
                try:
                    await self.refresh(model)
                    model.failed.pop(0, None)
                except Exception as error:
                    model.fail(0, error)

    async def refresh(self, model: ServedModel) -> None:
        """Load what is new, then let go of what is gone or too old, once its requests are answered.

        What cannot be loaded, such as a folder that is still being copied, is said once and tried again next time.
        """
        there = await asyncio.get_running_loop().run_in_executor(self._slow, model.on_disk)
        for number, error in (await self._load_newest(model, there)).items():
            model.fail(number, error)
        model.failed = {number: reason for number, reason in model.failed.items() if number in {0, *there}}
        kept = sorted(set(model.versions) & set(there))[-self._kept:] or sorted(model.versions)[-1:]
        gone = sorted(set(model.versions) - set(kept))
        for number in gone:
            await model.versions.pop(number).batcher.close()
            log(f"{model.name}: version {number} is no longer served")
        if gone:
            await asyncio.get_running_loop().run_in_executor(self._slow, _settle)

    async def _load_newest(self, model: ServedModel, there: dict[int, Path]) -> dict[int, Exception]:
        """Load from the newest version down until as many as are kept can answer; return what failed."""
        failed: dict[int, Exception] = {}
        for served, number in enumerate(sorted(there, reverse=True)):
            if served - len(failed) == self._kept:
                break
            if number not in model.versions:
                try:
                    await self._add(model, number, there[number])
                    model.failed.pop(number, None)
                except Exception as error:  # of the runtime, a library or a file: the others are served all the same
                    failed[number] = error
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
        """Answer what waits, and let go of all; what only waits for a thread is dropped."""
        for model in self.by_name.values():
            for version in model.versions.values():
                await version.batcher.close()
        self._executor.shutdown()
        self._slow.shutdown(cancel_futures=True)


def load_version(path: Path) -> Predictor:
    """Load a run or an export, whose folder may be half-copied, or gone by now; TensorFlow is imported for a run alone.

    Raises:
        UserError: if the folder holds neither, or what it holds is incomplete or damaged.
    """
    if PortableFolder(path).exists():
        return PortableClassifier.load(path)
    if not _holds_model(path):
        raise UserError(f"{path} holds neither a run (config.json) nor an export (tokens.json and a model)"
                        if path.exists() else f"no such model folder: {path}")
    import_tensorflow(devices=True)
    return sentiment.load(path)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _holds_model(path: Path) -> bool:
    return PortableFolder(path).exists() or (path / "config.json").is_file()


def _rows(predictor: Predictor, texts: Sequence[str]) -> np.ndarray:
    """Return float64 [texts, logits + 1]: the logits of each text, then its share of known words."""
    return np.column_stack(predictor.logits_and_known(texts))


def _settle() -> None:
    """Collect what is not needed any more, and keep the rest out of later collections.

    Each full one would walk through all of TensorFlow, while requests wait.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def named_models(words: Sequence[str]) -> list[ServedModel]:
    """Return the models that a command line names as FOLDER or NAME=FOLDER.

    Raises:
        UserError: if two have one name, or a name does not fit into an address.
    """
    models: dict[str, ServedModel] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        path = Path(os.path.abspath(folder if equals else word))
        if not equals:
            name = path.parent.name if path.name in EXPORTS else path.name
        if not name or any(character in "/:?#%" or character.isspace() for character in name):
            raise UserError(f"'{name}' cannot be a model's name: give NAME=FOLDER with letters, digits, - and _")
        if name in models:
            raise UserError(f"two models are called '{name}': give one of them another name, as in other={folder}")
        models[name] = ServedModel(name, path)
    return list(models.values())
