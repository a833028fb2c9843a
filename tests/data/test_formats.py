"""Kinds of files, encodings and compressions."""

import bz2
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from sentiment.config import DataConfig
from sentiment.data.formats import check_applies
from sentiment.data.reading import read_chunks
from sentiment.data.tables import as_labels, as_texts, cells, labelled_rows, matching_files
from sentiment.errors import UserError
from sentiment.table_format import TableFormat

ROWS = [["text", "label"], ["Schön · gut", "pos"], ["naïve\nand bad", "neg"]]
CSV = 'text,label\nSchön · gut,pos\n"naïve\nand bad",neg\n'


def read(path: Path, form: TableFormat | None = None) -> list[list[object]]:
    (frame,) = read_chunks(path, 100, form=form or TableFormat())
    return [list(frame.columns), *map(list, zip(*(cells(frame[name]) for name in frame.columns), strict=True))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(CSV.encode(encoding))
    assert read(path) == ROWS
    lines = tmp_path / "x.jsonl"
    lines.write_bytes('{"text": "ü"}\n'.encode(encoding))
    assert read(lines) == [["text"], ["ü"]]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-8", "utf-16", "cp1140"])
def test_encodings_that_are_named(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(CSV.encode(encoding))
    assert read(path, TableFormat(encoding)) == ROWS


@pytest.mark.parametrize(("content", "encoding", "message"), [
    (CSV.encode("cp1252"), None, r"x.csv, line 2: not UTF-8 \(byte 0xf6\); name its encoding, such as --encoding"),
    (b"text,label\n" + b"good,a\n" * 5000 + b"\xff,b\n", None, r"x.csv, line 5002: not UTF-8 \(byte 0xff\)"),
    (CSV.encode("utf-16-le"), None, "looks like UTF-16 without a byte-order mark: add --encoding utf-16-le"),
    (CSV.encode("utf-16-be"), None, "looks like UTF-16 without a byte-order mark: add --encoding utf-16-be"),
    (b"text\n\x81\n", "cp1252", r"x.csv, line 2: not cp1252 \(byte 0x81\)"),
    (CSV.encode("utf-16")[:-1], None, r"x.csv, line 4: not utf-16"),
])
def test_other_bytes_are_refused(content: bytes, encoding: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_chunks(tmp_path / "x.csv", 100, form=TableFormat(encoding)))


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".ndjson", ".json"])
@pytest.mark.parametrize("compression", [".gz", ".bz2", ".zst", ".GZ"])
def test_compressed_files(kind: str, compression: str, tmp_path: Path) -> None:
    text = CSV if kind == ".csv" else CSV.replace(",", "\t") if kind == ".tsv" else "\n".join(
        json.dumps(dict(zip(ROWS[0], row, strict=True))) for row in ROWS[1:])
    data = text.encode()
    compressed = {".gz": gzip.compress(data), ".bz2": bz2.compress(data),
                  ".zst": pyarrow.compress(data, "zstd", asbytes=True)}[compression.lower()]
    (tmp_path / f"x{kind}{compression}").write_bytes(compressed)
    assert read(tmp_path / f"x{kind}{compression}") == ROWS


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(CSV.encode() * 50)[:-20])
    with pytest.raises(UserError, match=r"cannot read .*x\.csv\.gz"):
        list(read_chunks(tmp_path / "x.csv.gz", 100))


@pytest.mark.parametrize("content", [
    '[{"text": "a", "label": 1}, {"text": "b", "label": 2}]',
    '\n [\n {"text": "a",\n "label": 1},\n {"text": "b", "label": 2}\n]\n',
    '{"text": "a", "label": 1}\n\n{"text": "b", "label": 2}'])
@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_json_is_an_array_or_an_object_a_line(content: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / f"x.{kind}").write_text(content)
    assert read(tmp_path / f"x.{kind}") == [["text", "label"], ["a", 1], ["b", 2]]


