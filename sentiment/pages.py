"""Self-contained HTML pages without scripts, for light and dark mode, phones and paper; escaping of Markdown."""

import re
from html import escape
from pathlib import Path

from sentiment.console import visible

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
