"""Runs that are killed, stopped or refused, and go on, from the command line."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected

from sentiment.artifacts import RunFolder
from sentiment.cli import main
from sentiment.training.checkpoints import Checkpoints
from sentiment.training.loop import Trainer

OPTIONS = ["--epochs", "6", "--units", "4", "--embedding-size", "4", "--max-length", "24", "--batch-size", "8",
           "--patience", "6", "--no-export", "--checkpoint-steps", "1"]


def start(csv: Path, target: Path, *more: str) -> "subprocess.Popen[str]":
    """Start a training in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "sentiment", "train", "--dataset", str(csv), "--output-dir",
                             str(target), *OPTIONS, *more], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_for_step(target: Path, step: int, process: "subprocess.Popen[str]") -> None:
    while not (target.with_name(target.name + ".unfinished") / "checkpoints" / f"step-{step:08d}.checkpoint").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)


def result(target: Path) -> dict[str, Any]:
    """Return what a run came to, without times, memory and folders."""
    folder = RunFolder.open(target)
    measured = {key: value for key, value in folder.load_metrics().items() if key in ("test", "validation", "training")}
    return {**measured, "history": folder.history.read_text(encoding="utf-8")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Path:
    """A run that nothing disturbed."""
    target = tmp_path_factory.mktemp("whole") / "run"
    assert main(["train", "--dataset", str(tiny_csv), "--output-dir", str(target), *OPTIONS]) == 0
    return target


@pytest.mark.parametrize("steps", selected([[30], [5, 30]], [[30]]), ids=["once", "twice"])
def test_killed_and_resumed(steps: list[int], whole: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    """In a process of its own, which can be killed."""
    target = tmp_path / "run"
    for number, step in enumerate(steps):
        process = start(tiny_csv, target, *(["--resume"] if number else []))
        wait_for_step(target, step, process)
        process.kill()
        process.wait()
    assert not target.exists()

    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", target, *OPTIONS)
    assert code == 1
    assert f"{target}.unfinished contains an unfinished run: pass --resume to continue it" in err

    code, out, err = run_cli("train", "--output-dir", target, "--resume")
    assert code == 0, err
    assert "resuming after step 3" in err
    assert result(target) == result(whole)
    for mine, other in zip(*(RunFolder.open(path).load_model().get_weights() for path in (target, whole)), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert sorted(path.name for path in target.iterdir()) == sorted(path.name for path in whole.iterdir())

    code, again, err = run_cli("train", "--output-dir", target, "--resume")
    assert (code, again) == (0, out)
    assert "is complete: nothing to resume" in err


@pytest.mark.extended
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals(number: signal.Signals, code: int, tiny_csv: Path, tmp_path: Path) -> None:
    target = tmp_path / "run"
    process = start(tiny_csv, target)
    wait_for_step(target, 3, process)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == code, err
    assert f"{number.name}: stopping after this step" in err
    assert f"the run so far is kept in {target}.unfinished: continue it with --resume" in err
    assert "Traceback" not in err
    assert Checkpoints(RunFolder(f"{target}.unfinished").checkpoints).latest() is not None


@pytest.fixture(scope="module")
def broken_off(tiny_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose disk was full at the end of the second epoch: the folder of what is kept of it."""
    target, end_epoch = tmp_path_factory.mktemp("broken_off") / "run", Trainer._end_epoch

    def full(self: Trainer[Any], *args: Any) -> None:
        if args[0].epoch == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        end_epoch(self, *args)

    with pytest.MonkeyPatch.context() as patch, redirect_stderr(StringIO()) as err:
        patch.setattr(Trainer, "_end_epoch", full)
        assert main(["train", "--dataset", str(tiny_csv), "--output-dir", str(target), *OPTIONS]) == 1
    assert "no space left on the device" in err.getvalue()
    assert "is kept in" in err.getvalue()
    return RunFolder.of_unfinished(target).path


@pytest.fixture
def unfinished(broken_off: Path, tmp_path: Path) -> Path:
    """The target of a copy of `broken_off`."""
    target = tmp_path / "run"
    shutil.copytree(broken_off, RunFolder.of_unfinished(target).path)
    return target


def test_options_of_an_unfinished_run_stay(unfinished: Path, tiny_csv: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--output-dir", unfinished, "--resume", "--units", "5", "--epochs", "6", "--ema",
                           "0.9")
    assert code == 1
    assert "was started with another value of --units, --ema: omit that" in err
    code, _, err = run_cli("train", "--output-dir", unfinished, "--resume", "--units", "4", "--checkpoint-steps", "100",
                           "--export")
    assert code == 0, err
    assert RunFolder.open(unfinished).export.exists()
    assert RunFolder.open(unfinished).load_config().runtime.checkpoint_steps == 100


@pytest.mark.extended
def test_a_damaged_checkpoint_is_skipped(unfinished: Path, run_cli: Cli) -> None:
    folder = RunFolder(f"{unfinished}.unfinished")
    newest = max(folder.checkpoints.iterdir())
    newest.write_bytes(newest.read_bytes()[:-7])
    code, _, err = run_cli("train", "--output-dir", unfinished, "--resume")
    assert code == 0, err
    assert f"{newest.name} is damaged: the previous checkpoint is used" in err
    assert "resuming after step 2" in err


def test_the_time_before_an_interruption_counts(unfinished: Path, run_cli: Cli) -> None:
    checkpoints = Checkpoints(RunFolder(f"{unfinished}.unfinished").checkpoints)
    latest = checkpoints.latest()
    assert latest is not None
    latest.state["callbacks"]["ProgressDisplay"]["seconds"] += 1000
    checkpoints.save(99, latest)
    code, _, err = run_cli("train", "--output-dir", unfinished, "--resume")
    assert code == 0, err
    seconds = RunFolder.open(unfinished).load_metrics()["seconds"]
    assert 1000 < seconds["epochs"] < seconds["all"] < 2000


def test_changed_texts_are_refused(unfinished: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    folder = RunFolder(f"{unfinished}.unfinished")
    other = tmp_path / "other.csv"
    other.write_text(tiny_csv.read_text(encoding="utf-8").replace("film", "movie"), encoding="utf-8")
    config = json.loads(folder.config.read_text(encoding="utf-8"))
    config["data"]["dataset"] = str(other)
    folder.config.write_text(json.dumps(config), encoding="utf-8")
    code, _, err = run_cli("train", "--output-dir", unfinished, "--resume")
    assert code == 1
    assert "the texts are not those that the checkpoints in" in err
    assert folder.checkpoints.is_dir()


def test_resume_without_a_run_starts_one(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *OPTIONS[:-2], "--resume",
                           "--epochs", "1")
    assert code == 0, err
    assert "resuming" not in err


def test_one_that_diverged_at_once_is_set_aside(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            if batch == 2:
                self.model.get_layer("logits").bias.assign([np.nan])

    fit = Trainer.fit
    monkeypatch.setattr(Trainer, "fit", lambda self, callbacks, **options: fit(
        self, callbacks=[*callbacks, Spoil()], **options))
    target = tmp_path / "run"
    for _ in range(2):  # nothing stands in the way of the next try
        code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", target, *OPTIONS)
        assert code == 1
        assert "the loss became nan at batch 4 of epoch 1: lower --learning-rate" in err
        assert f"checkpoints with the last finite weights are in {target}.diverged" in err
        assert [path.name for path in tmp_path.iterdir()] == ["run.diverged"]
    found = Checkpoints(RunFolder(f"{target}.diverged").checkpoints).latest()
    assert found is not None
    assert found.state["place"]["batch"] == 2
