"""CSV and TSV: what is written is read, and what is no table is refused with its line."""

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.csv
import pytest
from helpers.tables import tables
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment.data import separated
from sentiment.data.reading import read_chunks
from sentiment.data.tables import cells
from sentiment.errors import UserError
from sentiment.table_format import TableFormat


def read(path: Path, rows: int = 3, **form: Any) -> list[list[str]]:
    """Return all records of a file, its header first."""
    frames = list(read_chunks(path, rows, form=TableFormat(**form)))
    names = [list(frame.columns) for frame in frames]
    assert all(one == names[0] for one in names)
    columns = [[value for frame in frames for value in cells(frame.iloc[:, place])] for place in range(len(names[0]))]
    return [names[0], *map(list, zip(*columns, strict=True))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of Hypothesis."""
    return tmp_path_factory.mktemp("separated")


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(tables(), st.sampled_from([".csv", ".tsv"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_the_csv_module_writes_is_read(folder: Path, rows: list[list[str]], kind: str, everything: bool) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, "excel" if kind == ".csv" else "excel-tab", lineterminator="\r\n",
                        quoting=csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL)
    writer.writerows(rows)
    path = written(folder / f"x{kind}", file.getvalue())
    assert read(path, quoting="double", separator={".csv": "comma", ".tsv": "tab"}[kind]) == rows


@given(tables())
@settings(max_examples=100, deadline=None)
def test_what_pyarrow_writes_is_read(folder: Path, rows: list[list[str]]) -> None:
    names = [f"{number}{name}" for number, name in enumerate(rows[0])]
    table = pyarrow.table([pyarrow.array(column) for column in zip(*rows[1:], strict=True)], names)
    path = folder / "x.csv"
    pyarrow.csv.write_csv(table, path)
    assert read(path, quoting="double", separator="comma") == [names, *rows[1:]]


@given(st.lists(st.sampled_from(['"', "\ufeff", ",", "\n", "\r\n", "\r", "a", "ü", " ", '""', "x,y\n", '"a","b"\n']),
                max_size=40))
@example(['"', *["x,y\n"] * 9, '"', ",", "a"])
@example(['"', *["x,y\n"] * 9, '","', *["a\n"] * 12, '"', "\n", '"a"b'])
@settings(max_examples=400, deadline=None)
def test_both_readers_read_any_file_alike(folder: Path, parts: list[str]) -> None:
    """The fast one gives way wherever it may differ; broken files included."""
    path = written(folder / "x.csv", "one,two\n" + "".join(parts))

    def outcome(fast: bool) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(separated, "BLOCK_BYTES", 16)
            if not fast:
                patch.setattr(separated, "_by_arrow", refused)
            try:
                return read(path)
            except UserError as error:
                return str(error)
            except IndexError:
                return "no rows"

    assert outcome(True) == outcome(False)


@pytest.mark.parametrize(("name", "content", "records"), [
    ("x.csv", "text;label\na, b;c\nd;e\n", [["text", "label"], ["a, b", "c"], ["d", "e"]]),
    ("x.csv", "\ufefftext;score\r\n\"a; b\";1,5\r\n", [["text", "score"], ["a; b", "1,5"]]),
    ("x.csv", "text\tlabel\na\tb\n", [["text", "label"], ["a", "b"]]),
    ("x.csv", "text|label\n\"a\nb\"|c\n\n", [["text", "label"], ["a\nb", "c"]]),
    ("x.tsv", "text,label\na,b\n", [["text", "label"], ["a", "b"]]),
    ("x.csv", "text;label\n", [["text;label"]]),  # a header alone
    ("x.csv", "text;label\na;b\nc;d;e\n", [["text;label"], ["a;b"], ["c;d;e"]]),  # records of different widths
    ("x.csv", "a;b|c\n1;2|3\n", [["a;b|c"], ["1;2|3"]]),  # two separators fit
    ("x.csv", "text\na; b\nc; d\n", [["text"], ["a; b"], ["c; d"]]),  # the header has none
    ("x.csv", "text,a;b\nc,d;e\n", [["text", "a;b"], ["c", "d;e"]]),  # a comma splits the header
])
def test_an_unambiguous_separator_is_detected(name: str, content: str, records: list[list[str]], tmp_path: Path
                                              ) -> None:
    path = written(tmp_path / name, content)
    assert read(path) == records
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(separated, "_by_arrow", refused)
        assert read(path) == records

def test_without_a_header_no_separator_is_detected(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "I like it; really\nbad; really\n")
    assert read(path, header=False) == [["1"], ["I like it; really"], ["bad; really"]]


def test_a_detected_separator_is_logged_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "tickets.csv", "text;label\na;b\n")
    assert read(path, separator=";") == [["text", "label"], ["a", "b"]]
    assert capsys.readouterr().err == ""
    assert read(path) == read(path) == [["text", "label"], ["a", "b"]]
    assert capsys.readouterr().err == "tickets.csv: fields are separated by semicolons\n"


def refused(*_: Any) -> Any:
    """Stand for a reader that reads nothing."""
    raise pyarrow.ArrowInvalid("not this time")


def test_regular_files_are_read_by_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separated, "_by_python", refused)
    content = 'text,label\n"a, ""b""\nc",x\nü,y\n'
    assert read(written(tmp_path / "x.csv", content)) == [["text", "label"], ['a, "b"\nc', "x"], ["ü", "y"]]
    with pytest.raises(UserError, match="not this time"):
        read(written(tmp_path / "x.csv", 'text,label\n5" screen,x\n'))


@pytest.mark.parametrize(("content", "message"), [
    ("text,label\na,b,c\nd,e\n", r"line 2 has 3 fields, the header 2: quote texts that contain ',', or set the separ"),
    ("text,label\na,b\na,b,c,d\n", r"line 3 has 4 fields, the header 2"),
    ("text,label\na,b,\n", r"line 2 has 3 fields, the header 2: its last separator, ',', is one too many"),
    ('text,label\n"a\nb",c\nd\n', r"line 4 has 1 field, the header 2: a field is missing"),
    ("text;label\na, b;c\nd\n", r"line 2 has 2 fields, the header 1: the header looks separated by a semicolon"),
    ('text,label\na,b\n"c,d\ne,f\n', r"line 3: a quote that is opened in the record that begins here is not closed"),
    ('text,label\n"a" b,c\n', r"line 2: text follows a closing quote: .*--quoting none;"),
    ('text,label\n"a \\"b\\", c",d\n', r"line 2: text follows a closing quote: .*--quoting backslash"),
    ("\"text,label\na,b\n", r"line 1: a quote that is opened in the record that begins here is not closed"),
    ('\n\n"text"x,label\na,b\n', r"line 3: text follows a closing quote"),
    ("\n\n", "is empty"),
])
def test_what_is_no_table_is_refused_with_its_line(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read(written(tmp_path / "x.csv", content))


def test_records_that_a_quote_swallows_are_refused_unless_they_are_a_text(tmp_path: Path) -> None:
    lines = "".join(f"word {number}\tx\n" for number in range(20))
    path = written(tmp_path / "x.tsv", f'text\tlabel\ngood\tx\n"{lines}end"\ty\nbad\tx\n')
    with pytest.raises(UserError, match=r"line 3: the record that begins here ends at line 23, and the lines between "
                                        r"look like records of their own: a quote is not closed.*--quoting none;"):
        read(path)
    assert len(read(path, quoting="none")) == 24
    assert read(path, quoting="double")[2] == [f"{lines}end", "y"]
    lines = "".join(f"word {number},x\n" for number in range(9))
    prose = "\n".join(f"line {number}" for number in range(12))
    for other, last in (("y", 12), (prose, 23)):  # the last line has no end; another field may hold prose
        with pytest.raises(UserError, match=f"line 3: the record that begins here ends at line {last}"):
            read(written(tmp_path / "x.csv", f'text,label\na,b\n"{lines}end","{other}"'))
    prose = "First, this.\n\nThen that,\nand, in the end, more\nof it.\n\nThe end.\nReally."
    assert read(written(tmp_path / "x.csv", f'text,label\n"{prose}",x\n'))[1] == [prose, "x"]


def test_a_record_of_very_many_lines_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(f"line {number}" for number in range(150))
    path = written(tmp_path / "x.csv", f'text\na\n"{text}"\n')
    for _ in range(2):
        assert read(path)[2] == [text]
    assert capsys.readouterr().err.count("line 3: the record that begins here ends at line 152") == 1


def test_a_blank_line_is_a_row_where_there_is_one_column(tmp_path: Path) -> None:
    assert read(written(tmp_path / "x.csv", "text\na\n\nb\n\n")) == [["text"], ["a"], [""], ["b"], [""]]
    assert read(written(tmp_path / "y.csv", "\ntext,label\na,b\n\n \nc,d\n\n")) == [
        ["text", "label"], ["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(("form", "content", "rows"), [
    ({"separator": ";"}, "a;b\n1,0;2\n", [["a", "b"], ["1,0", "2"]]),
    ({"separator": "tab"}, "a\tb\n1\t2\n", [["a", "b"], ["1", "2"]]),
    ({}, "sep=;\r\na;b\r\n1;2\r\n", [["a", "b"], ["1", "2"]]),
    ({"separator": "§"}, "a§b\n1§2\n", [["a", "b"], ["1", "2"]]),
    ({"header": False}, "a,b\n1,2\n", [["1", "2"], ["a", "b"], ["1", "2"]]),
    ({"header": False}, "\ufeffa,b\n", [["1", "2"], ["a", "b"]]),
    ({"quoting": "none"}, 'a,b\n"1,2"\n', [["a", "b"], ['"1', '2"']]),
    ({"quoting": "backslash"}, 'a,b\n"C:\\new \\o/ \\"x\\"",\\N\n', [["a", "b"], ['C:\\new \\o/ "x"', "\\N"]]),
    ({}, "a,b\n\ufeffone,1\n\ufefftwo,2\n", [["a", "b"], ["\ufeffone", "1"], ["\ufefftwo", "2"]]),
    ({"quoting": "backslash"}, 'a,b\n"1\\", \\\\",2\n', [["a", "b"], ['1", \\', "2"]]),
    ({}, "a,a,\n1,2,3\n", [["a", "a", ""], ["1", "2", "3"]]),
    ({}, "\ufeff\"a\nb\",c\n1,2\n", [["a\nb", "c"], ["1", "2"]]),
])
def test_formats(form: dict[str, Any], content: str, rows: list[list[str]], tmp_path: Path) -> None:
    assert read(written(tmp_path / "x.csv", content), **form) == rows


@pytest.mark.parametrize(("form", "message"), [
    ({"separator": ";;"}, "--separator must be one character, or 'tab', not ';;'"),
    ({"separator": '"'}, "--separator must be one character"),
    ({"encoding": "latin1x"}, "--encoding: Python has no text encoding 'latin1x'; did you mean 'latin-1'?"),
    ({"encoding": "base64"}, "--encoding: Python has no text encoding 'base64'"),
    ({"quoting": "single"}, "--quoting must be one of double, backslash, none, not 'single'")])
def test_formats_that_there_are_not(form: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        TableFormat(**form)
    assert message in str(error.value)


def test_a_text_larger_than_a_block_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separated, "BLOCK_BYTES", 1000)
    frame = pd.DataFrame({"text": ["a" * 10, "b, " * 5000, "c"], "label": ["x", "y", "z"]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    assert read(tmp_path / "x.csv")[1:] == frame.to_numpy().tolist()


def test_progress_reaches_the_size_of_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separated, "BLOCK_BYTES", 1000)
    for last in ("", '5" screen,x\n'):
        path = written(tmp_path / "x.csv", "text,label\n" + "good,x\n" * 2000 + last)
        seen: list[int] = []
        assert sum(len(frame) for frame in read_chunks(path, 100, seen=seen.append)) == 2000 + bool(last)
        assert sum(seen) == path.stat().st_size
