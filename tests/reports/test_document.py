"""A report in its two forms."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from sentiment.reports.document import (
    Excerpt,
    Paragraph,
    Picture,
    Report,
    Section,
    Table,
    as_html,
    as_markdown,
    write_report,
)

NASTY = "<script>alert(1)</script> | *bold* [link](x) `code` # & \"q\""


def draw(path: Path) -> None:
    path.write_text(f"<svg>{path.suffix}</svg>")


REPORT = Report(f"title {NASTY}", [Section("One", [
    Paragraph(NASTY), Table(["name", "number"], [[NASTY, "1"], ["b\nc", "2"]]),
    Picture("plot", f"a plot {NASTY}", draw),
    Excerpt("heading", "<p class=words>coloured</p>", NASTY)])])


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.values: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.values += attrs


def test_html_shows_what_it_is_given_and_obeys_nothing_of_it() -> None:
    page = as_html(REPORT)
    tags = Tags(page)
    assert "script" not in tags.names
    assert tags.names.count("td") == 4
    assert tags.names.count("img") == tags.names.count("source") == 1
    assert "<p class=words>coloured</p>" in page
    assert page.count("&lt;script&gt;alert(1)") == 5, "title, heading, paragraph, cell, picture"
    addresses = [value for name, value in tags.values if name in ("src", "srcset", "href")]
    assert addresses[0] == "#section-1"
    assert len(addresses) == 3
    assert all(value is not None and value.startswith("data:image/svg+xml;base64,") for value in addresses[1:])


def test_the_contents_list_leads_to_every_section() -> None:
    report = Report("title", [Section(f"<b>{number}</b>", [Paragraph("text")]) for number in range(3)])
    tags = Tags(as_html(report))
    targets = [value for name, value in tags.values if name == "id"]
    assert [f"#{target}" for target in targets] == [value for name, value in tags.values if name == "href"]
    assert len(targets) == 3
    assert "b" not in tags.names


def test_a_table_says_to_screen_readers_what_it_is_and_can_be_scrolled_by_keys() -> None:
    html = Table(["name", "number"], [["x" * 50, "1"]]).html('"By" <class>')
    tags = Tags(html)
    assert ("aria-label", '"By" <class>') in tags.values
    assert "<caption>&quot;By&quot; &lt;class&gt;</caption>" in html
    assert [value for name, value in tags.values if name in ("scope", "tabindex")] == ["0", "col", "col"]
    assert [value for name, value in tags.values if name == "class"] == ["wide", "number", "text", "number"]


def test_control_characters_are_shown() -> None:
    text = "a\x1b[2J\u202efilm"
    report = Report(text, [Section(text, [Paragraph(text), Excerpt(text, f"<p>{text}</p>", text)])])
    assert as_html(report).count(r"a\x1b[2J\u202efilm") == 7
    assert as_markdown(report, "plots").count(r"a\\x1b\[2J\\u202efilm") == 5


def test_markdown_has_its_table_and_picture() -> None:
    lines = as_markdown(REPORT, "plots").splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert table[1] == "| --- | ---: |"
    assert table[3] == "| b c | 2 |"
    assert {line.replace("\\|", "").count("|") for line in table} == {3}
    assert any(line.startswith("![a plot ") and line.endswith("](plots/plot.png)") for line in lines)
    assert "<script" not in "\n".join(lines).replace("\\<script", "")


def test_code_in_a_table() -> None:
    table = Table(["name", "command"], [["a*", "cat a* | less <b"]], words=(0, 1), code=(1,))
    assert table.markdown("").splitlines()[2] == "| a\\* | `cat a* \\| less <b` |"
    assert "<td dir=\"auto\">a*</td><td dir=\"auto\"><code>cat a* | less &lt;b</code></td>" in table.html("")


def test_files(tmp_path: Path) -> None:
    for _ in range(2):  # again over what is there
        write_report(REPORT, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["index.html", "plot.png", "plots",
                                                                         "report.md"]


def test_a_plot_that_fails_costs_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(path: Path) -> None:
        raise MemoryError

    write_report(Report("title", [Section("One", [Picture("bad", "a bad plot", fail), Picture("good", "a plot", draw)])
                                  ]), tmp_path)
    assert "warning: plots/bad.png could not be created (MemoryError); the rest is complete" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["good.png"]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<p>a bad plot: this plot could not be drawn.</p>" in page
    assert page.count("<img") == 1


@pytest.mark.parametrize("part", [Paragraph(""), Table(["a"], []), Excerpt("", "", "")])
def test_empty_parts(part: Paragraph | Table | Excerpt) -> None:
    assert part.html("")
    assert part.markdown("")
