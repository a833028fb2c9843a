"""Files labelled with all their columns, whatever interrupts it."""

import csv
import gzip
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from helpers.commands import Cli
from helpers.fake_predictor import FakePredictor
from helpers.tables import tables
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentiment.data.formats import SeparatedWriter
from sentiment.data.reading import read_chunks
from sentiment.data.tables import cells
from sentiment.errors import UserError
from sentiment.predictions import Prediction
from sentiment.scoring import Job, jobs, parts, plan_jobs, run_jobs
from sentiment.table_format import TableFormat

WORDS = ["good film", "bad film", "film", "good good", "bad"]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of 10 rows and parts of 20, so that small files have several."""
    monkeypatch.setattr(jobs, "CHUNK_ROWS", 10)
    monkeypatch.setattr(parts, "PART_ROWS", 20)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that stands for a model."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("1")
    return tmp_path / "model"


class Dies(FakePredictor):
    """Answers so many texts, then is killed."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def predict(self, texts: Iterable[str], **options: Any) -> list[Prediction]:
        texts = list(texts)
        self.left -= len(texts)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().predict(texts, **options)


def table(rows: int) -> pyarrow.Table:
    """Columns of many types, with nulls; the first part has no value at all in `late`."""
    numbers = list(range(rows))
    return pyarrow.table({
        "number": pyarrow.array([None if row % 7 == 3 else row for row in numbers], pyarrow.int16()),
        "text": [WORDS[row % len(WORDS)] for row in numbers],
        "late": [None if row < 50 else f"ü{row}" for row in numbers],
        "day": pyarrow.array(numbers, pyarrow.date32()),
        "time": pyarrow.array(numbers, pyarrow.timestamp("us", "UTC")),
        "list": [[row, None] for row in numbers],
        "price": [Decimal(row) / 100 for row in numbers],
        "label": pyarrow.array([str(row % 2) for row in numbers]).dictionary_encode(),
        "__index_level_0__": [row * 2 for row in numbers]})


def write(path: Path, rows: int) -> Path:
    """Write such a table in the kind of the path."""
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table(rows), path, row_group_size=17)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record(row)) + "\n" for row in range(rows)))
    else:
        texts = [WORDS[row % len(WORDS)] for row in range(rows)]
        frame = pd.DataFrame({"id": [f"{row:04}" for row in range(rows)], "note": "a\n\"b\", c\t", "text": texts,
                              "none": "NA"})
        frame.to_csv(path, index=False, sep="," if path.suffix == ".csv" else "\t")
    return path


def record(row: int) -> dict[str, Any]:
    """Return an object whose keys come and go, and whose values are of several types."""
    values: dict[str, Any] = {"text": WORDS[row % len(WORDS)], "count": row if row % 3 else None, "n": {"a": [row]}}
    if row % 4 == 0:
        values["rare"] = row if row % 8 else "text"
    return values


def read_chunk(path: Path) -> pd.DataFrame:
    return pd.concat(read_chunks(path, 1000))


def job(source: Path, target: Path, model: Path, *, resume: bool = False) -> Job:
    (one,) = plan_jobs(str(source), target, model, None, resume=resume, overwrite=False)
    return one


def labels(rows: int) -> list[str]:
    return ["neg" if "bad" in WORDS[row % len(WORDS)] else "pos" for row in range(rows)]


def test_parquet_keeps_every_column_and_type(tmp_path: Path, model: Path) -> None:
    source = write(tmp_path / "in.parquet", 105)
    assert job(source, tmp_path / "out.parquet", model).run(FakePredictor()).rows == 105
    found, given = pyarrow.parquet.read_table(tmp_path / "out.parquet"), table(105)
    assert found.drop_columns(["predicted_label", "predicted_score"]).equals(given)
    assert found["predicted_label"].to_pylist() == labels(105)
    expected = [one.score for one in FakePredictor().predict(given["text"].to_pylist())]
    np.testing.assert_array_equal(found["predicted_score"].to_numpy(), expected)


