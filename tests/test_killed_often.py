"""Minutes long: `pytest -m slow -s tests/test_killed_often.py`."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sentiment.artifacts import RunFolder

SENTIMENT = [sys.executable, "-m", "sentiment"]
OPTIONS = ["--dataset", "sample", "--epochs", "30", "--patience", "30", "--batch-size", "16", "--checkpoint-steps",
           "25", "--resume", "--output-dir"]


def weights(target: Path) -> list[np.ndarray]:
    values: list[np.ndarray] = RunFolder.open(target).load_model().get_weights()
    return values


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """Return the processes that `launch` has started."""
    return [int(number) for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "kills"), [([], 20), (["launch", "--workers", "2", "--"], 10)],
                         ids=["one process", "two workers"])
def test_killed_at_random_moments(before: list[str], kills: int, tmp_path: Path) -> None:
    """The default model on the sample, killed at any moment from the start on, mostly in training: the same bits.

    Of two workers one is killed, the chief or the other.
    """
    moments, went_on, command = random.Random(5), 0, [*SENTIMENT, *before, "train", *OPTIONS]
    for number in range(kills):
        process = subprocess.Popen([*command, str(tmp_path / "parts")], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        lines: list[str] = []
        while number % 5 and not any("resuming after step" in line or "parameters" in line for line in lines[-1:]):
            lines.append(process.stderr.readline())
        time.sleep(moments.uniform(0 if not before else 1, 12))
        assert process.poll() is None, "the training is too short for so many kills"
        os.kill(moments.choice(workers_of(process)) if before else process.pid, signal.SIGKILL)
        went_on += "resuming after step" in "".join([*lines, process.communicate()[1]])
    for name in ("parts", "whole"):
        subprocess.run([*command, str(tmp_path / name)], check=True)
    folders = [RunFolder.open(tmp_path / name) for name in ("parts", "whole")]
    for mine, other in zip(weights(folders[0].path), weights(folders[1].path), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert folders[0].history.read_bytes() == folders[1].history.read_bytes()
    assert folders[0].load_metrics()["test"] == folders[1].load_metrics()["test"]
    print(f"killed {kills} times, {went_on} of them resumed from a checkpoint: same bits")
    assert went_on >= kills // 2
