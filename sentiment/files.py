"""Files and folders that are complete under their name, or not there; the lock of the process that writes them."""

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

TEMPORARY = "sentiment-"  # how the names of temporary folders begin
LOCK_SUFFIX = ".lock"
NOT_PLAIN = re.compile(r"[\[\]*?\\\ud800-\udfff]")  # signs of patterns, and bytes of a name that are not UTF-8


def user_path(path: str | os.PathLike[str]) -> Path:
    """Return a path with the home folder for a `~` at its beginning; behind `~` of no known user it stays as it is."""
    return Path(os.path.expanduser(path))


def sibling(path: Path, suffix: str) -> Path:
    """Return the path of what belongs to a file or folder and lies beside it: `models/run.lock`.

    Raises:
        UserError: for `.`, `..` and `/`, which have no name.
    """
    if path.name in ("", ".."):
        raise UserError(f"'{path}' cannot be replaced as a whole: give the name of a file or folder within it")
    return path.with_name(path.name + suffix)


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield the path beside `path` that a file or folder is written to; without an error it then gets its name.

    What had that name before is replaced, a folder with all that it holds. After an error it is as it was, and nothing
    is left beside it.
    """
    beside = sibling(path, ".new")
    _remove(beside)
    try:
        yield beside
        if beside.is_dir():
            _remove(path)
        beside.replace(path)
    finally:
        _remove(beside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(target: Path, option: str) -> Iterator[None]:
    """Let no other process write a file or folder within the block.

    The lock is `flock` on the file `target.lock`, which names the process. The system releases it when the process
    ends, however it does, so a file that is left of a killed process locks nothing.

    Args:
        target: the file or folder.
        option: with which another one is chosen, for the message.

    Raises:
        UserError: if a process holds the lock, with its number, machine and start.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, locked(Path(folder, "run"), "--output-dir"):
        ...     print([path.name for path in Path(folder).iterdir()])
        ['run.lock']
    """
    if sys.platform == "win32":  # which has no such lock
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
        with suppress(OSError):  # a folder that is not empty
            for folder in made:
                folder.rmdir()


def _locked_file(path: Path, target: Path, option: str) -> int:
    """Return the descriptor of a lock file that this process has locked."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 1000).decode("utf-8", "replace") or "another process"
            os.close(file)
            raise UserError(f"{target} is being written by {holder}: wait until it ends, or choose another {option}"
                            ) from None
        with suppress(FileNotFoundError):  # the holder before has removed the file since it was opened
            if os.path.samestat(os.fstat(file), path.stat()):
                os.ftruncate(file, 0)
                begun = time.strftime("%Y-%m-%d %H:%M:%S")
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}, begun {begun}".encode())
                return file
        os.close(file)


@contextmanager
def plain_path(path: Path) -> Iterator[Path]:
    """Yield a path of a folder that TensorFlow takes as it is: one in UTF-8 without signs of its patterns.

    TensorFlow looks for files by patterns, and so does not find what it wrote to `models/a[1]`. Such a folder is
    reached by a link in a temporary folder.
    """
    if not NOT_PLAIN.search(path.as_posix()):
        yield path
        return
    with TemporaryDirectory(prefix=TEMPORARY) as links:
        link = Path(links) / "folder"
        link.symlink_to(path.absolute(), target_is_directory=True)
        yield link
