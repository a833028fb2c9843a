"""Several processes on the loopback interface against one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.cores import ALL_CORES, set_cores

from sentiment.artifacts import RunFolder
from sentiment.cli.launch import free_addresses

OPTIONS = ["--units", "4", "--embedding-size", "4", "--max-length", "24", "--batch-size", "8", "--word-dropout", "0",
           "--embedding-dropout", "0", "--output-dropout", "0", "--no-export"]

WORKER = """
import json, os, sys
addresses, index, folder = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if len(addresses) > 1:
    place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    os.environ["TF_CONFIG"] = json.dumps(place)
import numpy as np
from sentiment.training.strategy import Workers, make_strategy
strategy = make_strategy("auto")
sys.path.insert(0, sys.argv[4])
from helpers import trainers
workers = Workers(strategy)
assert (workers.count, workers.is_chief) == (len(addresses), index == 0)
assert workers.mean(index, 2.0) == [(len(addresses) - 1) / 2, 2.0]
settings = {"clip_norm": 0.05, "l2": 0.01, "ema": 0.9, "objective": "adversarial"}
trainer = trainers.make_trainer(None, strategy, settings, size=12, normalization="weight", layers=2)
predict, validated = trainer.task.predict, []
trainer.task.predict = lambda batches, *more: validated.append(len(batches.tokens)) or predict(batches, *more)
history = trainer.fit(epochs=3)
np.savez(f"{folder}/{len(addresses)}-{index}.npz", *trainer.network.get_weights(), validated=validated,
         **{name: values for name, values in history.items()})
"""


@pytest.mark.extended
@pytest.mark.parametrize("count", [2, 3])
def test_workers_equal_one_process(count: int, tmp_path: Path) -> None:
    """Weights and validation, with clipping, L2, the average of the weights and the adversarial loss."""
    tests = str(Path(__file__).parents[1])
    results = []
    for addresses in (free_addresses(count), free_addresses(1)):
        processes = [subprocess.Popen([sys.executable, "-c", WORKER, json.dumps(addresses), str(index), str(tmp_path),
                                       tests], stderr=subprocess.PIPE, text=True) for index in range(len(addresses))]
        for process in processes:
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0, err[-2000:]
        results += [np.load(tmp_path / f"{len(addresses)}-{index}.npz") for index in range(len(addresses))]
    *workers, alone = map(dict, results)
    assert sum(worker.pop("validated") for worker in workers).tolist() == alone.pop("validated").tolist() == [50] * 3
    for worker in workers:
        assert set(worker) == set(alone)
        for name in alone:
            np.testing.assert_allclose(worker[name], alone[name], atol=1e-5)
            np.testing.assert_array_equal(worker[name], workers[0][name])


@pytest.fixture(autouse=True)
def _all_cores() -> Iterator[None]:
    """Let the processes of these tests have all cores, as they have where they are used."""
    own = set_cores(ALL_CORES)
    yield
    set_cores(own)


def launch(*words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "sentiment", "launch", "--workers", "2", "--", *map(str, words)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def worker_processes(parent: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def history(target: Path) -> np.ndarray:
    return np.loadtxt(RunFolder(target).history, delimiter=",", skiprows=1, ndmin=2)


@pytest.mark.extended
def test_a_killed_worker_ends_all_and_the_job_resumes(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    target = tmp_path / "run"
    words: list[Any] = ["train", "--dataset", tiny_csv, "--output-dir", target, *OPTIONS, "--epochs", "4",
                        "--checkpoint-steps", "1"]
    job = launch(*words)
    checkpoints = RunFolder.of_unfinished(target).checkpoints
    while not (checkpoints / "step-00000005.checkpoint").exists():
        assert job.poll() is None, job.communicate()
        time.sleep(0.01)
    workers = worker_processes(job.pid)
    assert len(workers) == 2
    os.kill(max(workers), signal.SIGKILL)
    _, err = job.communicate(timeout=120)
    assert job.returncode == 1
    assert "error: a worker was ended by SIGKILL, so all were stopped" in err
    assert "Traceback" not in err
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)

    job = launch("train", "--output-dir", target, "--resume")
    out, err = job.communicate(timeout=300)
    assert job.returncode == 0, err
    assert out.count("test accuracy") == 1
    assert "[0] resuming after step" in err
    assert "[1] resuming after step" in err
    assert "[1] this worker has finished" in err
    assert RunFolder.open(target).load_metrics()["training"]["devices"] == "2 CPUs of 2 workers"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]

    code, _, err = run_cli(*words[:3], "--output-dir", tmp_path / "alone", *words[5:], "--strategy", "single")
    assert code == 0, err
    np.testing.assert_allclose(history(target), history(tmp_path / "alone"), atol=1e-5)


def test_a_signal_ends_all_after_a_checkpoint(tiny_csv: Path, tmp_path: Path) -> None:
    target = tmp_path / "run"
    job = launch("train", "--dataset", tiny_csv, "--output-dir", target, *OPTIONS, "--epochs", "400", "--patience",
                 "400", "--checkpoint-steps", "3")
    checkpoints = RunFolder.of_unfinished(target).checkpoints
    while not list(checkpoints.glob("*.checkpoint")):
        assert job.poll() is None, job.communicate()
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    _, err = job.communicate(timeout=120)
    assert job.returncode == 143, err
    assert "[0] the run so far is kept in" in err
    assert "Traceback" not in err


def test_no_cluster(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", "--strategy",
                           "multiworker")
    assert code == 1
    assert "--strategy multiworker needs TF_CONFIG" in err
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_cannot_be_read(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", "{nonsense")
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run")
    assert code == 1
    assert "TF_CONFIG is not a valid cluster" in err
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}}')
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", "--strategy", "single")
    assert code == 1
    assert "TF_CONFIG names 2 workers: use --strategy auto or multiworker, not single" in err


def test_launch_refuses(run_cli: Cli) -> None:
    assert "launch needs a command" in run_cli("launch", "--workers", "2")[2]
    assert "--workers must be at least 1" in run_cli("launch", "--workers", "0", "--", "train")[2]