@pytest.mark.parametrize("kind", [".csv", ".tsv"])
def test_separated_values_keep_every_letter(kind: str, tmp_path: Path, model: Path) -> None:
    source = write(tmp_path / f"in{kind}", 45)
    job(source, tmp_path / f"out{kind}", model).run(FakePredictor())
    read = [pd.read_csv(path, sep="," if kind == ".csv" else "\t", dtype=str, keep_default_na=False)
            for path in (source, tmp_path / f"out{kind}")]
    assert list(read[1].columns) == [*read[0].columns, "predicted_label", "predicted_score"]
    pd.testing.assert_frame_equal(read[1][list(read[0].columns)], read[0])
    assert read[1]["predicted_label"].tolist() == labels(45)


def test_json_keeps_types_and_missing_keys(tmp_path: Path, model: Path) -> None:
    job(write(tmp_path / "in.jsonl", 45), tmp_path / "out.jsonl", model).run(FakePredictor())
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    for row, (one, label) in enumerate(zip(found, labels(45), strict=True)):
        assert one.pop("predicted_label") == label
        assert 0.5 < one.pop("predicted_score") < 1
        assert one == record(row)
        assert [type(value) for value in one.values()] == [type(value) for value in record(row).values()]


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_abstentions_are_empty_cells(kind: str, tmp_path: Path, model: Path) -> None:
    """Also where the first parts have no label at all."""
    (tmp_path / "in.csv").write_text("text\n" + "film\n" * 45 + "good\n" * 5)
    (one,) = plan_jobs(str(tmp_path / "in.csv"), tmp_path / f"out{kind}", model, None, resume=False, overwrite=False,
                       abstain_below=0.7, known=True)
    assert one.run(FakePredictor()) == (50, 50, 45)
    found = pd.read_parquet(one.target) if kind == ".parquet" else read_chunk(one.target)
    assert [None if pd.isna(label) or label == "" else label for label in found["predicted_label"]] == \
        [None] * 45 + ["pos"] * 5
    assert found["predicted_known"].astype(float).tolist() == [1.0] * 50
    assert found["predicted_score"].astype(float).min() > 0.5


def test_other_abstentions_are_another_plan(tmp_path: Path, model: Path) -> None:
    one = job(write(tmp_path / "in.csv", 45), tmp_path / "out.csv", model)
    with pytest.raises(KeyboardInterrupt):
        one.run(Dies(30))
    with pytest.raises(UserError, match="other options: start again with --overwrite"):
        replace(one, resume=True, abstain_below=0.9).run(FakePredictor())
    assert replace(one, resume=True).run(FakePredictor()) == (45, 25, 0)


@pytest.mark.parametrize("kinds", [(".parquet", ".csv"), (".parquet", ".jsonl"), (".csv", ".parquet"),
                                   (".jsonl", ".csv")])
def test_from_one_kind_to_another(kinds: tuple[str, str], tmp_path: Path, model: Path) -> None:
    source, target = write(tmp_path / f"in{kinds[0]}", 45), tmp_path / f"out{kinds[1]}"
    job(source, target, model).run(FakePredictor())
    read: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": pd.read_csv, ".parquet": pd.read_parquet, ".jsonl": lambda path: pd.read_json(path, lines=True)}
    found = read[kinds[1]](target)
    assert found["predicted_label"].tolist() == labels(45)
    assert found["text"].tolist() == [WORDS[row % len(WORDS)] for row in range(45)]


def test_from_json_to_parquet(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": "good", "late": row if row > 30 else None}) + "\n"
                                               for row in range(45)))
    job(tmp_path / "in.jsonl", tmp_path / "out.parquet", model).run(FakePredictor())
    late = pyarrow.parquet.read_table(tmp_path / "out.parquet")["late"].to_pylist()
    assert late == [None] * 31 + list(range(31, 45))


