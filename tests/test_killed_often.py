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
COMMAND = [sys.executable, "-m", "sentiment", "train", "--dataset", "sample", "--epochs", "60", "--patience", "60",
           "--batch-size", "16", "--checkpoint-steps", "25", "--resume", "--output-dir"]


def weights(target: Path) -> list[np.ndarray]:
    values: list[np.ndarray] = RunFolder.open(target).load_model().get_weights()
    return values


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """The default model on the sample, killed at any moment from the import of TensorFlow on: the same bits."""
    moments, killed, went_on = random.Random(5), 0, 0
    while killed < KILLS:
        process = subprocess.Popen([*COMMAND, str(tmp_path / "parts")], stderr=subprocess.PIPE, text=True)
        time.sleep(moments.uniform(4, 16))
        assert process.poll() is None, "the training is too short for so many kills"
        process.kill()
        _, err = process.communicate()
        killed += 1
        went_on += "going on after step" in err
    for name in ("parts", "whole"):
        subprocess.run([*COMMAND, str(tmp_path / name)], check=True)
    folders = [RunFolder.open(tmp_path / name) for name in ("parts", "whole")]
    for mine, other in zip(weights(folders[0].path), weights(folders[1].path), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert folders[0].history.read_bytes() == folders[1].history.read_bytes()
    assert folders[0].load_metrics()["test"] == folders[1].load_metrics()["test"]
    print(f"killed {killed} times, of which {went_on} times after going on from a checkpoint; same bits")
    assert went_on > KILLS // 2
