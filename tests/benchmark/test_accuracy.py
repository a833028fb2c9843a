"""The IMDB benchmark: its rows, its statistics, its results and its table."""

import base64
import csv
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from scipy import stats

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.architectures.pretrainable import BUILDERS
from sentiment.artifacts import PretrainedFolder, RunFolder
from sentiment.benchmark import accuracy_table
from sentiment.benchmark import runs as runs_module
from sentiment.benchmark.accuracy_plots import BELOW_BY, COLORS, MARKERS, _name_points, against, draw_all
from sentiment.benchmark.accuracy_table import HEADERS, as_csv, as_markdown, table
from sentiment.benchmark.rows import BASE, GROUPS, PUBLISHED, Row, all_rows, chosen_rows
from sentiment.benchmark.runs import LeakError, Run, append_run, check_leaks, read_runs, run_all
from sentiment.cli import make_parser
from sentiment.cli.benchmark_imdb import seconds_of
from sentiment.cli.options import given_options
from sentiment.config import ATTENTIONS, DataConfig, PretrainConfig
from sentiment.errors import UserError
from sentiment.evaluation.statistics import Difference, McNemar, mcnemar, paired_difference, summary
from sentiment.runs import resolve

TEXTS = 40
ROWS = [Row("bilstm", "architectures", ("--arch", "bilstm")), Row("lstm", "architectures", ("--arch", "lstm")),
        Row("tfidf-lr", "baselines", ("--arch", "tfidf-lr")), Row("gru", "architectures", ("--arch", "gru"))]


def values(row: str, seed: int, right: int, *, seconds: float = 10.0) -> dict[str, Any]:
    """Return a run of which the first `right` of 40 answers are right."""
    packed = np.packbits(np.arange(TEXTS) < right)
    scores = {"texts": TEXTS, "accuracy": right / TEXTS, "log_loss": 0.3, "calibration_error": 0.01, "roc_auc": 0.9}
    at_once = row == "tfidf-lr"
    return {"row": row, "seed": seed, "test": scores, "validation": {**scores, "accuracy": 0.9},
            "training": {"parameters": 1234, "epochs": 4, "best_epoch": None if at_once else seed},
            "seconds": {"all": seconds}, "test_texts_seen": {"labelled": 1, "accuracy_without_labelled": 0.5},
            "history": {} if at_once else {"val_accuracy": [0.5, 0.6, 0.7]},
            "right": base64.b64encode(packed.tobytes()).decode()}


def finished(*lines: tuple[str, int, int]) -> list[Run]:
    return [Run(row, seed, values(row, seed, right)) for row, seed, right in lines]


def test_every_architecture_attention_and_baseline_has_a_row() -> None:
    rows = all_rows()
    assert rows[0].name == BASE
    assert len({row.name for row in rows}) == len(rows)
    assert {row.group for row in rows} == set(GROUPS)
    assert {entry.name for entry in architectures.architectures()} <= {row.name for row in rows}
    tried = {row.flags[-1] for row in rows if row.group == "attentions"}
    assert tried | {resolve({"model": {"architecture": BASE}}).model.attention} == set(ATTENTIONS)
    assert set(PUBLISHED) <= {row.name for row in rows}


@pytest.mark.parametrize("row", all_rows(), ids=lambda row: row.name)
def test_flags_of_a_row_are_options_that_its_architecture_takes(row: Row) -> None:
    given = given_options(make_parser().parse_args(["train", *row.flags]))
    architectures.find(resolve(given).model)
    if row.pretraining:
        learnt = given_options(make_parser().parse_args(["pretrain", "--output", "lm", *row.pretraining]))
        config = PretrainConfig.of_given(learnt)
        BUILDERS[config.pretraining.method](config.model, Sizes(50, 2))