@pytest.mark.parametrize("rows", [(0, 1), (0, 44)])
def test_values_of_several_types_are_not_parquet(rows: tuple[int, int], tmp_path: Path, model: Path) -> None:
    """Within a part, and in two parts."""
    (tmp_path / "in.jsonl").write_text("".join(
        json.dumps({"text": "good", "mixed": {rows[0]: 1, rows[1]: "one"}.get(row)}) + "\n" for row in range(45)))
    with pytest.raises(UserError, match=r"all values of a Parquet column must have one type .*mixed.*: write \.jsonl"):
        job(tmp_path / "in.jsonl", tmp_path / "out.parquet", model).run(FakePredictor())


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".jsonl"])
def test_what_was_killed_goes_on_to_the_same_bytes(kind: str, tmp_path: Path, model: Path) -> None:
    source = write(tmp_path / f"in{kind}", 105)
    job(source, tmp_path / f"whole{kind}", model).run(FakePredictor())
    target, answered = tmp_path / f"out{kind}", 0
    for after in (5, 25, 35, 15, 0):
        with pytest.raises(KeyboardInterrupt):
            job(source, target, model, resume=True).run(Dies(after))
        assert not target.exists()
    last = Dies(1000)
    job(source, target, model, resume=True).run(last)
    answered = 1000 - last.left
    assert answered <= 65  # 20 rows in the second round and 20 in the third were kept
    assert target.read_bytes() == (tmp_path / f"whole{kind}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f"in{kind}", f"out{kind}", f"whole{kind}", "model"])


def test_several_files_into_one(tmp_path: Path, model: Path) -> None:
    for number, rows in enumerate((25, 0, 31)):
        write(tmp_path / f"in{number}.csv", rows)
    one = job(tmp_path / "in*.csv", tmp_path / "out.csv", model)
    with pytest.raises(KeyboardInterrupt):
        one.run(Dies(30))
    assert replace(one, resume=True).run(FakePredictor()).rows == 56
    found = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert found["id"].tolist() == [f"{row:04}" for rows in (25, 31) for row in range(rows)]


def test_a_folder_gets_a_file_for_each(tmp_path: Path, model: Path) -> None:
    for name, rows in (("a.parquet", 45), ("b.parquet", 0), ("c.csv", 5), ("d.csv", 0)):
        write(tmp_path / name, rows)
    out = tmp_path / "scored"
    jobs = plan_jobs(str(tmp_path / "*.*"), out, model, None, resume=False, overwrite=False)
    seen: list[int] = []
    assert run_jobs(jobs, FakePredictor(), seen.append).rows == 50
    assert sum(seen) == pytest.approx(sum(one.size for one in jobs), rel=0.2)
    assert sorted(path.name for path in out.iterdir()) == ["a.parquet", "b.parquet", "c.csv", "d.csv"]
    assert pyarrow.parquet.read_table(out / "b.parquet").num_rows == 0
    assert (out / "d.csv").read_text().startswith("id,note,text,none,predicted_label")
    (out / "c.csv").unlink()
    left = plan_jobs(str(tmp_path / "*.*"), out, model, None, resume=True, overwrite=False)
    assert [one.target.name for one in left] == ["c.csv"]


def test_parts_of_something_else_are_not_gone_on_with(tmp_path: Path, model: Path) -> None:
    source, target = write(tmp_path / "in.csv", 45), tmp_path / "out.csv"
    one = job(source, target, model)
    with pytest.raises(KeyboardInterrupt):
        one.run(Dies(30))
    time.sleep(0.01)
    (model / "weights").write_text("2")
    with pytest.raises(UserError, match="belongs to another model, other files or other options: start again with"):
        replace(one, resume=True).run(FakePredictor())
    assert one.run(FakePredictor()).rows == 45
    assert replace(one, mixed_precision=True).plan != one.plan


def test_work_that_was_begun_is_not_thrown_away_unasked(tmp_path: Path, model: Path) -> None:
    source, target = write(tmp_path / "in.csv", 45), tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        job(source, target, model).run(Dies(30))
    with pytest.raises(UserError, match="exists already, complete or in part"):
        job(source, target, model)


def test_a_missing_part_is_noticed(tmp_path: Path, model: Path) -> None:
    one = job(write(tmp_path / "in.csv", 105), tmp_path / "out.csv", model)
    with pytest.raises(KeyboardInterrupt):
        one.run(Dies(70))
    next(iter(sorted((tmp_path / ".out.csv.parts").glob("*.csv")))).unlink()
    with pytest.raises(UserError, match="a part is missing in"):
        replace(one, resume=True).run(FakePredictor())


@pytest.mark.parametrize(("pattern", "output", "message"), [
    ("none.csv", "out.csv", "no such file"), ("in.csv", "out.xlsx", "expected a file ending in"),
    ("in.csv", "none/out.csv", "no such folder"), ("in.csv", "none/none/out", "cannot create"),
    ("in.csv", "there.csv", "exists already, complete or in part: --resume writes the missing parts, --overwrite"),
    ("in.csv", ".", "contains the input files"), ("*/in.csv", "out", "several files are called in.csv"),
    ("[ix]n.csv", "out.csv", "has the columns text, the first file has id")])
def test_mistakes(pattern: str, output: str, message: str, tmp_path: Path, model: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "in.csv", 3)
    write(tmp_path / "in.csv", 3)
    (tmp_path / "there.csv").touch()
    (tmp_path / "xn.csv").write_text("text\ngood\n")
    with pytest.raises(UserError, match=message):
        run_jobs(plan_jobs(str(tmp_path / pattern), tmp_path / output, model, None, resume=False, overwrite=False),
                 FakePredictor())


def test_the_command_goes_on_and_says_when_there_is_nothing_to_do(exported_run: Path, tiny_csv: Path, tmp_path: Path,
                                                                  run_cli: Cli) -> None:
    words = ["predict", "--model", exported_run / "onnx", "--input", tiny_csv, "--output", tmp_path / "out.csv"]
    assert run_cli(*words)[0] == 0
    assert run_cli(*words)[2].endswith("--resume writes the missing parts, --overwrite starts anew\n")
    assert "is complete: nothing to resume" in run_cli(*words, "--resume")[2]
    assert "120 rows written" in run_cli(*words, "--overwrite")[2]


@pytest.mark.parametrize(("words", "message"), [
    (["--resume", "text"], "--resume, --overwrite, --engine and --defuse-formulas need"),
    (["--input", "a.csv", "--engine", "ray"], "--resume, --overwrite, --engine and --defuse-formulas need"),
    (["--input", "a.csv", "--output", "b.csv", "--resume", "--overwrite"], "pass only one of them")])
def test_flags_that_do_not_go_together(words: list[str], message: str, exported_run: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("predict", "--model", exported_run / "onnx", *words)
    assert code == 1
    assert message in err


@pytest.mark.parametrize(("name", "form"), [
    ("in.csv", TableFormat()), ("in.tsv", TableFormat()), ("in.csv.gz", TableFormat()), ("in.csv.zst", TableFormat()),
    ("in.csv", TableFormat(separator=";")), ("in.csv", TableFormat(quoting="backslash")),
    ("in.csv", TableFormat(header=False))])
def test_the_output_has_the_values_of_the_input_byte_for_byte(name: str, form: TableFormat, tmp_path: Path,
                                                              model: Path) -> None:
    """Also a carriage return, a name that is there twice or empty, and what looks like a number or a missing value."""
    rows = [["text", "a", "a", "", "text;2"],
            *([f"good\r{number}", "1.0", "NA", "", 'x;"\n,\ty\\'] for number in range(30)),
            ["", "", "", "", ""], ["\r", "007", " b ", "\ufeff", "nan"]]
    with opened_for_writing(tmp_path / name) as file:
        SeparatedWriter(file, form.separator or ("\t" if ".tsv" in name else ","), form).rows(rows)
    target = tmp_path / name.replace("in", "out")
    (one,) = plan_jobs(str(tmp_path / name), target, model, None if form.header else "1", resume=False,
                       overwrite=False, form=form)
    assert one.run(FakePredictor()).rows == 32 + (not form.header)
    frames_ = list(read_chunks(target, 100, form=form))
    found = [list(map(str, row)) for frame in frames_ for row in zip(*(
        cells(frame.iloc[:, place]) for place in range(frame.shape[1])), strict=True)]
    names = list(frames_[0].columns)
    assert [row[:5] for row in ([names, *found] if form.header else found)] == rows
    assert names[5:] == (["predicted_label", "predicted_score"] if form.header else ["6", "7"])
    assert {row[5] for row in found} <= {"neg", "pos"}


@contextmanager
def opened_for_writing(path: Path) -> Iterator[TextIOWrapper]:
    """Open a file for UTF-8, compressed as its name says."""
    compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    with pyarrow.output_stream(str(path), compression=compression) as stream, \
            TextIOWrapper(stream, encoding="utf-8", newline="") as file:
        yield file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of Hypothesis, with a model."""
    path = tmp_path_factory.mktemp("any")
    (path / "model").mkdir()
    return path


@given(tables(), st.sampled_from([".csv", ".tsv", ".csv.gz"]))
@settings(max_examples=100, deadline=None)
def test_the_rows_of_any_table_come_out_in_order(folder: Path, rows: list[list[str]], kind: str) -> None:
    rows = [["text", *rows[0]], *([f"good {number}", *row] for number, row in enumerate(rows[1:]))]
    assume(rows[0].count("text") == 1)
    form, source, target = TableFormat(quoting="double"), folder / f"in{kind}", folder / f"out{kind}"
    with opened_for_writing(source) as file:
        SeparatedWriter(file, "\t" if kind == ".tsv" else ",").rows(rows)
    (one,) = plan_jobs(str(source), target, folder / "model", None, resume=False, overwrite=True, form=form)
    assert one.run(FakePredictor()).rows == len(rows) - 1
    found = [[*frame.columns] for frame in read_chunks(target, 100, form=form)]
    for frame in read_chunks(target, 100, form=form):
        found += map(list, zip(*(cells(frame.iloc[:, place]) for place in range(frame.shape[1])), strict=True))
    assert [row[:-2] for row in found] == rows


def test_a_blank_line_has_its_answer(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngood\n\nbad\n")
    job(tmp_path / "in.csv", tmp_path / "out.csv", model).run(FakePredictor())
    assert [line.split(",")[:2] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]] == [
        ["good", "pos"], ["", "neg"], ["bad", "neg"]]


def test_json_becomes_an_array_where_its_name_says_so(tmp_path: Path, model: Path) -> None:
    records = [record(row) for row in range(45)]
    (tmp_path / "in.json").write_text(json.dumps(records))
    job(tmp_path / "in.json", tmp_path / "out.json", model).run(FakePredictor())
    found = json.loads((tmp_path / "out.json").read_text())
    kept = [{name: value for name, value in one.items() if not name.startswith("predicted")} for one in found]
    assert kept == records
    job(tmp_path / "in.json", tmp_path / "out.jsonl.gz", model).run(FakePredictor())
    with gzip.open(tmp_path / "out.jsonl.gz", "rt", encoding="utf-8") as lines:
        assert [json.loads(line) for line in lines] == found


def test_a_key_that_comes_late_is_a_column_of_csv(tmp_path: Path, model: Path) -> None:
    """Also in parts that were written before it came, and after a kill."""
    lines = [{"text": "good", "id": row} | ({"late": 5} if row == 30 else {}) for row in range(45)]
    lines[3] = {"id": 3, "text": "bad"}
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    one = job(tmp_path / "in.jsonl", tmp_path / "out.csv", model)
    with pytest.raises(KeyboardInterrupt):
        one.run(Dies(25))
    assert replace(one, resume=True).run(FakePredictor()).rows == 45
    rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert rows[0] == ["text", "id", "late", "predicted_label", "predicted_score"]
    assert [rows[number][:3] for number in (1, 4, 31)] == [["good", "0", ""], ["bad", "3", ""], ["good", "30", "5"]]


@pytest.mark.parametrize(("name", "content", "output", "message"), [
    ("in.csv", "text,a,a\ngood,1,2\n", "out.jsonl", "two columns are called 'a', which .jsonl does not support"),
    ("in.csv", "text,a,a\ngood,1,2\n", "out.parquet", "two columns are called 'a'"),
    ("in.csv", "text;label\ngood, bad;1\nbad\n", "out.csv", "line 2 has 2 fields, the header 1: .*--separator semico"),
    ("in.csv", "text;label\ngood;1\nbad\n", "out.csv", "columns look separated by a semicolon: add --separator semi"),
    ("in.csv", "text,predicted_label\ngood,1\n", "out.csv", "already has a column 'predicted_label': rename it"),
    ("in.xlsx", "", "scored", "can be read, but Excel files cannot be written: pass a file as --output")])
def test_tables_that_cannot_be_labelled(name: str, content: str, output: str, message: str, tmp_path: Path,
                                        model: Path) -> None:
    (tmp_path / name).write_text(content or "x")
    with pytest.raises(UserError, match=message):
        run_jobs(plan_jobs(str(tmp_path / name), tmp_path / output, model, None, resume=False, overwrite=False),
                 FakePredictor())
    assert not (tmp_path / output).is_file()


def test_a_detected_separator_is_kept(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text;label\ngood, bad;1\nbad;2\n")
    for name in ("out.csv", "out.tsv"):
        run_jobs(plan_jobs(str(tmp_path / "in.csv"), tmp_path / name, model, None, resume=False, overwrite=False),
                 FakePredictor())
    assert (tmp_path / "out.csv").read_text().splitlines()[:2] == [
        "text;label;predicted_label;predicted_score", "good, bad;1;neg;0.9525741268224334"]
    assert (tmp_path / "out.tsv").read_text().splitlines()[0] == "text\tlabel\tpredicted_label\tpredicted_score"


def test_the_columns_of_all_files_are_checked_before_a_model_is_needed(model: Path, tmp_path: Path) -> None:
    for name, content in (("a.csv", "text\ngood\n"), ("b.csv", "txet;n\nbad;1\n")):
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=r"b\.csv.*name it with --text-column \(columns: txet, n\)"):
        plan_jobs(str(tmp_path / "*.csv"), tmp_path / "out", model, None, resume=False, overwrite=False)


def test_flags_of_tables_reach_the_files(exported_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    (tmp_path / "in.csv").write_bytes("a good film;\x80\nein schöner Film;x\n".encode("latin-1"))
    words = ["predict", "--model", exported_run / "onnx", "--input", tmp_path / "in.csv", "--no-header",
             "--text-column", "1", "--separator", ";", "--encoding", "latin-1"]
    code, out, err = run_cli(*words)
    assert (code, len(out.splitlines())) == (0, 3), err
    assert "ein schöner Film" in out
    assert run_cli(*words, "--output", tmp_path / "out.csv")[0] == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("ein schöner Film;x;")
    assert "go with --input" in run_cli("predict", "--model", exported_run / "onnx", "text", "--separator", ";")[2]


def test_what_was_to_be_replaced_is_not_taken_for_finished(tmp_path: Path, model: Path) -> None:
    source, target = write(tmp_path / "in.csv", 45), tmp_path / "out.csv"
    job(source, target, model).run(FakePredictor())
    (one,) = plan_jobs(str(source), target, model, None, resume=False, overwrite=True)
    with pytest.raises(KeyboardInterrupt):
        one.run(Dies(30))
    (rest,) = plan_jobs(str(source), target, model, None, resume=True, overwrite=False)
    assert rest.run(FakePredictor()).rows == 45
    assert not plan_jobs(str(source), target, model, None, resume=True, overwrite=False)


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_keys_that_come_and_go_between_parts(kind: str, tmp_path: Path, model: Path) -> None:
    lines = [{"text": "good", "id": row} | ({"n": 1} if row < 15 else {}) for row in range(45)]
    lines[44] = {"id": 44, "text": "bad"}
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert job(tmp_path / "in.jsonl", tmp_path / f"out{kind}", model).run(FakePredictor()).rows == 45
    (frame,) = read_chunks(tmp_path / f"out{kind}", 100)
    assert [str(value) for value in cells(frame["id"])] == [str(row) for row in range(45)]
    assert cells(frame["predicted_label"]) == ["pos"] * 44 + ["neg"]


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".json"])
def test_files_whose_columns_have_other_types(kind: str, tmp_path: Path, model: Path) -> None:
    for name, values in (("a", ["x", None]), ("b", [1, None]), ("c", [2 ** 53 + 1, 3]), ("d", [1.5, None])):
        table = pyarrow.table({"text": ["good", "bad"], "x": values})
        pyarrow.parquet.write_table(table, tmp_path / f"in_{name}.parquet")
    job(tmp_path / "in_*.parquet", tmp_path / f"out{kind}", model).run(FakePredictor())
    (frame,) = read_chunks(tmp_path / f"out{kind}", 100)
    assert [None if value is None else str(value) for value in cells(frame["x"])] == [
        "x", "" if kind == ".csv" else None, "1", "" if kind == ".csv" else None, str(2 ** 53 + 1), "3", "1.5",
        "" if kind == ".csv" else None]


def test_lone_surrogates_are_replaced_in_all_columns(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
                                                     ) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "good \\ud800", "\\udfff": ["\\ud83d\\ude00", "\\uD83D"]}\n'
                                       '{"text": "\\\\ud800"}\n')
    for kind in (".csv", ".parquet", ".jsonl"):
        job(tmp_path / "in.jsonl", tmp_path / f"out{kind}", model).run(FakePredictor())
        assert capsys.readouterr().err.count("warning: 3 lone surrogates (half a character, such as \\ud83d in ") == 1
        (frame,) = read_chunks(tmp_path / f"out{kind}", 100)
        assert list(frame.columns)[:2] == ["text", "\ufffd"]
        assert cells(frame["text"]) == ["good \ufffd", "\\ud800"]
        assert cells(frame["\ufffd"])[0] == ('["😀", "\ufffd"]' if kind == ".csv" else ["😀", "\ufffd"])


def test_what_json_alone_can_hold(tmp_path: Path, model: Path) -> None:
    content = '{"text": "good ", "x": NaN, "y": {"a": [true, 1.10, 1e400]}}\n{"text": "bad", "x": null}\n'
    (tmp_path / "in.jsonl").write_text(content)
    job(tmp_path / "in.jsonl", tmp_path / "out.jsonl", model).run(FakePredictor())
    first, second = ((tmp_path / "out.jsonl").read_text()).splitlines()
    assert first.startswith('{"text": "good ", "x": NaN, "y": {"a": [true, 1.10, 1e400]}, "predicted_')
    assert second.startswith('{"text": "bad", "x": null, "predicted_label"')
    job(tmp_path / "in.jsonl", tmp_path / "out.csv", model).run(FakePredictor())
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith('good ,,"{""a"": [true, 1.10, 1e400]}",')
    (tmp_path / "in.jsonl").write_text('{"text": "good", "x": 36893488147419103232}\n')
    with pytest.raises(UserError, match="all values of a Parquet column must have one type"):
        job(tmp_path / "in.jsonl", tmp_path / "out.parquet", model).run(FakePredictor())


def test_a_separator_that_the_first_line_names_is_kept(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("sep=;\ntext;n\ngood, bad;1\n")
    job(tmp_path / "in.csv", tmp_path / "out.csv", model).run(FakePredictor())
    assert (tmp_path / "out.csv").read_text().startswith("sep=;\ntext;n;predicted_label;predicted_score\ngood, bad;1;")
    (frame,) = read_chunks(tmp_path / "out.csv", 9)
    assert list(frame.columns)[:2] == ["text", "n"]
    (one,) = plan_jobs(str(tmp_path / "in.csv"), tmp_path / "out.tsv", model, None, resume=False, overwrite=False,
                       form=TableFormat(separator=";"))
    one.run(FakePredictor())
    assert (tmp_path / "out.tsv").read_text().startswith("text\tn\tpredicted")


@pytest.mark.parametrize(("content", "form", "message"), [
    ("text\nschön\n".encode("cp1252"), TableFormat(), r"in\.csv, line 2: not UTF-8"),
    ("text\ngood\n".encode("utf-16-be"), TableFormat("utf-16"), r"in\.csv, line 1: not utf-16")])
def test_a_file_that_cannot_be_decoded_is_refused_before_the_model_is_loaded(
        content: bytes, form: TableFormat, message: str, tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        plan_jobs(str(tmp_path / "in.csv"), tmp_path / "out.csv", model, None, resume=False, overwrite=False, form=form)


def test_nothing_is_written_over_its_source(tmp_path: Path, model: Path) -> None:
    write(tmp_path / "in.csv", 3)
    with pytest.raises(UserError, match="is the input file: choose another --output"):
        plan_jobs(str(tmp_path / "in.csv"), tmp_path / "in.csv", model, None, resume=False, overwrite=True)
    (tmp_path / "in.json").write_text("[]")
    with pytest.raises(UserError, match=r"in\.json has no rows"):
        job(tmp_path / "in.json", tmp_path / "out.csv", model).run(FakePredictor())


@pytest.mark.parametrize("kind", [".csv", ".tsv"])
@pytest.mark.parametrize("defuse", [True, False])
def test_formulas_are_defused_where_asked(kind: str, defuse: bool, tmp_path: Path, model: Path) -> None:
    """Text, names of columns and labels; numbers are numbers, also those that a text file holds."""
    attack = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]
    plain = ["-5", "+3.25", "-1e-3", "-1.000,5", "a = b", "'quoted", "", "film"]
    texts = [*attack, *plain]
    pd.DataFrame({"text": "film", "=A1": texts, "n": -1.5}).to_json(tmp_path / "in.jsonl", orient="records", lines=True)
    (one,) = plan_jobs(str(tmp_path / "in.jsonl"), tmp_path / f"out{kind}", model, None, resume=False, overwrite=False,
                       defuse=defuse)
    one.run(FakePredictor(class_names=("=neg", "@pos")))
    with one.target.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="," if kind == ".csv" else "\t")
    before = "'" if defuse else ""
    assert header == ["text", f"{before}=A1", "n", "predicted_label", "predicted_score"]
    assert [row[1] for row in rows] == [*(before + text for text in attack), *plain]
    assert {row[2] for row in rows} == {"-1.5"}
    assert {row[3] for row in rows} == {f"{before}@pos"}


def test_formulas_are_defused_in_separated_values_only(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nfilm\n")
    with pytest.raises(UserError, match=r"--defuse-formulas is for CSV and TSV, .*out.jsonl keeps text as it is"):
        plan_jobs(str(tmp_path / "in.csv"), tmp_path / "out.jsonl", model, None, resume=False, overwrite=False,
                  defuse=True)
