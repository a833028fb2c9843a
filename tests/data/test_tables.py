from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentiment.config import DataConfig
from sentiment.data.reading import read_chunks
from sentiment.data.tables import (
    as_label,
    as_labels,
    as_texts,
    column_named,
    labelled_rows,
    matching_files,
    table_chunks,
)
from sentiment.errors import UserError

ROWS = {"text": ["Good, very\ngood", "", "NA", "emoji 😀"], "label": ["01", "1", "NA", "x"]}


def read(pattern: Path, rows: int = 1000) -> dict[str, list[object]]:
    """Return all columns of the files that a glob names."""
    frame = pd.concat([frame for _, frame in table_chunks(pattern, rows)])
    return {name: frame[name].tolist() for name in frame.columns}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_keeps_values_as_written(tmp_path: Path, suffix: str) -> None:
    path, frame = tmp_path / f"rows.{suffix}", pd.DataFrame(ROWS)
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, sep="\t" if suffix == "tsv" else ",", index=False)
    assert read(path) == ROWS
    assert [len(chunk) for chunk in read_chunks(path, 3)] == [3, 1]


def test_a_glob_reads_all_files_in_order(tmp_path: Path) -> None:
    for number in (2, 1):
        (tmp_path / f"part{number}.csv").write_text(f"text,label\n{number},a\n", encoding="utf-8")
    assert read(tmp_path / "part*.csv")["text"] == ["1", "2"]


def test_a_literal_name_comes_before_a_pattern(tmp_path: Path) -> None:
    for name in ("a[1].csv", "a1.csv", "d[1]/x.csv", "d[1]/y.csv", "d1/x.csv", "q?.csv", "qq.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("text,label\na,b\n", encoding="utf-8")
    found = {pattern: [str(path.relative_to(tmp_path)) for path in matching_files(tmp_path / pattern)]
             for pattern in ("a[1].csv", "a[12].csv", "d[1]/*.csv", "d[12]/*.csv", "q?.csv", "?[q].csv")}
    assert found == {"a[1].csv": ["a[1].csv"], "a[12].csv": ["a1.csv"], "d[1]/*.csv": ["d[1]/x.csv", "d[1]/y.csv"],
                     "d[12]/*.csv": ["d1/x.csv"], "q?.csv": ["q?.csv"], "?[q].csv": ["qq.csv"]}


def test_the_files_of_a_glob_need_no_more_than_the_columns_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "part1.csv").write_text("id,text,label\n1,good,a\n", encoding="utf-8")
    (tmp_path / "part2.csv").write_text("label,text\nb,bad\n", encoding="utf-8")
    found = list(labelled_rows(tmp_path / "part*.csv", DataConfig(), 10))
    assert [(rows.texts, rows.labels) for rows in found] == [(["good"], ["a"]), (["bad"], ["b"])]
    (tmp_path / "part3.csv").write_text("text,other\n3,a\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"part3.csv has no column 'label' \(columns: text, other\)"):
        list(labelled_rows(tmp_path / "part*.csv", DataConfig(), 10))


def test_objects_of_json_lines_may_lack_a_column(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "a", "label": 1}\n{"text": "b"}\n{"label": 2}\n')
    (rows,) = labelled_rows(tmp_path / "x.jsonl", DataConfig(), 10)
    assert (rows.texts, rows.labels) == (["a", "b", ""], ["1", "", "2"])
    assert [rows.labels for rows in labelled_rows(tmp_path / "x.jsonl", DataConfig(), 1)] == [["1"], [""], ["2"]]


def test_a_missing_file_has_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\na,b\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"no such file: .*reviws.csv; did you mean 'reviews.csv'\?"):
        matching_files(tmp_path / "reviws.csv")


def test_columns_are_found_or_named() -> None:
    assert column_named(["id", "Review"], None, ("text", "review"), "--text-column", "f") == "Review"
    with pytest.raises(UserError, match=r"f has no column 'reveiw'; did you mean 'review'\? \(columns: id, review\)"):
        column_named(["id", "review"], "reveiw", (), "--text-column", "f")
    with pytest.raises(UserError, match=r"cannot tell which column of f to use: name it with --text-column"):
        column_named(["id", "other"], None, ("text",), "--text-column", "f")


@pytest.mark.parametrize(("value", "name"), [(1, "1"), (1.0, "1"), (1.5, "1.5"), (" a ", "a"), (None, ""),
                                             (float("nan"), ""), (True, "True"), ("NA", "NA"), ("1.0", "1"),
                                             ("-1.00", "-1"), ("01", "01"), ("1.5", "1.5"), ("v1.0", "v1.0")])
def test_labels_become_names(value: object, name: str) -> None:
    assert as_label(value) == name


@pytest.mark.parametrize(("value", "kind"), [
    (["positive", "film"], "a list, ['positive', 'film'],"), ({"body": "good"}, "an object, {'body': 'good'},"),
    (b"good", "bytes, b'good',"), (np.array(["a", "b"]), "a list, array(['a', 'b']")])
@pytest.mark.parametrize("convert", [as_texts, as_labels])
def test_a_cell_that_is_no_text_is_refused(convert: Any, value: object, kind: str) -> None:
    values = pd.Series([None, None, value], index=range(7, 10), name="text", dtype=object)
    with pytest.raises(UserError) as error:
        convert(values, "reviews.jsonl")
    assert f"reviews.jsonl, row 10: the column 'text' contains {kind}" in str(error.value)


def test_other_cells_become_text() -> None:
    assert as_texts(pd.Series(["a", 1, 1.5, None, float("nan"), True], dtype=object), "") == [
        "a", "1", "1.5", "", "", "True"]


def test_rows_are_counted_over_the_chunks_of_a_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        last = '{"text": ["bad"]}\n' if name == "b" else ""
        (tmp_path / f"{name}.jsonl").write_text('{"text": "good"}\n' * 3 + last)
    frames = [frame for _, frame in table_chunks(tmp_path / "*.jsonl", 2)]
    assert [frame.index[0] for frame in frames] == [0, 2, 0, 2]
    with pytest.raises(UserError, match=r"row 4: the column 'text' contains a list, \['bad'\]"):
        as_texts(frames[-1]["text"], "x")


def test_one_error_asks_for_both_columns(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"which columns of .*x.csv hold the texts and the labels: name them with "
                                        r"--text-column and --label-column \(columns: a, b\)"):
        list(labelled_rows(tmp_path / "x.csv", DataConfig(), 10))
    with pytest.raises(UserError, match="name it with --label-column"):
        list(labelled_rows(tmp_path / "x.csv", DataConfig(text_column="a"), 10))
    with pytest.raises(UserError, match="name it with --text-column"):
        list(labelled_rows(tmp_path / "x.csv", DataConfig(), 10, labelled=False))


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UserError, match="f has 2 columns called 'text': rename all but one"):
        column_named(["text", "label", "text"], None, ("text",), "--text-column", "f")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_rows_of_all_chunks_of_a_file_are_counted(kind: str, tmp_path: Path) -> None:
    path, frame = tmp_path / f"t.{kind}", pd.DataFrame({"text": list("abcde")})
    {"csv": lambda: frame.to_csv(path, index=False), "parquet": lambda: frame.to_parquet(path),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True)}[kind]()
    assert [list(chunk.index) for chunk in read_chunks(path, 2)] == [[0, 1], [2, 3], [4]]