def test_rows_by_name_and_group() -> None:
    assert [row.name for row in chosen_rows(["gru", "bilstm"])] == ["bilstm", "gru"]
    assert {row.name for row in chosen_rows(["baselines"])} == {"tfidf-lr", "nb-svm"}
    assert chosen_rows(None) == all_rows()
    with pytest.raises(UserError, match="no row or group 'bilsm'; did you mean 'bilstm'"):
        chosen_rows(["bilsm"])


def test_summary_against_scipy() -> None:
    accuracies = [0.89, 0.9, 0.905, 0.87]
    found = summary(accuracies)
    assert found.runs == 4
    assert found.mean == pytest.approx(0.89125)
    assert found.interval == pytest.approx(stats.t.interval(0.95, 3, loc=np.mean(accuracies),
                                                            scale=stats.sem(accuracies)))
    assert found.deviation == pytest.approx(stats.tstd(accuracies))
    assert summary([0.5]) == (1, 0.5, None, None)


def test_difference_of_the_same_seeds() -> None:
    found = paired_difference({1: 0.9, 2: 0.8, 3: 0.95, 9: 0.1}, {3: 0.9, 2: 0.78, 1: 0.89, 8: 0.3})
    assert found is not None
    assert found.pairs == 3
    assert found.mean == pytest.approx((0.01 + 0.02 + 0.05) / 3)
    assert found.p_value == pytest.approx(stats.ttest_1samp([0.01, 0.02, 0.05], 0).pvalue)
    assert paired_difference({1: 0.9}, {2: 0.9}) is None
    single = paired_difference({1: 0.5}, {1: 0.25})
    assert single == Difference(1, 0.25, None)


def test_mcnemar_by_hand() -> None:
    """Of 10 texts that one alone got right, 9 to 1: p = 2 (1 + 10) / 2 ** 10."""
    first, second = np.array([True] * 9 + [False] + [True] * 30), np.array([False] * 9 + [True] * 31)
    found = mcnemar(first, second)
    assert found[:2] == (9, 1)
    assert found.p_value == pytest.approx(22 / 1024)
    assert mcnemar(first, first) == McNemar(0, 0, 1.0)


def test_table() -> None:
    found = finished(("bilstm", 1, 30), ("bilstm", 2, 32), ("lstm", 1, 20), ("lstm", 2, 21), ("tfidf-lr", 1, 36))
    lines = [dict(zip(HEADERS, line, strict=True)) for line in table(ROWS, found)]
    assert [line["model"] for line in lines] == ["tfidf-lr", "bilstm", "lstm", "gru"]
    linear, base, lstm, gru = lines
    assert (base["test"], base["sd"], base["seeds"], base["epochs"]) == ("0.7750", "0.0354", "2", "1.5 of 4")
    assert (base["against bilstm"], base["p (t)"], base["p (McNemar)"]) == ("", "", "")
    assert base["published"] == "0.9186"
    assert (lstm["against bilstm"], lstm["p (McNemar)"]) == ("-0.2625", f"{(2 / 2**10 + 2 / 2**11) / 2:.2g}")
    assert (linear["epochs"], linear["sd"], linear["95 % interval"], linear["against bilstm"]) == (
        "at once", "", "", "+0.1500")
    assert (linear["parameters"], linear["without repeats"], linear["seconds"]) == ("1,234", "0.5000", "10")
    assert (gru["seeds"], gru["test"]) == ("not run", "")


def test_a_tiny_p_value_is_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy_table, "SMALLEST", 0.01)
    runs = finished(("bilstm", 1, 30), ("lstm", 1, 20), ("bilstm", 2, 30), ("lstm", 2, 20), ("bilstm", 3, 31),
                    ("lstm", 3, 20))
    _, lstm = table(ROWS[:2], runs)
    assert [lstm[HEADERS.index(name)] for name in ("p (t)", "p (McNemar)")] == ["< 1e-02", "< 1e-02"]


