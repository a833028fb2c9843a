"""Minutes long: `pytest -m slow -s tests/test_killed_often.py`."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sentiment.artifacts import RunFolder

KILLS = 20
COMMAND = [sys.executable, "-m", "sentiment", "train", "--dataset", "sample", "--epochs", "30", "--patience", "30",
           "--batch-size", "16", "--checkpoint-steps", "25", "--resume", "--output-dir"]


def weights(target: Path) -> list[np.ndarray]:
    values: list[np.ndarray] = RunFolder.open(target).load_model().get_weights()
    return values


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """The default model on the sample, killed at any moment from the start on, mostly in training: the same bits."""
    moments, went_on = random.Random(5), 0
    for number in range(KILLS):
        process = subprocess.Popen([*COMMAND, str(tmp_path / "parts")], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        lines: list[str] = []
        while number % 5 and not any("going on after step" in line or "parameters" in line for line in lines[-1:]):
            lines.append(process.stderr.readline())
        time.sleep(moments.uniform(0, 12))
        assert process.poll() is None, "the training is too short for so many kills"
        process.kill()
        went_on += "going on after step" in "".join([*lines, process.communicate()[1]])
    for name in ("parts", "whole"):
        subprocess.run([*COMMAND, str(tmp_path / name)], check=True)
    folders = [RunFolder.open(tmp_path / name) for name in ("parts", "whole")]
    for mine, other in zip(weights(folders[0].path), weights(folders[1].path), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert folders[0].history.read_bytes() == folders[1].history.read_bytes()
    assert folders[0].load_metrics()["test"] == folders[1].load_metrics()["test"]
    print(f"killed {KILLS} times, {went_on} of them after going on from a checkpoint: same bits")
    assert went_on >= KILLS // 2
