"""Fixtures that several test files share.

Keras is imported in the fixtures that need it: the process that hands tests to the workers runs none.
"""

import ctypes
import gc
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from helpers.commands import TINY_RUN, Cli
from helpers.cores import ALL_CORES, set_cores
from helpers.server_process import Server

from sentiment.cli import main
from sentiment.data import imdb


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several workers its share of the cores, before TensorFlow starts a thread for each that it sees."""
    worker = getattr(config, "workerinput", None)
    if worker is not None and worker["workercount"] <= len(ALL_CORES):
        number = int(worker["workerid"].removeprefix("gw"))
        set_cores(set(sorted(ALL_CORES)[number::worker["workercount"]]))


def pytest_collection_finish() -> None:
    """Keep what was imported out of later collections of garbage, which would walk through all of TensorFlow."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # `_collected` does the rest


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Free the models and graphs of a test that took long: Python does not know how large they are.

    The C library keeps what is freed, unless it is asked to return it.
    """
    started = time.perf_counter()
    yield
    if time.perf_counter() - started > 1:
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@pytest.fixture(autouse=True)
def no_baselines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the baselines out of trainings, which they would make twice as long; `with_baselines` keeps them.

    Session fixtures, such as `tiny_run`, and processes of their own have them.
    """
    if "with_baselines" not in request.fixturenames:
        monkeypatch.setattr("sentiment.runs.training.fit_baselines", lambda *_: None)


@pytest.fixture
def with_baselines() -> None:
    """Measure baselines in the trainings of a test."""


@pytest.fixture(autouse=True)
def _few_test_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the notes on few test and training texts, which the small tables of tests would all have."""
    monkeypatch.setattr("sentiment.data.labelled.FEW_TEST_TEXTS", 0)
    monkeypatch.setattr("sentiment.data.labelled.FEW_TRAINING_TEXTS", 0)


@pytest.fixture(autouse=True)
def _same_start() -> Iterator[None]:
    """Give every test the same seed and the default precision."""
    import keras

    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def tiny_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV with 120 short reviews of two classes, an extra column, and a text over several lines."""
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    rows = ["text,label,source"]
    for number in range(60):
        rows.append(f'"a good film, number {number}\nand more",pos,web')
        rows.append(f'"a bad film, number {number}",neg,mail')
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Path:
    """The folder of a finished run on `tiny_csv`."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", "--dataset", str(tiny_csv), "--output-dir", str(folder), *TINY_RUN]) == 0
    return folder


@pytest.fixture(scope="session")
def exported_run(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `tiny_run` with its export for ONNX Runtime in `onnx`."""
    from sentiment import export
    from sentiment.artifacts import RunFolder

    copy = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(tiny_run, copy)
    export.export_onnx(export.Original(RunFolder(copy)))
    return copy


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Call the command line; get the exit code, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def real_imdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the full IMDB corpus, or a skip that says where it was looked for."""
    beside = Path(__file__).parents[2] / "shared" / "imdb"
    found = imdb.find(None) or (imdb.find(str(beside)) if beside.is_dir() else None)
    if found is None:
        pytest.skip("the IMDB corpus is not in $SENTIMENT_DATA_DIR, data/ or ../shared/imdb")
    if found.is_dir():
        return found
    from sentiment.data.download import unpack

    return unpack(found, tmp_path_factory.mktemp("imdb"), imdb.FOLDER)


@pytest.fixture
def start_server() -> Iterator[Callable[..., Server]]:
    """Starter of servers, which are gone after the test."""
    servers = []

    def start(*words: object) -> Server:
        servers.append(Server(*words))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait()
        assert server.process.stderr is not None
        server.process.stderr.close()


@pytest.fixture
def versions(exported_run: Path, tmp_path: Path) -> Path:
    """A folder of versions with version 1."""
    shutil.copytree(exported_run / "onnx", tmp_path / "reviews" / "1")
    return tmp_path / "reviews"
