"""A run in its folder: new, unfinished or finished."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar

from sentiment.artifacts import ResultFolder
from sentiment.config import Config, Options, Role
from sentiment.console import log
from sentiment.errors import DivergedError, UserError

SomeFolder = TypeVar("SomeFolder", bound=ResultFolder)
SomeConfig = TypeVar("SomeConfig", bound=Config)


class Mode(TypedDict):
    """Treatment of an earlier run in the same folder: see `Run`."""

    overwrite: bool
    resume: bool


class Run(Generic[SomeFolder, SomeConfig]):
    """A run and its folder.

    Attributes:
        target: the path of the folder once the run is finished.
        folder: the finished folder, or the unfinished one that `working` writes to.
        config: of the run; an unfinished one has its own.
        finished: whether there is nothing to do.

    Args:
        kind: of the folder.
        config: of a new run, or with which an unfinished one is compared: options that the user has given and that
            may not be changed must agree.
        target: the path of the folder.
        overwrite: whether to replace a finished run.
        resume: whether to resume an unfinished run, and to take a finished one as it is.

    Raises:
        UserError: if an option differs, or a new run would replace something.
    """

    def __init__(self, kind: type[SomeFolder], config: SomeConfig, target: Path, *, overwrite: bool = False,
                 resume: bool = False) -> None:
        target = target.resolve() if target.is_symlink() else target
        self.target = target
        self.config: SomeConfig = config
        unfinished = kind.unfinished(target) if resume else None
        self.resumes = unfinished is not None
        self.finished = resume and kind.has_begun(target, overwrite=overwrite) and not self.resumes
        if unfinished is not None:
            self.folder, self.config = unfinished, self._resumed(unfinished, config.given)
        elif self.finished:
            log(f"{target} is finished: there is nothing to resume")
            self.folder = kind.open(target)
        else:
            kind.check_free(target, overwrite=overwrite)
            self.folder = kind.of_unfinished(target)

    def _resumed(self, folder: SomeFolder, given: Options) -> Any:
        """Return the configuration of an unfinished run; of the options given now, CHANGEABLE ones may differ."""
        config = folder.load_config()
        own = {section: {name: value for name, value in given.get(section, {}).items() if name in names}
               for section, names in config.names(Role.CHANGEABLE).items()}
        config = config.updated(own)
        differing = config.differing_flags(given)
        if differing:
            raise UserError(f"{folder.path} was begun with another value of {', '.join(differing)}: leave that out, or "
                            "remove the folder to start anew")
        return config.with_given(given)

    @contextmanager
    def working(self) -> Iterator[SomeFolder]:
        """Yield the folder to write to, that of a new run with its configuration alone.

        If the run fails or is interrupted, its checkpoints are kept, and without one the folder is removed.
        """
        if not self.resumes:
            self.folder.begin(self.config)
        try:
            yield self.folder
        except (Exception, KeyboardInterrupt) as error:
            kept = self.folder.fail(self.target, diverged=isinstance(error, DivergedError))
            if kept:
                log(kept)
            raise
        self.folder = self.folder.finish(self.target)
