from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentiment.datasets.tables import (
    as_label,
    as_labels,
    as_texts,
    column_named,
    matching_files,
    read_chunks,
    read_table,
    table_chunks,
)
from sentiment.errors import UserError

ROWS = {"text": ["Good, very\ngood", "", "NA", "emoji 😀"], "label": ["01", "1", "NA", "x"]}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_keeps_values_as_written(tmp_path: Path, suffix: str) -> None:
    path, frame = tmp_path / f"rows.{suffix}", pd.DataFrame(ROWS)
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, sep="\t" if suffix == "tsv" else ",", index=False)
    assert read_table(path).to_dict("list") == ROWS
    assert [len(chunk) for chunk in read_chunks(path, 3)] == [3, 1]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(b"\xef\xbb\xbftext,label\na,b\n")
    assert list(read_table(path).columns) == ["text", "label"]


def test_a_glob_reads_all_files_in_order(tmp_path: Path) -> None:
    for number in (2, 1):
        (tmp_path / f"part{number}.csv").write_text(f"text,label\n{number},a\n", encoding="utf-8")
    assert read_table(tmp_path / "part*.csv")["text"].tolist() == ["1", "2"]
    (tmp_path / "part3.csv").write_text("text,other\n3,a\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"part3.csv has the columns text, other, the first file has text, label"):
        read_table(tmp_path / "part*.csv")


@pytest.mark.parametrize(("name", "content", "message"), [
    ("empty.csv", b"", "empty.csv is empty"),
    ("header.csv", b"text,label\n", "header.csv has no rows"),
    ("latin.csv", "text,label\ngut,a\nschön,b\n".encode("latin-1"), "latin.csv, line 3: not UTF-8"),
    ("latin.jsonl", '{"text": "a"}\n{"text": "ö"}\n'.encode("latin-1"), "latin.jsonl, line 2: not UTF-8"),
    ("ragged.csv", b"text,label\na,b\na,b,c,d\n", "cannot read .*ragged.csv: .*line 3"),
    ("broken.jsonl", b'{"text": "a"}\n{"text"\n', "broken.jsonl, line 2: not JSON"),
    ("list.jsonl", b"[1]\n", "list.jsonl, line 1: expected a JSON object"),
    ("broken.parquet", b"PAR1 no", "cannot read .*broken.parquet"),
    ("notes.docx", b"x", "cannot read .*notes.docx: expected a file ending in .csv"),
])
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_table(path)


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
    assert f"reviews.jsonl, row 10: the column 'text' holds {kind}" in str(error.value)


def test_other_cells_become_text() -> None:
    assert as_texts(pd.Series(["a", 1, 1.5, None, float("nan"), True], dtype=object), "") == [
        "a", "1", "1.5", "", "", "True"]


def test_rows_are_counted_over_chunks_and_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        last = '{"text": ["bad"]}\n' if name == "b" else ""
        (tmp_path / f"{name}.jsonl").write_text('{"text": "good"}\n' * 3 + last)
    frames = list(table_chunks(tmp_path / "*.jsonl", 2))
    assert [frame.index[0] for frame in frames] == [0, 2, 3, 5]
    with pytest.raises(UserError, match=r"row 7: the column 'text' holds a list, \['bad'\]"):
        as_texts(frames[-1]["text"], "x")


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UserError, match="f has 2 columns called 'text': rename all but one"):
        column_named(["text", "label", "text"], None, ("text",), "--text-column", "f")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_rows_of_all_chunks_of_a_file_are_counted(kind: str, tmp_path: Path) -> None:
    path, frame = tmp_path / f"t.{kind}", pd.DataFrame({"text": list("abcde")})
    {"csv": lambda: frame.to_csv(path, index=False), "parquet": lambda: frame.to_parquet(path),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True)}[kind]()
    assert [list(chunk.index) for chunk in read_chunks(path, 2, exact=True)] == [[0, 1], [2, 3], [4]]
