"""Report as a list of sections, with two formats: a self-contained HTML page, and Markdown."""

import base64
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl

from sentiment.console import dispensable
from sentiment.pages import in_markdown, page, table_html

DARK: dict[Any, Any] = {"figure.facecolor": "#16181c", "axes.facecolor": "#16181c", "text.color": "#ececec",
        "axes.labelcolor": "#ececec", "xtick.color": "#ececec", "ytick.color": "#ececec", "axes.edgecolor": "#b0b0b0",
        "legend.facecolor": "#16181c", "legend.edgecolor": "#44474d", "grid.color": "#b0b0b0"}


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str

    def html(self, heading: str) -> str:
        """Return HTML; each part gets the heading of its section."""
        return f"<p>{escape(self.text)}</p>"

    def markdown(self, _: str) -> str:
        """Return Markdown."""
        return f"{in_markdown(self.text)}\n"


@dataclass(frozen=True)
class Table:
    """Table of cells by row.

    Attributes:
        headers: of the columns.
        rows: of cells.
        words: the columns with text; the others have numbers.
        code: the text columns that are shown as code, without line breaks or backticks.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: tuple[int, ...] = (0,)
    code: tuple[int, ...] = ()

    def html(self, heading: str) -> str:
        """Return HTML, with the heading as the caption for screen readers."""
        return table_html(heading, [*map(escape, self.headers)],
                          [self._cells(row, escape, _html_code) for row in self.rows], self.words)

    def markdown(self, _: str) -> str:
        """Return Markdown."""
        rule = ["---" if place in self.words else "---:" for place in range(len(self.headers))]
        body = [self._cells(row, in_markdown, _markdown_code) for row in self.rows]
        lines = [list(map(in_markdown, self.headers)), rule, *body]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

    def _cells(self, row: Sequence[str], plain: Callable[[str], str], code: Callable[[str], str]) -> list[str]:
        """Return a row's cells, formatted by `plain` or `code`."""
        return [(code if place in self.code else plain)(cell) for place, cell in enumerate(row)]


@dataclass(frozen=True)
class Picture:
    """Plot; `draw` writes it to a path in the format of the suffix."""

    name: str
    description: str
    draw: Callable[[Path], None]

    def html(self, heading: str) -> str:
        """Return HTML with the embedded plot, for light and dark mode."""
        with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": self.name}):
            light = self._svg()
            with mpl.rc_context(DARK):
                dark = self._svg()
        return (f'<picture><source media="screen and (prefers-color-scheme: dark)" srcset="{dark}">'
                f'<img src="{light}" alt="{escape(self.description, quote=True)}"></picture>')

    def markdown(self, folder: str) -> str:
        """Return Markdown that shows the image in a folder."""
        return f"![{in_markdown(self.description)}]({folder}/{self.name}.png)\n"

    def _svg(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plot.svg"
            self.draw(path)
            return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"


@dataclass(frozen=True)
class Excerpt:
    """Text excerpt: a heading, HTML with coloured words, and its Markdown."""

    heading: str
    body: str
    plain: str

    def html(self, heading: str) -> str:
        """Return HTML."""
        return f"<h3>{escape(self.heading)}</h3>{self.body}"

    def markdown(self, _: str) -> str:
        """Return Markdown."""
        return f"**{in_markdown(self.heading)}**\n\n{in_markdown(self.plain)}\n"


Part = Paragraph | Table | Picture | Excerpt


@dataclass
class Section:
    """Section: a heading and its content."""

    heading: str
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """Report: a title and sections."""

    title: str
    sections: list[Section]


def as_html(report: Report) -> str:
    """Return the page, with a list of its sections; a plot that cannot be drawn is left out with a warning."""
    links, sections = [], []
    for number, section in enumerate(report.sections, start=1):
        heading = escape(section.heading)
        links.append(f'<li><a href="#section-{number}">{heading}</a></li>')
        parts = "".join(_html(part, section.heading) for part in section.parts)
        sections.append(f'<section id="section-{number}"><h2>{heading}</h2>{parts}</section>')
    contents = f'<nav aria-label="Contents"><ol>{"".join(links)}</ol></nav>'
    return page(report.title, f"<h1>{escape(report.title)}</h1>{contents}<main>{''.join(sections)}</main>")


def as_markdown(report: Report, pictures: str) -> str:
    """Return Markdown whose images are in the folder `pictures`."""
    parts = [f"# {in_markdown(report.title)}\n"]
    for section in report.sections:
        parts += [f"## {in_markdown(section.heading)}\n", *(part.markdown(pictures) for part in section.parts)]
    return "\n".join(parts)


def write_report(report: Report, folder: Path) -> None:
    """Write `index.html`, `report.md` and the plots of the latter to a folder."""
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(as_html(report), encoding="utf-8")
    (folder / "report.md").write_text(as_markdown(report, "plots"), encoding="utf-8")
    for section in report.sections:
        for part in section.parts:
            if isinstance(part, Picture):
                with dispensable(f"plots/{part.name}.png"):
                    part.draw(folder / "plots" / f"{part.name}.png")


def _html(part: Part, heading: str) -> str:
    if not isinstance(part, Picture):
        return part.html(heading)
    shown = Paragraph(f"{part.description}: this plot could not be drawn.").html(heading)
    with dispensable(f"the plot '{part.description}'"):
        shown = part.html(heading)
    return shown  # noqa: RET504 - the block may end in an error


def _html_code(text: str) -> str:
    """Return code in HTML."""
    return f"<code>{escape(text)}</code>"


def _markdown_code(text: str) -> str:
    """Return code for a Markdown table, in which a bar ends a cell even within code."""
    return "`{}`".format(text.replace("|", "\\|"))
