"""Self-contained HTML pages without scripts, for light and dark mode, phones and paper; escaping of Markdown."""

import re
from collections.abc import Collection, Iterable, Sequence
from html import escape
from pathlib import Path

from sentiment.console import visible

LONG_CELL = 40  # characters, from which a cell of a table is wide enough to be read on a phone
STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def page(title: str, body: str) -> str:
    """Return an HTML page; `body` is HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(visible(title))}</title>
<style>
{STYLE}</style>
</head>
<body>
{visible(body.strip())}
</body>
</html>
"""


def table_html(caption: str, headers: Sequence[str], rows: Iterable[Sequence[str]], words: Collection[int] = (0,)
               ) -> str:
    """Return a table that scrolls where it is wider than the screen.

    Args:
        caption: the title for screen readers, plain text; it is not shown.
        headers: of the columns, HTML.
        rows: of cells, HTML.
        words: the columns with text; the others have numbers.
    """
    kinds = ["" if place in words else ' class="number"' for place in range(len(headers))]
    head = "".join(f'<th scope="col"{kind}>{cell}</th>' for kind, cell in zip(kinds, headers, strict=True))
    body = []
    for row in rows:
        long = [' class="text"' if len(cell) > LONG_CELL else kind for kind, cell in zip(kinds, row, strict=True)]
        cells = "".join(f'<td{kind} dir="auto">{cell}</td>' for kind, cell in zip(long, row, strict=True))
        body.append(f"<tr>{cells}</tr>")
    title = escape(caption, quote=True)
    return (f'<div class="wide" role="region" aria-label="{title}" tabindex="0"><table><caption>{title}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>")


def in_markdown(text: str) -> str:
    r"""Return text escaped for Markdown and HTML, on one line.

    Example:
        >>> print(in_markdown("a_b | <i>c</i>"))
        a\_b \| \<i\>c\</i\>
    """
    line = " ".join(visible(text).split())
    for sign in "\\`*_[]<>|#~$":
        line = line.replace(sign, f"\\{sign}")
    return re.sub(r"&(?=\\?#?\w+;)", r"\\&", line)  # if it begins an entity