def test_table_as_markdown_and_csv() -> None:
    lines = table(ROWS, finished(("bilstm", 1, 30)))
    markdown = as_markdown(ROWS, lines).splitlines()
    assert [line for line in markdown if not line.startswith("|")] == ["## Baselines", "", "", "## Architectures", ""]
    tables = [line for line in markdown if line.startswith("|")]
    assert {line.count("|") for line in tables} == {len(HEADERS) + 1}
    assert [line.split(" | ")[0] for line in tables] == [
        "| model", "| ---", "| tfidf-lr", "| model", "| ---", "| bilstm", "| lstm", "| gru"]
    assert "| bilstm | `--arch bilstm` |" in tables[5]
    read = list(csv.DictReader(io.StringIO(as_csv(lines))))
    assert read[0]["parameters"] == "1234"
    assert list(read[0]) == HEADERS


def test_results_are_kept_and_read(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    assert read_runs(results) == []
    append_run(results, values("lstm", 2, 25))
    append_run(results, values("gru", 1, 0))
    first, second = read_runs(results)
    assert (first.row, first.seed, first.right.sum(), len(first.right)) == ("lstm", 2, 25, TEXTS)
    assert second.right.sum() == 0
    with results.open("a") as file:
        file.write('{"row": "x"}\n')
    with pytest.raises(UserError, match=r"results.jsonl, line 3 is damaged: it has no 'seed'"):
        read_runs(results)


def test_missing_runs_are_run_seed_by_seed_within_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    begun: list[tuple[str, int]] = []
    clock = [0.0]

    def run_one(row: Row, seed: int, *_: Any) -> dict[str, Any]:
        begun.append((row.name, seed))
        clock[0] += 10
        return values(row.name, seed, 30)

    monkeypatch.setattr(runs_module, "run_one", run_one)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    results = tmp_path / "results.jsonl"
    append_run(results, values("lstm", 1, 25, seconds=100.0))
    run_all(results, ROWS[:3], [1, 2], DataConfig(dataset="sample"), 50.0)
    assert begun == []
    assert "5 runs not started, the budget is spent" in capsys.readouterr().err
    run_all(results, ROWS[:3], [1, 2], DataConfig(dataset="sample"), 121.0)
    assert begun == [("bilstm", 1), ("tfidf-lr", 1), ("bilstm", 2), ("tfidf-lr", 2)]
    run_all(results, ROWS[:3], [1, 2], DataConfig(dataset="sample"), None)
    assert begun[4:] == [("lstm", 2)]


def test_a_run_that_fails_keeps_none_from_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    codes = {"bilstm": 0, "lstm": 1, "tfidf-lr": 0}

    def run(command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        Path(command[command.index("--output-dir") + 1]).mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, codes[command[command.index("--arch") + 1]])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(RunFolder, "open", lambda path: path)
    monkeypatch.setattr(runs_module, "line_of", lambda row, seed, _: values(row.name, seed, 30))
    results = tmp_path / "results.jsonl"
    assert run_all(results, ROWS[:3], [1], DataConfig(dataset="sample"), None) == ["lstm, seed 1"]
    assert [one.row for one in read_runs(results)] == ["bilstm", "tfidf-lr"]
    assert "the run 'lstm' with seed 1 failed with exit code 1" in capsys.readouterr().err
    codes["lstm"] = 130
    with pytest.raises(UserError, match="'lstm' with seed 1 was interrupted: continue it with --resume"):
        run_all(results, ROWS[:3], [1], DataConfig(dataset="sample"), None)


def test_the_command_tells_what_failed(tmp_path: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "run_all", lambda *_: ["gru, seed 2"])
    code, out, err = run_cli("benchmark", "imdb", "--dataset", "sample", "--output", tmp_path / "results.jsonl")
    assert (code, "not run" in out) == (1, True)
    assert err == "error: these runs failed: gru, seed 2; run them again with --resume\n"


def test_a_leak_fails_the_run() -> None:
    own = {"labelled": 123, "unlabelled": 269, "pretraining": 392}
    check_leaks({"dataset": {"name": "imdb"}, "test_texts_seen": own})
    for part in own:
        with pytest.raises(LeakError, match=f"400 test reviews occur among the {part} texts"):
            check_leaks({"dataset": {"name": "imdb"}, "test_texts_seen": {**own, part: 400}})


def test_a_row_that_is_pretrained_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def run(command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        begun.append(" ".join(command[3:]))
        target = Path(command[command.index("--output" if command[3] == "pretrain" else "--output-dir") + 1])
        target.mkdir(parents=True)
        return subprocess.CompletedProcess(command, 0)

    row = next(row for row in all_rows() if row.name == "lstm, autoencoder")
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(RunFolder, "open", lambda path: path)
    monkeypatch.setattr(runs_module, "line_of", lambda *_: {"seconds": {"all": 20.0}})
    pretrained = SimpleNamespace(load_metrics=lambda: {"seconds": {"all": 7.5}})
    monkeypatch.setattr(PretrainedFolder, "open", lambda path: pretrained)
    found = runs_module.run_one(row, 3, DataConfig(dataset="sample"), tmp_path / "work")
    assert found["seconds"] == {"all": 27.5, "pretraining": 7.5}
    before = tmp_path / "work" / "lstm-autoencoder-3.pretrained"
    assert begun[0].startswith("pretrain --arch lstm --method autoencoder --units 64")
    assert begun[0].endswith(f"--dataset sample --seed 3 --resume --output {before}")
    assert f"--pretrained {before} --dataset sample --seed 3" in begun[1]
    assert list((tmp_path / "work").iterdir()) == []
    assert runs_module.command_of(row, 3).endswith("&& python train.py --seed 3 --pretrained models/before")


def test_each_group_of_rows_has_a_color_and_a_marker() -> None:
    assert set(COLORS) == set(MARKERS) == set(GROUPS) - {"data"}


def test_plots_are_drawn(tmp_path: Path) -> None:
    rows = [*ROWS, Row("bilstm, 1 % of the data", "data", ())]
    found = finished(("bilstm", 1, 30), ("lstm", 1, 20), ("tfidf-lr", 1, 36), ("bilstm, 1 % of the data", 1, 10))
    draw_all(rows, found, np.arange(TEXTS) + 1, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.png" for name in ("accuracy_by_seconds", "accuracy_by_parameters", "accuracy_by_length",
                                   "accuracy_by_share", "learning_curves")}
    assert all(path.stat().st_size > 5000 for path in tmp_path.iterdir())


@pytest.fixture
def axes_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[tuple[Row, int, float]]], Any]:
    """Return a function of rows, each with the texts that it gets right and its seconds, to the axes drawn of them."""
    def draw(ran: list[tuple[Row, int, float]]) -> Any:
        figures: list[Any] = []
        monkeypatch.setattr("sentiment.evaluation.plots.save", lambda figure, path: figures.append(figure))
        found = {row: [Run(row.name, 1, values(row.name, 1, right, seconds=seconds))] for row, right, seconds in ran}
        against(found, "seconds", lambda run: run.values["seconds"]["all"], tmp_path / "unused.png")
        figures[0].draw_without_rendering()
        return figures[0].axes[0]
    return draw