def test_a_number_is_the_text_that_it_is_written_as(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": 1.10, "label": 1.0}\n{"text": 12345678901234567890, "label": "1"}\n')
    (rows,) = labelled_rows(tmp_path / "x.jsonl", DataConfig(), 10)
    assert (rows.texts, rows.labels) == (["1.10", "12345678901234567890"], ["1", "1"])
    pd.DataFrame({"text": pd.array([3, None], "Int64")}).to_parquet(tmp_path / "x.parquet")
    (frame,) = read_chunks(tmp_path / "x.parquet", 10)
    assert as_texts(frame["text"], "x") == ["3", ""]


@pytest.mark.parametrize(("content", "message"), [
    ('{"text": "a"}\n{"text"\n', "x.json, line 2: not JSON: .*; expected a whole object in each line, or one array"),
    ("[1]\n", r"x.json, value 1: expected a JSON object, not 1"),
    ('{"text": "a"}\n[1]\n', r"x.json, line 2: expected a JSON object, not \[1\]"),
    ('[{"text": "a"}', "x.json: not JSON: .*expected an array of objects, or one object per line"),
    ('{\n "text": "a"\n}', "x.json, line 1: not JSON"),
    ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "its objects are nested too deeply"),
    ('{"text": "a", "other": ' + "[" * 100 + "]" * 100 + "}", "its objects are nested too deeply"),
    ('{"text": "a", "other": ' + "9" * 5000 + "}", r"line 1: not JSON: [^;]* 5000 digits; expected a whole object")])
def test_json_that_is_no_table(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=message):
        list(read_chunks(tmp_path / "x.json", 10))


def test_a_value_of_many_levels_is_kept(tmp_path: Path) -> None:
    value = "[" * 99 + "]" * 99
    (tmp_path / "x.json").write_text(f'{{"text": "a", "other": {value}}}')
    (frame,) = read_chunks(tmp_path / "x.json", 10)
    assert str(frame["other"][0]) == value


def test_a_sheet_of_excel(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("empty", 0)
    sheet = book.worksheets[1]
    for row in (["text", "label", None], ["007", 1], [7, 1.5], [None, None], ["a\nb", True], [None, None]):
        sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    assert read(tmp_path / "x.xlsx") == [["text", "label"], ["007", 1], [7, 1.5], [None, None], ["a\nb", True]]
    assert read(tmp_path / "x.xlsx", TableFormat(header=False))[:2] == [["1", "2"], ["text", "label"]]
    sheet.append(["a", "b", "c"])
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(UserError, match=r"x.xlsx, row 7 of the sheet has a value in column 3, but the header has 2 c"):
        read(tmp_path / "x.xlsx")
    (tmp_path / "y.xlsx").write_text("no sheet")
    with pytest.raises(UserError, match=r"cannot read .*y\.xlsx"):
        read(tmp_path / "y.xlsx")


def test_a_sheet_whose_size_is_written_wrong_is_read_whole(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["text", "label"], *([f"good {number}", "a"] for number in range(30))]:
        book.worksheets[0].append(row)
    book.save(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "x.xlsx", "w") as wrong:
        for name in whole.namelist():
            content = whole.read(name)
            wrong.writestr(name, content.replace(b'ref="A1:B31"', b'ref="A1:A3"'))
    assert b'ref="A1:A3"' in zipfile.ZipFile(tmp_path / "x.xlsx").read("xl/worksheets/sheet1.xml")
    assert len(read(tmp_path / "x.xlsx")) == 31


def test_the_first_sheet_that_shows_is_read_and_a_damaged_one_refused(tmp_path: Path,
                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["hidden"])
    book.worksheets[0].sheet_state = "hidden"
    book.create_sheet("first").append(["text"])
    second = book.create_sheet("second")
    second.append(["other"])
    second.append(["row"])
    book.save(tmp_path / "x.xlsx")
    assert read(tmp_path / "x.xlsx") == [["text"]]
    assert "x.xlsx has 2 sheets, only 'first' is read" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "x.xlsx") as whole, zipfile.ZipFile(tmp_path / "y.xlsx", "w") as cut:
        for name in whole.namelist():
            cut.writestr(name, whole.read(name)[:-40 if name.endswith("sheet2.xml") else None])
    with pytest.raises(UserError, match=r"cannot read .*y\.xlsx"):
        read(tmp_path / "y.xlsx")


def test_a_short_float_is_written_as_in_other_formats(tmp_path: Path) -> None:
    pd.DataFrame({"label": np.array([0.1, 2.0, 1.5], np.float32)}).to_parquet(tmp_path / "x.parquet")
    (frame,) = read_chunks(tmp_path / "x.parquet", 10)
    assert as_labels(frame["label"], "x") == ["0.1", "2", "1.5"]


