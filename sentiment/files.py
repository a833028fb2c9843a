"""Atomic files and folders, and the lock of the process that writes them."""

import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from sentiment.errors import UserError

if sys.platform != "win32":
    import fcntl

TEMPORARY = "sentiment-"  # prefix of temporary folders
LOCK_SUFFIX = ".lock"
NOT_PLAIN = re.compile(r"[\[\]*?\\\ud800-\udfff]")  # characters of patterns, and bytes that are not UTF-8


def user_path(path: str | os.PathLike[str]) -> Path:
    """Return a path with a leading `~` replaced by the home folder; unchanged for an unknown user."""
    return Path(os.path.expanduser(path))


def sibling(path: Path, suffix: str) -> Path:
    """Return the path of an auxiliary file or folder next to a file or folder: `models/run.lock`.

    Raises:
        UserError: for `.`, `..` and `/`, which have no name.
    """
    if path.name in ("", ".."):
        raise UserError(f"'{path}' cannot be replaced as a whole: name a file or folder within it")
    return path.with_name(path.name + suffix)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`, which is renamed to `path` at the end of the block.

    An existing file or folder is replaced. After an error it is unchanged, and the temporary path is removed.
    """
    temporary = sibling(path, ".new")
    _remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(target: Path, option: str) -> Iterator[None]:
    """Lock a file or folder against writing by other processes within the block.

    The lock is `flock` on the file `target.lock`, which names the process. The system releases it when the process
    ends, so the lock file of a killed process has no effect.

    Args:
        target: the file or folder.
        option: the option that chooses the target, for the message.

    Raises:
        UserError: if a process holds the lock, with its process id, machine and start time.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, locked(Path(folder, "run"), "--output-dir"):
        ...     print([path.name for path in Path(folder).iterdir()])
        ['run.lock']
    """
    if sys.platform == "win32":  # Windows has no such lock
        yield
        return
    path = sibling(target, LOCK_SUFFIX)
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = _locked_file(path, target, option)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(file)
    finally:
        with suppress(OSError):  # the folder is not empty
            for folder in made:
                folder.rmdir()


def _locked_file(path: Path, target: Path, option: str) -> int:
    """Lock a file and return its descriptor."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 1000).decode("utf-8", "replace") or "another process"
            os.close(file)
            raise UserError(f"{target} is being written by {holder}: wait until it ends, or choose another {option}"
                            ) from None
        with suppress(FileNotFoundError):  # the previous holder removed the file after it was opened
            if os.path.samestat(os.fstat(file), path.stat()):
                os.ftruncate(file, 0)
                begun = time.strftime("%Y-%m-%d %H:%M:%S")
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}, started {begun}".encode())
                return file
        os.close(file)


@contextmanager
def plain_path(path: Path) -> Iterator[Path]:
    """Yield a path of a folder that is safe for TensorFlow: UTF-8 without glob characters.

    TensorFlow treats paths as glob patterns, so it does not find files in `models/a[1]`. Such a folder is accessed
    through a symbolic link in a temporary folder.
    """
    if not NOT_PLAIN.search(path.as_posix()):
        yield path
        return
    with TemporaryDirectory(prefix=TEMPORARY) as links:
        link = Path(links) / "folder"
        link.symlink_to(path.absolute(), target_is_directory=True)
        yield link