def points_of(axes: Any) -> np.ndarray:
    return np.concatenate([points.get_offsets() for points in axes.collections])


def test_an_ablation_far_below_all_architectures_does_not_press_them_together(axes_of: Any) -> None:
    axes = axes_of([(Row("lstm", "architectures", ()), 30, 100.0), (Row("bilstm", "architectures", ()), 34, 200.0),
                    (Row("level", "ablations", ()), 30, 300.0), (Row("noise", "ablations", ()), 4, 400.0)])
    assert [text.get_text() for text in axes.texts] == ["bilstm", "lstm", f"noise: {4 / TEXTS:.3f}"]
    assert sorted(points_of(axes).tolist()) == [
        [100.0, 30 / TEXTS], [200.0, 34 / TEXTS], [300.0, 30 / TEXTS], [400.0, 30 / TEXTS - BELOW_BY]]


def test_names_cover_neither_points_nor_one_another(axes_of: Any) -> None:
    random = np.random.default_rng(2)
    axes = axes_of([(Row(f"architecture-{number}", "architectures" if number % 2 else "ablations", ()),
                     int(random.integers(20, 40)), float(10 ** random.uniform(1, 3))) for number in range(24)])
    names = [Text.get_window_extent(text) for text in axes.texts]  # of an annotation's own it has the line, too
    assert len(names) == 12
    middles = axes.transData.transform(points_of(axes))
    assert len(middles) == 24
    for place, box in enumerate(names):
        assert not any(box.overlaps(other) for other in names[:place])
        assert not any(box.contains(x, y) for x, y in middles)
        assert axes.bbox.containsx(box.x0)
        assert axes.bbox.containsx(box.x1)


