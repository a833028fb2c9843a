"""Files of checkpoints: whole or not there."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from sentiment.training.checkpoints import Checkpoint, Checkpoints

ARRAYS: dict[str, np.ndarray] = {"variable/0": np.arange(6, dtype=np.float32).reshape(2, 3),
                                 "variable/1": np.array(3, np.int64)}


def save(checkpoints: Checkpoints, *steps: int) -> None:
    for step in steps:
        checkpoints.save(step, Checkpoint(ARRAYS, {"step": step, "loss": 0.1 + 0.2, "best": None, "word": "ü"}))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.latest() is None
    save(checkpoints, 7)
    found = checkpoints.latest()
    assert found is not None
    assert found.state == {"step": 7, "loss": 0.1 + 0.2, "best": None, "word": "ü"}
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path), 1, 5, 30, 200)
    assert names(tmp_path) == ["step-00000005.checkpoint", "step-00000030.checkpoint", "step-00000200.checkpoint"]


@pytest.mark.parametrize("damage", ["byte", "end", "all", "start"])
def test_a_damaged_one_is_skipped(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 2)
    path = tmp_path / "step-00000002.checkpoint"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"byte": bytes(content), "end": path.read_bytes()[:-1], "all": b"",
                      "start": b"x" + path.read_bytes()[1:]}[damage])
    found = checkpoints.latest()
    assert found is not None
    assert found.state["step"] == 1
    assert f"warning: {path} is damaged: the previous checkpoint is used" in capsys.readouterr().err.replace("\n", " ")


def test_a_full_disk_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1)
    before = (tmp_path / "step-00000001.checkpoint").read_bytes()

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(checkpoints, 2)
    assert names(tmp_path) == ["step-00000001.checkpoint"]
    assert (tmp_path / "step-00000001.checkpoint").read_bytes() == before
