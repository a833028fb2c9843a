"""Tests of the speed benchmark: its rows, the order of the runs, and its report."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.selection import selected

from sentiment.benchmark import grid, layer, prediction, sides, speed, startup, training
from sentiment.benchmark.sides import Times, alternate
from sentiment.cli.benchmark_speed import GROUPS
from sentiment.errors import UserError

SMALL = {"batch": 2, "steps": 3, "features": 2, "units": 2, "masked": True}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the requests to the processes, in order."""
    requests: list[str] = []
    ask = sides._ask

    def noted(process: Any, request: str) -> dict[str, Any]:
        requests.append(f"{process.args[-2]} {request}")
        return ask(process, request)

    monkeypatch.setattr(sides, "_ask", noted)
    return requests


@pytest.mark.extended
def test_implementations_run_alternately(asked: list[str]) -> None:
    times = alternate("layer", ("sentiment", "keras"), {**SMALL, "backward": True}, repeats=2, threads=1)
    assert asked == ["sentiment run", "keras run"] * 2 + ["sentiment end", "keras end"]
    for measured in times.values():
        assert len(measured.seconds) == 2
        assert min(measured.seconds) > 0
        assert measured.peak_memory_bytes > 10 ** 8


@pytest.mark.extended
def test_failure_of_an_implementation_is_reported() -> None:
    with pytest.raises(UserError, match=r"a benchmark process failed: layer keras: TypeError: .*wrong"):
        alternate("layer", ("keras",), {**SMALL, "backward": True, "wrong": 1}, repeats=1, threads=1)


def test_grid_uses_one_graph_for_all_batch_sizes() -> None:
    found = dict(grid.measured("GRU", 2, "gradient", True, (1, 3), 2))
    assert list(found) == ["GRU 2, 1 rows, gradient, mask", "GRU 2, 3 rows, gradient, mask"]
    for sides_of_row in found.values():
        assert {side: len(times.seconds) for side, times in sides_of_row.items()} == {"sentiment": 2, "keras": 2}


@pytest.mark.extended
def test_grid_rows_cover_every_mode() -> None:
    rows = list(speed.grid_rows(1, 1, ["LSTM"], [2], [1]))
    assert [row["row"] for row in rows] == [f"LSTM 2, 1 rows, {mode}{mask}" for mask in ("", ", mask")
                                            for mode in grid.MODES]
    assert all(line[-1] == "1.00" for line in speed.table(rows)[::2])


def test_median_and_quartiles_of_times() -> None:
    times = Times([3.0, 1.0, 2.0, 5.0, 4.0])
    assert times.median == 3.0
    assert times.spread == (2.0, 4.0)
    assert Times([2.0, 1.0]).spread == (1.0, 2.0)


def test_table_has_times_relative_to_the_first_implementation() -> None:
    def side(median: float) -> dict[str, Any]:
        return {"median_seconds": median, "quartiles": [median / 2, median * 2], "peak_memory_bytes": 2 ** 30}

    rows = [{"row": "training", "items": 100, "sides": {"sentiment": side(0.5), "keras": side(1.25)}}]
    assert speed.table(rows) == [
        ["training", "sentiment", "500.0", "250.0 to 1000.0", "200/s", "1,024", "1.00"],
        ["training", "keras", "1250.0", "625.0 to 2500.0", "80/s", "1,024", "2.50"]]


def test_every_row_names_existing_implementations() -> None:
    modules = {"layer": layer, "training": training, "prediction": prediction, "startup": startup}
    options = dict.fromkeys(("embedding", "units", "max_length", "vocabulary", "batch"), 4)
    rows = [*speed.layer_rows(), *speed.scan_rows(), *speed.unit_rows(), *speed.recurrent_rows(Path(), 5, options),
            *speed.text_rows(Path(), 5, 5, options)]
    assert len({row.name for row in rows}) == len(rows) == 35
    assert {row.group for row in rows} == {*GROUPS, "units"}
    for row in rows:
        assert row.sides[0] == speed.SUBJECT
        assert set(row.sides) <= set(modules[row.task].SIDES)


ROWS: dict[str, dict[str, tuple[int, list[str]]]] = {  # by group and name of the row: its items and implementations
    "training": {"training, 40 texts": (40, ["sentiment", "keras", "keras example"])},
    "recurrent": {"training of a recurrent layer, 40 texts": (40, ["sentiment", "bimingru"])},
    "prediction": {"prediction, 9 raw texts": (9, ["sentiment", "keras", "onnx runtime"]),
                   "prediction, one raw text": (50, ["sentiment", "keras", "onnx runtime"])},
    "startup": {"one prediction from the shell": (1, ["sentiment", "sentiment tensorflow", "import tensorflow"])},
}


ALL_SIDES = ["sentiment", "bimingru", "keras", "keras example", "onnx runtime", "sentiment tensorflow",
             "import tensorflow"]


@pytest.mark.parametrize(("groups", "installed"), selected(
    [(["training"], ["sentiment"]), (["recurrent", "training", "prediction", "startup"], ALL_SIDES)],
    short=[(["training"], ["sentiment"])]), ids=["one side", "all sides"])
def test_command_measures_and_writes_json(groups: list[str], installed: list[str], run_cli: Any, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """Each implementation runs in a separate process, as in the benchmark."""
    monkeypatch.setattr(speed, "_installed", installed.__contains__)
    code, out, err = run_cli("benchmark", "speed", "--rows", *groups, "--dataset", "sample", "--repeats", "1",
                             "--training-texts", "40", "--prediction-texts", "9", "--threads", "1", "--output",
                             tmp_path / "speed.json")
    assert code == 0, err
    _, *lines = [line.split("\t") for line in out.splitlines()]
    rows = {row: expected for group in groups for row, expected in ROWS[group].items()}
    assert [line[:2] for line in lines] == [[row, side] for row, (_, sides) in rows.items()
                                            for side in sides if side in installed]
    written = json.loads((tmp_path / "speed.json").read_text())
    assert [row["items"] for row in written["rows"]] == [items for items, _ in rows.values()]
    assert written["threads"] == 1
    assert written["machine"]["tensorflow"]


def test_command_prints_json(run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "measure", lambda *_, **__: iter([{"row": "a row"}]))
    code, out, _ = run_cli("benchmark", "speed", "--json", "--threads", "3")
    assert code == 0
    assert json.loads(out)["rows"] == [{"row": "a row"}]
    assert json.loads(out)["threads"] == 3


@pytest.mark.parametrize("flag", ["--repeats", "--threads", "--training-texts", "--prediction-texts"])
def test_counts_below_one_are_refused(flag: str, run_cli: Any) -> None:
    code, _, err = run_cli("benchmark", "speed", flag, "0")
    assert code == 1
    assert err == "error: --repeats, --threads, --training-texts and --prediction-texts must be at least 1\n"