@pytest.mark.parametrize("seeds", selected([1, 2], [1]))
def test_command(seeds: int, tmp_path: Path, run_cli: Cli) -> None:
    """Each training has a process of its own, as in the benchmark."""
    words = ["benchmark", "imdb", "--dataset", "sample", "--architectures", "tfidf-lr", "--seeds", seeds, "--output",
             tmp_path / "results.jsonl"]
    code, out, err = run_cli(*words, "--report", tmp_path / "report")
    assert code == 0, err
    line = dict(zip(*(one.split("\t") for one in out.splitlines()), strict=True))
    assert (line["model"], line["seeds"]) == ("tfidf-lr", str(seeds))
    kept = [json.loads(text) for text in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [run["seed"] for run in kept] == [1, 2][:seeds]
    assert kept[0]["command"] == "python train.py --arch tfidf-lr --seed 1"
    assert kept[0]["config"]["model"]["architecture"] == "tfidf-lr"
    for values in kept:
        right = Run("tfidf-lr", values["seed"], values).right
        assert right.mean() == pytest.approx(values["test"]["accuracy"])
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {"table.md", "table.csv"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "results.jsonl"]

    code, _, err = run_cli(*words)
    assert (code, "pass --resume to add to them" in err) == (1, True)
    code, again, err = run_cli(*words, "--resume", "--budget", "0h")
    assert (code, again) == (0, out)


def test_budget() -> None:
    assert [seconds_of(text) for text in ("90s", "1.5m", "6h")] == [90, 90, 21600]
    with pytest.raises(UserError, match=r"--budget 6: expected a number and s, m or h"):
        seconds_of("6")


def test_seeds_below_one_are_refused(run_cli: Cli) -> None:
    assert run_cli("benchmark", "imdb", "--seeds", "0")[::2] == (1, "error: --seeds must be at least 1\n")


@pytest.mark.parametrize(("seed", "points", "spread"), [(6, 6, 0.05), (4, 8, 0.1)])  # where names are crossed else
def test_the_line_of_a_name_goes_through_no_other_name(seed: int, points: int, spread: float) -> None:
    random = np.random.default_rng(seed)
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    axes.set(xscale="log", xlim=(50, 2000), ylim=(0.85, 0.92))
    _name_points(axes, [(float(300 * 10 ** random.uniform(-spread, spread)),
                         float(0.89 + random.uniform(-spread, spread) / 20), f"architecture-{number}")
                        for number in range(points)])
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    places = axes.transData.transform([text.xy for text in axes.texts if isinstance(text, Annotation)])
    for place, (box, (x, y)) in enumerate(zip(boxes, places, strict=True)):
        line = np.linspace((x, y), (np.clip(x, box.x0, box.x1), np.clip(y, box.y0, box.y1)), 50)
        assert not any(one.count_contains(line) for other, one in enumerate(boxes) if other != place)
