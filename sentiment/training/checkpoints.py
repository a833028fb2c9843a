"""Checkpoint files with checksums, written atomically; the last few are kept."""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiment.console import log
from sentiment.files import written_beside

MAGIC = b"sentiment checkpoint 1\n"
DIGEST_BYTES = 32
STATE = "state"


class Checkpoint(NamedTuple):
    """Content of a checkpoint file: arrays by name, and other state as JSON values."""

    arrays: dict[str, np.ndarray]
    state: dict[str, Any]


class Checkpoints:
    """Checkpoints of a run: `step-00000120.checkpoint` and so on, in their own folder.

    A file is a line with its type and version, the SHA-256 of the rest, and the rest: an uncompressed `.npz` of the
    arrays and of the state as UTF-8 JSON.
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        self.folder = folder
        self.keep = keep

    def exist(self) -> bool:
        """Whether there is a checkpoint."""
        return bool(self._paths())

    def save(self, step: int, checkpoint: Checkpoint) -> None:
        """Write a checkpoint atomically, and remove the oldest ones.

        Raises:
            OSError: if it cannot be written; earlier checkpoints are unchanged.
        """
        content = io.BytesIO()
        state = np.frombuffer(json.dumps(checkpoint.state).encode(), np.uint8)
        np.savez(content, allow_pickle=False, **{STATE: state}, **checkpoint.arrays)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:08d}.checkpoint"
        with written_beside(path) as beside, beside.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        for old in self._paths()[:-self.keep]:
            old.unlink()

    def latest(self) -> Checkpoint | None:
        """Return the newest intact checkpoint; warn of each damaged one."""
        for path in reversed(self._paths()):
            checkpoint = _read(path)
            if checkpoint is not None:
                return checkpoint
            log.warning(f"{path} is damaged: the previous checkpoint is used")
        return None

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.checkpoint"))


def _read(path: Path) -> Checkpoint | None:
    """Return the content of a file, None if it is damaged."""
    content = path.read_bytes()
    start = len(MAGIC) + DIGEST_BYTES
    if content[:start] != MAGIC + hashlib.sha256(content[start:]).digest():
        return None
    with np.load(io.BytesIO(content[start:]), allow_pickle=False) as file:
        arrays = dict(file)
    return Checkpoint(arrays, json.loads(arrays.pop(STATE).tobytes()))
