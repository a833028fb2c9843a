"""The same on a Ray cluster of this machine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from helpers.commands import Cli


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    import ray

    yield
    ray.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of different sizes."""
    (tmp_path / "in").mkdir()
    for number, rows in enumerate((30, 1, 77)):
        frame = pd.DataFrame({"id": range(rows), "text": [f"a {'good' if row % 3 else 'bad'} film {row}"
                                                          for row in range(rows)]})
        frame.to_parquet(tmp_path / "in" / f"{number}.parquet")
    return tmp_path


@pytest.mark.extended
@pytest.mark.usefixtures("_cluster")
def test_the_results_are_those_of_the_local_engine(folder: Path, exported_run: Path, run_cli: Cli) -> None:
    words = ["predict", "--model", exported_run / "onnx", "--input", folder / "in" / "*.parquet", "--output"]
    assert run_cli(*words, folder / "local")[0] == 0
    code, _, err = run_cli(*words, folder / "ray", "--engine", "ray")
    assert (code, err.splitlines()[-1]) == (0, f"108 rows written to {folder / 'ray'}")
    for number in range(3):
        one, other = ((folder / engine / f"{number}.parquet").read_bytes() for engine in ("local", "ray"))
        assert one == other
    (folder / "ray" / "2.parquet").unlink()
    _, _, err = run_cli(*words, folder / "ray", "--engine", "ray", "--resume")
    assert err.splitlines()[-1] == f"77 rows written to {folder / 'ray'}"


@pytest.mark.extended
@pytest.mark.usefixtures("_cluster")
def test_a_mistake_in_the_input_is_one_line(folder: Path, exported_run: Path, run_cli: Cli) -> None:
    (folder / "in" / "1.parquet").write_bytes(b"no table")
    code, out, err = run_cli("predict", "--model", exported_run / "onnx", "--input",
                             folder / "in" / "*.parquet", "--output", folder / "out", "--engine", "ray")
    assert (code, out) == (1, "")
    assert "Traceback" not in err
    assert f"cannot read {folder / 'in' / '1.parquet'}" in err.splitlines()[-1]


def test_without_ray(folder: Path, exported_run: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = run_cli("predict", "--model", exported_run / "onnx", "--input",
                           folder / "in" / "*.parquet", "--output", folder / "out", "--engine", "ray")
    assert code == 1
    assert "--engine ray needs Ray: install it (pip install '.[ray]')" in err