def test_text_of_parquet_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    text = pyarrow.array([b"good", b"\xff"]).cast(pyarrow.binary()).view(pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table({"text": text}), tmp_path / "x.parquet")
    (frame,) = read_chunks(tmp_path / "x.parquet", 10)
    with pytest.raises(UserError, match="the column 'text' contains text that is not UTF-8"):
        as_texts(frame["text"], "x")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(UserError, match=r"cannot read .*broken\.parquet"):
        list(read_chunks(tmp_path / "broken.parquet", 10))


def test_an_object_without_keys_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "a"}\n{}\n{}\n')
    assert [len(frame) for frame in read_chunks(tmp_path / "x.jsonl", 1)] == [1, 1, 1]


def test_a_date_beyond_those_of_python_is_text(tmp_path: Path) -> None:
    table = pyarrow.table({"text": pyarrow.array([10 ** 7], pyarrow.date32())})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    (frame,) = read_chunks(tmp_path / "x.parquet", 10)
    assert as_texts(frame["text"], "x")[0].startswith("29349")


@pytest.mark.parametrize(("name", "message"), [
    ("empty.csv", "empty.csv is empty"),
    ("notes.docx", "cannot read .*notes.docx: expected a file ending in .csv, .tsv, .jsonl, .*$"),
    ("x.zip", "; unpack it and name its files"), ("x.xls", "; save it as .xlsx or .csv"),
    ("x.tar.gz", "; unpack it and name its files"), ("x.tgz", "; unpack it"),
    ("x.gz", "; name it after its content, such as reviews.csv.gz"),
    ("x.parquet.gz", "; unpack it"), ("x.txt", "; rename it to .tsv or .csv if it is a table"),
    ("https://example.org/x.csv", "is a URL, but files are read from disk: download it first"),
    ("s3://bucket/x.parquet", "is a URL")])
def test_files_that_are_not_read(name: str, message: str, tmp_path: Path) -> None:
    if "://" not in name:
        (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"x")
        name = str(tmp_path / name)
    with pytest.raises(UserError, match=message):
        matching_files(name)


@pytest.mark.parametrize(("names", "form", "flag"), [
    (["x.parquet"], TableFormat(encoding="cp1252"), "--encoding"),
    (["x.jsonl", "x.parquet"], TableFormat(separator=";"), "--separator"),
    (["x.json"], TableFormat(header=False), "--no-header"), (["x.xlsx"], TableFormat(quoting="none"), "--quoting")])
def test_options_that_no_file_has_a_use_for(names: list[str], form: TableFormat, flag: str) -> None:
    paths = [Path(name) for name in names]
    with pytest.raises(UserError, match=f"{flag} does not apply to x: omit it"):
        check_applies(form, paths, "x")
    check_applies(form, [*paths, Path("x.csv.gz")], "x")


@pytest.mark.parametrize(("content", "form", "message"), [
    ("text;label\na\n", TableFormat(), "; its columns look separated by a semicolon: add --separator semicolon"),
    ("I like it,pos\nbad,neg\n", TableFormat(), "; if the first line is not a header, add --no-header, and name"),
    ("a,b\nc,d\n", TableFormat(header=False), r"\(columns: 1, 2\); the columns are numbered from 1")])
def test_a_column_that_is_not_found_has_a_hint(content: str, form: TableFormat, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(content)
    config = DataConfig(header=form.header)
    with pytest.raises(UserError, match=message):
        list(labelled_rows(tmp_path / "x.csv", config, 10))


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is a folder: name its files, such as '.*\*\.csv'"):
        matching_files(tmp_path)


def test_categories_and_nullable_numbers_of_parquet_are_labels(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["a", "b", "c"], "label": pyarrow.array(["x", None, "y"]).dictionary_encode(),
                           "stars": pyarrow.array([1, None, 2], pyarrow.int8())})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    for column, expected in (("label", ["x", "", "y"]), ("stars", ["1", "", "2"])):
        (rows,) = labelled_rows(tmp_path / "x.parquet", DataConfig(label_column=column), 10)
        assert rows.labels == expected
