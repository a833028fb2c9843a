"""A run in its folder: new, unfinished or finished."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Generic, Self, TypedDict, TypeVar

import numpy as np

from sentiment.artifacts import ResultFolder, RunFolder
from sentiment.config import Config, DataConfig, Options, Role
from sentiment.console import log
from sentiment.data import Corpus, digests
from sentiment.errors import DivergedError, UserError
from sentiment.files import TEMPORARY, locked
from sentiment.training.strategy import is_chief

SomeFolder = TypeVar("SomeFolder", bound=ResultFolder)
SomeConfig = TypeVar("SomeConfig", bound=Config)


class Mode(TypedDict):
    """Treatment of an earlier run in the same folder; see `Run`."""

    overwrite: bool
    resume: bool


class Run(Generic[SomeFolder, SomeConfig]):
    """A run and its folder, locked against other processes within a `with` block.

    With several workers the chief holds the lock. A finished run that is only returned needs no lock.

    Attributes:
        target: the path of the folder once the run is finished.
        folder: the finished folder, or the unfinished one that `working` writes to.
        config: of the run; for an unfinished run, its stored one.
        finished: whether the run is complete.

    Args:
        kind: of the folder.
        config: of a new run; for an unfinished run, the user's options in it that are not CHANGEABLE must equal the
            stored ones.
        target: the path of the folder.
        overwrite: whether to replace a finished run.
        resume: whether to resume an unfinished run, and to return a finished one.

    Raises:
        UserError: if an option differs, a new run would replace files, or another process writes the folder.
    """

    def __init__(self, kind: type[SomeFolder], config: SomeConfig, target: Path, *, overwrite: bool = False,
                 resume: bool = False) -> None:
        target = target.resolve() if target.is_symlink() else target
        self.target = target
        self.config: SomeConfig = config
        with ExitStack() as held:
            if is_chief() and not (resume and not overwrite and kind.is_settled(target)):
                held.enter_context(locked(target, kind.option))
                kind.settle(target)
            self._begin(kind, overwrite=overwrite, resume=resume)
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _begin(self, kind: type[SomeFolder], *, overwrite: bool, resume: bool) -> None:
        """Determine the mode from the existing folders."""
        target, config = self.target, self.config
        unfinished = kind.unfinished(target) if resume else None
        self.resumes = unfinished is not None
        self.finished = resume and kind.has_begun(target, overwrite=overwrite) and not self.resumes
        if unfinished is not None:
            self.folder, self.config = unfinished, self._resumed(unfinished, config.given)
        elif self.finished:
            complete = kind.of_unfinished(target)  # in a worker, while the chief is renaming it
            self.folder = kind.open(complete.path if complete.metrics.is_file() else target)
            self._check_finished(config.given)
            log(f"{target} is complete: nothing to resume")
        else:
            kind.check_free(target, overwrite=overwrite)
            self.folder = kind.of_unfinished(target)

    def _resumed(self, folder: SomeFolder, given: Options) -> Any:
        """Return the configuration of an unfinished run; only CHANGEABLE options may differ from it now."""
        config = folder.load_config()
        own = {section: {name: value for name, value in given.get(section, {}).items() if name in names}
               for section, names in config.names(Role.CHANGEABLE).items()}
        config = config.updated(own)
        differing = config.differing_flags(given)
        if differing:
            raise UserError(f"{folder.path} was started with another value of {', '.join(differing)}: omit that, or "
                            "remove the folder to start again")
        return config.with_given(given)

    def _check_finished(self, given: Options) -> None:
        """Refuse to return a finished run with other options; for an ensemble, those of its members."""
        if isinstance(self.folder, RunFolder) and self.folder.is_ensemble:
            return
        changeable = self.config.names(Role.CHANGEABLE)
        asked = {section: {name: value for name, value in values.items() if name not in changeable[section]}
                 for section, values in given.items()}
        if asked.get("data", {}).get("dataset") == DataConfig.dataset:
            del asked["data"]["dataset"]  # `auto` stands for the corpus that was found
        differing = self.folder.load_config().differing_flags(asked)
        if differing:
            raise UserError(f"{self.target} contains a finished {self.folder.kind} with another value of "
                            f"{', '.join(differing)}: omit that, or pass --overwrite to replace it")

    def check_texts(self, corpus: Corpus) -> None:
        """Refuse to return a finished run on other texts, if its options do not identify them.

        Raises:
            UserError: that names the folder.
        """
        read = self.folder.load_texts()
        names = self.folder.load_class_names() if isinstance(self.folder, RunFolder) else corpus.class_names
        own, config = np.unique(digests(corpus.train.texts)), self.folder.load_config()
        others = config.data.named_unlabelled or config.training.pretrained  # whose texts were read, too
        if names != corpus.class_names or not np.isin(own, read).all() or (len(own) < len(read) and not others):
            raise UserError(f"{self.target} contains a finished {self.folder.kind} on other texts: pass --overwrite to "
                            "replace it, or choose another folder")

    @contextmanager
    def working(self) -> Iterator[SomeFolder]:
        """Yield the folder to write to; for a new run it contains only the configuration.

        If the run fails or is interrupted, its checkpoints are kept; without checkpoints the folder is removed. After
        its metrics are written, the run is complete and kept.
        """
        if not self.resumes:
            self.folder.begin(self.config)
        try:
            yield self.folder
        except (Exception, KeyboardInterrupt) as error:
            if self.folder.metrics.is_file():
                self.folder = self.folder.finish(self.target)
                kept = f"{self.target} is complete, except for plots, the model card or an export"
            else:
                kept = self.folder.fail(self.target, diverged=isinstance(error, DivergedError))
            if kept and not self.target.parent.name.startswith(TEMPORARY):
                log(kept)
            raise
        self.folder = self.folder.finish(self.target)
