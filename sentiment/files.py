"""Files and folders that are complete under their name, or not there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = "sentiment-"  # how the names of temporary folders begin


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield the path beside `path` that a file or folder is written to; without an error it then gets its name.

    What had that name before is replaced, a folder with all that it holds. After an error it is as it was, and nothing
    is left beside it.
    """
    beside = path.with_name(path.name + ".new")
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
