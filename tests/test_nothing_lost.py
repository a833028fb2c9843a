"""Finished work survives: kills between its last steps, failing plots and exports, a second process, odd paths."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.commands import TINY_RUN, Cli
from helpers.small_models import untrained_run

import sentiment
from sentiment.artifacts import RunFolder
from sentiment.config import RunConfig
from sentiment.errors import UserError
from sentiment.evaluation import plots
from sentiment.export import Original, export_saved_model
from sentiment.files import locked
from sentiment.runs.run import Run
from sentiment.training.strategy import is_chief
from sentiment.tuning.trials import finished, open_study

MOST_STEPS = 5  # of `ResultFolder.finish`: two renames and three removals
LINEAR = ["--arch", "tfidf-lr", "--no-export"]


class KilledError(BaseException):
    """The process was killed."""


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Break off before the rename or in the middle of the removal with this number, from 0."""
    left = [step]

    def counted(real: Any, *, removes: bool) -> Any:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            if removes and not Path(path).exists():
                return None
            left[0] -= 1
            if left[0] < 0:
                if removes:
                    next(entry for entry in sorted(Path(path).rglob("*")) if entry.is_file()).unlink()
                raise KilledError
            return real(path, *arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", counted(Path.replace, removes=False))
        patch.setattr(shutil, "rmtree", counted(shutil.rmtree, removes=True))
        yield


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("small") / "run", "fasttext", 2).path


def complete(small_run: Path, target: Path, *, replaces: bool) -> RunFolder:
    """Return the folder of a run that is complete but not yet in its place, where perhaps an earlier one is."""
    if replaces:
        shutil.copytree(small_run, target)
        (target / "old").touch()
    folder = RunFolder.of_unfinished(target)
    shutil.copytree(small_run, folder.path)
    folder.checkpoints.mkdir()
    (folder.checkpoints / "step-00000001.checkpoint").touch()
    return folder


@pytest.mark.parametrize("step", range(MOST_STEPS))
@pytest.mark.parametrize("replaces", [False, True], ids=["new", "overwrites"])
@pytest.mark.parametrize("resume", [False, True], ids=["plain", "resumed"])
def test_a_complete_run_survives_a_kill_at_every_step(step: int, replaces: bool, resume: bool, small_run: Path,
                                                      tmp_path: Path) -> None:
    target = tmp_path / "run"
    folder = complete(small_run, target, replaces=replaces)
    try:
        with killed_at(step):
            folder.finish(target)
    except KilledError:
        pass
    if resume:
        with Run(RunFolder, RunConfig(), target, resume=True) as run:
            assert run.finished
    else:
        with pytest.raises(UserError, match=r"contains a finished run: pass --overwrite"):
            Run(RunFolder, RunConfig(), target)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert not (target / "old").exists()
    assert not (target / "checkpoints").exists()
    assert sentiment.load(target).predict(["good"])


def test_a_complete_run_is_named_where_its_place_is_empty(small_run: Path, tmp_path: Path) -> None:
    folder = complete(small_run, tmp_path / "run", replaces=False)
    shutil.rmtree(folder.checkpoints)  # a linear model has none
    with pytest.raises(UserError, match=r"no such model folder: .*run.unfinished is complete: resume=True renames it"):
        sentiment.load(tmp_path / "run")


