from pathlib import Path

import pandas as pd
import pytest

from sentiment.datasets.tables import as_label, column_named, matching_files, read_chunks, read_table
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
                                             (float("nan"), ""), (True, "True"), ("NA", "NA")])
def test_labels_become_names(value: object, name: str) -> None:
    assert as_label(value) == name