def test_a_complete_run_does_not_replace_other_files(small_run: Path, tmp_path: Path) -> None:
    folder = complete(small_run, tmp_path / "run", replaces=False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").touch()
    with pytest.raises(UserError, match=r"is not empty and contains no run"):
        Run(RunFolder, RunConfig(), tmp_path / "run", overwrite=True)
    assert folder.metrics.exists()
    assert (tmp_path / "run" / "thesis.txt").exists()


def test_an_earlier_run_comes_back_if_nothing_replaced_it(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run, tmp_path / "run.replaced")
    with Run(RunFolder, RunConfig(), tmp_path / "run", resume=True) as run:
        assert run.finished


@pytest.mark.extended
def test_a_run_survives_sigkill(small_run: Path, tmp_path: Path) -> None:
    """In a process of its own, between the two renames."""
    target = tmp_path / "run"
    folder = complete(small_run, target, replaces=True)
    code = ("import os, signal, sys\nfrom pathlib import Path\nfrom sentiment.artifacts import RunFolder\n"
            "replace, calls = Path.replace, []\n"
            "def killing(*given):\n"
            "    calls.append(given)\n"
            "    return replace(*given) if len(calls) < 2 else os.kill(os.getpid(), signal.SIGKILL)\n"
            "Path.replace = killing\n"
            "RunFolder(sys.argv[1]).finish(Path(sys.argv[2]))")
    done = subprocess.run([sys.executable, "-c", code, folder.path, target], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    with Run(RunFolder, RunConfig(), target, resume=True) as run:
        assert run.finished
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert not (target / "old").exists()


def fail(*_: object, **__: object) -> None:
    raise MemoryError("Unable to allocate 4.2 GiB")


def test_plots_card_and_export_that_fail_are_warnings(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """A training, as the order of what it writes at its end is what is tested."""
    for name in ("training.plots.confusion_matrix", "training.export_saved_model"):
        monkeypatch.setattr(f"sentiment.runs.{name}", fail)
    target = tmp_path / "run"
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", target, "--arch", "tfidf-lr")
    assert code == 0, err
    assert ("warning: the plot of the confusion matrix could not be created (MemoryError: Unable to allocate 4.2 GiB); "
            "the rest is complete") in err
    assert ("warning: the SavedModel could not be created (MemoryError: Unable to allocate 4.2 GiB); the rest is "
            f"complete: `python -m sentiment export {target} --format saved_model` writes it") in err
    folder = RunFolder.open(target)
    assert sorted(path.name for path in folder.plots.iterdir()) == ["roc.png"]
    assert "--format saved_model" in folder.card.read_text(encoding="utf-8")
    monkeypatch.setattr("sentiment.runs.training.model_card", fail)
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", target, *LINEAR, "--overwrite")
    assert code == 0, err
    assert "warning: the model card could not be created" in err
    assert not RunFolder.open(target).card.exists()


def test_an_interrupt_behind_the_metrics_keeps_the_run(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(plots, "roc_curves", interrupted)
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *LINEAR)
    assert code == 130
    assert f"{tmp_path / 'run'} is complete, except for plots, the model card or an export" in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert RunFolder.open(tmp_path / "run").load_metrics()["test"]["accuracy"] > 0.5


def commands(tiny_run: Path, tiny_csv: Path, target: Path) -> dict[str, list[object]]:
    data = ["--dataset", tiny_csv]
    return {
        "train": ["train", *data, "--output-dir", target, *LINEAR],
        "resumed": ["train", *data, "--output-dir", target, *LINEAR, "--resume"],
        "pretrain": ["pretrain", *data, "--output", target],
        "ensemble": ["ensemble", tiny_run, tiny_run.with_name("copy"), "--output-dir", target],
        "tune": ["tune", *data, "--output-dir", target, "--trials", 1],
        "benchmark imdb": ["benchmark", "imdb", "--output", target],
        "benchmark speed": ["benchmark", "speed", "--output", target],
        "predict": ["predict", "--model", tiny_run, "--input", tiny_csv, "--output", target.with_suffix(".csv")]}


@pytest.mark.parametrize("name", list(commands(Path("run"), Path("data"), Path("target"))))
def test_a_second_process_is_refused(name: str, tiny_run: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    copy = tiny_run.with_name("copy")
    if name == "ensemble" and not copy.exists():
        shutil.copytree(tiny_run, copy)
    words = commands(tiny_run, tiny_csv, tmp_path / "target")[name]
    target = tmp_path / ("target.csv" if name == "predict" else "target")
    with locked(target, "--output"):
        code, _, err = run_cli(*words)
    assert code == 1
    assert f"{target} is being written by process {os.getpid()} on " in err
    assert ", started 2" in err
    assert "wait until it ends, or choose another --output" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "words"), [(".folds", ["--folds", "3"]), (".steps", ["--preset", "wide"])])
def test_a_second_training_of_several_steps_is_refused(suffix: str, words: list[str], tiny_csv: Path, tmp_path: Path,
                                                       run_cli: Cli) -> None:
    """With --overwrite it would replace steps that the first process has finished and still reads."""
    with locked(tmp_path / f"run{suffix}", "--output-dir"):
        code, _, err = run_cli("train", "--dataset", tiny_csv, "--overwrite", "--output-dir", tmp_path / "run", *words)
    assert (code, f"{tmp_path / f'run{suffix}'} is being written by process {os.getpid()} on " in err) == (1, True), err
    assert list(tmp_path.iterdir()) == []


def test_a_second_training_from_python_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path / "run", "--output-dir"), pytest.raises(UserError, match=r"choose another output_dir"):
        sentiment.train(["good", "bad"] * 20, ["pos", "neg"] * 20, output_dir=tmp_path / "run", verbose=False)


def test_a_process_that_is_killed_leaves_no_lock(tmp_path: Path) -> None:
    target = tmp_path / "models" / "run"
    code = ("import sys, time\nfrom pathlib import Path\nfrom sentiment.files import locked\n"
            "with locked(Path(sys.argv[1]), '--output-dir'):\n    print('held', flush=True)\n    time.sleep(600)")
    process = subprocess.Popen([sys.executable, "-c", code, target], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(UserError, match=f"by process {process.pid} on "), locked(target, "--output-dir"):
        pass
    process.kill()
    process.communicate()
    assert target.with_name("run.lock").exists()
    with locked(target, "--output-dir"):
        pass
    assert list(target.parent.iterdir()) == []


def test_a_lock_leaves_no_folder_behind(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b" / "run", "--output-dir"):
        assert (tmp_path / "a" / "b" / "run.lock").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("cluster", "task", "chief"), [
    ({"worker": ["a:1", "b:1"]}, {"type": "worker", "index": 0}, True),
    ({"worker": ["a:1", "b:1"]}, {"type": "worker", "index": 1}, False),
    ({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "chief", "index": 0}, True),
    ({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "worker", "index": 0}, False),
    ({"worker": ["a:1"]}, {"type": "worker", "index": 0}, True)])
def test_the_chief_alone_takes_the_lock(cluster: dict[str, Any], task: dict[str, Any], chief: bool, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_chief()
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    assert is_chief() == chief
    with Run(RunFolder, RunConfig(), tmp_path / "run"):
        assert (tmp_path / "run.lock").exists() == chief


ODD_NAMES = ["m[1]", "a*b", "q?", "back\\slash", "per%20cent {x} #1", "two\nlines", "größe 😀", "y" * 240,
             os.fsdecode(b"caf\xe9")]


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_an_export_takes_every_path(name: str, small_run: Path, tmp_path: Path) -> None:
    if name == "a*b":  # whose files a pattern would find, too
        shutil.copytree(small_run, tmp_path / "axb")
        export_saved_model(Original(RunFolder(tmp_path / "axb")))
    shutil.copytree(small_run, tmp_path / name)
    path = export_saved_model(Original(RunFolder(tmp_path / name)))  # which compares the answers
    assert path == tmp_path / name / "export" / "1"
    assert (path / "assets" / "labels.json").is_file()


@pytest.mark.parametrize("name", [name for name in ODD_NAMES if len(name) < 240], ids=ascii)
def test_a_study_takes_every_path(name: str, tmp_path: Path) -> None:
    path = tmp_path / name / "study.db"
    study = open_study(path, "bilstm", 1)
    study.tell(study.ask(), 1.0)
    assert finished(open_study(path, "bilstm", 1)) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["study.db"]


def test_a_training_in_a_path_that_is_no_utf8(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    """A training, for all files that it writes, and what it prints."""
    folder = tmp_path / os.fsdecode(b"caf\xe9 [1]")
    folder.mkdir()
    data = Path(shutil.copy(tiny_csv, folder))
    code, out, err = run_cli("train", "--dataset", data, "--output-dir", folder / "run", *TINY_RUN, "--epochs", 1)
    assert code == 0, err
    assert "could not be created" not in err
    assert r"caf\udce9 [1]/run" in out
    assert (folder / "run" / "export" / "1" / "saved_model.pb").is_file()


def test_a_name_that_is_too_long_is_refused_before_the_work(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / ("z" * 250), *LINEAR)
    assert code == 1
    assert "File name too long" in err
    assert list(tmp_path.iterdir()) == []
